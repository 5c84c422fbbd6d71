#include "catalog/limits.hpp"
#include "catalog/record_reader.hpp"
#include "core/hex.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <string_view>

namespace reeve::catalog {

std::string_view why_not(const model::procedure_record& it) noexcept {
    using model::procedure_state;
    if (!model::valid_name(it.kind)) return "no kind of procedure has such a name";
    if (!model::valid_name(it.key)) return "no procedure has such a key";
    if (it.arguments.size() > model::procedure_arguments_max) return "arguments above 8 KiB";
    if (!is_one_of(procedure_states, it.state)) return "no such state";
    if (it.step > model::procedure_step_max) return "a step above 1000000";
    if (it.deadline_ms < 0) return "a deadline before 1970";
    if (it.ended_ms != 0 && !model::has_ended(it.state)) return "not ended, but at a time";
    if (it.why.size() > model::procedure_text_max) return "a reason of more than 1000 bytes";
    const bool stops =
        it.state == procedure_state::stopping || it.state == procedure_state::stopped;
    if (stops && it.why.empty()) return "stopped without a reason";
    if (it.state == procedure_state::running && !it.why.empty()) return "running, with a reason";
    return {};
}

std::string_view why_not(const model::procedure_part& it) noexcept {
    if (!is_one_of(part_states, it.state)) return "no such state";
    if (it.step > model::procedure_step_max) return "a step above 1000000";
    if (it.outcome.size() > model::procedure_text_max) return "an outcome of more than 1000 bytes";
    const bool skipped = it.state == model::part_state::skipped;
    if (!skipped && !it.process) return "an acknowledgement of no process";
    if (skipped && it.process) return "skipped, but of a process";
    return {};
}

namespace {

template <class Record>
void require_sound(const Record& it, std::string_view what) {
    const auto why = why_not(it);
    if (!why.empty()) throw error(errc::invalid_argument, fmt::format("{}: {}", what, why));
}

std::string dump_record(const nlohmann::ordered_json& record, std::string_view what) {
    try {
        return record.dump();
    } catch (const nlohmann::ordered_json::type_error&) {
        throw error(errc::invalid_argument, fmt::format("{}: text that is not UTF-8", what));
    }
}

void read_arguments(reading::field_reader& field, std::string& into) {
    const auto digits = field.ascii();
    if (digits.size() > 2 * model::procedure_arguments_max || !core::read_hex(digits, into)) {
        reading::corrupt_field(field.key, field.field,
                               "not at most 8 KiB as lower-case hexadecimal digits");
    }
}

void read_procedure_field(std::size_t index, reading::field_reader& field,
                          model::procedure_record& into) {
    switch (index) {
        case 2:
            into.kind.assign(field.ascii());
            break;
        case 3:
            into.key.assign(field.ascii());
            break;
        case 4:
            into.state = field.state<model::procedure_state>(procedure_states);
            break;
        case 5:
            into.step = field.number(0, model::procedure_step_max);
            break;
        case 6:
            into.begun_ms = field.signed_number();
            break;
        case 7:
            into.deadline_ms = field.signed_number();
            break;
        case 8:
            into.ended_ms = field.signed_number();
            break;
        case 9:
            field.text(into.why, 0, model::procedure_text_max);
            break;
        default:
            read_arguments(field, into.arguments);
            break;
    }
}

}  // namespace

std::string encode(const model::procedure_record& it) {
    require_sound(it, "procedure");
    nlohmann::ordered_json record{{"v", format_version}, {"min_reader", 1}};
    record["kind"] = it.kind;
    record["key"] = it.key;
    record["state"] = name(it.state);
    record["step"] = it.step;
    record["begun_ms"] = it.begun_ms;
    record["deadline_ms"] = it.deadline_ms;
    record["ended_ms"] = it.ended_ms;
    record["why"] = it.why;
    std::string digits;
    core::append_hex(digits, it.arguments);
    record["arguments"] = std::move(digits);
    return dump_record(record, "procedure");
}

std::string encode(const model::procedure_part& it) {
    require_sound(it, "participant of a procedure");
    nlohmann::ordered_json record{{"v", format_version}, {"min_reader", 1}};
    record["state"] = name(it.state);
    record["step"] = it.step;
    record["process"] = it.process.value;
    record["outcome"] = it.outcome;
    return dump_record(record, "participant of a procedure");
}

void decoder::decode(std::string_view key, std::string_view value, model::procedure_record& into) {
    static constexpr std::array<std::string_view, 11> known{
        "v",        "min_reader",  "kind",     "key", "state",    "step",
        "begun_ms", "deadline_ms", "ended_ms", "why", "arguments"};
    implementation_->read(key, value, known, [&](std::size_t index, reading::field_reader& field) {
        read_procedure_field(index, field, into);
    });
    const auto why = why_not(into);
    if (!why.empty()) reading::corrupt(key, why);
}

void decoder::decode(std::string_view key, std::string_view value, model::procedure_part& into) {
    static constexpr std::array<std::string_view, 6> known{"v",    "min_reader", "state",
                                                           "step", "process",    "outcome"};
    implementation_->read(key, value, known, [&](std::size_t index, reading::field_reader& field) {
        switch (index) {
            case 2:
                into.state = field.state<model::part_state>(part_states);
                break;
            case 3:
                into.step = field.number(0, model::procedure_step_max);
                break;
            case 4:
                into.process.value = field.number();
                break;
            default:
                field.text(into.outcome, 0, model::procedure_text_max);
                break;
        }
    });
    const auto why = why_not(into);
    if (!why.empty()) reading::corrupt(key, why);
}

}  // namespace reeve::catalog
