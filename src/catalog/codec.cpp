#include "reeve/catalog/codec.hpp"

#include "catalog/limits.hpp"
#include "catalog/text_writer.hpp"
#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace reeve::catalog {

namespace {

using json = nlohmann::ordered_json;
using writing::check_length;
using writing::check_name;
using writing::text_writer;

json head() { return json{{"v", format_version}, {"min_reader", 1}}; }

// Free text reaches the store only as UTF-8: nlohmann refuses anything else.
std::string dump(const json& record, std::string_view what) {
    try {
        return record.dump();
    } catch (const json::type_error&) {
        throw error(errc::invalid_argument, fmt::format("{}: text that is not UTF-8", what));
    }
}

}  // namespace

std::string_view name(batch_state state) noexcept {
    switch (state) {
        case batch_state::idle:
            return "idle";
        case batch_state::open:
            return "open";
        case batch_state::committed:
            return "committed";
        case batch_state::aborted:
            return "aborted";
    }
    return "?";
}

std::string encode(const root_info& it) {
    check_name(it.cluster, "cluster id");
    auto record = head();
    record["cluster"] = it.cluster;
    record["lineage"] = it.lineage.value;
    return dump(record, "root record");
}

std::string encode(const id_counter& it) {
    if (it.next == 0) throw error(errc::invalid_argument, "id counter: 0 means none");
    return text_writer(64).number("next", it.next).end();
}

std::string encode(const oracle_mark& it) {
    if (it.lifetime_ms > lifetime_ms_max) {
        throw error(errc::invalid_argument, fmt::format("oracle: a lifetime of {} ms: 0 to {} ms "
                                                        "are accepted",
                                                        it.lifetime_ms, lifetime_ms_max));
    }
    return text_writer(96).number("high", it.high).number("lifetime_ms", it.lifetime_ms).end();
}

std::string encode(const batch_slot& it) {
    const bool idle = it.state == batch_state::idle;
    if ((it.id == 0) != idle || it.first.empty() != idle || it.last < it.first) {
        throw error(errc::invalid_argument,
                    fmt::format("batch slot {} with id {} for keys from {} to {}", name(it.state),
                                it.id, storage::printable(it.first), storage::printable(it.last)));
    }
    auto record = head();
    record["id"] = it.id;
    record["state"] = name(it.state);
    record["first"] = it.first;
    record["last"] = it.last;
    return dump(record, "batch slot");
}

std::string encode(const model::node_info& it) {
    check_length(it.address, 1, address_bytes_max, "address of a node");
    const auto ttl_ms = it.ttl.count();
    if (ttl_ms < 0 || ttl_ms > ttl_ms_max) {
        throw error(errc::invalid_argument,
                    fmt::format("ttl of {} ms: 0 to {} ms are accepted", ttl_ms, ttl_ms_max));
    }
    auto record = head();
    record["address"] = it.address;
    record["capacity"] = it.capacity;
    record["zone"] = it.zone;
    auto labels = json::object();
    for (const auto& [label, value] : it.labels) labels[label] = value;
    record["labels"] = std::move(labels);
    record["ttl_ms"] = ttl_ms;
    return dump(record, "node record");
}

std::string encode(const model::drain_info& it) {
    auto record = head();
    record["since_ms"] = it.since_ms;
    record["reason"] = it.reason;
    record["state"] = name(it.state);
    return dump(record, "drain record");
}

std::string encode(const model::leader_info& it) {
    check_length(it.coordinator, 1, coordinator_bytes_max, "coordinator id");
    auto record = head();
    record["coordinator"] = it.coordinator;
    record["address"] = it.address;
    record["nonce"] = it.nonce;
    return dump(record, "leader record");
}

std::string encode(const model::channel_entry& it) {
    if (!it.node.value.empty()) check_name(it.node.value, "node of a channel entry");
    return text_writer(160 + it.node.value.size() + 2 * it.start.value.size())
        .number("collection", it.collection.value)
        .plain("state", name(it.state))
        .plain("node", it.node.value)
        .number("process", it.process.value)
        .number("epoch", it.epoch.value)
        .position("start", it.start)
        .end();
}

std::string encode(const model::channel_progress& it) {
    text_writer record(130 + 2 * it.checkpoint.value.size());
    record.position("checkpoint", it.checkpoint)
        .number("epoch", it.epoch.value)
        .number("settled", it.settled);
    if (it.flush != 0) record.number("flush", it.flush);  // none: as releases before flushes wrote
    return record.end();
}

}  // namespace reeve::catalog
