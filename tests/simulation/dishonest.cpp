// A scenario must notice a store that breaks its promises; else it shows nothing.
#include "catch.hpp"
#include "reeve/testing/forwarding_metadata_store.hpp"
#include "reeve/testing/scenario.hpp"
#include "simulation/scenarios/scenarios.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

namespace storage = reeve::storage;
namespace testing = reeve::testing;
using reeve::awaitable;
using std::chrono::milliseconds;

class ignores_conditions final : public testing::forwarding_metadata_store {
public:
    using forwarding_metadata_store::forwarding_metadata_store;
    awaitable<storage::commit_result> commit(storage::transaction change) override {
        storage::transaction blind;
        for (const auto& one : change.operations()) {
            if (one.what == storage::operation::kind::put) {
                blind.put(one.key, one.value, one.lease);
            } else {
                blind.remove(one.key);
            }
        }
        return below().commit(std::move(blind));
    }
};

class forgets_commits final : public testing::forwarding_metadata_store {
public:
    using forwarding_metadata_store::forwarding_metadata_store;
    awaitable<storage::commit_result> commit(storage::transaction change) override {
        if (++commits_ % 50 == 0) change = storage::transaction();
        return below().commit(std::move(change));
    }

private:
    int commits_ = 0;
};

class starts_late final : public testing::forwarding_metadata_store {
public:
    using forwarding_metadata_store::forwarding_metadata_store;
    awaitable<std::unique_ptr<storage::watcher>> watch(storage::key_range range,
                                                       storage::revision from) override {
        return below().watch(std::move(range), storage::revision(from.value + 1));
    }
};

class keeps_leases final : public testing::forwarding_metadata_store {
public:
    using forwarding_metadata_store::forwarding_metadata_store;
    awaitable<storage::lease_grant> grant(milliseconds ttl) override {
        return below().grant(ttl * 1000);
    }
};

class appends_twice final : public storage::message_stream {
public:
    explicit appends_twice(std::shared_ptr<storage::message_stream> honest)
        : honest_(std::move(honest)) {}

    [[nodiscard]] std::size_t payload_bytes_max() const noexcept override {
        return honest_->payload_bytes_max();
    }
    awaitable<storage::position> append(std::string stream, std::string payload) override {
        std::vector<std::string> payloads(++appends_ % 20 == 0 ? 2 : 1, payload);
        return honest_->append_many(std::move(stream), std::move(payloads));
    }
    awaitable<storage::position> append_many(std::string stream,
                                             std::vector<std::string> payloads) override {
        return honest_->append_many(std::move(stream), std::move(payloads));
    }
    awaitable<std::unique_ptr<storage::subscription>> subscribe(std::string stream,
                                                                storage::position from) override {
        return honest_->subscribe(std::move(stream), std::move(from));
    }
    awaitable<storage::position> end(std::string stream) override {
        return honest_->end(std::move(stream));
    }
    awaitable<void> trim(std::string stream, storage::position up_to) override {
        return honest_->trim(std::move(stream), std::move(up_to));
    }

private:
    std::shared_ptr<storage::message_stream> honest_;
    int appends_ = 0;
};

template <class Liar, class Store>
std::shared_ptr<Store> lie(std::shared_ptr<Store> honest) {
    return std::make_shared<Liar>(std::move(honest));
}

/// The first failure in a few seeds.
std::string first_failure(const testing::scenario& which) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        const auto outcome = testing::run_seed(which, seed);
        if (!outcome.failure.empty()) return outcome.failure;
    }
    return "none";
}

TEST_CASE("a store that ignores conditions is not linearizable") {
    const auto which = simulated::kv_register(lie<ignores_conditions, storage::metadata_store>);
    CHECK(first_failure(which).find("not linearizable") == 0);
}

TEST_CASE("a store that forgets commits is not linearizable") {
    const auto which = simulated::kv_register(lie<forgets_commits, storage::metadata_store>);
    CHECK(first_failure(which).find("not linearizable") == 0);
}

TEST_CASE("a watch that skips a revision is noticed") {
    const auto which = simulated::kv_lease_watch(lie<starts_late, storage::metadata_store>);
    CHECK(first_failure(which).find("between revisions") == 0);
}

TEST_CASE("a lease that outlives its holder is noticed") {
    const auto which = simulated::kv_lease_watch(lie<keeps_leases, storage::metadata_store>);
    CHECK(first_failure(which) == "the record of a dead holder is still there");
}

TEST_CASE("a stream that repeats an append is noticed") {
    const auto which = simulated::stream_append(lie<appends_twice, storage::message_stream>);
    CHECK(first_failure(which).find("one try was appended twice") == 0);
}

}  // namespace
