#include "reeve/catalog/follow.hpp"

#include "catalog/faulty_store.hpp"
#include "catalog/support.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/random.hpp"
#include "reeve/core/task_scope.hpp"

#include <map>
#include <string>
#include <vector>

using namespace reeve;
using catalog::follower;
using storage::key_range;
using storage::record;
using storage::revision;
using support::faulty_store;

namespace {

using contents = std::map<std::string, record, std::less<>>;

// A view that is compared with what the store held, at every revision that is announced.
class mirror final : public catalog::observer {
public:
    explicit mirror(const std::map<std::uint64_t, contents>& truth) : truth_(truth) {}

    void reset() override {
        now.clear();
        ++resets;
    }
    void put(const record& one) override { now[one.key] = one; }
    void removed(std::string_view key, revision) override {
        const auto found = now.find(key);
        if (found != now.end()) now.erase(found);
    }
    void reached(revision at) override {
        CHECK(reached_at < static_cast<std::int64_t>(at.value));
        reached_at = static_cast<std::int64_t>(at.value);
        const auto truth = truth_.upper_bound(at.value);
        REQUIRE(truth != truth_.begin());
        if (now != std::prev(truth)->second) {
            INFO("at revision " << at.value);
            CHECK(now == std::prev(truth)->second);
        }
    }

    contents now;
    int resets = 0;
    std::int64_t reached_at = -1;

private:
    const std::map<std::uint64_t, contents>& truth_;
};

// Delivers nothing until it is opened.
class gated final : public storage::watcher {
public:
    gated(std::unique_ptr<storage::watcher> inner, core::event& opened, const bool& open)
        : inner_(std::move(inner)), opened_(opened), open_(open) {}
    awaitable<storage::change_batch> next() override {
        while (!open_) co_await opened_.wait();
        auto batch = co_await inner_->next();
        co_return batch;
    }

private:
    std::unique_ptr<storage::watcher> inner_;
    core::event& opened_;
    const bool& open_;
};

struct fixture : support::world {
    fixture()
        : faulty(store),
          opened(strand),
          view(truth),
          follow(strand, faulty, range, view, retry(), 3),
          scope(strand) {
        faulty.wrap = [this](std::unique_ptr<storage::watcher> inner) {
            return std::make_unique<gated>(std::move(inner), opened, open);
        };
        note();
    }
    ~fixture() {
        scope.cancel();
        settle();
    }

    static core::backoff_options retry() {
        return {std::chrono::milliseconds(1), std::chrono::milliseconds(2)};
    }
    void note() {
        contents held;
        for (auto& one : database->dump()) {
            if (range.contains(one.key)) held.emplace(one.key, one);
        }
        truth[database->revision().value] = std::move(held);
    }
    awaitable<void> write(std::string key, std::string value) {
        storage::transaction change;
        change.put(std::move(key), std::move(value));
        co_await store.commit(std::move(change));
        note();
    }
    awaitable<void> erase(std::string key) {
        storage::transaction change;
        change.remove(std::move(key));
        co_await store.commit(std::move(change));
        note();
    }
    awaitable<void> disturb(std::size_t commits) {
        for (; commits > 0; --commits) {
            const auto key = "k/" + std::to_string(random.below(12));
            const auto choice = random.below(4);
            if (choice == 0) {
                co_await erase(key);
            } else if (choice == 1) {
                co_await write("outside/" + key, "x");
            } else {
                co_await write(key, std::to_string(random.next()));
            }
        }
    }
    void fill(int many) {
        for (int at = 0; at < many; ++at) run(write("k/" + std::to_string(at), "first"));
    }
    void start() {
        scope.spawn(follow.run(), [this](std::exception_ptr thrown) { failure = thrown; });
    }
    [[nodiscard]] bool caught_up() const {
        return follow.status().complete && follow.status().at == database->revision();
    }

    const key_range range = key_range::prefix("k/");
    std::map<std::uint64_t, contents> truth;
    core::random random{5};
    faulty_store faulty;
    core::event opened;
    bool open = true;
    mirror view;
    follower follow;
    core::task_scope scope;
    std::exception_ptr failure;
};

}  // namespace

TEST_CASE_METHOD(fixture, "an idle store is complete at once, page by page, without the watch") {
    open = false;
    fill(10);
    start();
    settle();
    CHECK(follow.status().complete);
    CHECK(follow.status().at == database->revision());
    CHECK(view.now.size() == 10);
    CHECK(faulty.lists == 1 + 4);
}

TEST_CASE_METHOD(fixture, "an empty range is a complete view, too") {
    open = false;
    start();
    settle();
    CHECK(follow.status().complete);
    CHECK(view.now.empty());
}

TEST_CASE_METHOD(fixture,
                 "pages of different revisions are not a view until the watch closes the gap") {
    open = false;
    fill(10);
    faulty.before_list = [this](std::size_t number) -> awaitable<void> {
        // Behind the page that holds it, and before the one that will.
        if (number == 2) {
            co_await write("k/0", "second");
            co_await erase("k/9");
            co_await write("k/5", "second");
        }
    };
    start();
    settle();
    CHECK_FALSE(follow.status().complete);
    CHECK(view.reached_at == -1);
    open = true;
    opened.notify_all();
    turn_until([&] { return caught_up(); });
    CHECK(view.now.at("k/0").value == "second");
    CHECK(view.now.size() == 9);
    CHECK(view.resets == 1);
}

TEST_CASE_METHOD(fixture, "changes outside the range do not hold a view up for ever") {
    fill(10);
    faulty.before_list = [this](std::size_t) -> awaitable<void> { co_await write("other", "x"); };
    start();
    turn_until([&] { return caught_up(); });
    CHECK(view.now.size() == 10);
}

TEST_CASE_METHOD(fixture, "a change that the page has already is not applied again") {
    open = false;
    fill(2);
    faulty.before_list = [this](std::size_t number) -> awaitable<void> {
        if (number != 1) co_return;
        co_await write("k/1", "second");
        co_await erase("k/0");
        co_await write("k/0", "again");
    };
    start();
    settle();
    CHECK(caught_up());
    // The watch now delivers what the page has: nothing may go back, not even for a moment.
    const auto complete = view.now;
    open = true;
    opened.notify_all();
    run(write("k/2", "later"));
    turn_until([&] { return caught_up(); });
    CHECK(view.now.at("k/0") == complete.at("k/0"));
    CHECK(view.now.at("k/1") == complete.at("k/1"));
}

TEST_CASE_METHOD(fixture, "whatever changes while it lists, every announced view is the truth") {
    fill(12);
    faulty.before_list = [this](std::size_t) -> awaitable<void> { co_await disturb(3); };
    start();
    turn_until([&] { return caught_up(); });
    for (int round = 0; round < 200; ++round) {
        run(disturb(random.below(4)));
        if (random.chance(1, 5)) settle();
        if (random.chance(1, 20)) open = !open;
        opened.notify_all();
    }
    open = true;
    opened.notify_all();
    turn_until([&] { return caught_up(); });
    CHECK(view.resets == 1);
    CHECK(follow.status().passes == 1);
}

TEST_CASE_METHOD(fixture, "a gap in the history is closed by a new pass") {
    fill(5);
    start();
    turn_until([&] { return caught_up(); });
    open = false;
    run(disturb(1));
    settle();  // it now waits behind the gate
    run(disturb(10));
    database->compact(database->revision());
    run(disturb(1));
    faulty.before_list = [this](std::size_t) -> awaitable<void> { co_await disturb(1); };
    open = true;
    opened.notify_all();
    turn_until([&] { return caught_up(); });
    CHECK(view.resets == 2);
    CHECK(follow.status().passes == 2);
    CHECK(follow.status().trouble.empty());
}

TEST_CASE_METHOD(fixture, "a store that is away is tried again, and says why meanwhile") {
    fill(5);
    int failures = 0;
    faulty.before_list = [&](std::size_t) -> awaitable<void> {
        if (failures < 3) {
            ++failures;
            faulty.list_failure = errc::unavailable;
        }
        co_return;
    };
    start();
    turn_until([&] { return failures == 1; });
    settle();
    CHECK(follow.status().trouble.find("as the test wants it") != std::string::npos);
    CHECK_FALSE(follow.status().complete);
    turn_until([&] { return caught_up(); });
    CHECK(failures == 3);
    CHECK(follow.status().trouble.empty());
}

TEST_CASE_METHOD(fixture, "a pass that fails in the middle begins again from nothing") {
    fill(10);
    faulty.before_list = [this](std::size_t number) -> awaitable<void> {
        if (number == 3) faulty.list_failure = errc::unavailable;
        co_return;
    };
    start();
    turn_until([&] { return caught_up(); });
    CHECK(view.resets == 2);
    CHECK(follow.status().passes == 1);
}

TEST_CASE_METHOD(fixture, "what does not pass by itself is thrown") {
    faulty.list_failure = errc::corrupt;
    start();
    turn_until([&] { return failure != nullptr; });
    CHECK_THROWS_AS(std::rethrow_exception(failure), error);
}

TEST_CASE_METHOD(fixture, "cancellation ends it, wherever it waits") {
    fill(3);
    SECTION("for changes") {}
    SECTION("behind the gate") { open = false; }
    start();
    settle();
    CHECK(scope.running() == 1);
    scope.cancel();
    turn_until([&] { return scope.running() == 0; });
    CHECK_FALSE(failure);
}
