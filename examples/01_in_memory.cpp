// Two nodes and a coordinator in one process, nothing on disk. One node dies; the other takes its
// channel over and goes on from the last checkpoint.
#include <reeve/backends/event_loop.hpp>
#include <reeve/backends/in_process_transport.hpp>
#include <reeve/backends/memory_message_stream.hpp>
#include <reeve/backends/memory_metadata_store.hpp>
#include <reeve/reeve.hpp>

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

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

/// What all processes share.
struct world {
    backends::event_loop loop;
    std::shared_ptr<backends::in_process_network> network =
        std::make_shared<backends::in_process_network>();
    std::shared_ptr<backends::memory_database> database =
        std::make_shared<backends::memory_database>();
    std::shared_ptr<backends::memory_log> log = std::make_shared<backends::memory_log>();
};

/// The engine of a node: it stores each message together with the checkpoint behind it.
class engine final : public channel::consumer {
public:
    engine(world& in, core::runtime& strand, std::string name)
        : streams_(strand, in.log), tasks_(strand), name_(std::move(name)) {}

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

    backends::memory_message_stream streams_;
    core::task_scope tasks_;
    std::string name_;
    node* node_ = nullptr;
};

node_options node_named(const std::string& name) {
    node_options options;
    options.self.name = model::node_name(name);
    options.self.address = name;
    return options;
}

/// A process: destroying it is a crash.
struct data_process {
    data_process(world& in, const std::string& name)
        : strand(in.loop),
          store(strand, in.database),
          carrier(strand, in.network),
          listener(in.network->listen(name, strand, incoming)),
          mine(in, strand, name),
          self(strand, store, carrier, incoming, mine, node_named(name)) {
        mine.commit_through(self);
        self.start();
    }
    ~data_process() { strand.shutdown(); }

    core::runtime strand;
    backends::memory_metadata_store store;
    transport::service incoming;
    backends::in_process_transport carrier;
    std::unique_ptr<backends::in_process_listener> listener;
    engine mine;
    node self;
};

coordinator_options coordinator_settings() {
    coordinator_options options;
    options.cluster = "example";
    options.leadership.coordinator = "c1";
    options.leadership.address = "c1";
    return options;
}

struct coordinator_process {
    explicit coordinator_process(world& in)
        : strand(in.loop),
          store(strand, in.database),
          streams(strand, in.log),
          carrier(strand, in.network),
          listener(in.network->listen("c1", strand, incoming)),
          self(strand, store, carrier, incoming, coordinator_settings()) {
        self.start();
    }
    ~coordinator_process() { strand.shutdown(); }

    core::runtime strand;
    backends::memory_metadata_store store;
    backends::memory_message_stream streams;
    transport::service incoming;
    backends::in_process_transport carrier;
    std::unique_ptr<backends::in_process_listener> listener;
    coordinator self;
};

using nodes = std::map<std::string, std::unique_ptr<data_process>>;

/// Kills the holder of the channel in the middle of its work.
void kill_holder(world& all, coordinator_process& leading, nodes& running) {
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

awaitable<void> play(world& all, coordinator_process& leading, nodes& running) {
    co_await leading.self.until_leading();
    std::vector<channel::channel_spec> wanted(1);
    wanted[0].name = model::channel_name("orders");
    co_await leading.self.ensure_channels(std::move(wanted), 10s);
    for (std::size_t number = 1; number <= messages; ++number) {
        co_await leading.streams.append("orders", fmt::format("order {}", number));
        if (number == messages / 2) kill_holder(all, leading, running);
        co_await leading.strand.sleep_for(1ms);
    }
    const auto last = co_await leading.streams.end("orders");
    for (;;) {
        const auto found = leading.self.find_channel(model::channel_name("orders"));
        if (found->checkpoint == last) break;
        co_await leading.strand.sleep_for(10ms);
    }
    all.loop.stop();
}

}  // namespace

int main() {
    world all;
    coordinator_process leading(all);
    nodes running;
    for (const std::string name : {"n1", "n2"}) {
        running[name] = std::make_unique<data_process>(all, name);
    }
    boost::asio::co_spawn(leading.strand.executor(), play(all, leading, running),
                          boost::asio::detached);
    all.loop.run();
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
