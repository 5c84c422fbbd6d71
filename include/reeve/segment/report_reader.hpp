#pragma once

#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/catalog/stream_record.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/segment_messages.hpp"
#include "reeve/segment/manager.hpp"
#include "reeve/storage/message_stream.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace reeve::segment {

/// What a stream of reports carries.
enum class report_kind : std::uint8_t {
    ticks,    ///< time ticks with the rows of segments: transport::encode(model::tick_request)
    flushes,  ///< flushes of segments: transport::encode(model::flush_request)
};

/// A stream from the nodes to the leader. A report has no answer: who sends it sees what became of
/// it with model::segments_request.
struct report_stream {
    /// None.
    report_stream() {}
    /// The stream of that name.
    report_stream(std::string called, report_kind carries)
        : name(std::move(called)), kind(carries) {}
    std::string name;                       ///< of the stream; 1..200 printable bytes without '/'
    report_kind kind = report_kind::ticks;  ///< what is in it
};

/// The streams of reports that a leader reads.
struct report_options {
    /// None.
    report_options() {}
    storage::message_stream* streams = nullptr;  ///< null: nothing is read. Must outlive the leader
    std::vector<report_stream> read;             ///< which of them
};

/// How far a stream was read, and what was in it.
struct report_status {
    /// Nothing.
    report_status() {}
    std::string name;           ///< of the stream
    model::position at;         ///< recorded: after the last report that is done with
    std::uint64_t applied = 0;  ///< carried out in this term
    std::uint64_t refused = 0;  ///< of grants that have ended, and the like, in this term
    std::uint64_t skipped = 0;  ///< that could not be read or carried out, ever
    std::string last_skipped;   ///< the last of those in this term: where, and why
    std::string trouble;        ///< the failure that is being retried; empty: none
};

/// Reads one stream of reports for one term and carries them out through the segments' manager, in
/// order. The position is recorded in the transaction of the effect, so a report that follows a
/// crash is neither lost nor counted twice. A report that cannot be read, or that nobody can have
/// been entitled to send, is counted, named and passed over: it never stops the stream
/// (docs/protocols/segments.md, section 9a). One strand; references must outlive it and what it has
/// running.
class report_reader {
public:
    /// Of the term of `guard`, beside the manager of the same term.
    report_reader(core::runtime& strand, storage::metadata_store& store,
                  storage::message_stream& streams, const catalog::key_layout& keys,
                  catalog::leader_guard guard, std::shared_ptr<manager> segments,
                  report_stream what, core::backoff_options retry);

    /// Reads where the last reign stopped; writes nothing. Throws errc::corrupt,
    /// errc::unsupported_format naming the key, and what the store throws.
    [[nodiscard]] awaitable<void> load();
    /// Reads on from there until the term is over (throws errc::fenced) or cancelled.
    [[nodiscard]] awaitable<void> run();
    /// How far it is.
    [[nodiscard]] const report_status& status() const noexcept { return status_; }

private:
    [[nodiscard]] awaitable<void> read_on();
    [[nodiscard]] awaitable<void> take(storage::message report);
    [[nodiscard]] awaitable<void> take_tick(storage::message report);
    [[nodiscard]] awaitable<void> take_flush(storage::message report);
    [[nodiscard]] awaitable<bool> never_granted(model::holder by);
    [[nodiscard]] awaitable<void> record(catalog::stream_record next);
    [[nodiscard]] catalog::stream_record past(const storage::message& report) const;
    [[nodiscard]] awaitable<void> skip(storage::message report, std::string why);

    core::runtime& strand_;
    storage::metadata_store& store_;
    storage::message_stream& streams_;
    const std::string key_;
    const catalog::key_layout keys_;
    catalog::leader_guard guard_;
    std::shared_ptr<manager> segments_;
    report_stream what_;
    core::backoff_options retry_;
    catalog::stream_record recorded_;
    storage::revision at_;
    model::position done_;  // ticks are done with before their position is recorded
    report_status status_;
};

}  // namespace reeve::segment
