#include "catch.hpp"
#include "conformance/bent_objects.hpp"
#include "conformance/bent_store.hpp"
#include "conformance/leaks_allowed.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>

namespace conformance {

namespace {

using namespace reeve::storage;
using reeve::testing::check_verdict;
using maybe_version = std::optional<object_version>;

struct broken_object_store {
    const char* check;
    object_bend how;
};

bool signed_less(const object_meta& left, const object_meta& right) {
    return std::lexicographical_compare(
        left.key.begin(), left.key.end(), right.key.begin(), right.key.end(),
        [](char a, char b) { return static_cast<signed char>(a) < static_cast<signed char>(b); });
}

awaitable<maybe_version> absent_ignored(object_store& store, std::string key, std::string bytes) {
    const object_version at = co_await store.put(std::move(key), std::move(bytes));
    co_return at;
}

awaitable<maybe_version> match_ignored(object_store& store, std::string key, std::string bytes,
                                       object_version) {
    const object_version at = co_await store.put(std::move(key), std::move(bytes));
    co_return at;
}

awaitable<maybe_version> looks_then_creates(object_store& store, std::string key,
                                            std::string bytes) {
    const auto there = co_await store.head(key);
    if (there) co_return std::nullopt;
    co_await pause(1);
    const object_version at = co_await store.put(std::move(key), std::move(bytes));
    co_return at;
}

awaitable<maybe_version> looks_then_replaces(object_store& store, std::string key,
                                             std::string bytes, object_version expected) {
    const auto there = co_await store.head(key);
    if (!there || there->version != expected) co_return std::nullopt;
    co_await pause(1);
    const object_version at = co_await store.put(std::move(key), std::move(bytes));
    co_return at;
}

awaitable<object_version> keeps_the_longer(object_store& store, std::string key,
                                           std::string bytes) {
    const auto there = co_await store.head(key);
    if (there && there->size > bytes.size()) co_return there->version;
    co_return co_await store.put(std::move(key), std::move(bytes));
}

awaitable<object_version> writes_halves(object_store& store, std::string key, std::string bytes) {
    std::string half = bytes.substr(0, bytes.size() / 2);
    co_await store.put(key, std::move(half));
    co_await pause(2);
    co_return co_await store.put(std::move(key), std::move(bytes));
}

awaitable<object_version> late_put(object_store& store, std::string key, std::string bytes) {
    const object_version at = co_await store.put(std::move(key), std::move(bytes));
    co_await pause(4);
    co_return at;
}

awaitable<std::optional<object>> unsure_get(object_store& store, std::string key) {
    auto found = co_await store.get(std::move(key), byte_range());
    try {
        co_await pause(4);
    } catch (const boost::system::system_error&) {
        throw reeve::error(reeve::errc::outcome_unknown, "cancelled read");
    }
    co_return found;
}

awaitable<void> remove_must_find(object_store& store, std::string key) {
    const auto there = co_await store.head(key);
    if (!there) throw reeve::error(reeve::errc::not_found, key);
    co_await store.remove(std::move(key));
}

using handler = std::function<void()>;
awaitable<object_version> waits_elsewhere(std::shared_ptr<std::vector<handler>> elsewhere) {
    auto initiate = [elsewhere](auto resume) {
        auto shared = std::make_shared<decltype(resume)>(std::move(resume));
        elsewhere->emplace_back([shared] {});
    };
    auto wait = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
        std::move(initiate), boost::asio::use_awaitable);
    co_await std::move(wait);
    co_return object_version();
}

// As if the store held no more than the strand did; calls touch it after its end.
awaitable<object_version> throws_strangely(object_store& store, std::string key,
                                           std::string bytes) {
    const bool late = key == "late";
    const object_version at = co_await store.put(std::move(key), std::move(bytes));
    if (late) throw std::logic_error("a store was used after its end");
    co_return at;
}

object_bend previous_reads() {
    const auto cache = std::make_shared<std::vector<std::optional<object>>>();
    object_bend how;
    how.begins = [cache] { cache->clear(); };
    how.got = [cache](std::optional<object>& found, byte_range) {
        cache->push_back(found);
        if (cache->size() > 1) found = (*cache)[cache->size() - 2];
    };
    return how;
}

object_bend leaks() {
    const auto elsewhere = std::make_shared<std::vector<handler>>();
    object_bend how;
    how.put = [elsewhere](object_store& store, std::string key, std::string bytes) {
        if (key == "late") return waits_elsewhere(elsewhere);
        return store.put(std::move(key), std::move(bytes));
    };
    return how;
}

void loses_last_of_page(object_page& part) {
    if (!part.resume_after.empty() && part.objects.size() > 1) part.objects.pop_back();
}

template <class Fill>
broken_object_store bent(const char* check, Fill fill) {
    broken_object_store made{check, {}};
    fill(made.how);
    return made;
}

std::vector<broken_object_store> broken_values_of_objects() {
    std::vector<broken_object_store> all;
    all.push_back(bent("missing_object_is_nothing", [](auto& how) {
        how.got = [](std::optional<object>& found, byte_range) {
            if (!found) found.emplace();
        };
    }));
    all.push_back(bent("put_object_is_read_back", [](auto& how) {
        how.got = [](std::optional<object>& found, byte_range) {
            if (found) found->meta.version = object_version("other");
        };
    }));
    all.push_back(bent("objects_of_all_sizes", [](auto& how) {
        how.putting = [](std::string& bytes) {
            bytes.resize(std::min<std::size_t>(bytes.size(), 65536));
        };
    }));
    all.push_back(bent("put_replaces", [](auto& how) { how.put = keeps_the_longer; }));
    all.push_back(
        bent("put_if_absent_creates_once", [](auto& how) { how.if_absent = absent_ignored; }));
    all.push_back(bent("put_if_match_compares", [](auto& how) { how.if_match = match_ignored; }));
    all.push_back(bent("missing_capability_is_unsupported", [](auto& how) {
        how.lacks_conditions = true;
        how.if_absent = absent_ignored;
    }));
    all.push_back(bent("ranges_are_cut_at_the_end", [](auto& how) {
        how.got = [](std::optional<object>& found, byte_range) {
            if (found) found->meta.size = found->bytes.size();
        };
    }));
    all.push_back(bent("bad_object_keys_are_refused", [](auto& how) {
        how.naming = [](std::string& key) { std::replace(key.begin(), key.end(), '\0', '_'); };
    }));
    all.push_back(bent("removed_object_is_gone", [](auto& how) { how.remove = remove_must_find; }));
    all.push_back(bent("remove_many_answers_each_key", [](auto& how) {
        how.removed_many = [](auto& answers) {
            std::sort(answers.begin(), answers.end(),
                      [](const auto& a, const auto& b) { return a.key < b.key; });
        };
    }));
    all.push_back(bent("times_are_the_stores", [](auto& how) {
        how.time = [](reeve::core::wall_time& now) { now += std::chrono::hours(1); };
    }));
    return all;
}

std::vector<broken_object_store> broken_lists_of_objects() {
    std::vector<broken_object_store> all;
    all.push_back(bent("any_object_key_is_kept", [](auto& how) {
        how.naming = [](std::string& key) {
            if (key.ends_with('/') && key.size() > 1) key.pop_back();
        };
    }));
    all.push_back(bent("objects_are_listed_in_byte_order", [](auto& how) {
        how.listed = [](object_page& part) {
            std::sort(part.objects.begin(), part.objects.end(), signed_less);
        };
    }));
    all.push_back(bent("list_keeps_to_prefix_and_after", [](auto& how) {
        how.listing = [](std::string&, std::string& after, std::size_t&) {
            if (!after.empty()) after.back() = static_cast<char>(after.back() - 1);
        };
    }));
    all.push_back(
        bent("object_pages_cover_the_listing", [](auto& how) { how.listed = loses_last_of_page; }));
    all.push_back(bent("object_list_limit_zero_is_refused", [](auto& how) {
        how.listing = [](std::string&, std::string&, std::size_t& limit) {
            limit = std::max<std::size_t>(limit, 1);
        };
    }));
    all.push_back(bent("listing_tells_what_head_tells", [](auto& how) {
        how.listed = [](object_page& part) {
            for (auto& each : part.objects) each.size += 1;
        };
    }));
    all.push_back(bent("listing_under_change_keeps_what_stays",
                       [](auto& how) { how.listed = loses_last_of_page; }));
    all.push_back(bent("probe_agrees", [](auto& how) { how.if_absent = absent_ignored; }));
    return all;
}

std::vector<broken_object_store> broken_races_of_objects() {
    std::vector<broken_object_store> all;
    all.push_back(bent("one_creator_wins", [](auto& how) { how.if_absent = looks_then_creates; }));
    all.push_back(bent("one_replacer_wins", [](auto& how) { how.if_match = looks_then_replaces; }));
    all.push_back(
        bent("objects_are_whole_or_not_there", [](auto& how) { how.put = writes_halves; }));
    all.push_back({"object_reads_follow_writes", previous_reads()});
    all.push_back(bent("cancelled_object_reads_abort", [](auto& how) { how.get = unsure_get; }));
    all.push_back(
        bent("cancelled_object_writes_tell_the_truth", [](auto& how) { how.put = late_put; }));
    all.push_back(bent("object_store_dies_with_calls_in_flight",
                       [](auto& how) { how.put = throws_strangely; }));
    all.push_back({"strand_ends_with_object_calls_in_flight", leaks()});
    all.push_back(
        bent("objects_outlive_their_handles", [](auto& how) { how.forgets_on_open = true; }));
    return all;
}

std::vector<broken_object_store> all_broken() {
    auto all = broken_values_of_objects();
    for (const auto part : {broken_lists_of_objects, broken_races_of_objects}) {
        for (auto& one : part()) all.push_back(std::move(one));
    }
    return all;
}

}  // namespace

TEST_CASE("a wrapper of objects that bends nothing keeps every rule") {
    const auto factory = std::make_shared<bent_object_factory>(object_bend());
    for (const auto& each : reeve::testing::object_store_checks(factory)) {
        const auto report = each.run();
        INFO(report.name << ": " << report.why);
        CHECK(report.what != check_verdict::failed);
    }
}

TEST_CASE("every check of the object store catches a store that breaks its rule") {
    const leaks_allowed here;
    std::set<std::string> caught;
    for (const auto& one : all_broken()) {
        const auto factory = std::make_shared<bent_object_factory>(one.how);
        for (const auto& each : reeve::testing::object_store_checks(factory)) {
            if (each.name != one.check) continue;
            const auto report = each.run();
            INFO(report.name << " reported " << name(report.what) << ": " << report.why);
            CHECK(report.what == check_verdict::failed);
            caught.insert(each.name);
        }
    }
    const auto factory = std::make_shared<bent_object_factory>(object_bend());
    for (const auto& each : reeve::testing::object_store_checks(factory)) {
        INFO(each.name);
        CHECK(caught.contains(each.name));
    }
}

}  // namespace conformance
