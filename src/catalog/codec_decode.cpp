#include "catalog/as_written.hpp"
#include "catalog/limits.hpp"
#include "catalog/record_reader.hpp"

#include <array>
#include <limits>

namespace reeve::catalog {

using reading::corrupt_field;
using reading::field_reader;

decoder::decoder() : implementation_(std::make_unique<implementation>()) {}
decoder::~decoder() = default;

void decoder::decode(std::string_view key, std::string_view value, root_info& into) {
    static constexpr std::array<std::string_view, 4> known{"v", "min_reader", "cluster", "lineage"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        if (index == 2) {
            const auto read = field.ascii();
            if (!model::valid_name(read)) corrupt_field(key, known[2], "not a cluster id");
            into.cluster.assign(read);
        } else {
            into.lineage.value = field.number();
        }
    });
}

void decoder::decode(std::string_view key, std::string_view value, id_counter& into) {
    static constexpr std::array<std::string_view, 3> known{"v", "min_reader", "next"};
    implementation_->read(key, value, known,
                          [&](std::size_t, field_reader& field) { into.next = field.number(1); });
}

void decoder::decode(std::string_view key, std::string_view value, oracle_mark& into) {
    static constexpr std::array<std::string_view, 4> known{"v", "min_reader", "high",
                                                           "lifetime_ms"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        if (index == 2) into.high = field.number();
        if (index == 3) into.lifetime_ms = field.number(0, lifetime_ms_max);
    });
}

void decoder::decode(std::string_view key, std::string_view value, batch_slot& into) {
    static constexpr std::array<std::string_view, 6> known{"v",     "min_reader", "id",
                                                           "state", "first",      "last"};
    static constexpr std::array states{batch_state::idle, batch_state::open, batch_state::committed,
                                       batch_state::aborted};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        switch (index) {
            case 2:
                into.id = field.number();
                break;
            case 3:
                into.state = field.state<batch_state>(states);
                break;
            default:
                field.text(index == 4 ? into.first : into.last);
                break;
        }
    });
    const bool idle = into.state == batch_state::idle;
    if ((into.id == 0) != idle) corrupt_field(key, "id", "0 for idle and only for idle");
    if (into.first.empty() != idle || into.last.empty() != idle || into.last < into.first) {
        corrupt_field(key, "first", "not the keys of a batch");
    }
}

void decoder::decode(std::string_view key, std::string_view value, model::node_info& into) {
    static constexpr std::array<std::string_view, 7> known{
        "v", "min_reader", "address", "capacity", "zone", "labels", "ttl_ms"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        switch (index) {
            case 2:
                field.text(into.address, 1, address_bytes_max);
                break;
            case 3:
                into.capacity = static_cast<std::uint32_t>(
                    field.number(0, std::numeric_limits<std::uint32_t>::max()));
                break;
            case 4:
                field.text(into.zone);
                break;
            case 5:
                field.labels(into.labels);
                break;
            default:
                into.ttl = std::chrono::milliseconds(static_cast<std::int64_t>(
                    field.number(0, static_cast<std::uint64_t>(ttl_ms_max))));
                break;
        }
    });
}

void decoder::decode(std::string_view key, std::string_view value, model::drain_info& into) {
    static constexpr std::array<std::string_view, 5> known{"v", "min_reader", "since_ms", "reason",
                                                           "state"};
    static constexpr std::array states{model::drain_state::draining, model::drain_state::ended};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        if (index == 2) {
            into.since_ms = field.signed_number();
        } else if (index == 3) {
            field.text(into.reason);
        } else {
            into.state = field.state<model::drain_state>(states);
        }
    });
}

void decoder::decode(std::string_view key, std::string_view value, model::leader_info& into) {
    static constexpr std::array<std::string_view, 5> known{"v", "min_reader", "coordinator",
                                                           "address", "nonce"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        if (index == 2) {
            field.text(into.coordinator, 1, coordinator_bytes_max);
        } else {
            field.text(index == 3 ? into.address : into.nonce);
        }
    });
}

void decoder::decode(std::string_view key, std::string_view value, model::channel_entry& into) {
    if (read_as_written(value, into)) return;
    static constexpr std::array<std::string_view, 8> known{
        "v", "min_reader", "collection", "state", "node", "process", "epoch", "start"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        switch (index) {
            case 2:
                into.collection.value = field.number();
                break;
            case 3:
                into.state = field.state<model::channel_state>(channel_states);
                break;
            case 4: {
                const auto read = field.ascii();
                if (!read.empty() && !model::valid_name(read)) {
                    corrupt_field(key, known[4], "not a node's name");
                }
                into.node.value.assign(read);
                break;
            }
            case 5:
                into.process.value = field.number();
                break;
            case 6:
                into.epoch.value = field.number();
                break;
            default:
                field.position(into.start);
                break;
        }
    });
}

void decoder::decode(std::string_view key, std::string_view value, model::channel_progress& into) {
    if (read_as_written(value, into)) return;
    static constexpr std::array<std::string_view, 6> known{"v",     "min_reader", "checkpoint",
                                                           "epoch", "settled",    "flush"};
    constexpr std::uint32_t needed = 0b011111;  // no flush: none yet
    into.flush = 0;
    const auto each = [&](std::size_t index, field_reader& field) {
        switch (index) {
            case 2:
                field.position(into.checkpoint);
                break;
            case 3:
                into.epoch.value = field.number();
                break;
            case 4:
                into.settled = field.number();
                break;
            default:
                into.flush = field.number();
                break;
        }
    };
    implementation_->read(key, value, known, each, needed);
}

}  // namespace reeve::catalog
