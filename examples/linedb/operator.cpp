#include "operator.hpp"

#include "reeve/backends/run_on.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/cluster/proven_dead.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/task.hpp"
#include "rows.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace linedb {

namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 100ms;
// Longer than any lease: whatever stands still for so long needs a person.
constexpr auto standstill_max = 60s;

}  // namespace

run_operator::run_operator(machine& host, const options& what)
    : host_(host),
      options_(what),
      strand_(host.loop),
      data_(strand_, host),
      changed_(strand_),
      progress_(!what.quiet, host),
      cluster_(host, strand_, *data_.metadata, what.nodes, what.seed),
      tasks_(strand_) {
    const auto notify = [this] {
        strand_.post(reeve::core::task([this] { changed_.notify_all(); }));
    };
    host.changed = notify;
    host.failed = [this, notify](std::exception_ptr failure) {
        if (!failure_) failure_ = std::move(failure);
        notify();
    };
}

run_operator::~run_operator() { strand_.shutdown(); }

void run_operator::run() { reeve::backends::run_on(host_.loop, strand_, work()); }

reeve::awaitable<void> run_operator::work() {
    co_await patiently(&run_operator::take_over);
    co_await count_stored();
    moved_at_ = strand_.now();
    cluster_.start();
    tasks_.spawn(cause_faults(), host_.failed);
    co_await until_done();
    co_await tasks_.stop();
    co_await cluster_.stop();
    co_await patiently(&run_operator::end_sessions);
}

/// A step that may be repeated: again while the store is away, up to the patience of a person.
reeve::awaitable<void> run_operator::patiently(reeve::awaitable<void> (run_operator::*step)()) {
    const auto deadline = strand_.now() + standstill_max;
    for (;;) {
        try {
            co_await (this->*step)();
            co_return;
        } catch (const reeve::error& failure) {
            if (!is_away(failure) || strand_.now() > deadline) throw;
        }
        co_await strand_.sleep_for(look_interval);
    }
}

/// Nobody else runs on the directory: its sessions are those of dead processes. Reading everything
/// as a new leader would also finds records that are damaged or not ours, before anything starts.
reeve::awaitable<void> run_operator::take_over() {
    const auto options = coordinator_options_of(host_.input, earlier_processes::proven_dead);
    const auto found = co_await reeve::observe(strand_, *data_.metadata, options);
    if (found.root && found.root->cluster != options.cluster) {
        throw reeve::error(reeve::errc::foreign,
                           fmt::format("{} belongs to {}, this directory to {}",
                                       example::to_string(host_.metadata.address),
                                       found.root->cluster, options.cluster));
    }
    co_await end_sessions();
}

/// Of processes that are certainly dead.
reeve::awaitable<void> run_operator::end_sessions() {
    const reeve::catalog::key_layout keys(key_root);
    co_await reeve::cluster::end_all_sessions(*data_.metadata, keys);
}

/// What earlier runs have stored.
reeve::awaitable<void> run_operator::count_stored() {
    const reeve::catalog::key_layout keys(key_root);
    reeve::storage::key_range range = keys.hosts("objects/");
    for (bool more = true; more;) {
        const auto page = co_await list_patiently(strand_, *data_.metadata, range, 1000);
        for (const auto& record : page.records) {
            const auto what = decode_record(record.value, record.key);
            host_.counts.rows_stored += what.rows;
            host_.counts.bytes_stored += what.row_bytes();
        }
        more = !page.resume_at.empty();
        range = reeve::storage::key_range(page.resume_at, range.last());
    }
}

reeve::awaitable<void> run_operator::until_done() {
    for (;;) {
        if (failure_) std::rethrow_exception(failure_);
        const bool done = co_await all_consumed();
        if (done) co_return;
        check_alive();
        progress_.show(strand_.now(), cluster_.nodes_alive(), options_.nodes);
        co_await strand_.sleep_for(look_interval);
    }
}

reeve::awaitable<bool> run_operator::all_consumed() {
    if (!cluster_.ingested()) co_return false;
    while (ends_.size() < host_.input.channels) {
        auto end = co_await data_.streams->end(channel_at(ends_.size()).value);
        ends_.push_back(std::move(end));
    }
    const reeve::coordinator* leader = cluster_.leader();
    if (leader == nullptr) co_return false;
    for (std::size_t index = 0; index < ends_.size(); ++index) {
        if (!ends_[index]) continue;
        const auto channel = leader->find_channel(channel_at(index));
        if (!channel || channel->checkpoint < ends_[index]) co_return false;
    }
    co_return true;
}

/// Kills and restarts as planned, as rows are stored.
reeve::awaitable<void> run_operator::cause_faults() {
    const statistics& counts = host_.counts;
    const auto plan =
        plan_faults(options_.seed, options_.nodes, counts.bytes_stored, host_.input.identity.bytes);
    for (const auto& next : plan) {
        while (counts.bytes_stored < next.at_bytes) co_await changed_.wait();
        co_await cluster_.apply(next);
    }
}

void run_operator::check_alive() {
    const statistics& counts = host_.counts;
    const std::uint64_t moving =
        counts.bytes_ingested + counts.rows_stored + counts.rows_repeated + counts.objects;
    if (moving != seen_moving_) moved_at_ = strand_.now();
    seen_moving_ = moving;
    if (strand_.now() < moved_at_ + standstill_max) return;
    throw reeve::error(reeve::errc::unavailable,
                       fmt::format("nothing has moved for {} s; run again to continue\n{}",
                                   standstill_max.count(), cluster_.status()));
}

}  // namespace linedb
