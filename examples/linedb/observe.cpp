// The commands that look at a directory, also while a run works on it.
#include "commands.hpp"
#include "directory.hpp"
#include "ingester.hpp"
#include "processes.hpp"
#include "reeve/backends/run_on.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "rows.hpp"
#include "site.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <utility>

namespace linedb {

namespace {

constexpr std::size_t threads = 4;

/// What is recorded.
struct picture {
    reeve::observation cluster;
    std::uint64_t ingested = 0;
    std::map<model::channel_name, object_record> stored;  // sums by channel
};

reeve::awaitable<std::shared_ptr<picture>> look(reeve::core::runtime& strand, stores& data,
                                                input_record input) {
    auto seen = std::make_shared<picture>();
    const auto options = coordinator_options_of(input, earlier_processes::may_run);
    seen->cluster = co_await reeve::observe(strand, *data.metadata, options);
    seen->ingested = co_await ingested(*data.streams);
    const reeve::catalog::key_layout keys(key_root);
    for (std::size_t index = 0; index < input.channels; ++index) {
        object_record& sum = seen->stored[channel_at(index)];
        reeve::storage::key_range range = keys.hosts(record_prefix(channel_at(index)));
        for (bool more = true; more;) {
            const auto page = co_await data.metadata->list(range, 1000);
            for (const auto& record : page.records) {
                const auto what = decode_record(record.value, record.key);
                sum.rows += what.rows;
                sum.bytes += what.row_bytes();
            }
            more = !page.resume_at.empty();
            range = reeve::storage::key_range(page.resume_at, range.last());
        }
    }
    co_return seen;
}

/// Looks at a directory that a run has begun to fill; nothing: it has not come that far.
std::shared_ptr<picture> look_at(const options& what, const data_directory& directory,
                                 const input_record& input) {
    directory.check_store(input, identity_of(what.store, directory));
    machine host(directory, input, threads, what.store);
    if (!host.metadata.exists() || !std::filesystem::exists(directory.streams())) return nullptr;
    reeve::core::runtime strand(host.loop);
    stores data(strand, host);
    auto seen = reeve::backends::run_on(host.loop, strand, look(strand, data, input));
    strand.shutdown();
    return seen;
}

void print_channels(const picture& seen) {
    fmt::print("  {:<10}{:<12}{:<10}{:>8}{:>12}{:>14}\n", "channel", "state", "node", "epoch",
               "rows", "bytes");
    for (const auto& [name, sum] : seen.stored) {
        const reeve::channel::registration* found = nullptr;
        for (const auto& one : seen.cluster.channels) {
            if (one.name == name) found = &one;
        }
        const auto entry = found == nullptr ? model::channel_entry() : found->entry;
        fmt::print("  {:<10}{:<12}{:<10}{:>8}{:>12}{:>14}\n", name,
                   found == nullptr ? "unknown" : reeve::model::name(entry.state), entry.node,
                   entry.epoch, sum.rows, sum.bytes);
    }
}

}  // namespace

int status(const options& what) {
    const data_directory directory(what.data);
    const auto input = directory.require_input();
    const bool finished = directory.finished(input);
    fmt::print("input     {} ({} lines, {} bytes)\n", input.path, input.identity.lines,
               input.identity.bytes);
    fmt::print("state     {}\n", finished ? "finished" : "not finished");
    const auto seen = look_at(what, directory, input);
    if (!seen) return 0;
    std::uint64_t rows = 0;
    for (const auto& [name, sum] : seen->stored) rows += sum.rows;
    fmt::print("ingested  {} of {} bytes\n", seen->ingested, input.identity.bytes);
    fmt::print("stored    {} of {} lines\n", rows, input.identity.lines);
    fmt::print("nodes     {} alive\n", seen->cluster.nodes.size());
    for (const auto& node : seen->cluster.nodes) {
        fmt::print("  {} (process {})\n", node.name, node.process);
    }
    print_channels(*seen);
    return 0;
}

int plan(const options& what) {
    const data_directory directory(what.data);
    const auto seen = look_at(what, directory, directory.require_input());
    if (!seen || seen->cluster.plan.empty()) {
        fmt::print("nothing to do\n");
        return 0;
    }
    for (const auto& one : seen->cluster.plan) {
        fmt::print("{}: {} ({})\n", one.channel, one.action, one.why);
    }
    return 0;
}

}  // namespace linedb
