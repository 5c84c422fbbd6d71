#include "channel/channel_table.hpp"

namespace reeve::channel {

std::uint32_t channel_table::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? none : *found;
}

std::uint32_t channel_table::add(std::string_view name) {
    const std::uint32_t known = find(name);
    if (known != none) return known;
    const std::uint32_t row = append(name);
    by_name_.insert(row);
    return row;
}

std::uint32_t channel_table::append(std::string_view name) {
    if (size_ % chunk_rows == 0) chunks_.push_back(std::make_unique<channel_row[]>(chunk_rows));
    char* copy = static_cast<char*>(names_.allocate(name.size(), 1));
    std::memcpy(copy, name.data(), name.size());
    name_bytes_ += name.size();
    const std::uint32_t row = size_++;
    (*this)[row].name = std::string_view(copy, name.size());
    return row;
}

void channel_table::index() {
    by_name_.reserve(size_);
    for (std::uint32_t row = 0; row < size_; ++row) by_name_.insert(row);
}

std::uint32_t channel_table::intern(const model::node_name& name) {
    if (last_interned_ != none && nodes_[last_interned_].name == name) return last_interned_;
    const auto [found, added] =
        node_numbers_.try_emplace(name.value, static_cast<std::uint32_t>(nodes_.size()));
    if (added) nodes_.emplace_back().name = name;
    last_interned_ = found->second;
    return found->second;
}

/// `by` is 1 or its negative, as unsigned numbers wrap.
void channel_table::count(const channel_row& row, std::uint32_t by) {
    if (row.node == none || !model::has_holder(row.state)) return;
    node_rows& node = nodes_[row.node];
    node.held += by;
    if (by_collection_) node.by_collection[row.collection] += by;
}

void channel_table::leave_node(channel_row& row) {
    if (row.node == none) return;
    auto& rows = nodes_[row.node].rows;
    const std::uint32_t moved = rows.back();
    rows[row.place_in_node] = moved;
    (*this)[moved].place_in_node = row.place_in_node;
    rows.pop_back();
    row.node = none;
}

void channel_table::set_entry(std::uint32_t at_row, const model::channel_entry& entry,
                              storage::revision at) {
    channel_row& row = (*this)[at_row];
    const std::uint32_t node = entry.node.value.empty() ? none : intern(entry.node);
    count(row, ~std::uint32_t{0});
    if (node != row.node) {
        leave_node(row);
        if (node != none) {
            row.node = node;
            auto& rows = nodes_[node].rows;
            row.place_in_node = static_cast<std::uint32_t>(rows.size());
            rows.push_back(at_row);
        }
    }
    row.collection = entry.collection;
    row.process = entry.process;
    row.epoch = entry.epoch;
    row.state = entry.state;
    count(row, 1);
    row.start.assign(entry.start.value);
    row.entry_at = at;
    row.answer = told::nothing;
}

model::channel_entry channel_table::entry(std::uint32_t at_row) const {
    const channel_row& row = (*this)[at_row];
    model::channel_entry entry;
    entry.collection = row.collection;
    entry.state = row.state;
    if (row.node != none) entry.node = nodes_[row.node].name;
    entry.process = row.process;
    entry.epoch = row.epoch;
    entry.start = row.start.get();
    return entry;
}

void channel_table::set_progress(std::uint32_t at_row, const model::channel_progress& progress,
                                 storage::revision at) {
    channel_row& row = (*this)[at_row];
    row.checkpoint.assign(progress.checkpoint.value);
    row.progress_epoch = progress.epoch;
    row.settled = progress.settled;
    row.flush = progress.flush;
    row.progress_at = at;
}

std::size_t channel_table::memory() const noexcept {
    std::size_t bytes = chunks_.size() * (chunk_rows * sizeof(channel_row) + sizeof(void*));
    bytes += name_bytes_ + by_name_.bucket_count() * (sizeof(std::uint32_t) + 1);
    for (const auto& node : nodes_) {
        bytes += sizeof node + node.rows.capacity() * sizeof(std::uint32_t);
    }
    for (std::uint32_t row = 0; row < size_; ++row) {
        bytes += (*this)[row].start.heap() + (*this)[row].checkpoint.heap();
    }
    return bytes;
}

}  // namespace reeve::channel
