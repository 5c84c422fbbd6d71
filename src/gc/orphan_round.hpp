#pragma once

#include "gc/removal.hpp"
#include "reeve/gc/orphan_sweep.hpp"
#include "reeve/gc/pause.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace reeve::gc {

// What one call of the orphan sweep works on.
struct orphan_sweep::round {
    struct candidate {
        doomed_object object;
        model::collection_id collection;
    };

    explicit round(std::uint64_t objects_per_second) : pace(objects_per_second) {}
    orphan_report report;
    std::string after;  // the next page begins behind it
    bool end = false;   // there is none
    std::vector<storage::object_meta> page;
    std::vector<judgement> judged;   // of the page
    std::uint64_t window_seen = 0;   // objects
    std::vector<candidate> garbage;  // of the window
    pacer pace;
};

struct orphan_sweep::cursor_seen {
    model::gc_cursor cursor;
    storage::revision at;  // 0: there is no record
};

// The data root's name in keys is without its last '/'.
inline std::string cursor_key(const sweep_site& site) {
    auto root = site.names->root();
    while (root.ends_with('/')) root.remove_suffix(1);
    return site.keys.gc_cursor(root);
}

inline std::int64_t milliseconds_of(core::wall_time when) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count();
}

}  // namespace reeve::gc
