// Two nodes and a coordinator in one process, nothing on disk. One node dies; the other takes its
// channel over and goes on from the last checkpoint.
#include <reeve/backends/in_memory_cluster.hpp>
#include <reeve/reeve.hpp>

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace reeve;

constexpr std::size_t messages = 20;

/// The engine of a node: it stores each message together with the checkpoint behind it.
class engine final : public channel::consumer {
public:
    engine(backends::in_memory_process& here, std::string name)
        : streams_(here.streams), tasks_(here.strand), name_(std::move(name)) {}

    void commit_through(node& self) { node_ = &self; }

    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override {
        fmt::print("{} consumes {} under epoch {}\n", name_, granted->what().channel,
                   granted->what().epoch);
        tasks_.spawn(consume(std::move(granted)));
        co_return;
    }
    awaitable<void> stop(model::channel_name, model::epoch) override { co_await tasks_.stop(); }

private:
    awaitable<void> consume(std::shared_ptr<const channel::grant> granted) {
        model::position at = granted->what().start;
        const auto stream = co_await streams_.subscribe(granted->what().channel.value, at);
        while (granted->valid()) {
            const auto some = co_await stream->next(1);
            const auto& message = some.front();
            std::vector<model::host_record> row(1);
            row[0].name = fmt::format("rows/{}", message.at);
            row[0].value = message.payload;
            const auto reply = co_await node_->commit(granted, at, message.at, 0, std::move(row));
            if (reply.outcome != model::commit_outcome::committed) co_return;
            at = message.at;
            fmt::print("{} stored {}\n", name_, message.payload);
        }
    }

    backends::memory_message_stream& streams_;
    core::task_scope tasks_;
    std::string name_;
    node* node_ = nullptr;
};

/// Destroying one is a crash.
struct data_process {
    data_process(backends::in_memory_cluster& in, const std::string& name)
        : here(in, name),
          mine(here, name),
          self(here.strand, here.metadata, here.carrier, here.incoming, mine,
               node_options(name, name)) {
        mine.commit_through(self);
        self.start();
    }

    backends::in_memory_process here;
    engine mine;
    node self;
};

struct coordinator_process {
    explicit coordinator_process(backends::in_memory_cluster& in)
        : here(in, "c1"),
          self(here.strand, here.metadata, here.carrier, here.incoming,
               coordinator_options("example", "c1", "c1")) {
        self.start();
    }

    backends::in_memory_process here;
    coordinator self;
};

using nodes = std::map<std::string, std::unique_ptr<data_process>>;

/// Kills the holder of the channel in the middle of its work.
void kill_holder(backends::in_memory_cluster& all, coordinator_process& leading, nodes& running) {
    const auto found = leading.self.find_channel(model::channel_name("orders"));
    const auto holder = found->entry.node;
    fmt::print("{} is killed\n", holder);
    running.erase(holder.value);
    // Its session would end with its lease. We killed it, so we may end it now and vouch for it.
    for (const auto lease : all.database->leases()) {
        const auto records = all.database->dump();
        for (const auto& record : records) {
            if (record.lease == lease && record.key.ends_with("nodes/" + holder.value)) {
                (void)all.database->expire(lease);
            }
        }
    }
    leading.self.confirm_dead(holder, found->entry.process);
}

awaitable<void> play(backends::in_memory_cluster& all, coordinator_process& leading,
                     nodes& running) {
    co_await leading.self.until_leading();
    std::vector<channel::channel_spec> wanted(1);
    wanted[0].name = model::channel_name("orders");
    co_await leading.self.ensure_channels(std::move(wanted), 10s);
    for (std::size_t number = 1; number <= messages; ++number) {
        co_await leading.here.streams.append("orders", fmt::format("order {}", number));
        if (number == messages / 2) kill_holder(all, leading, running);
        co_await leading.here.strand.sleep_for(1ms);
    }
    const auto last = co_await leading.here.streams.end("orders");
    for (;;) {
        const auto found = leading.self.find_channel(model::channel_name("orders"));
        if (found->checkpoint == last) break;
        co_await leading.here.strand.sleep_for(10ms);
    }
}

}  // namespace

int main() {
    backends::in_memory_cluster all;
    coordinator_process leading(all);
    nodes running;
    for (const std::string name : {"n1", "n2"}) {
        running[name] = std::make_unique<data_process>(all, name);
    }
    all.run(leading.here.strand, play(all, leading, running));
    std::multiset<std::string> rows;
    for (const auto& record : all.database->dump()) {
        if (record.key.starts_with("reeve/records/rows/")) rows.insert(record.value);
    }
    std::size_t once = 0;
    for (std::size_t number = 1; number <= messages; ++number) {
        if (rows.count(fmt::format("order {}", number)) == 1) ++once;
    }
    fmt::print("{} of {} messages are stored once; {} node is left\n", once, messages,
               running.size());
    return once == messages && rows.size() == messages && running.size() == 1 ? 0 : 1;
}
