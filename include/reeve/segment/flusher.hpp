#pragma once

#include "reeve/catalog/path_layout.hpp"
#include "reeve/channel/consumer.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/messages.hpp"
#include "reeve/model/segment_messages.hpp"
#include "reeve/storage/object_store.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace reeve::segment {

/// The bytes of one binlog file that is to be written.
struct binlog_bytes {
    /// Nothing.
    binlog_bytes() {}
    model::binlog_kind kind = model::binlog_kind::insert;  ///< what it holds
    model::field_id field;                                 ///< of which field
    std::string bytes;                                     ///< the content
    std::uint64_t rows = 0;                                ///< in it
};

/// Files for one segment. The fields are those of model::segment_flush.
struct flush_work {
    /// Nothing.
    flush_work() {}
    model::partition_id partition;    ///< of the segment
    model::segment_id segment;        ///< which
    model::position from;             ///< the segment's recorded end
    model::position to;               ///< its end with these files
    std::uint64_t rows = 0;           ///< that they add
    std::vector<binlog_bytes> files;  ///< in the order in which they are to be read; may be empty
};

/// How files are written.
struct flusher_options {
    /// As the members say.
    flusher_options() {}
    core::backoff_options retry;  ///< of uploads
};

/// A node's way to the leader: node::flush and node::drop.
struct flush_way {
    /// None.
    flush_way() {}
    std::function<awaitable<model::commit_reply>(std::shared_ptr<const channel::grant>,
                                                 model::flush_request)>
        flush;  ///< sends a flush
    std::function<awaitable<model::commit_reply>(std::shared_ptr<const channel::grant>,
                                                 model::channel_drop_request)>
        drop;  ///< sends a drop
};

/// Writes binlog files under names that are never used twice, and reports them. An upload whose
/// outcome is not known goes on under a fresh number: only what was acknowledged is committed, and
/// what else arrives is garbage. Keeps, for each channel, the settled number: below it nothing of
/// the grant will be committed any more (docs/protocols/segments.md, F3).
///
/// One for a process of a node and all of its channels, for as long as the process runs: it must
/// not be made anew under a grant that has written files. One strand; flushes may overlap, those of
/// one segment must not. References must outlive it and what it has running.
class flusher {
public:
    /// `names` says where files lie.
    flusher(core::runtime& strand, storage::object_store& objects,
            std::shared_ptr<const catalog::path_layout> names, flush_way leader,
            flusher_options options = {});
    ~flusher();
    flusher(const flusher&) = delete;
    flusher& operator=(const flusher&) = delete;

    /// Uploads, then commits. `checkpoint`: every segment of the channel is flushed up to here,
    /// once this flush is committed. Repeats uploads until each is acknowledged, with a line of log
    /// for each failure, a full store included, and stops when the grant is over. Throws what
    /// node::flush throws, errc::fenced when the grant is over, and what no repetition of an upload
    /// can mend, errc::permission_denied included.
    [[nodiscard]] awaitable<model::commit_reply> flush(
        std::shared_ptr<const channel::grant> granted, flush_work work, model::flush_effect effect,
        model::position checkpoint);
    /// Uploads what is left of all segments, then drops the channel with it. `work` may be empty.
    [[nodiscard]] awaitable<model::commit_reply> drop(std::shared_ptr<const channel::grant> granted,
                                                      std::vector<flush_work> work,
                                                      model::position checkpoint);

    /// The settled number of a grant, as a flush would report it now.
    [[nodiscard]] std::uint64_t settled(const channel::grant& granted) const;

private:
    struct numbers;
    class open_flush;
    [[nodiscard]] std::shared_ptr<numbers> numbers_of(const channel::grant& granted);
    [[nodiscard]] awaitable<model::segment_flush> upload(
        std::shared_ptr<const channel::grant> granted, flush_work work, std::shared_ptr<numbers> of,
        std::uint64_t number);
    [[nodiscard]] awaitable<model::file_id> upload_one(
        std::shared_ptr<const channel::grant> granted, catalog::file_address where,
        std::string bytes, std::shared_ptr<numbers> of);

    core::runtime& strand_;
    storage::object_store& objects_;
    std::shared_ptr<const catalog::path_layout> names_;
    flush_way leader_;
    flusher_options options_;
    std::map<model::channel_name, std::shared_ptr<numbers>> channels_;
};

}  // namespace reeve::segment
