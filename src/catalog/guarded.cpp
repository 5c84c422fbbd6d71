#include "reeve/catalog/guarded.hpp"

#include "catalog/packing.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/guards.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace reeve::catalog {

namespace {

// Refuses an item that could never be committed, before anything is sent.
void check_each(storage::store_limits limits, const leader_guard& guard,
                const std::vector<storage::transaction>& items) {
    if (items.empty()) return;
    const auto head = guard.begin();
    limits.conditions_max -= std::min(limits.conditions_max, head.conditions().size());
    limits.bytes_max -= std::min(limits.bytes_max, head.bytes());
    for (const auto& item : items) {
        storage::validate(item, limits);
        refuse_marked(item);
    }
}

// Marks the items whose own condition failed.
void mark_rejected(const packed& made, const storage::commit_result& result,
                   std::vector<item_result>& results) {
    bool any = false;
    std::size_t first = made.guards;
    for (std::size_t at = 0; at < made.items.size(); ++at) {
        for (std::size_t one = first; one < made.condition[at]; ++one) {
            if (!result.has_failed(one)) continue;
            results[made.items[at]] = {item_outcome::rejected, result.at};
            any = true;
        }
        first = made.condition[at];
    }
    if (!any) {
        throw error(errc::corrupt,
                    "the store rejected a transaction and named none of its "
                    "conditions as failed");
    }
}

// A transaction under way.
struct flight {
    packed made;
    storage::commit_result result;
    std::exception_ptr failure;  // instead of the result
    boost::asio::cancellation_signal cancel;
};
using flight_ptr = std::shared_ptr<flight>;

// What a batch and its transactions share.
struct traffic {
    explicit traffic(const boost::asio::any_io_executor& strand) : changed(strand) {}

    void land(const flight_ptr& one) {
        std::erase(flying, one);
        landed.push_back(one);
        changed.notify_all();
    }

    core::event changed;
    std::vector<flight_ptr> flying;
    std::vector<flight_ptr> landed;  // in this order, and not settled yet
};

awaitable<void> send(storage::metadata_store& store, flight_ptr one) {
    one->result = co_await store.commit(std::move(one->made.change));
}

// The state of one call of commit_items.
class batch {
public:
    batch(boost::asio::any_io_executor strand, const storage::store_limits& limits,
          leader_guard guard, std::vector<storage::transaction> items, on_decided decided)
        : strand_(std::move(strand)),
          limits_(limits),
          guard_(std::move(guard)),
          items_(std::move(items)),
          decided_(std::move(decided)),
          waiting_(items_.size()),
          results_(items_.size()),
          traffic_(std::make_shared<traffic>(strand_)) {}

    // Packs and sends as much as may be under way.
    void send_more(storage::metadata_store& store);
    [[nodiscard]] bool under_way() const { return !traffic_->flying.empty(); }
    // Waits until one has landed.
    awaitable<void> landing();
    // Cancels what is under way, and waits until all of it has landed.
    awaitable<void> stop();
    // Takes note of what has landed, and tells it.
    void settle_landed();
    // What became of the items; throws what was no answer to that.
    std::vector<item_result> take_results();

private:
    void settle(flight& one);
    void settle_failure(flight& one);
    [[nodiscard]] bool open(std::size_t index) const {
        return results_[index].outcome == item_outcome::not_applied;
    }

    boost::asio::any_io_executor strand_;
    storage::store_limits limits_;
    leader_guard guard_;
    std::vector<storage::transaction> items_;
    on_decided decided_;
    item_queue waiting_;
    std::vector<item_result> results_;
    std::shared_ptr<traffic> traffic_;
    bool away_ = false;           // nothing more is sent
    std::exception_ptr failure_;  // to be thrown in the end
};

void batch::send_more(storage::metadata_store& store) {
    std::vector<const packed*> flying;
    for (const auto& one : traffic_->flying) flying.push_back(&one->made);
    while (!away_ && flying.size() < transactions_in_flight_max && !waiting_.waiting().empty()) {
        const auto one = std::make_shared<flight>();
        one->made = pack(limits_, guard_, items_, waiting_.waiting(), flying);
        if (one->made.items.empty()) return;
        waiting_.take(one->made.items, one->made.seen);
        flying.push_back(&one->made);
        traffic_->flying.push_back(one);
        auto ended = [all = traffic_, one](const std::exception_ptr& failure) {
            one->failure = failure;
            all->land(one);
        };
        boost::asio::co_spawn(
            strand_, send(store, one),
            boost::asio::bind_cancellation_slot(one->cancel.slot(), std::move(ended)));
    }
}

awaitable<void> batch::landing() {
    while (traffic_->landed.empty()) co_await traffic_->changed.wait();
}

awaitable<void> batch::stop() {
    away_ = true;
    const auto flying = traffic_->flying;  // one that lands takes itself out
    for (const auto& one : flying) {
        one->cancel.emit(boost::asio::cancellation_type::terminal);
    }
    while (under_way()) {
        try {
            co_await traffic_->changed.wait();
        } catch (const boost::system::system_error&) {
            // Cancelled once more; they have been told already.
        }
    }
}

void batch::settle_landed() {
    for (const auto& one : std::exchange(traffic_->landed, {})) {
        try {
            settle(*one);
            auto& made = one->made;
            std::erase_if(made.items, [this](std::size_t index) { return open(index); });
            if (decided_ && !made.items.empty()) decided_(made.items, results_);
        } catch (...) {  // carried to the caller, whatever it is, once nothing is under way
            away_ = true;
            if (!failure_) failure_ = std::current_exception();
        }
    }
}

void batch::settle(flight& one) {
    if (one.failure) return settle_failure(one);
    const auto& made = one.made;
    guard_.check(one.result);
    if (one.result) {
        for (const auto index : made.items) {
            results_[index] = {item_outcome::committed, one.result.at};
        }
        return;
    }
    mark_rejected(made, one.result, results_);
    std::vector<std::size_t> again;
    for (const auto index : made.items) {
        if (open(index)) again.push_back(index);
    }
    waiting_.put_back(again);
}

void batch::settle_failure(flight& one) {
    away_ = true;
    try {
        std::rethrow_exception(one.failure);
    } catch (const error& failure) {
        const bool unknown = is_outcome_unknown(failure);
        if (!unknown && failure.kind() != error_class::not_applied) throw;
        if (!unknown) return;
        for (const auto index : one.made.items) results_[index].outcome = item_outcome::unknown;
    } catch (const boost::system::system_error& aborted) {
        // Cancelled before it was sent: a store says errc::outcome_unknown afterwards.
        if (aborted.code() != boost::asio::error::operation_aborted) throw;
    }
}

std::vector<item_result> batch::take_results() {
    if (failure_) std::rethrow_exception(failure_);
    return std::move(results_);
}

}  // namespace

storage::transaction leader_guard::begin() const {
    if (!term_) throw error(errc::fenced, "a write without a term");
    storage::transaction change;
    if (core::enforced(core::guard::term)) {
        change.if_created_at(leader_key_, storage::revision(term_.value));
    }
#if defined(REEVE_GUARD_SWITCHES)
    // Without the condition, the term is written instead, so that whoever checks effects sees it.
    if (!core::enforced(core::guard::term)) {
        change.put(leader_key_ + ".claimed", std::to_string(term_.value));
    }
#endif
    return change;
}

void leader_guard::check(const storage::commit_result& result) const {
    if (!core::enforced(core::guard::term)) return;
    if (result || !result.has_failed(0)) return;
    throw error(errc::fenced, fmt::format("term {} is over: {} has another create revision", term_,
                                          storage::printable(leader_key_)));
}

awaitable<std::vector<item_result>> commit_items(storage::metadata_store& store, leader_guard guard,
                                                 std::vector<storage::transaction> items,
                                                 on_decided decided) {
    const auto limits = store.limits();
    check_each(limits, guard, items);
    const boost::asio::any_io_executor strand = co_await boost::asio::this_coro::executor;
    batch all(strand, limits, std::move(guard), std::move(items), std::move(decided));
    for (;;) {
        all.send_more(store);
        if (!all.under_way()) break;
        bool cancelled = false;
        try {
            co_await all.landing();
        } catch (const boost::system::system_error&) {
            cancelled = true;
        }
        if (cancelled) {
            // What is under way is seen to its end; the caller's next wait ends by the
            // cancellation.
            const bool throws = co_await boost::asio::this_coro::throw_if_cancelled();
            co_await boost::asio::this_coro::throw_if_cancelled(false);
            co_await all.stop();
            co_await boost::asio::this_coro::throw_if_cancelled(throws);
        }
        all.settle_landed();
    }
    co_return all.take_results();
}

}  // namespace reeve::catalog
