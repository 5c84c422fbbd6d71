#pragma once

#include "gc/removal.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/gc/dropped_sweep.hpp"
#include "reeve/gc/pause.hpp"
#include "reeve/model/segment.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace reeve::gc {

// A segment that is due.
struct dropped_sweep::target {
    segment_place place;
    model::segment_record record;  // as read or written at `at`
    storage::revision at;
    bool waits = true;        // to be marked
    bool collecting = false;  // its files may go
};

// Segments that are dealt with together, and what the call has done so far.
struct dropped_sweep::batch {
    explicit batch(std::uint64_t objects_per_second) : pace(objects_per_second) {}
    std::vector<target> targets;
    model::timestamp horizon;
    pause_set pauses;
    pin_set pinned;
    storage::revision pins_at;  // of pins/version
    dropped_report report;
    catalog::decoder reader;
    pacer pace;
};

// The names of a flush's files. Imported ones have names of their own below the data root.
inline std::vector<doomed_object> files_of(const sweep_site& site, const segment_place& place,
                                           model::partition_id partition,
                                           const model::binlog_record& flush) {
    std::vector<doomed_object> files;
    files.reserve(model::file_count(flush));
    catalog::file_address address;
    address.collection = place.collection;
    address.partition = partition;
    address.segment = place.segment;
    for (const auto& group : flush.groups) {
        address.kind = group.kind;
        address.field = group.field;
        for (const auto& file : group.files) {
            address.file = file.id;
            auto& one = files.emplace_back();
            one.key = file.imported.empty() ? site.names->format(address)
                                            : std::string(site.names->root()) + file.imported;
            one.bytes = file.bytes;
            one.why = "its segment was dropped";
        }
    }
    return files;
}

}  // namespace reeve::gc
