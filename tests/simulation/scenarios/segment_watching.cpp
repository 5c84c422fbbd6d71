// The stores of a segment scenario, looked at by its ledger.
#include "forwarding_objects.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"
#include "segment_world.hpp"

#include <utility>

namespace simulated {

namespace {

class watched_metadata final : public testing::forwarding_metadata_store {
public:
    watched_metadata(std::shared_ptr<segment_ledger> ledger,
                     std::shared_ptr<storage::metadata_store> below)
        : forwarding_metadata_store(std::move(below)), ledger_(std::move(ledger)) {}

    awaitable<storage::commit_result> commit(storage::transaction change) override {
        const storage::transaction copy = change;
        auto result = co_await below().commit(std::move(change));
        if (result) ledger_->committed(copy, result.at);
        co_return result;
    }

private:
    std::shared_ptr<segment_ledger> ledger_;
};

/// In the world: what happens to a request here happens whatever becomes of the sender.
class watched_objects final : public forwarding_objects {
public:
    watched_objects(segment_world& around, std::shared_ptr<storage::object_store> below)
        : forwarding_objects(std::move(below)), around_(around) {}

    awaitable<storage::object_version> put(std::string key, std::string bytes) override {
        const auto& slow = around_.options().upload_pause;
        auto& random = around_.world().random();
        if (around_.names()->parse(key) && slow.odds.happens(random)) {
            around_.world().count("upload paused for days");
            const auto pause = slow.length.pick(random);
            co_await around_.world().world_runtime().sleep_for(pause);
        }
        const std::string name = key;
        const std::string content = bytes;
        auto version = co_await below().put(std::move(key), std::move(bytes));
        around_.ledger().written(name, content);
        co_return version;
    }
    awaitable<void> remove(std::string key) override {
        const std::string name = key;
        co_await below().remove(std::move(key));
        around_.ledger().removed(name);
    }
    awaitable<std::vector<storage::remove_result>> remove_many(
        std::vector<std::string> keys) override {
        auto results = co_await below().remove_many(std::move(keys));
        for (const auto& one : results) {
            if (!one.failure) around_.ledger().removed(one.key);
        }
        co_return results;
    }
    awaitable<storage::object_page> list(std::string prefix, std::string after,
                                         std::size_t limit) override {
        auto page = co_await below().list(std::move(prefix), std::move(after), limit);
        around_.ledger().listed(page);
        co_return page;
    }

private:
    segment_world& around_;
};

/// In a process: tells the ledger when an upload begins.
class noting_objects final : public forwarding_objects {
public:
    noting_objects(segment_world& around, std::shared_ptr<storage::object_store> below)
        : forwarding_objects(std::move(below)), around_(around) {}

    awaitable<storage::object_version> put(std::string key, std::string bytes) override {
        around_.ledger().begins(key);
        return below().put(std::move(key), std::move(bytes));
    }

private:
    segment_world& around_;
};

}  // namespace

void segment_world::watch_stores() {
    world_.host(std::make_shared<watched_metadata>(ledger_, world_.metadata()));
    world_.host(std::make_shared<watched_objects>(*this, world_.objects()));
}

std::unique_ptr<storage::object_store> segment_world::open_objects(testing::process& self) {
    return std::make_unique<noting_objects>(*this, self.open_objects());
}

}  // namespace simulated
