#include "backends/etcd/records.hpp"
#include "backends/etcd/watch.hpp"
#include "storage/printable.hpp"

#include <limits>
#include <map>
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

// A revision that no record has, for conditions that cannot hold.
constexpr std::int64_t never = -1;

std::int64_t number_of(storage::revision expected) {
    const bool possible =
        expected &&
        expected.value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return possible ? static_cast<std::int64_t>(expected.value) : never;
}

// The number that decides the condition, and its expected value.
compare compare_of(const condition& from, const key_space& keys) {
    compare into{compare::target::create_revision, keys.outer(from.key), 0};
    if (from.what == condition::kind::absent) return into;
    if (from.what == condition::kind::modified_at) into.what = compare::target::mod_revision;
    into.expected = number_of(from.expected);
    return into;
}

txn_request request_of(const storage::transaction& change, const key_space& keys) {
    txn_request into;
    std::set<std::string_view> read;
    for (const auto& each : change.conditions()) {
        into.compares.push_back(compare_of(each, keys));
        if (read.insert(each.key).second) {
            into.failure_reads.push_back(into.compares.back().key);
        }
    }
    for (const auto& each : change.operations()) {
        into.writes.push_back(each);
        into.writes.back().key = keys.outer(each.key);
    }
    // etcd evaluates a transaction that touches nothing wherever it is asked, perhaps in the past.
    if (into.writes.empty()) {
        const bool none = into.compares.empty();
        into.success_reads.push_back(none ? keys.some_key() : into.compares.front().key);
    }
    return into;
}

// The same transaction read the keys of all conditions: which of them did not hold?
std::vector<std::size_t> failed_conditions(const std::vector<compare>& compares,
                                           const txn_response& from) {
    std::map<std::string_view, const storage::record*> there;
    for (const auto& each : from.reads) {
        for (const auto& one : each.records) there.emplace(one.key, &one);
    }
    std::vector<std::size_t> failed;
    for (std::size_t index = 0; index < compares.size(); ++index) {
        const compare& test = compares[index];
        std::uint64_t number = 0;
        const auto found = there.find(test.key);
        if (found != there.end()) {
            const bool created = test.what == compare::target::create_revision;
            number = created ? found->second->created.value : found->second->modified.value;
        }
        if (number != static_cast<std::uint64_t>(test.expected)) failed.push_back(index);
    }
    if (failed.empty()) {
        throw error(errc::corrupt, "etcd: commit: rejected, although all its conditions held");
    }
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
    txn_request request = request_of(change, store->keys);
    const std::vector<compare> compares = request.compares;
    const auto got = co_await perform(store->session, std::move(request), effect::change);
    if (got.refusal) {
        if (got.why.what == verdict::kind::no_space) {
            std::vector<std::string> keys = telling_keys(change);
            co_await prove_not_applied(store, std::move(keys), got.seen_before);
        }
        throw_refusal("commit", *got.refusal, got.why);
    }
    storage::commit_result result;
    result.at = storage::revision(static_cast<std::uint64_t>(got.what.head.revision));
    result.what = storage::commit_result::decision::committed;
    if (!got.what.succeeded) {
        result.what = storage::commit_result::decision::rejected;
        result.failed = failed_conditions(compares, got.what);
    }
    co_return result;
}

}  // namespace reeve::backends::etcd
