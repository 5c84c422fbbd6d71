// How fast does the simulator run real code? 2 coordinators and 5 nodes with 20 channels, whose
// consumers commit a checkpoint every 20 ms of virtual time, without faults. A handler is one event
// of the scheduler: the works of a process that are due, a timer, or a message.
#include "bench.hpp"

#include "reeve/coordinator/coordinator.hpp"
#include "reeve/node/node.hpp"
#include "reeve/testing/memory_world.hpp"
#include "reeve/testing/simulation.hpp"

#include <cstdint>

namespace {

using reeve::awaitable;
namespace channel = reeve::channel;
namespace model = reeve::model;
namespace testing = reeve::testing;

constexpr std::size_t node_count = 5;
constexpr std::size_t coordinator_count = 2;
constexpr std::size_t channel_count = 20;

model::position next_position(const model::position& from) {
    std::uint64_t number = 0;
    for (const char byte : from.value) number = number << 8U | static_cast<unsigned char>(byte);
    ++number;
    std::string bytes(8, '\0');
    for (std::size_t at = 0; at < 8; ++at) bytes[7 - at] = static_cast<char>(number >> (8 * at));
    return model::position(bytes);
}

// A node and its engine: every channel that it is given makes progress.
class node_program final : public channel::consumer {
public:
    explicit node_program(testing::process& self)
        : self_(self),
          store_(self.open_metadata()),
          node_(self.runtime(), *store_, self.carrier(), self.service(), *this, options(self)) {
        node_.start();
    }

    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override {
        self_.spawn(consume(std::move(granted)));
        co_return;
    }
    awaitable<void> stop(model::channel_name, model::epoch) override { co_return; }

private:
    static reeve::node_options options(testing::process& self) {
        reeve::node_options how;
        how.self.name = model::node_name(self.name());
        how.self.address = self.name();
        return how;
    }

    awaitable<void> consume(std::shared_ptr<const channel::grant> granted) {
        auto at = granted->what().start;
        while (granted->valid()) {
            co_await self_.runtime().sleep_for(std::chrono::milliseconds(20));
            auto to = next_position(at);
            const auto reply = co_await node_.commit(granted, at, std::move(to));
            if (reply.outcome == model::commit_outcome::stale) co_return;
            at = reply.recorded;
        }
    }

    testing::process& self_;
    std::unique_ptr<reeve::storage::metadata_store> store_;
    reeve::node node_;
};

class coordinator_program {
public:
    explicit coordinator_program(testing::process& self)
        : store_(self.open_metadata()),
          coordinator_(self.runtime(), *store_, self.carrier(), self.service(), options(self)) {
        coordinator_.start();
        self.spawn(register_channels());
    }

private:
    static reeve::coordinator_options options(testing::process& self) {
        reeve::coordinator_options how;
        how.cluster = "benchmark";
        how.leadership.coordinator = self.name();
        how.leadership.address = self.name();
        return how;
    }

    awaitable<void> register_channels() {
        co_await coordinator_.until_leading();
        std::vector<channel::channel_spec> channels(channel_count);
        for (std::size_t index = 0; index < channel_count; ++index) {
            channels[index].name = model::channel_name(fmt::format("channel-{:02}", index));
        }
        (void)co_await coordinator_.ensure_channels(std::move(channels), std::chrono::minutes(1));
    }

    std::unique_ptr<reeve::storage::metadata_store> store_;
    reeve::coordinator coordinator_;
};

template <class Program>
void add(testing::simulation& world, const char* kind, std::size_t count) {
    for (std::size_t index = 0; index < count; ++index) {
        auto& process = world.add(fmt::format("{}-{}", kind, index), [](testing::process& self) {
            return std::static_pointer_cast<void>(std::make_shared<Program>(self));
        });
        process.start();
    }
}

void measure(bench::size size) {
    const bool quick = size == bench::size::quick;
    std::vector<double> rates;
    for (std::uint64_t seed = 1; seed <= (quick ? 1 : 5); ++seed) {
        testing::simulation world(seed);
        const auto stores = testing::host_memory_stores(world);
        add<coordinator_program>(world, "coordinator", coordinator_count);
        add<node_program>(world, "node", node_count);
        world.run_for(std::chrono::seconds(30));  // until all channels are registered
        const auto commits = world.commits();
        const auto events = world.events().events_run();
        const auto took =
            bench::time_of([&] { world.run_for(std::chrono::minutes(quick ? 1 : 5)); });
        if (world.failed()) throw std::runtime_error(world.failure());
        if (world.commits() - commits < 1000) throw std::runtime_error("the nodes commit nothing");
        rates.push_back(static_cast<double>(world.events().events_run() - events) / took);
    }
    const double rate = bench::median(rates);
    bench::print({"simulator_with_coordinators_and_nodes",
                  rate,
                  "handlers/s",
                  {},
                  {},
                  ">=300000handlers/s",
                  rate >= 300'000});
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
