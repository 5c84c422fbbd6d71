// A host's own metadata store: a std::map behind a mutex, as plain blocking functions, and the
// conformance suite that says whether it keeps the promises that reeve relies on. Yours would ask
// a server, or a database, instead of the map.
#include <reeve/core/clock.hpp>
#include <reeve/core/error.hpp>
#include <reeve/storage/blocking_metadata_store.hpp>
#include <reeve/testing/conformance_metadata.hpp>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace storage = reeve::storage;
using std::chrono::milliseconds;

class map_store final : public storage::blocking_metadata_store {
public:
    [[nodiscard]] storage::store_limits limits() const noexcept override {
        return {128, 128, 1U << 20U, 1U << 20U, 1000};
    }

    std::optional<storage::record> get(const std::string& key) override {
        const std::lock_guard guard(mutex_);
        end_due_leases();
        const auto found = records_.find(key);
        if (found == records_.end()) return std::nullopt;
        return found->second;
    }

    storage::page list(const storage::key_range& range, std::size_t limit) override {
        const std::lock_guard guard(mutex_);
        end_due_leases();
        storage::page result;
        result.at = at_;
        for (auto next = records_.lower_bound(range.first());
             next != records_.end() && range.contains(next->first); ++next) {
            if (result.records.size() == limit) {
                result.resume_at = next->first;
                break;
            }
            result.records.push_back(next->second);
        }
        return result;
    }

    storage::commit_result commit(const storage::transaction& change) override {
        const std::lock_guard guard(mutex_);
        end_due_leases();
        storage::commit_result result;
        result.at = at_;
        for (std::size_t index = 0; index < change.conditions().size(); ++index) {
            if (!holds(change.conditions()[index])) result.failed.push_back(index);
        }
        if (!result.failed.empty()) return result;
        for (const auto& one : change.operations()) {
            if (one.lease && !leases_.contains(one.lease)) {
                throw reeve::error(reeve::errc::lease_not_found, "commit of " + one.key);
            }
        }
        result.what = storage::commit_result::decision::committed;
        apply(change.operations());
        result.at = at_;
        return result;
    }

    storage::change_batch changes(const storage::key_range& range, storage::revision from,
                                  std::size_t limit, milliseconds patience) override {
        std::unique_lock guard(mutex_);
        const auto deadline = now() + patience;
        for (;;) {
            end_due_leases();
            storage::change_batch batch = changes_since(range, from, limit);
            if (!batch.changes.empty() || now() >= deadline) return batch;
            auto until = deadline;
            for (const auto& [id, one] : leases_) until = std::min(until, one.ends);
            changed_.wait_until(guard, until);
        }
    }

    storage::lease_grant grant(milliseconds ttl) override {
        const std::lock_guard guard(mutex_);
        const storage::lease_id id(++last_lease_);
        leases_[id] = lease{ttl, now() + ttl};
        changed_.notify_all();
        return {id, ttl};
    }

    milliseconds keep_alive(storage::lease_id id) override {
        const std::lock_guard guard(mutex_);
        end_due_leases();
        const auto found = leases_.find(id);
        if (found == leases_.end()) {
            throw reeve::error(reeve::errc::lease_not_found, "keep-alive");
        }
        found->second.ends = now() + found->second.ttl;
        return found->second.ttl;
    }

    void revoke(storage::lease_id id) override {
        const std::lock_guard guard(mutex_);
        end_lease(id);
    }

    /// The operator forgets changes before `first_kept`.
    void compact(storage::revision first_kept) {
        const std::lock_guard guard(mutex_);
        kept_from_ = std::max(kept_from_, first_kept);
        history_.erase(history_.begin(), history_.lower_bound(kept_from_));
    }

private:
    struct lease {
        milliseconds ttl{0};
        reeve::core::time_point ends;
    };

    static reeve::core::time_point now() { return reeve::core::system_clock::instance().now(); }

    [[nodiscard]] bool holds(const storage::condition& one) const {
        const auto found = records_.find(one.key);
        const bool there = found != records_.end();
        switch (one.what) {
            case storage::condition::kind::absent:
                return !there;
            case storage::condition::kind::created_at:
                return there && found->second.created == one.expected;
            case storage::condition::kind::modified_at:
                return there && found->second.modified == one.expected;
        }
        return false;
    }

    /// One commit: a revision, the records, the history, and a signal to who waits.
    void apply(const std::vector<storage::operation>& operations) {
        const storage::revision at(at_.value + 1);
        std::vector<storage::change> done;
        for (const auto& one : operations) {
            storage::change what;
            what.now.key = one.key;
            what.now.modified = at;
            if (one.what == storage::operation::kind::put) {
                what.what = storage::change::kind::put;
                what.now = put(one, at);
            } else {
                if (records_.erase(one.key) == 0) continue;
                what.what = storage::change::kind::removed;
            }
            done.push_back(std::move(what));
        }
        if (done.empty()) return;
        std::sort(done.begin(), done.end(),
                  [](const auto& a, const auto& b) { return a.now.key < b.now.key; });
        at_ = at;
        history_[at] = std::move(done);
        changed_.notify_all();
    }

    storage::record put(const storage::operation& one, storage::revision at) {
        storage::record& record = records_[one.key];
        if (record.version == 0) record.created = at;
        record.key = one.key;
        record.value = one.value;
        record.modified = at;
        record.lease = one.lease;
        ++record.version;
        return record;
    }

    [[nodiscard]] storage::change_batch changes_since(const storage::key_range& range,
                                                      storage::revision from,
                                                      std::size_t limit) const {
        if (from < kept_from_) throw reeve::error(reeve::errc::compacted, "watch");
        storage::change_batch batch;
        batch.up_to = at_;
        for (auto next = history_.lower_bound(from); next != history_.end(); ++next) {
            if (batch.changes.size() >= limit) break;
            for (const auto& one : next->second) {
                if (range.contains(one.now.key)) batch.changes.push_back(one);
            }
            batch.up_to = next->first;
        }
        return batch;
    }

    /// Nobody else ends leases: whoever comes next does.
    void end_due_leases() {
        std::set<storage::lease_id> due;
        for (const auto& [id, one] : leases_) {
            if (one.ends <= now()) due.insert(id);
        }
        for (const auto id : due) end_lease(id);
    }

    void end_lease(storage::lease_id id) {
        if (leases_.erase(id) == 0) return;
        std::vector<storage::operation> removals;
        for (const auto& [key, record] : records_) {
            if (record.lease != id) continue;
            removals.push_back({storage::operation::kind::remove, key, {}, {}});
        }
        apply(removals);
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, storage::record> records_;
    std::map<storage::revision, std::vector<storage::change>> history_;
    std::map<storage::lease_id, lease> leases_;
    storage::revision at_{1};  // a watch from revision 1 sees everything
    storage::revision kept_from_;
    std::uint64_t last_lease_ = 0;
};

/// Tells the suite how to open the store.
class map_store_factory final : public reeve::testing::metadata_store_factory {
public:
    void reset() override { store_ = std::make_shared<map_store>(); }

    reeve::awaitable<std::unique_ptr<storage::metadata_store>> open(
        reeve::core::runtime& strand) override {
        reeve::core::blocking_executor workers = [this](reeve::core::task work) {
            boost::asio::post(workers_, std::move(work));
        };
        co_return storage::from_blocking(strand, store_, std::move(workers));
    }

    reeve::awaitable<void> compact(storage::metadata_store&,
                                   storage::revision first_kept) override {
        store_->compact(first_kept);
        co_return;
    }

private:
    std::shared_ptr<map_store> store_;
    boost::asio::thread_pool workers_{8};
};

}  // namespace

int main(int argc, char** argv) {
    const auto factory = std::make_shared<map_store_factory>();
    return reeve::testing::run_main(reeve::testing::metadata_store_checks(factory), argc, argv);
}
