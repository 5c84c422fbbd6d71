#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/catalog/path_layout.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/clock.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/storage/object_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

// What both sweeps have in common (docs/protocols/segments.md, sections 11 to 13).
namespace reeve::gc {

class journal;

/// What a sweep works on, and by what right. What is referred to must outlive the sweep.
struct sweep_site {
    core::runtime& strand;                              ///< where it runs
    storage::metadata_store& metadata;                  ///< the records
    storage::object_store& objects;                     ///< the files
    const catalog::key_layout& keys;                    ///< of the records
    std::shared_ptr<const catalog::path_layout> names;  ///< of the files; says the data root
    catalog::leader_guard guard;                        ///< of every write; one reign
    gc::journal* journal = nullptr;                     ///< of what is deleted; null: none is kept
};

/// Longest time between two sweeps.
inline constexpr std::chrono::hours sweep_interval_max{24 * 3650};

/// How fast a sweep works, and when.
struct pace_options {
    /// Objects listed and deleted in a second, on average; 0: as many as it can.
    std::uint64_t objects_per_second = 0;
    std::size_t delete_batch = 1000;  ///< keys in one remove_many, cut to what the store accepts
    std::size_t deletes_at_once = 4;  ///< batches under way at once, at least 1
    /// How often a paused sweep looks whether it may go on.
    std::chrono::milliseconds pause_poll{30'000};
    core::backoff_options retry{std::chrono::milliseconds(1000),
                                std::chrono::milliseconds(60'000)};  ///< after a failure
    std::size_t samples_max = 20;  ///< names and failures kept in a report
};
static_assert(std::is_trivially_copyable_v<pace_options>);

/// Deletes, counted.
struct delete_counts {
    std::uint64_t objects = 0;          ///< confirmed: they are gone
    std::uint64_t bytes = 0;            ///< of them
    std::uint64_t failed = 0;           ///< not confirmed: a later sweep deletes them again
    std::vector<std::string> failures;  ///< some of those, each with its reason; printable

    friend bool operator==(const delete_counts&, const delete_counts&) = default;
};

/// How a sweep's loop stands.
struct sweep_status {
    bool running = false;       ///< a sweep is under way
    bool paused = false;        ///< the last one found everything paused
    std::uint64_t sweeps = 0;   ///< that came to their end
    std::uint64_t stopped = 0;  ///< that a failure ended
    std::string trouble;        ///< the failure of the last one; empty: it had none
    core::time_point since;     ///< when `trouble` began
};

}  // namespace reeve::gc
