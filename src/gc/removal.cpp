#include "gc/removal.hpp"

#include "reeve/catalog/inspect.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/metrics.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/gc/journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <memory>
#include <utility>

namespace reeve::gc {

namespace {

// What the workers of one call share.
struct removal_work {
    std::vector<std::string> keys;
    std::vector<std::error_code> failures;  // one each
    std::size_t batch = 1;
    std::size_t next = 0;
    std::exception_ptr broken;
};

void take_results(removal_work& all, std::size_t begin, std::size_t end,
                  const std::vector<storage::remove_result>& results) {
    for (auto at = begin; at < end; ++at) {
        const auto number = at - begin;
        // A store that answers about something else has said nothing.
        const bool answered = number < results.size() && results[number].key == all.keys[at];
        all.failures[at] = answered ? results[number].failure : make_error_code(errc::corrupt);
    }
}

awaitable<void> remove_batches(storage::object_store& objects, std::shared_ptr<removal_work> all) {
    while (all->next < all->keys.size()) {
        const auto begin = all->next;
        const auto end = std::min(begin + all->batch, all->keys.size());
        all->next = end;
        const auto first = all->keys.begin();
        std::vector<std::string> batch(first + static_cast<std::ptrdiff_t>(begin),
                                       first + static_cast<std::ptrdiff_t>(end));
        try {
            const auto results = co_await objects.remove_many(std::move(batch));
            take_results(*all, begin, end, results);
        } catch (const error& failure) {
            for (auto at = begin; at < end; ++at) all->failures[at] = failure.code();
        }
    }
}

}  // namespace

void check_options(const pace_options& pace) {
    const auto possible = [](std::size_t value) { return value >= 1 && value <= 1'000'000; };
    if (!possible(pace.delete_batch) || !possible(pace.deletes_at_once) ||
        pace.pause_poll.count() <= 0 || pace.retry.delay_min.count() <= 0) {
        throw error(errc::invalid_argument,
                    fmt::format("sweep with {} keys in a delete, {} deletes at once, a look at the "
                                "pauses every {} ms, tries every {} ms: at least 1 of each, and at "
                                "most 1000000 of the first two, are accepted",
                                pace.delete_batch, pace.deletes_at_once, pace.pause_poll.count(),
                                pace.retry.delay_min.count()));
    }
}

awaitable<std::vector<std::error_code>> remove_objects(core::runtime& strand,
                                                       storage::object_store& objects,
                                                       std::vector<std::string> keys,
                                                       pace_options pace) {
    auto all = std::make_shared<removal_work>();
    all->keys = std::move(keys);
    all->failures.resize(all->keys.size(), make_error_code(errc::unavailable));
    const auto accepted = std::max<std::size_t>(objects.limits().remove_many_max, 1);
    all->batch = std::min(pace.delete_batch, accepted);
    const auto batches = (all->keys.size() + all->batch - 1) / all->batch;
    core::task_scope workers(strand);
    for (std::size_t at = 0; at < std::min(batches, pace.deletes_at_once); ++at) {
        workers.spawn(remove_batches(objects, all),
                      [all](std::exception_ptr failure) { all->broken = std::move(failure); });
    }
    co_await workers.join();
    if (all->broken) std::rethrow_exception(all->broken);
    co_return std::move(all->failures);
}

awaitable<delete_counts> remove_journaled(sweep_site site, model::gc_sweep sweep,
                                          std::vector<doomed_object> doomed, pace_options pace) {
    delete_counts made;
    if (doomed.empty()) co_return made;
    if (site.journal != nullptr) {
        std::vector<model::journal_object> lines;
        lines.reserve(doomed.size());
        for (const auto& one : doomed) {
            auto& line = lines.emplace_back();
            line.name = one.key;
            line.bytes = one.bytes;
            line.why = one.why;
        }
        co_await site.journal->write(sweep, std::move(lines));
    }
    std::vector<std::string> keys;
    keys.reserve(doomed.size());
    for (const auto& one : doomed) keys.push_back(one.key);
    const auto failures = co_await remove_objects(site.strand, site.objects, std::move(keys), pace);
    for (std::size_t at = 0; at < doomed.size(); ++at) {
        if (!failures[at]) {
            ++made.objects;
            made.bytes += doomed[at].bytes;
            continue;
        }
        ++made.failed;
        if (made.failures.size() >= pace.samples_max) continue;
        made.failures.push_back(
            fmt::format("{}: {}", catalog::escaped(doomed[at].key), failures[at].message()));
    }
    auto& metrics = site.strand.metrics();
    metrics.count("reeve_gc_objects_deleted_total", static_cast<double>(made.objects));
    metrics.count("reeve_gc_bytes_deleted_total", static_cast<double>(made.bytes));
    metrics.count("reeve_gc_delete_failures_total", static_cast<double>(made.failed));
    co_return made;
}

void add(delete_counts& into, delete_counts made, std::size_t samples_max) {
    into.objects += made.objects;
    into.bytes += made.bytes;
    into.failed += made.failed;
    for (auto& one : made.failures) {
        if (into.failures.size() < samples_max) into.failures.push_back(std::move(one));
    }
}

awaitable<void> pacer::spend(core::runtime& strand, std::uint64_t objects) {
    if (rate_ == 0) co_return;
    constexpr std::uint64_t second = 1'000'000'000;
    const auto whole = std::chrono::nanoseconds(objects / rate_ * second);
    const auto rest = std::chrono::nanoseconds(objects % rate_ * second / rate_);
    next_ = std::max(next_, strand.now()) + whole + rest;
    co_await strand.sleep_until(next_);
}

}  // namespace reeve::gc
