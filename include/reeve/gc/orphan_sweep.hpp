#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/gc/judge.hpp"
#include "reeve/gc/sweep.hpp"
#include "reeve/model/gc.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace reeve::gc {

/// Where a sweep gets its facts: the leader's memory, or whoever reads the records.
class knowledge {
public:
    virtual ~knowledge() = default;
    /// A view that is at least as new as this call: everything that was committed before it began
    /// is in it. Valid until the caller waits for something. Throws reeve::error if it cannot be
    /// had: the sweep then stops.
    [[nodiscard]] virtual awaitable<const view*> refresh() = 0;
};

/// How the orphan sweep works.
struct orphan_options {
    /// An operator's time to undo: garbage is kept for so long, by the object store's clock.
    std::chrono::milliseconds retention{std::chrono::hours(24)};
    /// From the end of one round to the beginning of the next.
    std::chrono::milliseconds interval{std::chrono::hours(24)};
    std::size_t page = 1000;  ///< objects in one listing, at least 1
    /// Objects that are judged before any of them is deleted, at least 1. What
    /// `delete_fraction_max` is of.
    std::size_t window = 100'000;
    /// A window of which more than this fraction (0 to 1) would be deleted stops the sweep: the
    /// facts are likely to be wrong.
    double delete_fraction_max = 0.5;
    /// So many deletes of a window are never too many.
    std::size_t few_deletes = 100;
    /// Forced by an operator: delete whatever fraction it is. Logged.
    bool any_fraction = false;
    /// Forced by an operator: leave suspicious objects alone and go on. They are never deleted.
    /// Logged.
    bool pass_suspicious = false;
    pace_options pace;  ///< how fast

    /// As the members say.
    orphan_options() noexcept {}
};
static_assert(std::is_trivially_copyable_v<orphan_options>);

/// How many verdicts there are.
inline constexpr std::size_t verdict_count = static_cast<std::size_t>(verdict::suspicious) + 1;

/// What a sweep saw and did.
struct orphan_report {
    std::array<std::uint64_t, verdict_count> objects{};  ///< by verdict; the marker is not counted
    std::array<std::uint64_t, verdict_count> bytes{};    ///< by verdict
    delete_counts deleted;                               ///< what became of the garbage
    std::uint64_t kept_by_pause = 0;                     ///< garbage of paused collections
    std::vector<std::string> unreadable;  ///< some names that the layout would not write; printable
    std::vector<std::string> suspicious;  ///< some that were passed over, with reasons; printable
    bool complete = false;                ///< it came to the end of the listing
    bool paused = false;                  ///< it ended because everything is paused

    /// Objects of that verdict.
    [[nodiscard]] std::uint64_t count(verdict of) const noexcept {
        return objects[static_cast<std::size_t>(of)];
    }
    /// Objects seen.
    [[nodiscard]] std::uint64_t seen() const noexcept;
};
/// A few lines for people.
[[nodiscard]] std::string text(const orphan_report& it);

/// An object and what a sweep thinks of it.
struct judged_object {
    storage::object_meta object;       ///< as listed
    verdict is = verdict::unreadable;  ///< what is thought of it
    std::string_view why;              ///< a constant text
};
/// One line for people: verdict, name (escaped), size, reason.
[[nodiscard]] std::string text(const judged_object& it);

/// Garbage that was found, to be shown to somebody and then deleted.
struct deletion_plan {
    std::vector<judged_object> garbage;  ///< in the order of the listing, cut at what was asked for
    std::uint64_t omitted = 0;           ///< garbage beyond that
    orphan_report report;                ///< of all objects; nothing was deleted
};

/// What became of a plan.
struct apply_report {
    delete_counts deleted;              ///< what was deleted
    std::uint64_t gone = 0;             ///< was gone already
    std::uint64_t refused = 0;          ///< has moved since: another object, or no garbage any more
    std::vector<std::string> refusals;  ///< some of those, with reasons; printable
};

/// Told of the report so far after each page and each batch of deletes, on the strand. Must not
/// throw.
using on_orphan_progress = std::function<void(const orphan_report& so_far)>;
/// Told of every object that was judged, in the order of the listing. What it throws ends the call.
using on_judged = std::function<void(const judged_object& one)>;

/// Deletes what no record names and none ever will, below one data root
/// (docs/protocols/segments.md, section 13). Nothing that it holds is needed for safety: deletes
/// follow from facts that stay true, so it may be stopped, killed or deposed anywhere, and run
/// twice at once.
///
/// On one strand. The object must outlive its calls.
class orphan_sweep {
public:
    /// What `site` and `known` refer to must outlive it. Throws errc::invalid_argument for options
    /// outside the stated ranges.
    orphan_sweep(sweep_site site, knowledge& known, orphan_options options = {});

    /// Called with reports from now on; empty: nobody is.
    void on_progress(on_orphan_progress progress) { progress_ = std::move(progress); }

    /// Goes from the durable cursor to the end of the listing, or until it finds everything paused.
    /// A failed delete is counted and left to a later sweep. Stops with nothing of the present
    /// window deleted by throwing: errc::foreign or errc::corrupt (the marker), errc::refused (a
    /// suspicious object, which it names, or too much garbage), errc::fenced, and what the stores
    /// and `knowledge` throw. The next call begins again at the window that failed.
    [[nodiscard]] awaitable<orphan_report> sweep();
    /// `sweep` every `orphan_options::interval`, across changes of leaders. Ends by cancellation
    /// (operation_aborted) or errc::fenced; other failures are logged, counted, shown in `status`
    /// and followed by another try.
    [[nodiscard]] awaitable<void> run();

    /// Judges every object, deletes nothing and writes nothing. Suspicious ones are reported, too.
    /// Throws what `sweep` throws but errc::refused, and what `each` throws.
    [[nodiscard]] awaitable<orphan_report> look(on_judged each);
    /// What a sweep would delete, at most `most` objects of it.
    [[nodiscard]] awaitable<deletion_plan> plan(std::size_t most);
    /// Deletes what was planned, if it still is the same object and still garbage: each is looked
    /// at and judged again, by facts as new as that look. Paused collections are refused. Throws
    /// what `sweep` throws; what was deleted until then is deleted.
    [[nodiscard]] awaitable<apply_report> apply(deletion_plan plan);

    /// How `run` stands.
    [[nodiscard]] const sweep_status& status() const noexcept { return status_; }

private:
    struct round;
    struct cursor_seen;
    [[nodiscard]] awaitable<void> check_marker();
    [[nodiscard]] awaitable<cursor_seen> read_cursor();
    [[nodiscard]] awaitable<void> write_cursor(std::shared_ptr<cursor_seen> cursor);
    [[nodiscard]] awaitable<void> read_page(std::shared_ptr<round> now);
    [[nodiscard]] awaitable<void> read_window(std::shared_ptr<round> now);
    [[nodiscard]] awaitable<core::wall_time> age_now();
    [[nodiscard]] awaitable<void> delete_window(std::shared_ptr<round> now);
    [[nodiscard]] awaitable<void> apply_some(std::shared_ptr<deletion_plan> plan, std::size_t begin,
                                             std::size_t end, std::shared_ptr<apply_report> into);
    [[nodiscard]] awaitable<void> wait_for_turn();
    void take(round& now, const storage::object_meta& object, const judgement& judged);
    void require_few(std::uint64_t garbage, std::uint64_t seen);
    void tell(const orphan_report& report) const;

    sweep_site site_;
    knowledge& known_;
    orphan_options options_;
    on_orphan_progress progress_;
    sweep_status status_;
};

}  // namespace reeve::gc
