#include <reeve/backends/in_memory_cluster.hpp>
#include <reeve/reeve.hpp>

using namespace reeve;

struct engine final : channel::consumer {  // yours: begins and stops to consume channels
    awaitable<void> start(std::shared_ptr<const channel::grant> it) override {
        co_return fmt::print("consume {} under epoch {}\n", it->what().channel, it->what().epoch);
    }
    awaitable<void> stop(model::channel_name, model::epoch) override { co_return; }
};

awaitable<void> add_channel(coordinator& leader) {
    co_await leader.until_leading();
    std::vector<channel::channel_spec> wanted(1);
    wanted[0].name = model::channel_name("orders");
    co_await leader.ensure_channels(std::move(wanted), std::chrono::seconds(10));
}

int main() {
    backends::in_memory_cluster all;  // yours: a loop, stores, a transport
    backends::in_memory_process here(all, "address");
    coordinator leader(here.strand, here.metadata, here.carrier, here.incoming,
                       coordinator_options("my-cluster", "c1", "address"));
    engine mine;
    node data(here.strand, here.metadata, here.carrier, here.incoming, mine,
              node_options("n1", "address"));
    leader.start();
    data.start();
    all.run(here.strand, add_channel(leader));
}
