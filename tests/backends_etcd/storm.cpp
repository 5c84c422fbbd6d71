#include "backends_etcd/storm.hpp"

namespace etcd_faults {

namespace {

using reeve::testing::register_model;
constexpr std::uint64_t keys = 4;
// Operations of unknown outcome on the keys of a generation, beside those that are under way.
constexpr std::uint64_t unknown_max = 4;

}  // namespace

void storm_log::add(register_operation done) {
    {
        const std::lock_guard lock(mutex_);
        if (done.result) {
            ++results_;
        } else if (++unknown_ % unknown_max == 0) {
            ++generation;
        }
        history_.push_back(std::move(done));
    }
    changed_.notify_all();
}

void storm_log::failed() {
    {
        const std::lock_guard lock(mutex_);
        ++failures_;
    }
    changed_.notify_all();
}

void storm_log::wrong(const std::string& what) {
    const std::lock_guard lock(mutex_);
    wrongs_.push_back(what);
}

bool storm_log::wait_results(std::uint64_t more, std::chrono::seconds time) {
    std::unique_lock lock(mutex_);
    const auto goal = results_ + more;
    return changed_.wait_for(lock, time, [&] { return results_ >= goal; });
}

bool storm_log::wait_failures(std::uint64_t more, std::chrono::seconds time) {
    std::unique_lock lock(mutex_);
    const auto goal = unknown_ + failures_ + more;
    return changed_.wait_for(lock, time, [&] { return unknown_ + failures_ >= goal; });
}

std::vector<register_operation> storm_log::history() const {
    const std::lock_guard lock(mutex_);
    return history_;
}

std::vector<std::string> storm_log::wrongs() const {
    const std::lock_guard lock(mutex_);
    return wrongs_;
}

std::string storm_log::summary() const {
    const std::lock_guard lock(mutex_);
    return fmt::format("{} results, {} unknown outcomes, {} without effect", results_, unknown_,
                       failures_);
}

storm_client::storm_client(std::shared_ptr<storm_log> log, std::vector<std::string> endpoints,
                           int number)
    : log_(std::move(log)),
      name_(fmt::format("c{}", number)),
      client_(impatient(std::move(endpoints))),
      random_(static_cast<std::uint64_t>(number)) {
    done_ = client_.begin(work());
}

reeve::awaitable<void> storm_client::work() {
    while (!log_->ends) {
        std::string key = fmt::format("g{}/k{}", log_->generation.load(), random_.below(keys));
        co_await one(std::move(key));
        // Slow enough for the histories to stay small.
        co_await client_.strand().sleep_for(3ms);
    }
}

reeve::awaitable<void> storm_client::one(std::string key) {
    register_operation what;
    what.key = key;
    what.client = name_;
    std::string failure;
    bool unknown = false;
    what.invoked = log_->now();
    try {
        co_await attempt(key, what);
        what.returned = log_->now();
    } catch (const reeve::error& thrown) {
        failure = thrown.what();
        unknown = is_outcome_unknown(thrown);
        const auto code = thrown.code_value();
        if (!unknown && code != errc::unavailable) log_->wrong("threw " + failure);
    }
    const bool read = what.argument.what == register_model::kind::read;
    if (unknown && read) log_->wrong("a read threw " + failure);
    if (failure.empty() || (unknown && !read)) {
        log_->add(std::move(what));
    } else {
        log_->failed();
    }
}

reeve::awaitable<void> storm_client::attempt(std::string key, register_operation& what) {
    const auto choice = random_.below(4);
    what.result.reset();
    if (choice == 0) {
        auto call = client_.store().get(std::move(key));
        const auto found = co_await std::move(call);
        register_model::result seen;
        if (found) seen.value = found->value;
        what.result = seen;
        co_return;
    }
    if (choice == 1) {
        what.argument.what = register_model::kind::write;
        what.argument.value = fmt::format("{}-{}", name_, ++values_);
        storage::transaction change;
        change.put(std::move(key), *what.argument.value);
        auto call = client_.store().commit(std::move(change));
        const auto done = co_await std::move(call);
        if (!done) log_->wrong("a commit without conditions was rejected");
        what.result = register_model::result();
        co_return;
    }
    const bool done = co_await compare_and_set(std::move(key), what);
    register_model::result answer;
    answer.done = done;
    what.result = answer;
}

// Values are unique, so to compare the revision of a value is to compare the value.
reeve::awaitable<bool> storm_client::compare_and_set(std::string key, register_operation& what) {
    auto read = client_.store().get(key);
    const auto found = co_await std::move(read);
    what.argument.what = register_model::kind::compare_and_set;
    what.argument.value = fmt::format("{}-{}", name_, ++values_);
    if (found) what.argument.expected = found->value;
    storage::transaction change;
    change.if_modified_at(key, found ? found->modified : storage::revision());
    change.put(std::move(key), *what.argument.value);
    what.invoked = log_->now();
    auto call = client_.store().commit(std::move(change));
    const auto done = co_await std::move(call);
    co_return static_cast<bool>(done);
}

storm_watcher::storm_watcher(std::shared_ptr<storm_log> log, std::vector<std::string> endpoints,
                             storage::revision from)
    : log_(std::move(log)), client_(impatient(std::move(endpoints))) {
    done_ = client_.begin(work(from));
}

reeve::awaitable<void> storm_watcher::work(storage::revision from) {
    storage::revision seen(from.value - 1);
    while (last_ == 0 || seen.value < last_) {
        try {
            storage::revision next_one(seen.value + 1);
            auto call = client_.store().watch(storage::key_range::prefix("g"), next_one);
            const auto watch = co_await std::move(call);
            while (last_ == 0 || seen.value < last_) {
                auto next = watch->next();
                const auto batch = co_await std::move(next);
                if (batch.up_to < seen) log_->wrong("up_to of a watch went back");
                seen = batch.up_to;
                seen_ = seen.value;
                ++batches_;
                changes_.insert(changes_.end(), batch.changes.begin(), batch.changes.end());
            }
        } catch (const reeve::error& failure) {
            ++failures_;
            if (failure.code_value() != errc::unavailable) {
                log_->wrong(fmt::format("a watch threw {}", failure.what()));
            }
        }
    }
}

std::vector<storage::change> storm_watcher::finish() {
    if (done_.wait_for(180s) != std::future_status::ready) {
        log_->wrong(
            fmt::format("a watcher is at revision {} after three minutes, not at {}; it had {} "
                        "batches and {} failures",
                        seen_.load(), last_.load(), batches_.load(), failures_.load()));
        return {};
    }
    done_.get();
    return changes_;
}

}  // namespace etcd_faults
