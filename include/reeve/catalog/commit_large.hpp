#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/id_blocks.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::catalog {

/// A value as stored, taken apart: a part of a large transaction carries the mark "reeve-batch:",
/// the batch's id in decimal digits and ':' in front of the value. Any value can be marked, and
/// nothing else may begin so.
struct marked_value {
    std::uint64_t batch = 0;  ///< 0: no mark, an ordinary record
    std::string_view value;   ///< without the mark; a view into what was taken apart
};

/// `value` as a part of batch `id`, which is not 0.
[[nodiscard]] std::string mark(std::uint64_t id, std::string_view value);
/// Takes a stored value apart. Total: what is not exactly a mark is value.
[[nodiscard]] marked_value unmark(std::string_view stored) noexcept;

/// Throws errc::invalid_argument, naming the key, if `change` writes a value that looks marked: a
/// later recovery would take it for a part of an unfinished batch and remove it. Every path that
/// writes values of a host asks.
void refuse_marked(const storage::transaction& change);

/// Is a record there whose value carries the mark of `batch`? Always if it carries none (0);
/// otherwise only if a slot says that this batch is committed. Value and slots must have been read
/// at one revision (docs/protocols/large_transactions.md, 4).
[[nodiscard]] bool part_visible(std::uint64_t batch, std::span<const batch_slot> slots) noexcept;

/// One page of a range as a reader must see it: parts of batches that are not committed are left
/// out, and no value carries a mark. Slots and page are resolved at one revision, `page::at`: the
/// slots are read before and after the page, and again if they changed. Throws what the store
/// throws, and errc::corrupt, errc::unsupported_format for slots.
[[nodiscard]] awaitable<storage::page> list_visible(storage::metadata_store& store,
                                                    const key_layout& keys,
                                                    storage::key_range range, std::size_t limit);

/// A change of any size.
struct large_change {
    /// A record to be created.
    struct part {
        std::string key;    ///< of any kind that can be many; must not exist
        std::string value;  ///< any bytes; must not look marked
    };

    large_change() {}
    /// In any number.
    std::vector<part> parts;
    /// All conditions, and all changes of records that exist: must fit one transaction, with two
    /// conditions and one write to spare. Touches no key of `parts`.
    storage::transaction last;
};

/// How a large change was decided.
struct large_result {
    /// Everything is there, or nothing is.
    storage::commit_result::decision what = storage::commit_result::decision::rejected;
    storage::revision at;             ///< of the commit that made all of it visible
    std::vector<std::size_t> failed;  ///< which conditions of `last` did not hold
    std::vector<std::string> taken;   ///< keys of parts that exist already, of one transaction

    /// True when committed.
    explicit operator bool() const noexcept {
        return what == storage::commit_result::decision::committed;
    }
};

/// What recovery found and finished.
struct batch_repairs {
    std::size_t completed = 0;  ///< committed batches whose marks were cleared
    std::size_t aborted = 0;    ///< batches that never took effect, and whose parts are gone
};

/// Changes of any size, all or nothing, whatever crashes and however late a request lands: the
/// protocol of docs/protocols/large_transactions.md. Of one term; one strand; calls may overlap, as
/// many as there are slots.
class large_transactions {
public:
    /// `store`, `keys` and `ids` must outlive it.
    large_transactions(storage::metadata_store& store, const key_layout& keys, leader_guard guard,
                       id_blocks& ids);

    /// Carries `change` out: as one transaction if it fits, otherwise as a batch. Throws
    /// errc::invalid_argument or errc::too_large (nothing was sent), errc::resource_exhausted (all
    /// slots are in use; try again), errc::fenced, errc::unavailable (certainly not applied, and
    /// never will be), errc::outcome_unknown (read before deciding, and only what is visible is an
    /// answer). Cancellation: operation_aborted means not applied. What a failure leaves behind is
    /// finished before its slot is used again, or by
    /// `recover`.
    [[nodiscard]] awaitable<large_result> commit_large(large_change change);

    /// Finishes what earlier terms and failed calls left: committed batches forward, all others
    /// back. A new leader does this before it serves anything. Writes nothing when there is nothing
    /// to finish. Throws errc::fenced, errc::corrupt, errc::unsupported_format, errc::unavailable,
    /// errc::outcome_unknown (repeat).
    [[nodiscard]] awaitable<batch_repairs> recover();

private:
    [[nodiscard]] awaitable<large_result> commit_batch(large_change change);
    [[nodiscard]] awaitable<void> tidy(std::uint32_t number);

    storage::metadata_store& store_;
    const key_layout& keys_;
    leader_guard guard_;
    id_blocks& ids_;
    std::shared_ptr<std::set<std::uint32_t>> in_use_;  // slots of calls under way
};

/// large_transactions::recover for a new term.
[[nodiscard]] awaitable<batch_repairs> recover_batches(storage::metadata_store& store,
                                                       const key_layout& keys, leader_guard guard);

}  // namespace reeve::catalog
