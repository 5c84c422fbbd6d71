#pragma once

#include "reeve/core/strong.hpp"
#include "reeve/model/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace reeve::model {

/// A long operation of the coordinator. From the counter of the whole store, never reused.
/// 0 = none.
using procedure_id = core::strong<struct procedure_id_tag>;

/// Where a procedure stands (docs/protocols/procedures.md).
enum class procedure_state : std::uint8_t {
    running,   ///< its step is carried out, or waits for acknowledgements
    stopping,  ///< it goes no further; its definition still has to be told
    finished,  ///< it has reached its end; final
    stopped,   ///< it has not; final
};

/// The state's name, as stored.
[[nodiscard]] std::string_view name(procedure_state state) noexcept;

/// Is it over?
[[nodiscard]] constexpr bool has_ended(procedure_state state) noexcept {
    return state == procedure_state::finished || state == procedure_state::stopped;
}

/// Most bytes of a procedure's arguments.
inline constexpr std::size_t procedure_arguments_max = 8 * 1024;
/// Most bytes of the texts in its records.
inline constexpr std::size_t procedure_text_max = 1000;
/// The last step that a procedure may have.
inline constexpr std::uint64_t procedure_step_max = 1'000'000;

/// The record `procedures/<id>`. Times are of the wall clock, in milliseconds since 1970, and
/// decide nothing but when a procedure is stopped.
struct procedure_record {
    std::string kind;       ///< which definition carries it out; a model::valid_name
    std::string key;        ///< chosen by who started it, unique in its kind; a model::valid_name
    std::string arguments;  ///< opaque bytes; at most procedure_arguments_max
    procedure_state state = procedure_state::running;  ///< where it stands
    std::uint64_t step = 0;                            ///< the step that is carried out, from 0
    std::int64_t begun_ms = 0;                         ///< when it was started
    std::int64_t deadline_ms = 0;                      ///< when it is stopped; 0 = never
    std::int64_t ended_ms = 0;                         ///< when it ended; 0 while it has not
    std::string why;  ///< why it was stopped, or how an operator ended it; UTF-8, at most
                      ///< procedure_text_max bytes

    friend bool operator==(const procedure_record&, const procedure_record&) = default;
};

/// What the record of a participant says.
enum class part_state : std::uint8_t {
    acknowledged,  ///< it has done its share of the step
    skipped,       ///< an operator decided that nobody waits for it in this step
};

/// The state's name, as stored.
[[nodiscard]] std::string_view name(part_state state) noexcept;

/// The record `procedures/<id>/<participant>`.
struct procedure_part {
    part_state state = part_state::acknowledged;  ///< what it says
    std::uint64_t step = 0;                       ///< of this step, and of no other
    incarnation process;  ///< whose acknowledgement; 0 if and only if skipped
    std::string outcome;  ///< what the participant, or the operator, said; UTF-8, at most
                          ///< procedure_text_max bytes

    friend bool operator==(const procedure_part&, const procedure_part&) = default;
};

}  // namespace reeve::model
