#include "segment_ledger.hpp"

#include "reeve/catalog/commit_large.hpp"
#include "reeve/segment/life_cycle.hpp"

#include <fmt/format.h>

#include <sstream>

namespace simulated {

namespace {

std::string hex(const model::position& it) {
    std::string text;
    for (const char byte : it.value)
        text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
}

}  // namespace

void segment_ledger::committed(const storage::transaction& change, storage::revision at) {
    using kind = catalog::key_layout::kind;
    bool counted = false;
    // Segments first: a flush belongs to the record as it is with it.
    for (const auto& write : change.operations()) {
        const auto key = keys_.parse(write.key);
        // What a leader's sweeps do, its time, and jobs that were given up are no repair.
        const bool removes = write.what == storage::operation::kind::remove;
        const bool of_segment = key.what == kind::segment;
        const bool collects = of_segment && write.value.find("\"collect") != std::string::npos;
        // An old copy of a message may still ask for room.
        const bool grows = of_segment && write.value.find("\"growing\"") != std::string::npos;
        const bool own = key.what == kind::gc_cursor || key.what == kind::gc_journal ||
                         key.what == kind::oracle || key.what == kind::ids ||
                         key.what == kind::job || collects || grows || removes;
        counted = counted || (!own && key.what != kind::leader && key.what != kind::node);
        if (write.what != storage::operation::kind::put) continue;
        if (catalog::unmark(write.value).batch != 0) continue;  // not visible yet
        if (key.what == kind::leader) term_ = at.value;
        if (key.what == kind::segment) look_at_segment(key, write);
        if (key.what == kind::job) decoder_.decode(write.key, write.value, jobs_[key.number]);
        if (key.what == kind::channel) look_at_entry(std::string(key.name), write);
        if (write.key.ends_with(".claimed")) {
            world_.require(
                write.value == std::to_string(term_),
                fmt::format("I8: a write of term {} took effect in term {}", write.value, term_));
        }
    }
    for (const auto& write : change.operations()) {
        const auto key = keys_.parse(write.key);
        if (write.what != storage::operation::kind::put) {
            if (key.what == kind::binlog) segments_[key.segment].flushes.erase(key.flush);
            continue;
        }
        if (catalog::unmark(write.value).batch != 0) continue;
        if (key.what == kind::binlog) look_at_binlog(key, write);
        if (key.what == kind::progress) look_at_progress(std::string(key.name), write);
    }
    if (!counted) return;
    ++writes_;
    last_written_ = change.operations().back().key;
}

bool segment_ledger::alive(const known_segment& it) const {
    return !model::is_dropped(it.record.state) && !dropped_.contains(it.record.channel.value);
}

void segment_ledger::look_at_segment(const catalog::key_layout::parsed& key,
                                     const storage::operation& write) {
    model::segment_record record;
    decoder_.decode(write.key, write.value, record);
    const auto [found, fresh] = segments_.try_emplace(key.segment);
    known_segment& known = found->second;
    if (fresh) {
        world_.require(
            segment::may_begin(record.state),
            fmt::format("segment {} begins as {}", key.segment, model::name(record.state)));
        world_.require(!dropped_.contains(record.channel.value),
                       fmt::format("S4: segment {} begins in the dropped channel {}", key.segment,
                                   record.channel));
    } else {
        const auto before = known.record.state;
        world_.require(before == record.state || segment::may_become(before, record.state),
                       fmt::format("S4: segment {} goes from {} to {}", key.segment,
                                   model::name(before), model::name(record.state)));
        const bool stays =
            record.channel == known.record.channel && record.partition == known.record.partition;
        world_.require(stays, fmt::format("segment {} changed its channel", key.segment));
        const bool less = !model::is_dropped(record.state) &&
                          (record.rows < known.record.rows || record.end < known.record.end);
        world_.require(!less, fmt::format("S3: segment {} has lost rows", key.segment));
    }
    const bool full = !model::is_dropped(record.state) &&
                      record.state != model::segment_state::flushed &&
                      record.rows > record.limits.rows;
    world_.require(!full, fmt::format("S1: segment {} has {} rows of {}", key.segment, record.rows,
                                      record.limits.rows));
    if (record.state == model::segment_state::sealed) world_.count("segment sealed");
    if (record.state == model::segment_state::flushed) world_.count("segment flushed");
    if (record.state == model::segment_state::collected) world_.count("segment collected");
    known.collection = key.collection;
    known.record = std::move(record);
}

void segment_ledger::look_at_binlog(const catalog::key_layout::parsed& key,
                                    const storage::operation& write) {
    model::binlog_record record;
    decoder_.decode(write.key, write.value, record);
    const auto found = segments_.find(key.segment);
    if (found == segments_.end()) {
        world_.fail(fmt::format("a flush of segment {}, which is not there", key.segment));
        return;
    }
    known_segment& in = found->second;
    const bool again = in.flushes.contains(key.flush);  // a mark was taken away
    world_.require(!again, fmt::format("S3: flush {} of segment {} was written twice",
                                       model::text(key.flush), key.segment));
    world_.require(
        alive(in) || model::is_dropped(in.record.state),
        fmt::format("S4: a flush of segment {} after its channel was dropped", key.segment));
    for (const auto& group : record.groups) {
        for (const auto& file : group.files) {
            const bool fresh = files_.try_emplace(file.id, key.segment).second;
            world_.require(fresh,
                           fmt::format("S5: file {} belongs to two records", model::text(file.id)));
            const std::string name = name_of(key.segment, in, group, file);
            const auto there = objects_.find(name);
            world_.require(there != objects_.end() && there->second.size() == file.bytes,
                           fmt::format("S3: {} is named by a record, and is not there", name));
        }
    }
    in.flushes.emplace(key.flush, std::move(record));
}

void segment_ledger::look_at_progress(const std::string& channel, const storage::operation& write) {
    model::channel_progress next;
    decoder_.decode(write.key, write.value, next);
    model::channel_progress& known = progress_[channel];
    world_.require(next.checkpoint >= known.checkpoint,
                   fmt::format("I3: the checkpoint of {} went back", channel));
    world_.require(next.epoch >= known.epoch,
                   fmt::format("I1: epoch {} of {} had an effect after epoch {}", next.epoch,
                               channel, known.epoch));
    world_.require(next.epoch != known.epoch || next.settled >= known.settled,
                   fmt::format("S5: the settled number of {} went back", channel));
    const auto& entry = entries_[channel];
    const bool holder =
        model::has_holder(entry.state) || entry.state == model::channel_state::dropped;
    world_.require(holder && next.epoch == entry.epoch,
                   fmt::format("I1: epoch {} of {} had an effect, but the entry is {} at {}",
                               next.epoch, channel, model::name(entry.state), entry.epoch));
    known = std::move(next);
}

void segment_ledger::look_at_entry(const std::string& channel, const storage::operation& write) {
    model::channel_entry next;
    decoder_.decode(write.key, write.value, next);
    world_.require(!dropped_.contains(channel),
                   fmt::format("S4: the entry of the dropped channel {} was written", channel));
    entries_[channel] = next;
    if (next.state != model::channel_state::dropped) return;
    dropped_.insert(channel);
    world_.count("channel dropped");
}

std::string segment_ledger::name_of(model::segment_id segment, const known_segment& in,
                                    const model::binlog_group& group,
                                    const model::binlog_file& file) const {
    catalog::file_address where;
    where.collection = in.collection;
    where.partition = in.record.partition;
    where.segment = segment;
    where.kind = group.kind;
    where.field = group.field;
    where.file = file.id;
    return names_->format(where);
}

template <class Visit>
void segment_ledger::each_file(const Visit& visit) const {
    for (const auto& [segment, in] : segments_) {
        for (const auto& [flush, record] : in.flushes) {
            for (const auto& group : record.groups) {
                for (const auto& file : group.files) {
                    visit(in, name_of(segment, in, group, file));
                }
            }
        }
    }
}

void segment_ledger::begins(const std::string& name) { begun_[name] = world_.events().now(); }

void segment_ledger::listed(storage::object_page& page) {
    for (auto& one : page.objects) {
        if (times_ == object_times::unknown) {
            one.last_modified = core::wall_time();
        } else {
            dated_.insert(one.key);
        }
    }
}

std::set<model::epoch> segment_ledger::living() const {
    std::set<model::epoch> found;
    for (const auto& [channel, entry] : entries_) {
        if (model::has_holder(entry.state)) found.insert(entry.epoch);
    }
    for (const auto& [number, job] : jobs_) {
        if (job.state == model::job_state::granted) found.insert(job.epoch);
    }
    return found;
}

void segment_ledger::written(const std::string& name, const std::string& bytes) {
    const auto address = names_->parse(name);
    if (!address) return;
    world_.require(names_used_.insert(name).second, fmt::format("S5: {} was written twice", name));
    objects_[name] = bytes;
    const auto begun = begun_.find(name);
    if (begun == begun_.end()) return;
    const bool late = world_.events().now() - begun->second > retention_;
    if (late) world_.count("upload longer than the retention");
    if (late && !living().contains(address->file.epoch)) {
        world_.count("upload landed after its epoch and the retention");
    }
    begun_.erase(begun);
}

/// S5, at the moment of the delete's effect.
void segment_ledger::removed(const std::string& name) {
    if (objects_.erase(name) == 0) return;
    world_.count("object removed");
    world_.require(!claim_awaited_,
                   fmt::format("S5: {} was removed before its data root was claimed", name));
    const auto address = names_->parse(name);
    if (!address) return;
    const auto owner = files_.find(address->file);
    if (owner == files_.end()) {
        world_.require(dated_.contains(name),
                       fmt::format("S5: {} was removed, and nobody knew how old it was", name));
        return;
    }
    const auto in = segments_.find(owner->second);
    const bool needed = in != segments_.end() && alive(in->second);
    world_.require(!needed, fmt::format("S5: {} was removed, and a record names it", name));
}

std::vector<std::string> segment_ledger::garbage() const {
    std::set<std::string> kept;
    each_file([&](const known_segment& in, const std::string& name) {
        if (in.record.state != model::segment_state::collected) kept.insert(name);
    });
    const auto epochs = living();
    std::vector<std::string> found;
    for (const auto& [name, bytes] : objects_) {
        const auto address = names_->parse(name);
        if (!address || kept.contains(name) || epochs.contains(address->file.epoch)) continue;
        found.push_back(name);
    }
    return found;
}

void segment_ledger::restored(const std::vector<storage::record>& all) {
    using kind = catalog::key_layout::kind;
    segments_.clear();
    progress_.clear();
    entries_.clear();
    dropped_.clear();
    files_.clear();
    jobs_.clear();
    names_used_.clear();  // epochs of the lost future are given out again
    for (const auto& one : all) {
        if (catalog::unmark(one.value).batch != 0) continue;
        const auto key = keys_.parse(one.key);
        if (key.what == kind::segment) {
            segments_[key.segment].collection = key.collection;
            decoder_.decode(one.key, one.value, segments_[key.segment].record);
        } else if (key.what == kind::channel) {
            auto& entry = entries_[std::string(key.name)];
            decoder_.decode(one.key, one.value, entry);
            if (entry.state == model::channel_state::dropped) dropped_.emplace(key.name);
        } else if (key.what == kind::progress) {
            decoder_.decode(one.key, one.value, progress_[std::string(key.name)]);
        } else if (key.what == kind::job) {
            decoder_.decode(one.key, one.value, jobs_[key.number]);
        } else if (key.what == kind::binlog) {
            auto& flush = segments_[key.segment].flushes[key.flush];
            decoder_.decode(one.key, one.value, flush);
            for (const auto& group : flush.groups) {
                for (const auto& file : group.files) files_[file.id] = key.segment;
            }
        }
    }
    each_file([this](const known_segment& in, const std::string& name) {
        world_.require(!alive(in) || objects_.contains(name),
                       fmt::format("S3: {} is named by the copy, and is not there", name));
    });
}

void segment_ledger::appended(const std::string& channel, std::uint64_t row,
                              model::segment_id segment, const model::position& at) {
    auto& rows = rows_[channel];
    world_.require(rows.size() + 1 == row, "the writer appends its rows out of order");
    rows.push_back({segment, at});
}

std::string segment_ledger::missing_rows() const {
    std::map<std::string, std::map<std::uint64_t, int>> found;
    each_file([&](const known_segment& in, const std::string& name) {
        const auto there = objects_.find(name);
        if (!alive(in) || there == objects_.end()) return;
        std::istringstream rows(there->second);
        for (std::uint64_t row = 0; rows >> row;) ++found[in.record.channel.value][row];
    });
    for (const auto& [channel, rows] : rows_) {
        if (dropped_.contains(channel)) continue;
        const auto& have = found[channel];
        for (std::uint64_t row = 1; row <= rows.size(); ++row) {
            const auto times = have.find(row);
            const int count = times == have.end() ? 0 : times->second;
            if (count == 1) continue;
            const auto& tag = rows[row - 1];
            const auto in = segments_.find(tag.segment);
            return fmt::format(
                "row {} of {} of channel {}, appended at {} for segment {}, is there {} times; the "
                "segment is {} and ends at {}, checkpoint {}",
                row, rows.size(), channel, hex(tag.at), tag.segment, count,
                in == segments_.end() ? "unknown" : model::name(in->second.record.state),
                in == segments_.end() ? "?" : hex(in->second.record.end),
                hex(progress_.at(channel).checkpoint));
        }
    }
    return {};
}

}  // namespace simulated
