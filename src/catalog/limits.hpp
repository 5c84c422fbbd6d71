#pragma once

#include "reeve/model/channel.hpp"
#include "reeve/model/gc.hpp"
#include "reeve/model/procedure.hpp"
#include "reeve/model/segment.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace reeve::catalog {

// What encode refuses to write and decode refuses to read: the ranges stated in model/.
inline constexpr std::size_t address_bytes_max = 1000;
inline constexpr std::size_t coordinator_bytes_max = 200;
inline constexpr std::int64_t ttl_ms_max = std::numeric_limits<std::int64_t>::max() / 1'000'000;

inline constexpr std::uint64_t lifetime_ms_max = std::uint64_t{1} << 40U;

// What a channel entry's state may be called.
inline constexpr std::array channel_states{
    model::channel_state::unassigned, model::channel_state::pending,
    model::channel_state::registered, model::channel_state::releasing,
    model::channel_state::dropped};

inline constexpr std::array segment_states{
    model::segment_state::growing,  model::segment_state::sealed,  model::segment_state::flushing,
    model::segment_state::flushed,  model::segment_state::dropped, model::segment_state::collecting,
    model::segment_state::collected};

inline constexpr std::array seal_reasons{
    model::seal_reason::none,          model::seal_reason::rows,      model::seal_reason::bytes,
    model::seal_reason::age,           model::seal_reason::idle,      model::seal_reason::binlogs,
    model::seal_reason::channel_bytes, model::seal_reason::requested, model::seal_reason::host};

inline constexpr std::array binlog_kinds{model::binlog_kind::insert, model::binlog_kind::stats,
                                         model::binlog_kind::delta};

inline constexpr std::array drop_states{model::drop_state::dropping, model::drop_state::dropped};

inline constexpr std::array job_states{model::job_state::granted, model::job_state::committed,
                                       model::job_state::ended};

inline constexpr std::array gc_states{model::gc_state::running, model::gc_state::paused};

inline constexpr std::array gc_sweeps{model::gc_sweep::orphans, model::gc_sweep::dropped};

inline constexpr std::array procedure_states{
    model::procedure_state::running, model::procedure_state::stopping,
    model::procedure_state::finished, model::procedure_state::stopped};

inline constexpr std::array part_states{model::part_state::acknowledged,
                                        model::part_state::skipped};

// Is it a value that the enum has? A cast can make others.
template <class Value, std::size_t Count>
[[nodiscard]] constexpr bool is_one_of(const std::array<Value, Count>& all, Value value) noexcept {
    return std::find(all.begin(), all.end(), value) != all.end();
}

inline constexpr std::size_t why_bytes_max = 1000;

// Why no such segment can be; empty: it can.
[[nodiscard]] std::string_view why_not(const model::segment_record& it) noexcept;
// Why such a flush cannot be; empty: it can.
[[nodiscard]] std::string_view why_not(const model::binlog_record& it) noexcept;
// Why such a drop cannot be; empty: it can.
[[nodiscard]] std::string_view why_not(const model::collection_drop& it) noexcept;
// Why no such job can be; empty: it can.
[[nodiscard]] std::string_view why_not(const model::job_record& it) noexcept;
// Why no such pin can be; empty: it can.
[[nodiscard]] std::string_view why_not(const model::pin_record& it) noexcept;
// Why no such cursor can be; empty: it can.
[[nodiscard]] std::string_view why_not(const model::gc_cursor& it) noexcept;
// Why no such entry can be; empty: it can.
[[nodiscard]] std::string_view why_not(const model::journal_entry& it) noexcept;
// Why no such procedure can be; empty: it can.
[[nodiscard]] std::string_view why_not(const model::procedure_record& it) noexcept;
// Why no participant can have such a record; empty: it can.
[[nodiscard]] std::string_view why_not(const model::procedure_part& it) noexcept;

}  // namespace reeve::catalog
