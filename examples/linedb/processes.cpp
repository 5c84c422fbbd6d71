#include "processes.hpp"

#include "reeve/core/error.hpp"

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <exception>
#include <utility>
#include <vector>

namespace linedb {

namespace {

using namespace std::chrono_literals;

/// Short enough to see others take over, long enough for a machine whose disk is busy.
reeve::cluster::lease_options lease() {
    reeve::cluster::lease_options options;
    options.ttl = 3s;
    options.margin = 1s;
    options.request = 1s;
    return options;
}

reeve::core::backoff_options quick() {
    reeve::core::backoff_options options;
    options.delay_min = 20ms;
    options.delay_max = 500ms;
    return options;
}

reeve::node_options node_options_of(const std::string& name) {
    reeve::node_options options;
    options.root = key_root;
    options.self.name = model::node_name(name);
    options.self.address = name;
    options.lease = lease();
    options.retry = quick();
    return options;
}

reeve::coordinator_options named(reeve::coordinator_options options, const std::string& name) {
    options.leadership.coordinator = name;
    options.leadership.address = name;
    return options;
}

/// Starts `work` on a strand; a crash drops both.
void spawn(reeve::core::runtime& strand, reeve::awaitable<void> work, std::function<void()> ended) {
    boost::asio::co_spawn(strand.executor(), std::move(work),
                          [ended = std::move(ended)](const std::exception_ptr&) { ended(); });
}

}  // namespace

reeve::coordinator_options coordinator_options_of(const input_record& input,
                                                  earlier_processes earlier) {
    reeve::coordinator_options options;
    options.root = key_root;
    options.cluster = cluster_id(input);
    options.leadership.lease = lease();
    options.members.ttl_unknown = lease().ttl;
    options.members.earlier_processes_dead = earlier == earlier_processes::proven_dead;
    options.channels.retry = quick();
    options.channels.balance.interval = 1s;
    options.channels.balance.quiet = 500ms;
    return options;
}

node_process::node_process(machine& host, const std::string& name, std::uint64_t seed)
    : home_(host, name, seed),
      engine_(home_, model::node_name(name)),
      node_(home_.strand, *home_.data.metadata, home_.carrier, home_.incoming, engine_,
            node_options_of(name)) {
    engine_.commit_through(node_);
    node_.start();
}

node_process::~node_process() { home_.crash(); }

void node_process::stop(std::function<void()> stopped) {
    spawn(home_.strand, node_.stop(), std::move(stopped));
}

coordinator_process::coordinator_process(machine& host, const std::string& name, std::uint64_t seed,
                                         earlier_processes earlier)
    : home_(host, name, seed),
      coordinator_(home_.strand, *home_.data.metadata, home_.carrier, home_.incoming,
                   named(coordinator_options_of(host.input, earlier), name)),
      tasks_(home_.strand) {
    coordinator_.start();
    tasks_.spawn(ensure_channels(), host.failed);
}

coordinator_process::~coordinator_process() { home_.crash(); }

void coordinator_process::stop(std::function<void()> stopped) {
    tasks_.cancel();
    spawn(home_.strand, coordinator_.stop(), std::move(stopped));
}

reeve::awaitable<void> coordinator_process::ensure_channels() {
    for (;;) {
        co_await coordinator_.until_leading();
        std::vector<reeve::channel::channel_spec> wanted;
        for (std::size_t index = 0; index < home_.host.input.channels; ++index) {
            reeve::channel::channel_spec one;
            one.name = channel_at(index);
            one.collection = model::collection_id(1);
            wanted.push_back(std::move(one));
        }
        try {
            co_await coordinator_.ensure_channels(std::move(wanted), 1s);
            co_return;
        } catch (const reeve::error& failure) {
            if (!is_away(failure) && failure.code_value() != reeve::errc::fenced) throw;
        }
        co_await home_.strand.sleep_for(100ms);
    }
}

}  // namespace linedb
