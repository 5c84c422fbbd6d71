#include "reeve/catalog/codec.hpp"

#include "catalog/limits.hpp"
#include "core/hex.hpp"
#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace reeve::catalog {

namespace {

using json = nlohmann::ordered_json;

json head() { return json{{"v", format_version}, {"min_reader", 1}}; }

// Free text reaches the store only as UTF-8: nlohmann refuses anything else.
std::string dump(const json& record, std::string_view what) {
    try {
        return record.dump();
    } catch (const json::type_error&) {
        throw error(errc::invalid_argument, fmt::format("{}: text that is not UTF-8", what));
    }
}

void check_length(std::string_view text, std::size_t least, std::size_t most,
                  std::string_view what) {
    if (text.size() >= least && text.size() <= most) return;
    throw error(errc::invalid_argument, fmt::format("{} of {} bytes: {} to {} are accepted", what,
                                                    text.size(), least, most));
}

void check_name(std::string_view text, std::string_view what) {
    if (model::valid_name(text)) return;
    throw error(errc::invalid_argument,
                fmt::format("{} {}: 1 to {} bytes of printable ASCII without '/' are accepted",
                            what, storage::printable(text), model::name_bytes_max));
}

// The records that are written by the hundred thousand, without a JSON tree in between.
class text_writer {
public:
    explicit text_writer(std::size_t about) {
        text_.reserve(about);
        text_ += R"({"v":1,"min_reader":1)";
        static_assert(format_version == 1);
    }
    text_writer& number(std::string_view field, std::uint64_t value) {
        name(field);
        const fmt::format_int digits(value);
        text_.append(digits.data(), digits.size());
        return *this;
    }
    // Printable ASCII only: nothing but quotes and backslashes needs an escape.
    text_writer& plain(std::string_view field, std::string_view value) {
        name(field);
        text_ += '"';
        for (const char byte : value) {
            if (byte == '"' || byte == '\\') text_ += '\\';
            text_ += byte;
        }
        text_ += '"';
        return *this;
    }
    text_writer& position(std::string_view field, const model::position& value) {
        check_length(value.value, 0, model::position_bytes_max, field);
        name(field);
        text_ += '"';
        core::append_hex(text_, value.value);
        text_ += '"';
        return *this;
    }
    std::string end() {
        text_ += '}';
        return std::move(text_);
    }

private:
    void name(std::string_view field) {
        text_ += ",\"";
        text_ += field;
        text_ += "\":";
    }
    std::string text_;
};

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

std::string encode(const oracle_mark& it) { return text_writer(64).number("high", it.high).end(); }

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
    return text_writer(110 + 2 * it.checkpoint.value.size())
        .position("checkpoint", it.checkpoint)
        .number("epoch", it.epoch.value)
        .number("settled", it.settled)
        .end();
}

}  // namespace reeve::catalog
