#include "conformance/bent_store.hpp"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

namespace conformance {

namespace {

using storage::commit_result;
using storage::condition;
using storage::key_range;
using storage::operation;
using storage::page;
using storage::record;
using storage::revision;
using storage::transaction;

bend limits(std::function<void(storage::store_limits&)> change) {
    bend how;
    how.limits = std::move(change);
    return how;
}

bend committing(std::function<transaction(const transaction&)> change) {
    bend how;
    how.committing = std::move(change);
    return how;
}

bend listing(std::function<void(key_range&, std::size_t&)> change) {
    bend how;
    how.listing = std::move(change);
    return how;
}

bend listed(std::function<void(page&)> change) {
    bend how;
    how.listed = std::move(change);
    return how;
}

transaction names_empty_keys(const transaction& change) {
    auto name_it = [](auto& each) {
        if (each.key.empty()) each.key = "(empty)";
        return true;
    };
    return edited(change, name_it, name_it);
}

transaction last_write_counts(const transaction& change) {
    std::set<std::string> later;
    std::vector<bool> keep;
    const auto& all = change.operations();
    for (auto each = all.rbegin(); each != all.rend(); ++each) {
        keep.push_back(later.insert(each->key).second);
    }
    std::size_t index = all.size();
    auto chosen = [&](operation&) { return keep[--index]; };
    return edited(change, keep_condition, chosen);
}

awaitable<commit_result> tests_first(storage::metadata_store& store, transaction change) {
    auto none = [](operation&) { return false; };
    transaction tests = edited(change, keep_condition, none);
    const commit_result tested = co_await store.commit(std::move(tests));
    if (!tested) co_return tested;
    co_return co_await store.commit(std::move(change));
}

bool signed_less(const record& left, const record& right) {
    return std::lexicographical_compare(
        left.key.begin(), left.key.end(), right.key.begin(), right.key.end(),
        [](char a, char b) { return static_cast<signed char>(a) < static_cast<signed char>(b); });
}

void closed_range(key_range& range, std::size_t&) {
    if (!range.last().empty()) range = key_range(range.first(), range.last() + '\0');
}

void nothing_past_ff(key_range& range, std::size_t&) {
    if (range.last().empty()) range = key_range(range.first(), "\xff");
}

void loses_last_of_page(page& part) {
    if (!part.resume_at.empty() && part.records.size() > 1) part.records.pop_back();
}

bend later_pages_are_of_the_past() {
    const auto calls = std::make_shared<std::uint64_t>(0);
    bend how;
    how.begins = [calls](const std::shared_ptr<memory_database>&) { *calls = 0; };
    how.listed = [calls](page& part) {
        if (++*calls > 1) part.at = revision(1);
    };
    return how;
}

bend tests_conditions_first() {
    bend how;
    how.commit = tests_first;
    return how;
}

}  // namespace

std::vector<broken> broken_refusals() {
    std::vector<broken> all;
    all.push_back({"empty_key_is_refused", committing(names_empty_keys)});
    all.push_back({"key_written_twice_is_refused", committing(last_write_counts)});
    all.push_back({"refusal_comes_before_conditions", tests_conditions_first()});
    all.push_back({"limit_of_conditions", limits([](auto& most) { --most.conditions_max; })});
    all.push_back({"limit_of_operations", limits([](auto& most) { ++most.operations_max; })});
    all.push_back({"limit_of_bytes", limits([](auto& most) { --most.bytes_max; })});
    all.push_back({"limit_of_value", limits([](auto& most) { ++most.value_bytes_max; })});
    all.push_back({"list_limit_zero_is_refused", listing([](key_range&, std::size_t& limit) {
                       limit = std::max<std::size_t>(limit, 1);
                   })});
    bend from_zero;
    from_zero.watching = [](key_range&, revision& from) { from = std::max(from, revision(1)); };
    all.push_back({"watch_from_zero_is_refused", from_zero});
    bend short_lease;
    short_lease.granting = [](milliseconds& ttl) { ttl = std::max(ttl, milliseconds(1)); };
    all.push_back({"lease_of_zero_is_refused", short_lease});
    return all;
}

std::vector<broken> broken_lists() {
    std::vector<broken> all;
    all.push_back({"list_is_in_byte_order", listed([](page& part) {
                       std::sort(part.records.begin(), part.records.end(), signed_less);
                   })});
    all.push_back({"list_keeps_to_its_range", listing(closed_range)});
    all.push_back({"prefix_lists_what_begins_with_it", listing(nothing_past_ff)});
    all.push_back({"list_gives_whole_records", listed([](page& part) {
                       for (auto& each : part.records) each.lease = {};
                   })});
    all.push_back({"pages_cover_the_range", listed(loses_last_of_page)});
    all.push_back({"page_keeps_its_limit",
                   listing([](key_range&, std::size_t& limit) { limit = limit * 2; })});
    all.push_back({"page_states_its_revision", listed([](page& part) {
                       part.at = revision();
                       for (const auto& each : part.records)
                           part.at = std::max(part.at, each.modified);
                   })});
    all.push_back({"pages_under_change_lose_nothing", later_pages_are_of_the_past()});
    return all;
}

}  // namespace conformance
