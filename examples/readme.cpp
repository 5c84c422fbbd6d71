#include <reeve/backends/event_loop.hpp>
#include <reeve/backends/in_process_transport.hpp>
#include <reeve/backends/memory_metadata_store.hpp>
#include <reeve/reeve.hpp>

using namespace reeve;

struct engine final : channel::consumer {  // yours: begins and stops to consume channels
    awaitable<void> start(std::shared_ptr<const channel::grant> it) override {
        co_return fmt::print("consume {} under epoch {}\n", it->what().channel, it->what().epoch);
    }
    awaitable<void> stop(model::channel_name, model::epoch) override { co_return; }
};

awaitable<void> add_channel(coordinator& leader, backends::event_loop& loop) {
    co_await leader.until_leading();
    std::vector<channel::channel_spec> wanted(1);
    wanted[0].name = model::channel_name("orders");
    co_await leader.ensure_channels(std::move(wanted), std::chrono::seconds(10));
    loop.stop();
}

int main() {
    backends::event_loop loop;  // or your own: see core::host_loop
    core::runtime strand(loop);
    backends::memory_metadata_store store(strand, std::make_shared<backends::memory_database>());
    const auto network = std::make_shared<backends::in_process_network>();
    backends::in_process_transport carrier(strand, network);
    transport::service incoming;
    const auto listener = network->listen("here", strand, incoming);
    coordinator_options leading;
    leading.cluster = "readme";
    leading.leadership.coordinator = leading.leadership.address = "here";
    coordinator leader(strand, store, carrier, incoming, leading);
    node_options storing;
    storing.self.name = model::node_name("n1");
    storing.self.address = "here";
    engine mine;
    node data(strand, store, carrier, incoming, mine, storing);
    leader.start();
    data.start();
    core::task_scope tasks(strand);
    tasks.spawn(add_channel(leader, loop));
    loop.run();
    strand.shutdown();  // as a crash; stop() of node and coordinator is the graceful way
}
