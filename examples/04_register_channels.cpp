// What an operator sees: 12 channels on three nodes in two zones, by a policy and a constraint;
// what is planned while a node is drained; one channel moved by hand; the status at the end.
#include <reeve/backends/in_memory_cluster.hpp>
#include <reeve/reeve.hpp>

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace reeve;

constexpr std::size_t channels = 12;
const model::collection_id anywhere(1);
const model::collection_id only_in_east(2);

/// An engine that only says what it is told.
class engine final : public channel::consumer {
public:
    explicit engine(std::string name) : name_(std::move(name)) {}
    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override {
        fmt::print("  {} begins {}\n", name_, granted->what().channel);
        co_return;
    }
    awaitable<void> stop(model::channel_name channel, model::epoch) override {
        fmt::print("  {} stops {}\n", name_, channel);
        co_return;
    }

private:
    std::string name_;
};

/// The host's schema service: asked once for each collection, when it is first needed.
class schemas final : public channel::schema_source {
public:
    awaitable<channel::placement_constraint> constraint_of(
        model::collection_id collection) override {
        channel::placement_constraint wanted;
        if (collection == only_in_east) wanted.zones.push_back("east");
        co_return wanted;
    }
};

node_options node_in(const std::string& name, const std::string& zone) {
    node_options options(name, name);
    options.self.zone = zone;
    return options;
}

struct data_process {
    data_process(backends::in_memory_cluster& in, const std::string& name, const std::string& zone)
        : here(in, name),
          mine(name),
          self(here.strand, here.metadata, here.carrier, here.incoming, mine, node_in(name, zone)) {
        self.start();
    }

    backends::in_memory_process here;
    engine mine;
    node self;
};

coordinator_options coordinator_settings() {
    coordinator_options options("example", "c1", "c1");
    options.channels.assignment = channel::spread_by_collection_assignment();
    return options;
}

struct coordinator_process {
    explicit coordinator_process(backends::in_memory_cluster& in)
        : here(in, "c1"),
          self(here.strand, here.metadata, here.carrier, here.incoming, coordinator_settings(),
               &rules) {
        self.start();
    }

    backends::in_memory_process here;
    schemas rules;
    coordinator self;
};

std::vector<channel::channel_spec> wanted_channels() {
    std::vector<channel::channel_spec> wanted(channels);
    for (std::size_t index = 0; index < channels; ++index) {
        wanted[index].name = model::channel_name(fmt::format("shard-{:02}", index));
        wanted[index].collection = index < channels / 2 ? anywhere : only_in_east;
    }
    return wanted;
}

std::map<std::string, std::size_t> count_by_node(const coordinator& leader) {
    std::map<std::string, std::size_t> count;
    leader.each_channel([&count](const channel::registration& one) {
        if (one.waiting_for.empty()) ++count[one.entry.node.value];
    });
    for (const auto& [name, held] : count) fmt::print("  {} holds {}\n", name, held);
    return count;
}

/// Whether every promise was kept.
struct promises {
    bool kept = true;
    void expect(bool now, std::string_view what) {
        fmt::print("  {}: {}\n", what, now ? "yes" : "NO");
        kept = kept && now;
    }
};

bool settled(const coordinator& leader) { return leader.plan().empty(); }

awaitable<void> until_settled(coordinator_process& leading) {
    while (!settled(leading.self)) co_await leading.here.strand.sleep_for(10ms);
}

awaitable<void> play(coordinator_process& leading, promises& seen) {
    co_await leading.self.until_leading();
    while (leading.self.status().nodes < 3) co_await leading.here.strand.sleep_for(10ms);

    fmt::print("register {} channels\n", channels);
    auto wanted = wanted_channels();
    const auto answers = co_await leading.self.ensure_channels(std::move(wanted), 10s);
    bool in_east = true;
    for (const auto& one : answers) {
        if (one.entry.collection == only_in_east && one.entry.node.value == "w1") in_east = false;
    }
    seen.expect(answers.size() == channels, "every channel got an answer");
    seen.expect(in_east, "the second collection is in zone east");
    auto count = count_by_node(leading.self);
    seen.expect(count["w1"] == 2 && count["e1"] + count["e2"] == 10, "each collection is spread");

    fmt::print("drain e1\n");
    co_await leading.self.drain(model::node_name("e1"), "new disks");
    while (leading.self.status().drains == 0) co_await leading.here.strand.sleep_for(1ms);
    const auto plan = leading.self.plan();
    for (const auto& one : plan) {
        fmt::print("  plan: {}: {} ({})\n", one.channel, one.action, one.why);
    }
    co_await until_settled(leading);
    count = count_by_node(leading.self);
    seen.expect(count["e1"] == 0, "e1 is empty");
    seen.expect(count["w1"] + count["e2"] == channels, "nothing is lost");

    fmt::print("take e1 back, move one channel to it\n");
    co_await leading.self.undrain(model::node_name("e1"));
    const model::channel_name moved("shard-00");
    while (leading.self.status().drains > 0) co_await leading.here.strand.sleep_for(10ms);
    leading.self.move(moved, model::node_name("e1"));
    for (;;) {
        const auto now = leading.self.find_channel(moved);
        if (now->entry.node.value == "e1" && now->waiting_for.empty()) break;
        co_await leading.here.strand.sleep_for(10ms);
    }
    (void)count_by_node(leading.self);
    fmt::print("{}", to_string(leading.self.status()));
}

}  // namespace

int main() {
    backends::in_memory_cluster all;
    coordinator_process leading(all);
    data_process west(all, "w1", "west");
    data_process east_one(all, "e1", "east");
    data_process east_two(all, "e2", "east");
    promises seen;
    all.run(leading.here.strand, play(leading, seen));
    return seen.kept ? 0 : 1;
}
