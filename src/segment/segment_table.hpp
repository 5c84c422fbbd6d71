#pragma once

#include "model/compact_position.hpp"
#include "reeve/model/segment.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "segment/slab.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace reeve::segment {

/// The beginning, end and length of a list of rows.
struct row_list {
    std::uint32_t first = none;
    std::uint32_t last = none;
    std::uint32_t count = 0;
};

struct row_links {
    std::uint32_t before = none;
    std::uint32_t behind = none;
};

/// A segment that is not dropped, in memory: three cache lines, what is asked most often first.
struct alignas(64) segment_row {
    model::segment_id id;
    model::collection_id collection;
    model::partition_id partition;
    storage::revision at;  // of the record as known
    std::uint32_t channel = none;
    std::uint32_t open = none;  // the allocator's number, while it may get rows or waits
    std::uint32_t flushes = 0;  // binlog records
    std::uint32_t files = 0;    // in them
    model::segment_limits limits;

    std::uint64_t rows = 0;  // in binlog files
    std::uint64_t bytes = 0;
    model::timestamp created;
    model::timestamp last_expiry;
    model::job_id job;
    model::compact_position start;

    model::compact_position end;
    std::array<row_links, 4> links;  // see segment_table::index
    model::segment_state state = model::segment_state::growing;
    model::seal_reason sealed = model::seal_reason::none;
};

/// What memory keeps of a segment that is dropped: enough to refuse, to find and to compare its
/// record, which has the rest.
struct tombstone_row {
    model::segment_id id;
    model::collection_id collection;
    storage::revision at;
    model::timestamp dropped_at;
    std::uint32_t channel = none;
    row_links links;
    model::segment_state state = model::segment_state::dropped;
};

/// What became of a record that was shown to the table.
enum class learned : std::uint8_t {
    taken,  ///< it is what is known now
    stale,  ///< something as new was known already
    /// It contradicts what is known: a state that came before, another channel, other limits. It
    /// changed nothing.
    refused,
};

/// All segments of a store in compact form, found by id, collection, partition, channel and state.
/// One strand. `allocator` is the only one that changes it.
class segment_table {
public:
    struct collection_info {
        model::collection_id id;
        bool dropped = false;
        row_list rows;
    };
    struct channel_info {
        std::string name;
        std::uint32_t collection = none;
        bool dropped = false;
        row_list rows;
    };

    segment_table();
    segment_table(const segment_table&) = delete;
    segment_table& operator=(const segment_table&) = delete;

    /// The number of a collection, made if there is none.
    std::uint32_t add_collection(model::collection_id id);
    [[nodiscard]] const collection_info* find_collection(model::collection_id id) const;
    [[nodiscard]] const collection_info& collection(std::uint32_t number) const {
        return collections_[number];
    }
    void drop_collection(model::collection_id id);

    /// The number of a channel, made if there is none; `none` if it is another collection's.
    std::uint32_t add_channel(std::string_view name, model::collection_id collection);
    [[nodiscard]] std::uint32_t find_channel(std::string_view name) const;
    [[nodiscard]] const channel_info& channel(std::uint32_t number) const {
        return channels_[number];
    }
    [[nodiscard]] std::uint32_t channels() const noexcept {
        return static_cast<std::uint32_t>(channels_.size());
    }
    void drop_channel(std::uint32_t number) { channels_[number].dropped = true; }

    /// Takes over a record as read or written at `at`. If it is taken, makes collection and channel
    /// known.
    learned learn(model::collection_id collection, model::segment_id segment,
                  const model::segment_record& record, storage::revision at);
    /// One more binlog record of a segment; nothing for one that is not alive.
    void add_flush(model::segment_id segment, std::size_t files);

    /// The row of a segment that is not dropped, or `none`.
    [[nodiscard]] std::uint32_t find(model::segment_id segment) const;
    [[nodiscard]] segment_row& operator[](std::uint32_t row) noexcept { return rows_[row]; }
    [[nodiscard]] const segment_row& operator[](std::uint32_t row) const noexcept {
        return rows_[row];
    }
    /// The record of a row, as far as memory knows it: all of it.
    [[nodiscard]] model::segment_record record(std::uint32_t row) const;
    /// A segment that is dropped; null for others. Valid until the table changes.
    [[nodiscard]] const tombstone_row* tombstone(model::segment_id segment) const;
    /// As its record says; nothing if it is not known. See `alive`.
    [[nodiscard]] std::optional<model::segment_state> state_of(model::segment_id segment) const;
    /// Is it neither dropped, nor of a dropped channel?
    [[nodiscard]] bool alive(model::segment_id segment) const;

    /// `visit(const segment_row&)` for each that is not dropped; it must not change the table.
    template <class Visit>
    void each_of_collection(model::collection_id id, Visit visit) const {
        const auto* of = find_collection(id);
        if (of != nullptr) walk(index::collection, of->rows, visit);
    }
    template <class Visit>
    void each_of_partition(model::collection_id collection, model::partition_id partition,
                           Visit visit) const {
        const auto found = partitions_.find({collection, partition});
        if (found != partitions_.end()) walk(index::partition, found->second, visit);
    }
    template <class Visit>
    void each_of_channel(std::uint32_t number, Visit visit) const {
        walk(index::channel, channels_[number].rows, visit);
    }
    template <class Visit>
    void each_in(model::segment_state state, Visit visit) const {
        assert(!model::is_dropped(state));
        walk(index::state, states_[static_cast<std::size_t>(state)], visit);
    }
    /// `visit(const tombstone_row&)` for each in a state from dropped on.
    template <class Visit>
    void each_dropped(model::segment_state state, Visit visit) const {
        for (auto at = states_[static_cast<std::size_t>(state)].first; at != none;
             at = tombstones_[at].links.behind) {
            visit(tombstones_[at]);
        }
    }
    [[nodiscard]] std::size_t count(model::segment_state state) const noexcept {
        return states_[static_cast<std::size_t>(state)].count;
    }

    [[nodiscard]] std::size_t memory_of_segments() const noexcept;
    [[nodiscard]] std::size_t memory_of_tombstones() const noexcept;
    /// Both, and what names and collections need.
    [[nodiscard]] std::size_t memory() const noexcept;

private:
    enum class index : std::uint8_t { collection, partition, channel, state };
    struct partition_key {
        model::collection_id collection;
        model::partition_id partition;
        friend bool operator==(const partition_key&, const partition_key&) = default;
    };
    struct key_hash {
        using is_avalanching = void;
        std::size_t operator()(const partition_key& key) const noexcept;
        std::size_t operator()(model::collection_id id) const noexcept;
    };
    // Rows by the id that they hold.
    template <class Row>
    struct id_hash {
        using is_transparent = void;
        using is_avalanching = void;
        const slab<Row>* rows;
        std::size_t operator()(model::segment_id id) const noexcept;
        std::size_t operator()(std::uint32_t row) const noexcept {
            return (*this)((*rows)[row].id);
        }
    };
    template <class Row>
    struct id_equal {
        using is_transparent = void;
        const slab<Row>* rows;
        bool operator()(std::uint32_t left, std::uint32_t right) const noexcept {
            return left == right;
        }
        bool operator()(model::segment_id id, std::uint32_t row) const noexcept {
            return (*rows)[row].id == id;
        }
        bool operator()(std::uint32_t row, model::segment_id id) const noexcept {
            return (*rows)[row].id == id;
        }
    };
    template <class Row>
    using id_set = boost::unordered_flat_set<std::uint32_t, id_hash<Row>, id_equal<Row>>;
    struct name_hash {
        using is_transparent = void;
        using is_avalanching = void;
        std::size_t operator()(std::string_view name) const noexcept {
            return std::hash<std::string_view>{}(name);
        }
    };

    template <class Visit>
    void walk(index of, const row_list& list, Visit& visit) const {
        for (auto at = list.first; at != none;) {
            const segment_row& row = rows_[at];
            at = row.links[static_cast<std::size_t>(of)].behind;
            visit(row);
        }
    }
    row_list& list_of(index of, const segment_row& row);
    void link(index of, std::uint32_t row);
    void unlink(index of, std::uint32_t row);
    void link_tombstone(std::uint32_t at);
    void unlink_tombstone(std::uint32_t at);

    learned learn_more(tombstone_row& known, const model::segment_record& record,
                       storage::revision at);
    learned learn_more(std::uint32_t known, const model::segment_record& record,
                       storage::revision at);
    void set(segment_row& row, const model::segment_record& record, storage::revision at);
    void add_row(model::collection_id collection, model::segment_id segment, std::uint32_t channel,
                 const model::segment_record& record, storage::revision at);
    void add_tombstone(model::collection_id collection, model::segment_id segment,
                       std::uint32_t channel, const model::segment_record& record,
                       storage::revision at);
    void remove_row(std::uint32_t row);

    slab<segment_row> rows_;
    slab<tombstone_row> tombstones_;
    id_set<segment_row> by_id_;
    id_set<tombstone_row> dropped_by_id_;
    std::array<row_list, 7> states_;  // rows up to flushed, tombstones from dropped on
    boost::unordered_flat_map<partition_key, row_list, key_hash> partitions_;
    std::deque<collection_info> collections_;
    boost::unordered_flat_map<model::collection_id, std::uint32_t, key_hash> collection_numbers_;
    std::deque<channel_info> channels_;
    boost::unordered_flat_map<std::string, std::uint32_t, name_hash, std::equal_to<>>
        channel_numbers_;
};

}  // namespace reeve::segment
