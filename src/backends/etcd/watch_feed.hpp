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
/// that is true. The server reads all of its history since that revision, whatever the range, hence
/// one that is far back is not used if we may see everything that has happened since next().
///
/// Watches begin one revision before the first that is wanted, and leave it out: etcd accepts a
/// watch from the very revision of a compaction, which drops a removal at that revision (etcd 18089
/// and 19179).
class watch_feed {
public:
    /// A message that comes in parts is kept until all of it is there. etcd puts at most 1000
    /// revisions in one, of 1.5 MiB each by default; beyond this it is corrupt.
    static constexpr std::size_t unfinished_bytes_max = std::size_t{2} << 30U;
    /// Batches that nobody has asked for, until is_full.
    static constexpr std::size_t ready_bytes_max = std::size_t{16} << 20U;

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
    watch_feed(key_space keys, storage::key_range range, storage::revision from,
               std::size_t unfinished_bytes = unfinished_bytes_max);

    /// The range, as the server knows it.
    [[nodiscard]] const wire_range& outer() const noexcept { return outer_; }
    /// Everything before this was delivered.
    [[nodiscard]] storage::revision next() const noexcept { return next_; }
    /// Where a stream begins: one before next(), if there is one. Nothing is lost as long as the
    /// server knows the history from here on.
    [[nodiscard]] storage::revision begins_at() const noexcept;

    /// The request that opens the watch on a new stream; forgets the stream before.
    [[nodiscard]] watch_request begin();
    [[nodiscard]] bool established() const noexcept { return established_; }

    /// Takes in a message. Throws errc::corrupt if it makes no sense.
    news absorb(watch_response&& from);
    /// Why the server ended the watch.
    [[nodiscard]] const std::string& reason() const noexcept { return reason_; }

    /// The next batch, if there is one.
    [[nodiscard]] std::optional<storage::change_batch> pop();
    /// True while so much waits to be popped that no more should be absorbed.
    [[nodiscard]] bool is_full() const noexcept { return ready_bytes_ >= ready_bytes_max; }

    /// True if the store has moved on, by hearsay, and no probe is under way.
    [[nodiscard]] bool is_behind() const noexcept { return !probe_ && hint_ >= next_; }
    [[nodiscard]] bool probing() const noexcept { return probe_.has_value(); }
    /// The probe by a change of the range that was seen, or, if that is far back and we may, by
    /// whatever has happened since next() anywhere; nothing if none was seen, or it is compacted.
    [[nodiscard]] std::optional<watch_request> probe();
    /// The probe by the newest of some records at or behind the begin of the range, in key order;
    /// if it is far back, or all are compacted, by whatever has happened since next() anywhere;
    /// nothing if all are compacted and that was not permitted.
    [[nodiscard]] std::optional<watch_request> probe_by(
        const std::vector<storage::record>& candidates);
    /// Ends a probe that is `probed`.
    [[nodiscard]] watch_request probe_end();
    /// Ends a probe that stays silent: the change that it leans on may be gone from the history
    /// without being compacted (a removal at the revision of the compaction), so another way is
    /// taken next time.
    [[nodiscard]] watch_request probe_given_up();

private:
    struct part {
        std::vector<storage::change> changes;
        std::size_t bytes = 0;
    };

    [[nodiscard]] bool is_near(storage::revision at) const noexcept;
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
    std::size_t unfinished_bytes_;
    std::deque<storage::change_batch> ready_;
    std::size_t ready_bytes_ = 0;
    std::string reason_;

    storage::revision anchor_;     // of a change in the range, 0: none is known
    storage::revision compacted_;  // history before this is known to be lost
    storage::revision hint_;

    bool established_ = false;
    bool sees_everything_ = true;  // until a stream is told that it must not
    std::int64_t last_id_ = 0;
    part main_;
    struct probe_state {
        probe_state() {}  // clang: a nested class with initialisers cannot be made in place without
        std::int64_t id = 0;
        part changes;
        bool of_everything = false;
        bool by_anchor = false;
    };
    std::optional<probe_state> probe_;
};

}  // namespace reeve::backends::etcd
