#include "catalog/limits.hpp"
#include "catalog/record_reader.hpp"
#include "core/hex.hpp"

#include <array>
#include <cstddef>

namespace reeve::catalog {

namespace {

using reading::field_reader;

template <class Record>
void require_sound(std::string_view key, const Record& it) {
    const auto why = why_not(it);
    if (!why.empty()) reading::corrupt(key, why);
}

// What `escaped` wrote, and nothing else.
void read_escaped(field_reader& field, std::string& into) {
    const auto text = field.ascii();
    if (text.size() > 4 * model::object_name_bytes_max) {
        reading::corrupt_field(field.key, field.field, "a name of more than 4096 bytes");
    }
    into.clear();
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] < ' ' || text[at] > '~') {
            reading::corrupt_field(field.key, field.field, "bytes that are not escaped");
        }
        if (text[at] != '\\') {
            into += text[at];
            continue;
        }
        const auto digit = [&](std::size_t ahead) {
            return at + ahead < text.size() ? core::hex_digit(text[at + ahead]) : -1;
        };
        if (at + 3 >= text.size() || text[at + 1] != 'x' || digit(2) < 0 || digit(3) < 0) {
            reading::corrupt_field(field.key, field.field, "an escape other than \\xNN");
        }
        const auto byte = static_cast<char>(digit(2) * 16 + digit(3));
        if (byte >= ' ' && byte <= '~' && byte != '\\') {
            reading::corrupt_field(field.key, field.field, "an escape that is not needed");
        }
        into += byte;
        at += 3;
    }
}

simdjson::ondemand::object element_of(const field_reader& field, simdjson::ondemand::value value) {
    simdjson::ondemand::object object;
    if (value.get_object().get(object) != simdjson::SUCCESS) {
        reading::corrupt_field(field.key, field.field, "an element that is not an object");
    }
    return object;
}

void read_pinned(field_reader& array, std::vector<model::pinned_segment>& into) {
    static constexpr std::array<std::string_view, 2> known{"collection", "segment"};
    into.clear();
    reading::read_elements(array, [&](std::size_t number, simdjson::ondemand::value one) {
        if (number >= model::pin_segments_max) {
            reading::corrupt_field(array.key, array.field, "more than 100 segments");
        }
        auto& pinned = into.emplace_back();
        const auto each = [&](std::size_t index, field_reader& field) {
            if (index == 0) {
                pinned.collection.value = field.number();
            } else {
                pinned.segment.value = field.number(1);
            }
        };
        const auto seen = reading::read_fields(array.key, element_of(array, one), known, each);
        reading::require_fields(array.key, known, seen, 0b11);
    });
}

void read_objects(field_reader& array, std::vector<model::journal_object>& into) {
    static constexpr std::array<std::string_view, 3> known{"name", "bytes", "why"};
    into.clear();
    reading::read_elements(array, [&](std::size_t number, simdjson::ondemand::value one) {
        if (number >= model::journal_objects_max) {
            reading::corrupt_field(array.key, array.field, "more than 100 objects");
        }
        auto& object = into.emplace_back();
        const auto each = [&](std::size_t index, field_reader& field) {
            if (index == 0) {
                read_escaped(field, object.name);
            } else if (index == 1) {
                object.bytes = field.number();
            } else {
                field.text(object.why, 1, 200);
            }
        };
        const auto seen = reading::read_fields(array.key, element_of(array, one), known, each);
        reading::require_fields(array.key, known, seen, 0b111);
    });
}

}  // namespace

void decoder::decode(std::string_view key, std::string_view value, model::pin_record& into) {
    static constexpr std::array<std::string_view, 7> known{
        "v", "min_reader", "owner", "token", "segments", "prefix", "since_ms"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        switch (index) {
            case 2:
                field.text(into.owner, 1, model::pin_owner_bytes_max);
                break;
            case 3:
                into.token.assign(field.ascii());
                break;
            case 4:
                read_pinned(field, into.segments);
                break;
            case 5:
                into.prefix.assign(field.ascii());
                break;
            default:
                into.since_ms = field.signed_number();
                break;
        }
    });
    require_sound(key, into);
}

void decoder::decode(std::string_view key, std::string_view value, model::pins_version& into) {
    static constexpr std::array<std::string_view, 3> known{"v", "min_reader", "version"};
    implementation_->read(key, value, known,
                          [&](std::size_t, field_reader& field) { into.version = field.number(); });
}

void decoder::decode(std::string_view key, std::string_view value, model::gc_cursor& into) {
    static constexpr std::array<std::string_view, 5> known{"v", "min_reader", "after", "rounds",
                                                           "finished_ms"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        if (index == 2) {
            read_escaped(field, into.after);
        } else if (index == 3) {
            into.rounds = field.number();
        } else {
            into.finished_ms = field.signed_number();
        }
    });
    require_sound(key, into);
}

void decoder::decode(std::string_view key, std::string_view value, model::gc_pause& into) {
    static constexpr std::array<std::string_view, 5> known{"v", "min_reader", "state", "why",
                                                           "since_ms"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        if (index == 2) {
            into.state = field.state<model::gc_state>(gc_states);
        } else if (index == 3) {
            field.text(into.why, 0, why_bytes_max);
        } else {
            into.since_ms = field.signed_number();
        }
    });
}

void decoder::decode(std::string_view key, std::string_view value, model::journal_entry& into) {
    static constexpr std::array<std::string_view, 6> known{"v",     "min_reader", "number",
                                                           "sweep", "at_ms",      "objects"};
    implementation_->read(key, value, known, [&](std::size_t index, field_reader& field) {
        if (index == 2) {
            into.number = field.number(1);
        } else if (index == 3) {
            into.sweep = field.state<model::gc_sweep>(gc_sweeps);
        } else if (index == 4) {
            into.at_ms = field.signed_number();
        } else {
            read_objects(field, into.objects);
        }
    });
    require_sound(key, into);
}

}  // namespace reeve::catalog
