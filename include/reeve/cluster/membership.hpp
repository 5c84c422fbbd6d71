#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/follow.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/node.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace reeve::cluster {

/// What happened to a node.
enum class member_event : std::uint8_t {
    joined,       ///< a name that was not alive
    restarted,    ///< the same name, another process
    left,         ///< its session ended
    draining,     ///< an operator empties it
    drain_ended,  ///< an operator takes it back
};

/// The event's name.
[[nodiscard]] std::string_view name(member_event event) noexcept;

/// What the membership assumes.
struct membership_options {
    /// For processes that ended before they were ever seen here: the longest session ttl used in
    /// the cluster.
    std::chrono::milliseconds ttl_unknown{30000};
    /// The host proves (by a lock, say) that every process not alive at the first view has ended.
    bool earlier_processes_dead = false;
};

/// What is known about whether a process still runs.
struct process_state {
    bool session_ended = false;  ///< its key is gone or another process's
    bool dead = false;           ///< the host has proven that it ended
    bool ttl_passed = false;     ///< its ttl has passed since its session was seen to have ended
    core::time_point passes_at;  ///< when that will be so; meaningful once session_ended
    core::time_point ended_at;   ///< when the session was seen to have ended; likewise
};

/// A record that could not be read: shown, never guessed at.
struct unreadable_record {
    std::string why;         ///< what is wrong with it
    core::time_point since;  ///< when this was first seen
};

/// The coordinator's view of who is alive, kept by a catalog::follower of key_layout::membership().
/// One strand.
class membership final : public catalog::observer {
public:
    /// `listener` is told of every event after the view is complete, and once for each member at
    /// completion; `settled` whenever the view has reached a revision. Both run on the strand and
    /// must not block.
    membership(core::runtime& strand, const catalog::key_layout& keys, membership_options options,
               std::function<void(member_event, const model::node_name&)> listener,
               std::function<void()> settled = nullptr);

    void reset() override;
    void put(const storage::record& now) override;
    void removed(std::string_view key, storage::revision at) override;
    void reached(storage::revision at) override;

    /// True once the view was complete at least once.
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    /// Who is alive, by name.
    [[nodiscard]] const std::map<model::node_name, model::node_info>& alive() const noexcept {
        return before_ ? *before_ : alive_;
    }
    /// The living process of a node; 0 = none.
    [[nodiscard]] model::incarnation process_of(const model::node_name& node) const;
    /// Is the node being emptied?
    [[nodiscard]] bool draining(const model::node_name& node) const;
    /// Who is being emptied, and why.
    [[nodiscard]] const std::map<model::node_name, model::drain_info>& drains() const noexcept {
        return before_ ? drains_before_ : drains_;
    }
    /// May `process` of `node` still run? Total: also for names never seen.
    [[nodiscard]] process_state judge(const model::node_name& node,
                                      model::incarnation process) const;
    /// The host has proven that this process ended. Remembered.
    void confirm_dead(const model::node_name& node, model::incarnation process);
    /// Records of `nodes/` and `node_drains/` that could not be read, by key.
    [[nodiscard]] const std::map<std::string, unreadable_record>& unreadable() const noexcept {
        return unreadable_;
    }

    /// Differs from an earlier call's if any answer of this object may differ, other than by the
    /// passing of time. For callers that keep what they were told.
    [[nodiscard]] std::uint64_t version() const noexcept { return version_; }

private:
    using process = std::pair<model::node_name, model::incarnation>;
    struct ending {
        core::time_point seen_at;
        core::time_point ttl_passes_at;
    };
    void put_node(model::node_name name, const storage::record& now);
    void put_drain(const model::node_name& name, const storage::record& now);
    void end_drain(const model::node_name& name);
    void compare_with_before(storage::revision at);
    [[nodiscard]] bool unreadable(const model::node_name& node) const;
    void end(const model::node_info& node);
    void tell(member_event event, const model::node_name& node) const;

    core::runtime& strand_;
    catalog::key_layout keys_;
    membership_options options_;
    std::function<void(member_event, const model::node_name&)> listener_;
    std::function<void()> settled_;
    catalog::decoder decoder_;
    std::map<model::node_name, model::node_info> alive_;
    std::map<model::node_name, model::drain_info> drains_;
    std::map<process, ending> ended_;
    std::set<process> dead_;
    std::map<std::string, unreadable_record> unreadable_;
    std::map<std::string, unreadable_record> unreadable_before_;  // as the last pass left them
    std::optional<std::map<model::node_name, model::node_info>> before_;  // during a pass
    std::map<model::node_name, model::drain_info> drains_before_;
    core::time_point first_complete_;
    storage::revision first_reached_;
    core::time_point last_complete_;  // of a whole pass
    bool complete_ = false;
    std::uint64_t version_ = 1;
};

}  // namespace reeve::cluster
