#include "conformance/random_client.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <map>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

using namespace reeve::storage;
using reeve::awaitable;

namespace conformance {

namespace {

constexpr int operations_per_run = 2'000;
constexpr std::size_t keys_used = 12;
constexpr std::size_t watches_max = 3;

// What a store answered, with its revisions kept apart: stores may count them differently, but one
// to one and in the same order.
class answers {
public:
    void add(std::string text) { lines_.push_back({std::move(text), {}}); }
    void at(revision seen) { lines_.back().revisions.push_back(seen.value); }

    // One line each, revisions replaced by their rank among all that were seen.
    [[nodiscard]] std::vector<std::string> lines() const {
        std::map<std::uint64_t, std::size_t> ranks;
        for (const auto& each : lines_) {
            for (const auto seen : each.revisions) ranks.emplace(seen, 0);
        }
        std::size_t rank = 0;
        for (auto& [seen, number] : ranks) number = seen == 0 ? 0 : ++rank;
        std::vector<std::string> texts;
        for (const auto& each : lines_) {
            std::string text = each.text;
            for (const auto seen : each.revisions) text += fmt::format(" @{}", ranks.at(seen));
            texts.push_back(std::move(text));
        }
        return texts;
    }

private:
    struct line {
        std::string text;
        std::vector<std::uint64_t> revisions;
    };
    std::vector<line> lines_;
};

// The random client of one store. It chooses by the seed and by the order of what happened, never
// by a store's own numbers, so that it does the same to every store.
class client {
public:
    client(metadata_store& store, random_run how)
        : store_(store), random_(how.seed), steps_(how.operations) {}

    awaitable<void> run() {
        transaction first_write;
        first_write.put("k", "first");
        auto begin = store_.commit(std::move(first_write));
        const commit_result begun = co_await std::move(begin);
        revisions_.push_back(begun.at);
        for (int step = 0; step < steps_; ++step) co_await one_step(step);
        while (!watches_.empty()) co_await end_watch();
        auto head = store_.list(key_range::prefix(""), 1000);
        const page all = co_await std::move(head);
        for (const auto& each : all.records) note("end", each);
        co_await history(key_range::prefix(""), begun.at, all.at);
        for (int round = 0; round < 5; ++round) {
            const revision from = known_revision();
            co_await history(key_range(key(), "k\xff"), from, all.at);
        }
    }

    [[nodiscard]] const answers& log() const { return log_; }

private:
    std::string key() {
        static const std::vector<std::string> odd{"k", "k\xff", std::string("k\0", 2), "k/\xfe"};
        const auto which = random_.below(keys_used);
        return which < odd.size() ? odd[which] : fmt::format("k{}", which);
    }
    revision known_revision() { return revisions_[random_.below(revisions_.size())]; }
    lease_id some_lease() {
        if (leases_.empty()) return {};
        return leases_[random_.below(leases_.size())];
    }

    void note(const char* what, const record& each) {
        std::size_t lease = 0;
        for (std::size_t index = 0; index < leases_.size(); ++index) {
            if (leases_[index] == each.lease) lease = index + 1;
        }
        log_.add(fmt::format("{} {} {} v{} lease{}", what, hex(each.key), hex(each.value),
                             each.version, lease));
        log_.at(each.created);
        log_.at(each.modified);
    }
    static std::string hex(const std::string& bytes) {
        std::string text;
        for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
        return text;
    }

    transaction random_transaction(int step) {
        transaction change;
        const auto conditions = random_.below(3);
        for (std::uint64_t index = 0; index < conditions; ++index) {
            const auto which = random_.below(4);
            const std::string name = key();
            const auto last = last_write_.find(name);
            const bool right = random_.chance(2, 3) && last != last_write_.end();
            const revision expected = right ? last->second : known_revision();
            if (which == 0) change.if_absent(name);
            if (which == 1) change.if_created_at(name, expected);
            if (which >= 2) change.if_modified_at(name, expected);
        }
        const auto writes = random_.below(5);
        for (std::uint64_t index = 0; index < writes; ++index) {
            const std::string name = key();
            const auto& done = change.operations();
            const bool twice = std::any_of(done.begin(), done.end(),
                                           [&](const operation& each) { return each.key == name; });
            if (twice && !random_.chance(1, 20)) continue;
            if (random_.chance(1, 4)) {
                change.remove(name);
            } else {
                const lease_id lease = random_.chance(1, 4) ? some_lease() : lease_id();
                change.put(name, fmt::format("{}.{}", step, index), lease);
            }
        }
        return change;
    }

    awaitable<void> one_step(int step) {
        if (random_.chance(1, 300)) co_await begin_watch();
        if (watches_.size() > watches_max) co_await end_watch();
        const auto choice = random_.below(20);
        std::string failure;
        try {
            if (choice < 12) {
                co_await commit(step);
            } else if (choice < 14) {
                auto call = store_.get(key());
                const auto found = co_await std::move(call);
                log_.add(found ? "get" : "get nothing");
                if (found) note("got", *found);
            } else if (choice < 17) {
                co_await list();
            } else if (choice == 17) {
                auto call = store_.grant(std::chrono::minutes(30));
                const lease_grant lease = co_await std::move(call);
                leases_.push_back(lease.id);
                log_.add(fmt::format("grant {}", lease.ttl.count()));
            } else if (choice == 18) {
                auto call = store_.keep_alive(some_lease());
                const auto ttl = co_await std::move(call);
                log_.add(fmt::format("keep_alive {}", ttl.count()));
            } else if (!leases_.empty()) {
                auto call = store_.revoke(some_lease());
                co_await std::move(call);
                log_.add("revoke");
            }
        } catch (const reeve::error& thrown) {
            failure = reeve::name(thrown.code_value());
        }
        if (!failure.empty()) log_.add(fmt::format("step {} threw {}", step, failure));
    }

    awaitable<void> commit(int step) {
        transaction change = random_transaction(step);
        const auto operations = change.operations();
        auto call = store_.commit(std::move(change));
        const commit_result result = co_await std::move(call);
        log_.add(
            fmt::format("{} {}", result ? "committed" : "rejected", fmt::join(result.failed, ",")));
        log_.at(result.at);
        if (!result) co_return;
        if (!operations.empty()) revisions_.push_back(result.at);
        for (const auto& each : operations) last_write_[each.key] = result.at;
    }

    // A page, and sometimes the rest of the range. Where a page says to go on may differ: any key
    // behind the last one and not behind the next one will do.
    awaitable<void> list() {
        std::string first = key();
        std::string last = random_.chance(1, 3) ? std::string() : key();
        const std::size_t limit = 1 + random_.below(8);
        const bool to_the_end = random_.chance(1, 2);
        do {
            auto call = store_.list(key_range(first, last), limit);
            const page part = co_await std::move(call);
            log_.add(part.resume_at.empty() ? "last page" : "page");
            log_.at(part.at);
            for (const auto& each : part.records) note("listed", each);
            first = part.resume_at;
        } while (to_the_end && !first.empty());
    }

    // A watch that runs while the store changes; from the past, or from now on.
    awaitable<void> begin_watch() {
        std::string first = key();
        std::string last = random_.chance(1, 2) ? std::string() : key();
        const revision from = random_.chance(1, 2) ? known_revision() : revisions_.back();
        auto call = store_.watch(key_range(std::move(first), std::move(last)), from);
        auto watch = co_await std::move(call);
        watches_.push_back(std::move(watch));
    }
    // What the oldest one has seen up to now.
    awaitable<void> end_watch() {
        const auto watch = std::move(watches_.front());
        watches_.erase(watches_.begin());
        auto head = store_.list(key_range::one("k"), 1);
        const page now = co_await std::move(head);
        log_.add("watch");
        co_await read_until(*watch, now.at);
    }

    awaitable<void> history(key_range range, revision from, revision to) {
        auto call = store_.watch(std::move(range), from);
        std::unique_ptr<watcher> watch = co_await std::move(call);
        co_await read_until(*watch, to);
    }

    awaitable<void> read_until(watcher& watch, revision to) {
        revision seen;
        while (seen < to) {
            auto next = watch.next();
            const change_batch batch = co_await std::move(next);
            seen = batch.up_to;
            for (const auto& each : batch.changes) {
                note(each.what == change::kind::put ? "put" : "removed", each.now);
            }
        }
    }

    metadata_store& store_;
    reeve::core::random random_;
    answers log_;
    std::vector<revision> revisions_;
    std::vector<lease_id> leases_;
    std::map<std::string, revision> last_write_;
    std::vector<std::unique_ptr<watcher>> watches_;
    int steps_;
};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return otherwise;
    const std::string_view digits(text);
    std::uint64_t value = 0;
    const auto* end = digits.data() + digits.size();
    const auto [stop, failure] = std::from_chars(digits.data(), end, value);
    if (failure == std::errc() && stop == end) return value;
    throw std::invalid_argument(fmt::format("{}: \"{}\" is no number", variable, text));
}

}  // namespace

std::vector<random_run> random_runs(int operations) {
    auto rest = static_cast<int>(
        number_from("REEVE_RANDOM_OPERATIONS", static_cast<std::uint64_t>(operations)));
    std::uint64_t seed = number_from("REEVE_RANDOM_SEED", 1);
    std::vector<random_run> runs;
    for (; rest > 0; rest -= operations_per_run) {
        runs.push_back({seed++, std::min(rest, operations_per_run)});
    }
    return runs;
}

std::vector<std::string> random_answers(reeve::testing::check_environment& environment,
                                        metadata_store& store, random_run how) {
    client one(store, how);
    bool finished = false;
    std::exception_ptr failure;
    boost::asio::co_spawn(environment.strand().executor(), one.run(),
                          [&](const std::exception_ptr& thrown) {
                              finished = true;
                              failure = thrown;
                              environment.finish();
                          });
    environment.run(std::chrono::minutes(5));
    if (!finished) throw std::runtime_error("the random client has not ended after five minutes");
    if (failure) std::rethrow_exception(failure);
    return one.log().lines();
}

std::string first_difference(const std::vector<std::string>& one,
                             const std::vector<std::string>& other) {
    const auto length = std::max(one.size(), other.size());
    for (std::size_t index = 0; index < length; ++index) {
        const std::string left = index < one.size() ? one[index] : "(end)";
        const std::string right = index < other.size() ? other[index] : "(end)";
        if (left != right) return fmt::format("line {}: {} | {}", index, left, right);
    }
    return {};
}

}  // namespace conformance
