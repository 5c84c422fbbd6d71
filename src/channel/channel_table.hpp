#pragma once

#include "model/compact_position.hpp"
#include "reeve/model/channel.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::channel {

using model::compact_position;

/// What the holder has answered to the last thing it was told about the current entry.
enum class told : std::uint8_t { nothing, in_flight, done, refused };

/// A channel in memory.
struct channel_row {
    std::string_view name;
    model::collection_id collection;
    model::incarnation process;
    model::epoch epoch;
    storage::revision entry_at;     // of the entry as known; 0 = never written
    storage::revision progress_at;  // of the progress record as known; 0 = none
    model::epoch progress_epoch;
    std::uint64_t settled = 0;
    std::uint64_t flush = 0;  // number of the last one of progress_epoch
    compact_position start;
    compact_position checkpoint;  // of the progress record; without one, `start` counts
    std::uint32_t node = ~std::uint32_t{0};
    std::uint32_t place_in_node = 0;
    model::channel_state state = model::channel_state::unassigned;
    told answer = told::nothing;
    bool queued = false;       // in the registrar's list of rows to look at
    bool uncertain = false;    // read it again before anything else
    std::uint32_t doubts = 0;  // how often it became uncertain

    /// What is known may be old: only a read that begins later says what is recorded.
    void doubt() noexcept {
        uncertain = true;
        ++doubts;
    }
};

/// All channels of a store in compact form, found by name and by holder. One strand.
class channel_table {
public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    channel_table() : by_name_(0, hash{this}, equal{this}) {}
    channel_table(const channel_table&) = delete;
    channel_table& operator=(const channel_table&) = delete;

    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
    [[nodiscard]] channel_row& operator[](std::uint32_t row) noexcept {
        return chunks_[row / chunk_rows][row % chunk_rows];
    }
    [[nodiscard]] const channel_row& operator[](std::uint32_t row) const noexcept {
        return chunks_[row / chunk_rows][row % chunk_rows];
    }
    /// The row of a name, or `none`.
    [[nodiscard]] std::uint32_t find(std::string_view name) const;
    /// The row of a name, made if there is none.
    std::uint32_t add(std::string_view name);
    /// A new row for a name that is not there; not found by name before `index`. For loading in
    /// bulk.
    std::uint32_t append(std::string_view name);
    /// Makes all rows that were appended findable, at once.
    void index();
    /// The number of a node name, made if there is none.
    std::uint32_t intern(const model::node_name& name);
    [[nodiscard]] const model::node_name& node_name(std::uint32_t node) const {
        return nodes_[node].name;
    }
    [[nodiscard]] std::uint32_t nodes() const noexcept {
        return static_cast<std::uint32_t>(nodes_.size());
    }
    /// The rows whose entry names the node.
    [[nodiscard]] const std::vector<std::uint32_t>& rows_of(std::uint32_t node) const {
        return nodes_[node].rows;
    }
    /// How many channels a node holds or is about to.
    [[nodiscard]] std::uint32_t held(std::uint32_t node) const { return nodes_[node].held; }
    /// The same by collection; empty unless counted.
    [[nodiscard]] const std::map<model::collection_id, std::uint32_t>& held_by_collection(
        std::uint32_t node) const {
        return nodes_[node].by_collection;
    }
    /// From now on, count by collection as well. Call before the first row is added.
    void count_by_collection() noexcept { by_collection_ = true; }
    /// Takes over an entry as read or written at `at`; keeps the by-node lists.
    void set_entry(std::uint32_t row, const model::channel_entry& entry, storage::revision at);
    [[nodiscard]] model::channel_entry entry(std::uint32_t row) const;
    void set_progress(std::uint32_t row, const model::channel_progress& progress,
                      storage::revision at);
    /// The point from which the channel must be consumed.
    [[nodiscard]] std::string_view checkpoint(std::uint32_t row) const noexcept {
        const channel_row& it = (*this)[row];
        return it.progress_at ? it.checkpoint.view() : it.start.view();
    }
    [[nodiscard]] std::size_t memory() const noexcept;

private:
    struct hash {
        using is_transparent = void;
        using is_avalanching = void;
        const channel_table* table;
        std::size_t operator()(std::string_view name) const noexcept {
            return std::hash<std::string_view>{}(name);
        }
        std::size_t operator()(std::uint32_t row) const noexcept {
            return (*this)((*table)[row].name);
        }
    };
    struct equal {
        using is_transparent = void;
        const channel_table* table;
        bool operator()(std::uint32_t left, std::uint32_t right) const noexcept {
            return left == right;
        }
        bool operator()(std::string_view name, std::uint32_t row) const noexcept {
            return (*table)[row].name == name;
        }
        bool operator()(std::uint32_t row, std::string_view name) const noexcept {
            return (*table)[row].name == name;
        }
    };
    struct node_rows {
        model::node_name name;
        std::vector<std::uint32_t> rows;
        std::uint32_t held = 0;
        std::map<model::collection_id, std::uint32_t> by_collection;
    };
    static constexpr std::uint32_t chunk_rows = 1024;

    void leave_node(channel_row& row);
    void count(const channel_row& row, std::uint32_t by);

    std::pmr::monotonic_buffer_resource names_{64 * 1024};
    std::size_t name_bytes_ = 0;
    std::vector<std::unique_ptr<channel_row[]>> chunks_;
    std::uint32_t size_ = 0;
    boost::unordered_flat_set<std::uint32_t, hash, equal> by_name_;
    std::vector<node_rows> nodes_;
    boost::unordered_flat_map<std::string, std::uint32_t, std::hash<std::string>> node_numbers_;
    std::uint32_t last_interned_ = none;  // neighbours often have the same holder
    bool by_collection_ = false;
};

}  // namespace reeve::channel
