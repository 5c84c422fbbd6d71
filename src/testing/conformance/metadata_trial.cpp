#include "testing/conformance/metadata_trial.hpp"

#include <utility>

namespace reeve::testing {

awaitable<void> metadata_store_factory::compact(storage::metadata_store&, storage::revision) {
    throw check_skipped("needs the hook `compact`");
    co_return;
}

awaitable<void> metadata_store_factory::pass_time(core::runtime& strand,
                                                  std::chrono::milliseconds duration) {
    co_await strand.sleep_for(duration);
}

std::chrono::milliseconds metadata_store_factory::lease_ttl() const {
    return std::chrono::milliseconds(400);
}

std::chrono::milliseconds metadata_store_factory::clock_error() const {
    return std::chrono::milliseconds(20);
}

std::vector<check> metadata_store_checks(std::shared_ptr<metadata_store_factory> factory) {
    detail::metadata_rules all;
    for (const auto part :
         {detail::metadata_value_rules, detail::metadata_condition_rules,
          detail::metadata_refusal_rules, detail::metadata_list_rules, detail::metadata_watch_rules,
          detail::metadata_history_rules, detail::metadata_lease_rules, detail::metadata_race_rules,
          detail::metadata_cancel_rules, detail::metadata_lifetime_rules}) {
        const auto rules = part();
        all.insert(all.end(), rules.begin(), rules.end());
    }
    return detail::make_checks<detail::metadata_trial>(factory, all);
}

namespace detail {

awaitable<void> metadata_trial::begin() { co_await open(); }

awaitable<metadata_store*> metadata_trial::open() {
    auto opened = co_await factory.open(strand);
    if (!opened) throw check_failure("the factory's `open` returned no store");
    handles_.push_back(std::move(opened));
    co_return handles_.back().get();
}

std::unique_ptr<metadata_store> metadata_trial::take() {
    auto first = std::move(handles_.front());
    handles_.erase(handles_.begin());
    return first;
}

awaitable<commit_result> metadata_trial::commit(transaction change) {
    auto call = store().commit(std::move(change));
    co_return co_await within<commit_result>(strand, std::move(call), "commit");
}

awaitable<revision> metadata_trial::put(std::string key, std::string value, lease_id lease) {
    transaction change;
    change.put(key, std::move(value), lease);
    const commit_result result = co_await commit(std::move(change));
    expect(static_cast<bool>(result), "a put without conditions was rejected");
    co_return result.at;
}

awaitable<revision> metadata_trial::remove(std::string key) {
    transaction change;
    change.remove(std::move(key));
    const commit_result result = co_await commit(std::move(change));
    expect(static_cast<bool>(result), "a remove without conditions was rejected");
    co_return result.at;
}

awaitable<std::optional<record>> metadata_trial::get(std::string key) {
    auto call = store().get(std::move(key));
    co_return co_await within<std::optional<record>>(strand, std::move(call), "get");
}

awaitable<record> metadata_trial::need(std::string key) {
    std::optional<record> found = co_await get(key);
    if (!found) throw check_failure(fmt::format("{} is missing", show(key)));
    co_return std::move(*found);
}

awaitable<std::string> metadata_trial::value(std::string key) {
    const std::optional<record> found = co_await get(std::move(key));
    std::string text = "(none)";
    if (found) text = found->value;
    co_return text;
}

awaitable<std::vector<record>> metadata_trial::list(key_range range, std::size_t limit) {
    std::vector<record> all;
    std::string first = range.first();
    for (;;) {
        key_range rest(first, range.last());
        auto call = store().list(std::move(rest), limit);
        page part = co_await within<page>(strand, std::move(call), "list");
        for (auto& each : part.records) all.push_back(std::move(each));
        if (part.resume_at.empty()) break;
        if (part.resume_at < first || (part.resume_at == first && part.records.empty())) {
            throw check_failure("a page's resume_at does not advance");
        }
        first = std::move(part.resume_at);
    }
    co_return all;
}

awaitable<lease_grant> metadata_trial::grant(std::chrono::milliseconds ttl) {
    auto call = store().grant(ttl);
    co_return co_await within<lease_grant>(strand, std::move(call), "grant");
}

awaitable<leased> metadata_trial::put_leased(std::vector<std::string> keys) {
    auto ttl = factory.lease_ttl();
    for (int attempt = 0; attempt < 8; ++attempt, ttl *= 2) {
        leased made;
        made.asked_at = strand.now();
        made.lease = co_await grant(ttl);
        transaction change;
        for (const auto& key : keys) change.put(key, "leased", made.lease.id);
        auto call = store().commit(std::move(change));
        const observed_ptr<commit_result> put = start<commit_result>(strand, std::move(call));
        co_await settle<commit_result>(strand, put, "a put with a lease");
        if (put->how == ending::value) {
            expect(static_cast<bool>(*put->value), "a put without conditions was rejected");
            made.at = put->value->at;
            co_return made;
        }
        const bool late = strand.now() - made.asked_at + factory.clock_error() >= made.lease.ttl;
        if (!late) throw check_failure("a put with a fresh lease failed: " + put->text);
    }
    throw check_skipped("needs a longer `lease_ttl` on so slow a machine");
}

awaitable<void> metadata_trial::revoke(lease_id lease) {
    auto call = store().revoke(lease);
    co_await within<void>(strand, std::move(call), "revoke");
}

awaitable<std::unique_ptr<watcher>> metadata_trial::watch(key_range range, revision from) {
    auto call = store().watch(std::move(range), from);
    auto opened = co_await within<std::unique_ptr<watcher>>(strand, std::move(call), "watch");
    expect(opened != nullptr, "watch returned no watcher");
    co_return opened;
}

awaitable<change_batch> metadata_trial::next(watcher& from) {
    for (;;) {
        auto call = from.next();
        change_batch batch = co_await within<change_batch>(strand, std::move(call), "next");
        if (!batch.changes.empty()) co_return batch;
    }
}

awaitable<std::vector<change_batch>> metadata_trial::batches(watcher& from, revision last) {
    std::vector<change_batch> all;
    revision seen;
    while (seen < last) {
        auto call = from.next();
        change_batch batch = co_await within<change_batch>(
            strand, std::move(call), fmt::format("next, before revision {}", last));
        seen = batch.up_to;
        if (!batch.changes.empty()) all.push_back(std::move(batch));
    }
    co_return all;
}

awaitable<std::vector<change>> metadata_trial::changes(watcher& from, revision last) {
    std::vector<change> all;
    const std::vector<change_batch> parts = co_await batches(from, last);
    for (const auto& part : parts) {
        all.insert(all.end(), part.changes.begin(), part.changes.end());
    }
    co_return all;
}

}  // namespace detail

}  // namespace reeve::testing
