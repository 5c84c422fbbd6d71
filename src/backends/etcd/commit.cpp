#include "backends/etcd/records.hpp"
#include "backends/etcd/watch.hpp"
#include "storage/printable.hpp"

#include <set>

namespace reeve::backends::etcd {

namespace {

using storage::condition;

// On the wire, beside keys and values, at most: tags and lengths, numbers, and the prefix, of a
// condition, the read of its key and a write.
constexpr std::size_t frame_bytes = 32;
constexpr std::size_t request_frame_bytes = 1024;
// The share of the conditions' keys, which are sent twice.
constexpr std::size_t condition_bytes = 64U * 1024;

std::size_t overhead(const etcd_options& options, std::size_t entries) {
    return request_frame_bytes + entries * (frame_bytes + options.key_prefix.size());
}

txn_request request_of(const store_ptr& store,
                       const std::shared_ptr<const storage::transaction>& change) {
    txn_request into(change, std::shared_ptr<const key_space>(store, &store->keys));
    // etcd evaluates a transaction that touches nothing wherever it is asked, perhaps in the past.
    if (!change->operations().empty()) return into;
    const bool none = change->conditions().empty();
    into.touched =
        none ? store->keys.some_key() : store->keys.outer(change->conditions().front().key);
    return into;
}

// Does the condition hold for the record that was found under its key?
bool holds(const condition& test, const storage::record* found) {
    switch (test.what) {
        case condition::kind::absent:
            return found == nullptr;
        case condition::kind::created_at:
            return found != nullptr && found->created == test.expected;
        case condition::kind::modified_at:
            return found != nullptr && found->modified == test.expected;
    }
    return false;
}

// The same transaction read the keys of all conditions, in order: which of them did not hold?
std::vector<std::size_t> failed_conditions(const storage::transaction& change,
                                           const key_space& keys, const txn_response& from) {
    const auto& tests = change.conditions();
    const auto refuse = [](const char* why) {
        throw error(errc::corrupt, std::string("etcd: commit: rejected, ") + why);
    };
    if (from.reads.size() != tests.size()) refuse("and not all its keys were read");
    std::vector<std::size_t> failed;
    for (std::size_t index = 0; index < tests.size(); ++index) {
        const auto& found = from.reads[index].records;
        const bool fits =
            found.size() <= 1 && (found.empty() || keys.names(found.front().key, tests[index].key));
        if (!fits) refuse("and the read of a key found another one");
        const storage::record* record = found.empty() ? nullptr : &found.front();
        if (!holds(tests[index], record)) failed.push_back(index);
    }
    if (failed.empty()) refuse("although all its conditions held");
    return failed;
}

void check_wire_size(const storage::transaction& change, const store_core& store) {
    std::size_t bytes = change.bytes();
    for (const auto& each : change.conditions()) bytes += each.key.size();
    const std::size_t entries = 2 * change.conditions().size() + change.operations().size();
    bytes += overhead(store.session->options, entries);
    if (bytes <= store.session->options.request_bytes_max) return;
    throw error(errc::too_large,
                fmt::format("transaction of {} bytes on the wire, the keys of conditions counted "
                            "twice; at most {} are accepted",
                            bytes, store.session->options.request_bytes_max));
}

// The keys whose history tells whether a change was applied. One that it puts is enough, since it
// is written in any case; removing a key that is not there leaves no trace, so of a change that
// only removes all of them are needed. None: it changes nothing.
std::vector<std::string> telling_keys(const storage::transaction& change) {
    std::vector<std::string> keys;
    for (const auto& each : change.operations()) {
        if (each.what == storage::operation::kind::put) return {each.key};
        keys.push_back(each.key);
    }
    return keys;
}

// Was one of the keys written or removed after `seen`? Reads the history of those that are gone.
awaitable<bool> was_written(store_ptr store, std::vector<std::string> keys,
                            storage::revision seen) {
    std::set<std::string> gone;
    for (const auto& key : keys) {
        auto found = co_await get_from(store, key);
        if (found && found->modified > seen) co_return true;
        if (!found) gone.insert(key);
    }
    if (gone.empty()) co_return false;
    std::string outer = store->keys.outer(*gone.begin());
    const storage::revision now = co_await revision_of(store, std::move(outer));
    const storage::revision from(seen.value + 1);
    storage::key_range range(*gone.begin(), *gone.rbegin() + '\0');
    auto history = co_await watch_on(store, std::move(range), from);
    for (storage::revision known = seen; known < now;) {
        const storage::change_batch batch = co_await history->next();
        for (const auto& each : batch.changes) {
            if (gone.contains(each.now.key)) co_return true;
        }
        known = batch.up_to;
    }
    co_return false;
}

// etcd reports a lack of space also for a change that crossed its quota and was applied all the
// same (quotaApplierV3 in etcd's apply.go). Keys of it that nobody has written since prove it
// absent; anything else proves nothing.
awaitable<void> prove_not_applied(store_ptr store, std::vector<std::string> keys,
                                  std::int64_t seen) {
    bool maybe = true;
    try {
        const storage::revision known(static_cast<std::uint64_t>(seen));
        maybe = co_await was_written(store, std::move(keys), known);
    } catch (const error& failure) {  // no proof; its text says why
        throw error(errc::outcome_unknown,
                    std::string("etcd: commit: database space exceeded; ") + failure.what());
    } catch (const boost::system::system_error&) {
        throw error(errc::outcome_unknown, "etcd: commit: database space exceeded; cancelled");
    }
    if (maybe) {
        throw error(errc::outcome_unknown,
                    "etcd: commit: database space exceeded, perhaps by this very change");
    }
}

}  // namespace

storage::store_limits limits_of(const etcd_options& options) {
    const std::size_t bytes =
        options.request_bytes_max - overhead(options, 3 * options.operations_max) - condition_bytes;
    storage::store_limits limits;
    limits.conditions_max = options.operations_max;
    limits.operations_max = options.operations_max;
    limits.bytes_max = bytes;
    limits.value_bytes_max = bytes;
    limits.page_records_max = options.page_records_max;
    return limits;
}

awaitable<storage::commit_result> commit_to(store_ptr store, storage::transaction change) {
    storage::validate(change, store->limits);
    check_wire_size(change, *store);
    const auto shared = std::make_shared<const storage::transaction>(std::move(change));
    txn_request request = request_of(store, shared);
    const auto got = co_await perform(store->session, std::move(request), effect::change);
    if (got.refusal) {
        if (got.why.what == verdict::kind::no_space) {
            std::vector<std::string> keys = telling_keys(*shared);
            co_await prove_not_applied(store, std::move(keys), got.seen_before);
        }
        throw_refusal("commit", *got.refusal, got.why);
    }
    storage::commit_result result;
    result.at = storage::revision(static_cast<std::uint64_t>(got.what.head.revision));
    result.what = storage::commit_result::decision::committed;
    if (!got.what.succeeded) {
        result.what = storage::commit_result::decision::rejected;
        result.failed = failed_conditions(*shared, store->keys, got.what);
    }
    co_return result;
}

}  // namespace reeve::backends::etcd
