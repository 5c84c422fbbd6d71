#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/model/ids.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace reeve::catalog {

/// Proof of leadership that every coordinator write carries: the leader key was created at this
/// term. Condition 0 of each transaction made with it.
class leader_guard {
public:
    /// No term: writes are refused.
    leader_guard() {}
    /// The reign that began when `leader_key` was created at `term`.
    leader_guard(std::string leader_key, model::term term)
        : leader_key_(std::move(leader_key)), term_(term) {}

    /// The reign.
    [[nodiscard]] model::term term() const noexcept { return term_; }
    /// A transaction that holds the guard as its condition number 0. Throws errc::fenced without a
    /// term.
    [[nodiscard]] storage::transaction begin() const;
    /// Throws errc::fenced if the guard is what failed.
    void check(const storage::commit_result& result) const;

private:
    std::string leader_key_;
    model::term term_;
};

/// What became of one item of a batch.
enum class item_outcome : std::uint8_t {
    committed,    ///< durable
    rejected,     ///< one of its own conditions did not hold
    not_applied,  ///< the store was away, and it never will be applied
    unknown,      ///< may have been applied, or may still be: read before deciding
};

/// What became of one item of a batch, and when.
struct item_result {
    item_outcome outcome = item_outcome::not_applied;  ///< what became of it
    storage::revision at;  ///< of the commit, or of the store when rejected
};

/// Told after each transaction which items it has decided (their numbers, in order) and what became
/// of them (`results` holds one entry per item). Called where commit_items runs, in the order in
/// which transactions were decided, and before any is sent that was not yet under way: so what
/// follows from one transaction need not wait for the others. What it throws ends the batch as a
/// failure of the store does, and is thrown by commit_items.
using on_decided = std::function<void(std::span<const std::size_t> decided,
                                      const std::vector<item_result>& results)>;

/// Transactions that one commit_items has under way at once. With one, the store waits while its
/// answer travels, is told and the next transaction is packed; a few fill that gap, also over a
/// network. More would only queue in the store, which puts them into one order in any case, and
/// each may be as large as the store accepts.
inline constexpr std::size_t transactions_in_flight_max = 4;

/// Commits many independent small changes, as few transactions as the store's limits allow, each
/// under the guard, at most transactions_in_flight_max of them under way at once. An item is all or
/// nothing; a rejected item does not hold the others back: those that shared its transaction are
/// sent again. Items that touch the same key (one of them writing it) go to different transactions,
/// in order, the later one after the earlier one was decided. After a failure of the store nothing
/// more is sent: what is under way is awaited, and the items not yet sent are `not_applied`.
/// Returns one result per item, in order. `decided`, if not empty, hears of every item but those
/// that stay `not_applied`.
///
/// Throws errc::fenced when the term is over (items already committed stay); errc::too_large or
/// errc::invalid_argument, before anything is sent, if one item alone can never be committed, or
/// writes a value that looks like a part of a large transaction (catalog::refuse_marked); and what
/// else the store throws that says neither "not applied" nor "unknown". All but what is thrown
/// before anything is sent comes when nothing is under way any more, and `decided` was told of all
/// that was found out.
///
/// To be awaited on the strand of a runtime. Cancellation is a failure of the store: what is under
/// way is cancelled and awaited, its items are as the store says (`unknown` if they may have been
/// sent), and the results are returned; the caller's next wait ends by the cancellation.
[[nodiscard]] awaitable<std::vector<item_result>> commit_items(
    storage::metadata_store& store, leader_guard guard, std::vector<storage::transaction> items,
    on_decided decided = {});

}  // namespace reeve::catalog
