// Random records, their values, and what bad disks and hostile writers make of them.
#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <chrono>
#include <string>

namespace reeve::samples {

inline constexpr std::size_t kinds = 21;

inline std::string name(core::random& random) {
    std::string made;
    const auto length = random.chance(1, 20) ? model::name_bytes_max : random.between(1, 30);
    while (made.size() < length) {
        const auto byte = static_cast<char>(random.between('!', '~'));
        if (byte != '/') made += byte;
    }
    return made;
}

inline std::string text(core::random& random) {
    static const std::string pieces[] = {"a",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\x01",
                                         "/",
                                         "\xC3\xA4",
                                         "\xF0\x9F\x98\x80",
                                         "\xE2\x82\xAC",
                                         " ",
                                         std::string(1, '\0'),
                                         "{}",
                                         "\x7f"};
    std::string made;
    for (auto left = random.below(12); left > 0; --left) made += pieces[random.below(13)];
    return made;
}

inline model::position position(core::random& random) {
    std::string bytes;
    for (auto left = random.below(model::position_bytes_max + 1); left > 0; --left) {
        bytes += static_cast<char>(random.below(256));
    }
    return model::position(bytes);
}

// Small, large and all lengths of decimal digits in between.
inline std::uint64_t number(core::random& random) { return random.next() >> random.below(64); }

inline model::channel_entry entry(core::random& random) {
    model::channel_entry made;
    made.collection = model::collection_id(number(random));
    made.state = static_cast<model::channel_state>(random.below(5));
    if (!random.chance(1, 4)) made.node = model::node_name(name(random));
    made.process = model::incarnation(number(random));
    made.epoch = model::epoch(number(random));
    made.start = position(random);
    return made;
}

inline model::channel_progress progress(core::random& random) {
    model::channel_progress made;
    made.checkpoint = position(random);
    made.epoch = model::epoch(number(random));
    made.settled = number(random);
    if (random.chance(1, 2)) made.flush = number(random);
    return made;
}

inline model::node_info node(core::random& random) {
    model::node_info made;
    made.address = "h" + text(random);
    made.capacity = static_cast<std::uint32_t>(random.next());
    made.zone = text(random);
    for (auto left = random.below(4); left > 0; --left) made.labels[text(random)] = text(random);
    made.ttl = std::chrono::milliseconds(random.below(1000000));
    return made;
}

inline model::drain_info drain(core::random& random) {
    model::drain_info made;
    made.since_ms = static_cast<std::int64_t>(random.next());
    made.reason = text(random);
    if (random.chance(1, 2)) made.state = model::drain_state::ended;
    return made;
}

inline model::leader_info leader(core::random& random) {
    model::leader_info made;
    made.coordinator = "c" + text(random);
    made.address = text(random);
    made.nonce = text(random);
    return made;
}

inline model::segment_record segment(core::random& random) {
    model::segment_record made;
    made.partition = model::partition_id(number(random));
    made.channel = model::channel_name(name(random));
    made.state = static_cast<model::segment_state>(random.below(7));
    made.rows = number(random);
    made.job = model::job_id(number(random));
    const model::timestamp at(number(random) | 1);
    if (model::is_dropped(made.state)) return model::tombstone_of(made, made.state, at);
    made.limits.rows = number(random) | 1;
    made.limits.bytes = number(random);
    made.bytes = number(random);
    made.created = at;
    if (made.state != model::segment_state::growing) {
        made.sealed = static_cast<model::seal_reason>(random.between(1, 8));
        made.last_expiry = model::timestamp(number(random));
    }
    made.start = position(random);
    if (random.chance(1, 2)) made.end = model::position(made.start.value.substr(0, 63) + "\xff");
    if (made.end < made.start) made.end = {};
    return made;
}

inline model::binlog_file file(core::random& random) {
    model::binlog_file made;
    if (random.chance(1, 8)) {
        made.imported = name(random) + "/x" + name(random);
        if (!model::valid_file_name(made.imported)) made.imported = "a/b\"\\";
    } else {
        made.id = {model::epoch(number(random) | 1), number(random)};
    }
    made.bytes = number(random);
    made.rows = number(random);
    return made;
}

inline model::binlog_record binlog(core::random& random) {
    model::binlog_record made;
    made.from = position(random);
    made.to = model::position(made.from.value.substr(0, 63) + "\xff");
    if (made.to < made.from) made.to = made.from;
    made.checkpoint = position(random);
    made.rows = number(random);
    if (random.chance(1, 4)) made.batch = number(random);
    for (std::size_t kind = 0; kind < 3; ++kind) {
        std::uint64_t field = number(random);
        for (auto left = random.below(3); left > 0; --left) {
            auto& group = made.groups.emplace_back();
            group.kind = static_cast<model::binlog_kind>(kind);
            group.field = model::field_id(field);
            for (auto files = random.between(1, 3); files > 0; --files) {
                group.files.push_back(file(random));
            }
            if (++field == 0) break;
        }
    }
    return made;
}

inline model::collection_drop collection_drop(core::random& random) {
    model::collection_drop made;
    if (random.chance(1, 2)) made.state = model::drop_state::dropped;
    made.at = model::timestamp(number(random) | 1);
    made.why = text(random);
    return made;
}

inline model::channel_drop channel_drop(core::random& random) {
    return {model::timestamp(number(random) | 1), model::epoch(number(random))};
}

inline model::job_record job(core::random& random) {
    model::job_record made;
    made.what = name(random);
    made.state = static_cast<model::job_state>(random.below(3));
    made.epoch = model::epoch(number(random) | 1);
    if (random.chance(1, 2)) made.node = model::node_name(name(random));
    made.process = model::incarnation(number(random));
    made.collection = model::collection_id(number(random));
    std::uint64_t input = 0;
    for (auto left = random.between(1, 5); left > 0; --left) {
        input += random.between(1, 1000);
        made.inputs.emplace_back(input);
    }
    made.granted_at = model::timestamp(number(random));
    return made;
}

inline model::pin_record pin(core::random& random) {
    model::pin_record made;
    made.owner = "o" + text(random);
    made.token = name(random);
    made.since_ms = static_cast<std::int64_t>(random.next());
    if (random.chance(1, 3)) {
        made.prefix = name(random) + "/";
        return made;
    }
    model::pinned_segment next;
    for (auto left = random.between(1, 5); left > 0; --left) {
        next.collection.value += random.below(2);
        next.segment.value += random.between(1, 1000);
        made.segments.push_back(next);
    }
    return made;
}

// Any bytes.
inline std::string object_name(core::random& random) {
    std::string made(random.between(1, 40), ' ');
    for (char& byte : made) byte = static_cast<char>(random.below(256));
    return made;
}

inline model::gc_cursor cursor(core::random& random) {
    model::gc_cursor made;
    if (random.chance(3, 4)) made.after = object_name(random);
    made.rounds = number(random);
    made.finished_ms = static_cast<std::int64_t>(random.next());
    return made;
}

inline model::gc_pause pause(core::random& random) {
    model::gc_pause made;
    if (random.chance(1, 2)) made.state = model::gc_state::paused;
    made.why = text(random);
    made.since_ms = static_cast<std::int64_t>(random.next());
    return made;
}

inline model::journal_entry journal(core::random& random) {
    model::journal_entry made;
    made.number = number(random) | 1;
    if (random.chance(1, 2)) made.sweep = model::gc_sweep::dropped;
    made.at_ms = static_cast<std::int64_t>(random.next());
    for (auto left = random.between(1, 4); left > 0; --left) {
        auto& object = made.objects.emplace_back();
        object.name = object_name(random);
        object.bytes = number(random);
        object.why = "because of " + name(random).substr(0, 20);
    }
    return made;
}

inline model::procedure_record procedure(core::random& random) {
    model::procedure_record made;
    made.kind = name(random);
    made.key = name(random);
    for (auto left = random.below(100); left > 0; --left) {
        made.arguments += static_cast<char>(random.below(256));
    }
    made.state = static_cast<model::procedure_state>(random.below(4));
    made.step = random.below(model::procedure_step_max + 1);
    made.begun_ms = static_cast<std::int64_t>(random.next());
    if (random.chance(1, 2)) made.deadline_ms = static_cast<std::int64_t>(number(random) >> 1U);
    if (model::has_ended(made.state)) made.ended_ms = static_cast<std::int64_t>(random.next());
    if (made.state != model::procedure_state::running) made.why = "w" + text(random);
    return made;
}

inline model::procedure_part procedure_part(core::random& random) {
    model::procedure_part made;
    made.step = random.below(model::procedure_step_max + 1);
    made.outcome = text(random);
    if (random.chance(1, 4)) {
        made.state = model::part_state::skipped;
    } else {
        made.process = model::incarnation(number(random) | 1);
    }
    return made;
}

inline std::string value(core::random& random, std::size_t kind) {
    switch (kind) {
        case 0:
            return catalog::encode(entry(random));
        case 1:
            return catalog::encode(progress(random));
        case 2:
            return catalog::encode(node(random));
        case 3:
            return catalog::encode(drain(random));
        case 4:
            return catalog::encode(leader(random));
        case 5:
            return catalog::encode(catalog::root_info{name(random), model::lineage(1)});
        case 6:
            return catalog::encode(catalog::id_counter{number(random) | 1});
        case 7:
            return catalog::encode(catalog::oracle_mark{number(random), 5});
        case 8:
            return catalog::encode(segment(random));
        case 9:
            return catalog::encode(binlog(random));
        case 10:
            return catalog::encode(collection_drop(random));
        case 11:
            return catalog::encode(channel_drop(random));
        case 12:
            return catalog::encode(job(random));
        case 13:
            return catalog::encode(pin(random));
        case 14:
            return catalog::encode(model::pins_version{number(random)});
        case 15:
            return catalog::encode(cursor(random));
        case 16:
            return catalog::encode(pause(random));
        case 17:
            return catalog::encode(journal(random));
        case 18:
            return catalog::encode(procedure(random));
        case 19:
            return catalog::encode(procedure_part(random));
        default:
            return catalog::encode(
                catalog::batch_slot{number(random) | 1, catalog::batch_state::open, "a", "b"});
    }
}

template <class Record>
errc decode_as(catalog::decoder& reader, const std::string& value) {
    Record into;
    try {
        reader.decode("k", value, into);
    } catch (const error& failure) {
        return failure.code_value();
    }
    return errc{};
}

inline errc decode(catalog::decoder& reader, std::size_t kind, const std::string& value) {
    switch (kind) {
        case 0:
            return decode_as<model::channel_entry>(reader, value);
        case 1:
            return decode_as<model::channel_progress>(reader, value);
        case 2:
            return decode_as<model::node_info>(reader, value);
        case 3:
            return decode_as<model::drain_info>(reader, value);
        case 4:
            return decode_as<model::leader_info>(reader, value);
        case 5:
            return decode_as<catalog::root_info>(reader, value);
        case 6:
            return decode_as<catalog::id_counter>(reader, value);
        case 7:
            return decode_as<catalog::oracle_mark>(reader, value);
        case 8:
            return decode_as<model::segment_record>(reader, value);
        case 9:
            return decode_as<model::binlog_record>(reader, value);
        case 10:
            return decode_as<model::collection_drop>(reader, value);
        case 11:
            return decode_as<model::channel_drop>(reader, value);
        case 12:
            return decode_as<model::job_record>(reader, value);
        case 13:
            return decode_as<model::pin_record>(reader, value);
        case 14:
            return decode_as<model::pins_version>(reader, value);
        case 15:
            return decode_as<model::gc_cursor>(reader, value);
        case 16:
            return decode_as<model::gc_pause>(reader, value);
        case 17:
            return decode_as<model::journal_entry>(reader, value);
        case 18:
            return decode_as<model::procedure_record>(reader, value);
        case 19:
            return decode_as<model::procedure_part>(reader, value);
        default:
            return decode_as<catalog::batch_slot>(reader, value);
    }
}

inline void mutate(core::random& random, std::string& value) {
    static const std::string pieces[] = {"{",  "}",     "[",    "]",       "\"",
                                         ",",  ":",     "\\",   "\\ud800", "null",
                                         "-1", "1e999", "\xff", "\"v\":2", std::string(1, '\0')};
    for (auto left = random.between(1, 3); left > 0; --left) {
        const auto at = random.below(value.size() + 1);
        switch (random.below(6)) {
            case 0:
                if (at < value.size()) value[at] = static_cast<char>(random.below(256));
                break;
            case 1:
                value.resize(at);
                break;
            case 2:
                value.erase(at, random.between(1, 8));
                break;
            case 3:
                value.insert(at, pieces[random.below(15)]);
                break;
            case 4:
                value += value.substr(at);
                break;
            default:
                if (at < value.size()) value[at] = static_cast<char>(value[at] ^ 1);
                break;
        }
    }
}

}  // namespace reeve::samples
