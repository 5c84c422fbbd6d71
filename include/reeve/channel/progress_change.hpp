#pragma once

#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/model/channel.hpp"
#include "reeve/model/segment_messages.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace reeve::channel {

/// What the leader knows of a channel when its holder, or somebody who claims to be, asks for a
/// change.
struct channel_facts {
    /// Nothing.
    channel_facts() {}
    model::channel_entry entry;        ///< as recorded
    bool held = false;                 ///< does the entry name the sender, under its epoch?
    std::string why;                   ///< if not: for people
    model::channel_progress progress;  ///< as recorded; without a record the entry's start
    bool recorded = false;             ///< is there a progress record?
};

/// What a change writes, besides the guard and the comparisons of entry and progress.
struct progress_write {
    /// Nothing but progress.
    progress_write() {}
    model::channel_progress progress;           ///< the record as it is to be
    std::optional<model::channel_entry> entry;  ///< the entry, if it changes too
    storage::transaction more;                  ///< conditions and writes of other records
    /// Records that must not exist, in any number.
    std::vector<catalog::large_change::part> created;
};

/// A change that a channel's holder asks for: written in one transaction that compares the
/// channel's entry and its progress record, and writes the latter. So it takes effect at most once,
/// and only as long as its grant lives (docs/protocols/channels.md, commits). Changes of one
/// channel come one after the other.
class progress_change {
public:
    /// What comes next.
    enum class step : std::uint8_t {
        answered,  ///< the change has its answer: nothing is written
        look,      ///< `look` first, then ask again
        write,     ///< write `into`
    };

    progress_change() = default;
    virtual ~progress_change() = default;
    progress_change(const progress_change&) = delete;
    progress_change& operator=(const progress_change&) = delete;

    /// Who asks.
    [[nodiscard]] virtual const model::holder& by() const noexcept = 0;
    /// Decides by what is known; asked again whenever that has changed. Throws what refuses it.
    [[nodiscard]] virtual step prepare(const channel_facts& known, progress_write& into) = 0;
    /// Reads again what else the decision rests on: before a refusal that memory alone would give,
    /// and when a condition of `more` or `created` did not hold. Throws if that can never change.
    [[nodiscard]] virtual awaitable<void> look() = 0;
    /// What was last prepared is durable since `at`.
    virtual void committed(storage::revision at) = 0;
    /// It may be durable, or may become so: the caller repeats it, or gives up.
    virtual void doubted() {}
};

}  // namespace reeve::channel
