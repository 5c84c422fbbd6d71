#include "catalog/as_written.hpp"
#include "catalog/limits.hpp"
#include "catalog/record_reader.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace reeve::catalog {

namespace {

namespace ondemand = simdjson::ondemand;
using reading::field_reader;

template <class Record>
void require_readable(std::string_view key, const Record& it) {
    const auto why = why_not(it);
    if (!why.empty()) reading::corrupt(key, why);
}

ondemand::object object_of(const field_reader& field, ondemand::value value) {
    ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
        reading::corrupt_field(field.key, field.field, "an element that is not an object");
    }
    return object;
}

void read_file_name(field_reader& field, model::binlog_file& into) {
    const auto text = field.ascii();
    const auto numbered = model::granted_number_of(text);
    into.id = numbered.value_or(model::file_id());
    into.imported.clear();
    if (numbered) return;
    if (!model::valid_file_name(text)) {
        reading::corrupt_field(field.key, field.field, "not the name of a file");
    }
    into.imported.assign(text);
}

void read_file(const field_reader& array, ondemand::value element, model::binlog_file& into) {
    static constexpr std::array<std::string_view, 3> known{"name", "bytes", "rows"};
    const auto each = [&](std::size_t index, field_reader& field) {
        if (index == 0) {
            read_file_name(field, into);
        } else {
            (index == 1 ? into.bytes : into.rows) = field.number();
        }
    };
    const auto seen = reading::read_fields(array.key, object_of(array, element), known, each);
    reading::require_fields(array.key, known, seen, 0b111);
}

// The element of that number; what it held before is reused.
template <class Element>
Element& element_at(std::vector<Element>& all, std::size_t number, const field_reader& array) {
    if (number >= model::flush_files_max) {
        reading::corrupt_field(array.key, array.field, "too many elements");
    }
    if (number == all.size()) all.emplace_back();
    return all[number];
}

void read_group(const field_reader& array, ondemand::value element, model::binlog_group& into) {
    static constexpr std::array<std::string_view, 3> known{"kind", "field", "files"};
    const auto each = [&](std::size_t index, field_reader& field) {
        if (index == 0) {
            into.kind = field.state<model::binlog_kind>(binlog_kinds);
        } else if (index == 1) {
            into.field.value = field.number();
        } else {
            std::size_t count = 0;
            reading::read_elements(field, [&](std::size_t number, ondemand::value one) {
                read_file(field, one, element_at(into.files, number, field));
                count = number + 1;
            });
            into.files.resize(count);
        }
    };
    const auto seen = reading::read_fields(array.key, object_of(array, element), known, each);
    reading::require_fields(array.key, known, seen, 0b111);
}

void read_segment_field(std::size_t index, field_reader& field, model::segment_record& into) {
    switch (index) {
        case 2:
            into.partition.value = field.number();
            break;
        case 3:
            into.channel.value.assign(field.ascii());
            break;
        case 4:
            into.state = field.state<model::segment_state>(segment_states);
            break;
        case 5:
            into.limits.rows = field.number();
            break;
        case 6:
            into.limits.bytes = field.number();
            break;
        case 7:
            into.rows = field.number();
            break;
        case 8:
            into.bytes = field.number();
            break;
        case 9:
            into.created.value = field.number();
            break;
        case 10:
            into.sealed = field.state<model::seal_reason>(seal_reasons);
            break;
        case 11:
            into.last_expiry.value = field.number();
            break;
        case 12:
            field.position(into.start);
            break;
        case 13:
            field.position(into.end);
            break;
        case 14:
            into.job.value = field.number();
            break;
        default:
            into.dropped_at.value = field.number();
            break;
    }
}

}  // namespace

void decoder::decode(std::string_view key, std::string_view value, model::segment_record& into) {
    if (read_as_written(value, into)) return;
    static constexpr std::array<std::string_view, 16> known{
        "v",         "min_reader", "partition", "channel",   "state",  "rows_max",
        "bytes_max", "rows",       "bytes",     "created",   "sealed", "last_expiry",
        "start",     "end",        "job",       "dropped_at"};
    constexpr std::uint32_t of_all = 0b0100'0000'1001'1111;
    constexpr std::uint32_t of_tombstone = of_all | 1U << 15U;
    constexpr std::uint32_t of_others = 0b0111'1111'1111'1111;
    into.dropped_at = {};
    const auto each = [&](std::size_t index, field_reader& field) {
        read_segment_field(index, field, into);
    };
    const auto seen = implementation_->read(key, value, known, each, of_all);
    const bool tombstone = model::is_dropped(into.state);
    reading::require_fields(key, known, seen, tombstone ? of_tombstone : of_others);
    if (tombstone) into = model::tombstone_of(into, into.state, into.dropped_at);
    require_readable(key, into);
}

void decoder::decode(std::string_view key, std::string_view value, model::binlog_record& into) {
    if (read_as_written(value, into)) return;
    static constexpr std::array<std::string_view, 8> known{
        "v", "min_reader", "from", "to", "checkpoint", "rows", "batch", "groups"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        switch (index) {
            case 2:
                field.position(into.from);
                break;
            case 3:
                field.position(into.to);
                break;
            case 4:
                field.position(into.checkpoint);
                break;
            case 5:
                into.rows = field.number();
                break;
            case 6:
                into.batch = field.number();
                break;
            default: {
                std::size_t count = 0;
                reading::read_elements(field, [&](std::size_t number, ondemand::value one) {
                    read_group(field, one, element_at(into.groups, number, field));
                    count = number + 1;
                });
                into.groups.resize(count);
                break;
            }
        }
    });
    require_readable(key, into);
}

void decoder::decode(std::string_view key, std::string_view value, model::collection_drop& into) {
    static constexpr std::array<std::string_view, 5> known{"v", "min_reader", "state", "at", "why"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        if (index == 2) {
            into.state = field.state<model::drop_state>(drop_states);
        } else if (index == 3) {
            into.at.value = field.number(1);
        } else {
            field.text(into.why, 0, why_bytes_max);
        }
    });
}

void decoder::decode(std::string_view key, std::string_view value, model::channel_drop& into) {
    static constexpr std::array<std::string_view, 4> known{"v", "min_reader", "at", "epoch"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        if (index == 2) {
            into.at.value = field.number(1);
        } else {
            into.epoch.value = field.number();
        }
    });
}

void decoder::decode(std::string_view key, std::string_view value, model::job_record& into) {
    static constexpr std::array<std::string_view, 10> known{
        "v",    "min_reader", "what",       "state",  "epoch",
        "node", "process",    "collection", "inputs", "granted_at"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        switch (index) {
            case 2:
                into.what.assign(field.ascii());
                break;
            case 3:
                into.state = field.state<model::job_state>(job_states);
                break;
            case 4:
                into.epoch.value = field.number();
                break;
            case 5:
                into.node.value.assign(field.ascii());
                break;
            case 6:
                into.process.value = field.number();
                break;
            case 7:
                into.collection.value = field.number();
                break;
            case 8:
                into.inputs.clear();
                reading::read_elements(field, [&](std::size_t number, ondemand::value one) {
                    if (number >= model::job_inputs_max) {
                        reading::corrupt_field(key, known[8], "too many elements");
                    }
                    into.inputs.emplace_back(field_reader(key, known[8], one).number(1));
                });
                break;
            default:
                into.granted_at.value = field.number();
                break;
        }
    });
    require_readable(key, into);
}

}  // namespace reeve::catalog
