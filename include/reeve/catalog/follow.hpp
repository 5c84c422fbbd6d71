#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::catalog {

/// Receives a range, first as a whole and then change by change. Called on the strand; must not
/// block or throw. All calls between two `reached` belong together.
class observer {
public:
    virtual ~observer() = default;
    /// Forget everything: a complete pass follows.
    virtual void reset() = 0;
    /// A record is there, or was written.
    virtual void put(const storage::record& now) = 0;
    /// A key is gone since `at`.
    virtual void removed(std::string_view key, storage::revision at) = 0;
    /// The view is complete and equals the store at revision `at`. Not called before the first pass
    /// is complete.
    virtual void reached(storage::revision at) = 0;
};

/// How far a follower is.
struct follow_status {
    bool complete = false;        ///< the view equals the store at `at`; not during a pass
    storage::revision at;         ///< of the view
    std::uint64_t passes = 0;     ///< complete passes made; more than one: gaps were repaired
    core::time_point last_heard;  ///< when the store last answered; its age tells a stuck watch
    std::string trouble;          ///< the failure that is being retried; empty: none
};

/// Keeps a view of a range: watch first, list page by page, then apply the changes that are newer
/// than each page; on a gap start over. Never ends silently: `run` ends only by cancellation.
class follower {
public:
    /// Of `range` in `store`, told to `view`; all three must outlive it.
    follower(core::runtime& strand, storage::metadata_store& store, storage::key_range range,
             observer& view, core::backoff_options retry = {}, std::size_t page_size = 1000);

    /// Follows until cancelled (operation_aborted). A gap in the history and failures of the store
    /// that say "not applied" lead to a new pass, after a backoff, and are shown in `status`;
    /// anything else is thrown. Needs a store whose idle watches advance (storage::watcher::next).
    [[nodiscard]] awaitable<void> run();
    /// How far it is.
    [[nodiscard]] const follow_status& status() const noexcept { return status_; }

private:
    [[nodiscard]] awaitable<void> pass();
    [[nodiscard]] awaitable<void> list(storage::revision watched);
    void apply(const storage::change_batch& batch);
    void reach(storage::revision at);
    void heard();
    struct seen_page {
        std::string last;  // first key past the page; empty: to the end
        storage::revision at;
    };
    [[nodiscard]] storage::revision listed_at(std::string_view key) const;

    core::runtime& strand_;
    storage::metadata_store& store_;
    storage::key_range range_;
    observer& view_;
    core::backoff retry_;
    std::size_t page_size_;
    std::vector<seen_page> pages_;
    storage::revision complete_from_;  // the newest page's, or that from which the watch runs
    follow_status status_;
};

}  // namespace reeve::catalog
