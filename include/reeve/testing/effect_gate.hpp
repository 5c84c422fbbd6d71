#pragma once

#include <cstdint>
#include <string_view>

namespace reeve::testing {

/// Everything that a process does to the world around it.
enum class effect_kind : std::uint8_t {
    metadata_commit,      ///< metadata_store::commit
    metadata_grant,       ///< metadata_store::grant
    metadata_keep_alive,  ///< metadata_store::keep_alive
    metadata_revoke,      ///< metadata_store::revoke
    object_write,         ///< object_store::put, put_if_absent, put_if_match
    object_remove,        ///< object_store::remove, remove_many
    stream_append,        ///< message_stream::append, append_many
    stream_trim,          ///< message_stream::trim
    message_send,         ///< transport::call
};

/// The kind's name, such as "metadata_commit".
[[nodiscard]] std::string_view name(effect_kind kind) noexcept;

/// An effect that a process is about to have.
struct effect {
    effect_kind what;          ///< the kind
    std::string_view process;  ///< the name of the process; valid during the call
    std::string_view detail;   ///< the first key, stream or address; valid during the call
};

/// What becomes of an effect.
enum class verdict : std::uint8_t {
    proceed,       ///< as the faults decide
    crash_before,  ///< the process is killed; the effect never happens
    crash_after,   ///< it happens without faults; the process gets the reply, runs on until
                   ///< it waits for something or tries another effect, and is killed
    crash_after_without_reply,  ///< it happens without faults; the process is killed before it
                                ///< hears
    lose_reply,  ///< it happens without faults, and the process, alive, hears only that the
                 ///< outcome is unknown
};

/// Asked before every effect of every simulated process: see crash_points.hpp.
class effect_gate {
public:
    virtual ~effect_gate() = default;
    /// Decides. Must not touch the simulation.
    virtual verdict decide(const effect& what) = 0;
};

}  // namespace reeve::testing
