#include "reeve/cluster/proven_dead.hpp"

#include "reeve/catalog/codec.hpp"

#include <optional>
#include <utility>

namespace reeve::cluster {

awaitable<model::incarnation> end_session(storage::metadata_store& store,
                                          const catalog::key_layout& keys, model::node_name node) {
    const auto found = co_await store.get(keys.node(node));
    if (!found || !found->lease) co_return model::incarnation();
    co_await store.revoke(found->lease);
    co_return model::incarnation(found->modified.value);
}

awaitable<model::term> end_leadership(storage::metadata_store& store,
                                      const catalog::key_layout& keys, std::string coordinator) {
    const auto found = co_await store.get(keys.leader());
    if (!found || !found->lease) co_return model::term();
    model::leader_info leader;
    catalog::decoder decoder;
    decoder.decode(found->key, found->value, leader);
    if (leader.coordinator != coordinator) co_return model::term();
    co_await store.revoke(found->lease);
    co_return model::term(found->created.value);
}

awaitable<std::size_t> end_all_sessions(storage::metadata_store& store,
                                        const catalog::key_layout& keys) {
    storage::key_range range = keys.membership();
    std::size_t ended = 0;
    for (;;) {
        const auto page = co_await store.list(range, 1000);
        for (const auto& record : page.records) {
            if (!record.lease) continue;
            co_await store.revoke(record.lease);
            ++ended;
        }
        if (page.resume_at.empty()) co_return ended;
        range = storage::key_range(page.resume_at, range.last());
    }
}

}  // namespace reeve::cluster
