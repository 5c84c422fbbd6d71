#include <reeve/backends/etcd.hpp>
#include <reeve/backends/event_loop.hpp>

#include <iostream>
#include <string>
#include <vector>

// Opening needs no server; it is refused for an address that cannot be one.
int main() {
    reeve::backends::event_loop loop;
    reeve::core::runtime strand(loop);
    const std::vector<std::string> good{"127.0.0.1:2379"};
    const auto store =
        reeve::backends::open_etcd_metadata_store(strand, reeve::backends::etcd_options(good));
    std::cout << store->limits().operations_max << '\n';
    try {
        const std::vector<std::string> bad{"127.0.0.1"};
        reeve::backends::open_etcd_metadata_store(strand, reeve::backends::etcd_options(bad));
    } catch (const std::system_error& failure) {
        std::cout << failure.what() << '\n';
        return 0;
    }
    return 1;
}
