#pragma once

#include "backends/etcd/key_space.hpp"
#include "backends/etcd/rpc.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace reeve::backends::etcd {

/// Turns the messages of watch streams into batches: puts split messages together, orders, leaves
/// out what was delivered, and knows how far the store has come. No I/O.
///
/// How far is the hard part. etcd says by itself only that something changed. Progress that is
/// asked for by hand overtakes changes that are on their way (etcd 3.4 before 3.4.25, 3.5 before
/// 3.5.8), so it is a hint and nothing more. What can be relied on is the revision in the header of
/// a message with changes: it was computed together with them, and covers all of the watch's range.
/// So an idle watch whose store has moved on is *probed*: a second watch is opened on the same
/// stream, over the range and from a revision at which something is known to have happened there
/// (or just behind it). Its first message repeats that change, brings what is new, and says how far
/// that is true.
class watch_feed {
public:
    /// What a message meant.
    enum class news : std::uint8_t {
        none,         ///< or only batches
        established,  ///< the stream follows the range
        compacted,    ///< the history is lost
        cancelled,    ///< the server ended the watch; see reason()
        probed,       ///< the probe has said what it can; probe_end() ends it
        refused,      ///< the probe was not permitted
    };

    /// Delivers `range` from `from` on.
    watch_feed(key_space keys, storage::key_range range, storage::revision from);

    /// The range, as the server knows it.
    [[nodiscard]] const wire_range& outer() const noexcept { return outer_; }
    /// Everything before this was delivered.
    [[nodiscard]] storage::revision next() const noexcept { return next_; }

    /// The request that opens the watch on a new stream; forgets the stream before.
    [[nodiscard]] watch_request begin();
    [[nodiscard]] bool established() const noexcept { return established_; }

    /// Takes in a message. Throws errc::corrupt if it makes no sense.
    news absorb(watch_response&& from);
    /// Why the server ended the watch.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

    /// The next batch, if there is one.
    [[nodiscard]] std::optional<storage::change_batch> pop();

    /// True if the store has moved on, by hearsay, and no probe is under way.
    [[nodiscard]] bool is_behind() const noexcept { return !probe_ && hint_ >= next_; }
    [[nodiscard]] bool probing() const noexcept { return probe_.has_value(); }
    /// The probe by a change of the range that was seen; nothing if none was, or it is compacted.
    [[nodiscard]] std::optional<watch_request> probe();
    /// The probe by the newest of some records at or behind the begin of the range, in key order;
    /// if all are compacted, by whatever has happened since next() anywhere; nothing if that was
    /// not permitted.
    [[nodiscard]] std::optional<watch_request> probe_by(
        const std::vector<storage::record>& candidates);
    /// Ends a probe that is `probed`.
    [[nodiscard]] watch_request probe_end();

private:
    struct part {
        std::vector<storage::change> changes;
    };

    [[nodiscard]] watch_request begin_probe(std::string end, storage::revision from);
    [[nodiscard]] std::optional<watch_request> probe_everything();
    news absorb_main(watch_response&& from);
    news absorb_probe(watch_response&& from);
    void gather(watch_response& from, part& into) const;
    bool complete(part& all, storage::revision stated);
    void deliver(std::vector<storage::change> changes, storage::revision up_to);

    key_space keys_;
    storage::key_range range_;
    wire_range outer_;
    storage::revision next_;
    std::deque<storage::change_batch> ready_;
    std::string reason_;

    storage::revision anchor_;     // of a change in the range, 0: none is known
    storage::revision compacted_;  // history before this is known to be lost
    storage::revision hint_;

    bool established_ = false;
    bool sees_everything_ = true;  // until a stream is told that it must not
    std::int64_t last_id_ = 0;
    part main_;
    struct probe_state {
        std::int64_t id = 0;
        part changes;
        bool of_everything = false;
    };
    std::optional<probe_state> probe_;
};

}  // namespace reeve::backends::etcd
