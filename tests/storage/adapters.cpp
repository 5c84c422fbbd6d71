#include "catch.hpp"
#include "core/manual_loop.hpp"
#include "reeve/backends/kv_machine.hpp"
#include "reeve/backends/memory_object_store.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/timeout.hpp"
#include "reeve/storage/blocking_message_stream.hpp"
#include "reeve/storage/blocking_metadata_store.hpp"
#include "reeve/storage/blocking_object_store.hpp"

#include <deque>
#include <memory>
#include <string>

using namespace std::chrono_literals;
using namespace reeve;
using storage::key_range;
using storage::revision;
using storage::transaction;

namespace {

/// A host's store whose functions return at once and never wait.
class plain_store final : public storage::blocking_metadata_store {
public:
    storage::store_limits limits() const noexcept override { return {2, 2, 100, 100, 10}; }
    std::optional<storage::record> get(const std::string& key) override { return machine.get(key); }
    storage::page list(const key_range& range, std::size_t limit) override {
        return machine.list(range, limit);
    }
    storage::commit_result commit(const transaction& change) override {
        auto result = machine.apply(backends::kv_commit(change));
        result.throw_failure();
        return result.commit;
    }
    storage::change_batch changes(const key_range& range, revision from, std::size_t limit,
                                  std::chrono::milliseconds) override {
        ++polls;
        auto batch = machine.changes(range, from, limit);
        if (batch.up_to < from) batch = {};
        return batch;
    }
    storage::lease_grant grant(std::chrono::milliseconds ttl) override {
        return machine.apply(backends::kv_grant{ttl}).grant;
    }
    std::chrono::milliseconds keep_alive(storage::lease_id lease) override {
        const auto ttl = machine.ttl(lease);
        if (!ttl) throw error(errc::lease_not_found, "keep_alive");
        return *ttl;
    }
    void revoke(storage::lease_id lease) override { machine.apply(backends::kv_end_lease{lease}); }

    backends::kv_machine machine;
    int polls = 0;
};

struct fixture {
    template <class T>
    T wait(awaitable<T> operation) {
        return loop.wait(strand, std::move(operation));
    }
    template <class T>
    errc code_of(awaitable<T> operation) {
        try {
            loop.wait(strand, std::move(operation));
        } catch (const error& failure) {
            return failure.code_value();
        }
        return errc{};
    }
    /// The code after 5 ms, with workers that never get to it.
    template <class T>
    errc cancelled(awaitable<T> operation) {
        stalled = true;
        const errc code = code_of(core::with_deadline(
            strand, std::move(operation), loop.now() + 5ms, errc::deadline_exceeded, "cancelled"));
        stalled = false;
        return code;
    }

    manual_loop loop;
    core::runtime strand{loop, loop.options()};
    bool stalled = false;
    std::deque<core::task> waiting;
    core::blocking_executor workers = [this](core::task work) {
        if (stalled) {
            waiting.push_back(std::move(work));
        } else {
            work();
        }
    };
    std::shared_ptr<plain_store> host = std::make_shared<plain_store>();
    std::unique_ptr<storage::metadata_store> store = storage::from_blocking(strand, host, workers);
};

}  // namespace

TEST_CASE("from_blocking: a metadata store of plain functions does what they do") {
    fixture it;
    REQUIRE(it.wait(it.store->commit(transaction().if_absent("a").put("a", "1"))));
    REQUIRE(it.wait(it.store->get("a"))->value == "1");
    REQUIRE(it.wait(it.store->list(key_range::prefix(""), 5)).records.size() == 1);
    const auto lease = it.wait(it.store->grant(100ms));
    REQUIRE(it.wait(it.store->keep_alive(lease.id)) == 100ms);
    it.wait(it.store->revoke(lease.id));
    REQUIRE(it.code_of(it.store->keep_alive(lease.id)) == errc::lease_not_found);
    REQUIRE(it.code_of(it.store->grant(0ms)) == errc::invalid_argument);
    REQUIRE(it.code_of(it.store->list(key_range::prefix(""), 0)) == errc::invalid_argument);
    auto three = transaction().put("a", "").put("b", "").put("c", "");
    REQUIRE(it.code_of(it.store->commit(std::move(three))) == errc::too_large);
}

TEST_CASE("from_blocking: a cancelled write is an unknown outcome, a cancelled read is none") {
    fixture it;
    REQUIRE(it.cancelled(it.store->commit(transaction().put("a", "1"))) == errc::outcome_unknown);
    REQUIRE(it.cancelled(it.store->grant(1s)) == errc::outcome_unknown);
    REQUIRE(it.cancelled(it.store->revoke(storage::lease_id(1))) == errc::outcome_unknown);
    REQUIRE(it.cancelled(it.store->get("a")) == errc::deadline_exceeded);
    REQUIRE(it.waiting.size() == 4);
    for (auto& work : it.waiting) work();  // detached: it still happens
    REQUIRE(it.wait(it.store->get("a"))->value == "1");
}

TEST_CASE("from_blocking: a watch polls, without haste, and misses nothing") {
    fixture it;
    it.wait(it.store->commit(transaction().put("a", "1")));
    auto watch = it.wait(it.store->watch(key_range::prefix(""), revision(1)));
    REQUIRE(it.wait(watch->next()).changes.size() == 1);
    std::optional<storage::change_batch> seen;
    auto done = [&](const std::exception_ptr&, storage::change_batch batch) { seen = batch; };
    boost::asio::co_spawn(it.strand.executor(), watch->next(), done);
    it.host->polls = 0;
    it.loop.run_for(1s);
    REQUIRE_FALSE(seen);
    REQUIRE(it.host->polls > 10);
    REQUIRE(it.host->polls < 200);
    it.wait(it.store->commit(transaction().put("b", "2").put("c", "3")));
    it.loop.run_for(100ms);
    REQUIRE(seen);
    REQUIRE(seen->changes.size() == 2);
    REQUIRE(seen->up_to == revision(2));
    it.host->machine.apply(backends::kv_compact{revision(2)});
    REQUIRE(it.code_of(it.store->watch(key_range::prefix(""), revision(2))) == errc::compacted);
    REQUIRE(it.code_of(it.store->watch(key_range::prefix(""), {})) == errc::invalid_argument);
}

TEST_CASE("from_blocking: a store may be destroyed with calls in flight") {
    fixture it;
    auto late = it.store->commit(transaction().put("a", "1"));
    it.store.reset();
    REQUIRE(it.wait(std::move(late)));
    REQUIRE(it.host->machine.get("a"));
}

namespace {

class plain_stream final : public storage::blocking_message_stream {
public:
    std::size_t payload_bytes_max() const noexcept override { return 3; }
    storage::position append_many(const std::string&,
                                  const std::vector<std::string>& payloads) override {
        for (const auto& one : payloads) all.push_back(one);
        return at(all.size());
    }
    std::vector<storage::message> read(const std::string&, const storage::position& from,
                                       std::size_t limit, std::chrono::milliseconds) override {
        if (from.value == "bad") throw error(errc::invalid_argument, "bad");
        std::vector<storage::message> found;
        for (auto n = from.value.size(); n < all.size() && found.size() < limit; ++n) {
            found.push_back({at(n + 1), all[n]});
        }
        return found;
    }
    storage::position end(const std::string&) override { return at(all.size()); }
    void trim(const std::string&, const storage::position&) override {}
    static storage::position at(std::size_t n) { return storage::position(std::string(n, '1')); }
    std::vector<std::string> all;
};

}  // namespace

TEST_CASE("from_blocking: a message stream of plain functions appends and delivers in order") {
    fixture it;
    auto host = std::make_shared<plain_stream>();
    const auto stream = storage::from_blocking(it.strand, host, it.workers);
    REQUIRE(it.wait(stream->append("s", "a")) == plain_stream::at(1));
    auto subscription = it.wait(stream->subscribe("s", {}));
    REQUIRE(it.wait(subscription->next(9)).size() == 1);
    std::vector<storage::message> seen;
    auto done = [&](const std::exception_ptr&, std::vector<storage::message> found) {
        seen = std::move(found);
    };
    boost::asio::co_spawn(it.strand.executor(), subscription->next(9), done);
    it.loop.run_for(100ms);
    REQUIRE(seen.empty());
    it.wait(stream->append_many("s", std::vector<std::string>{"b", "c"}));
    it.loop.run_for(100ms);
    REQUIRE(seen.size() == 2);
    REQUIRE(it.code_of(stream->append("s", "1234")) == errc::too_large);
    REQUIRE(it.code_of(stream->append("", "x")) == errc::invalid_argument);
    REQUIRE(it.code_of(stream->append_many("s", {})) == errc::invalid_argument);
    REQUIRE(it.code_of(stream->subscribe("s", storage::position("bad"))) == errc::invalid_argument);
    REQUIRE(it.cancelled(stream->append("s", "x")) == errc::outcome_unknown);
    REQUIRE(it.cancelled(stream->end("s")) == errc::deadline_exceeded);
}

namespace {

/// Breaks what the probe must find; otherwise the memory bucket.
class plain_objects final : public storage::blocking_object_store {
public:
    storage::object_capabilities capabilities() const noexcept override {
        return {claims, claims, true};
    }
    storage::object_limits limits() const noexcept override { return {}; }
    storage::object_version put(const std::string& key, const std::string& bytes) override {
        return bucket.put(key, bytes);
    }
    std::optional<storage::object_version> put_if_absent(const std::string& key,
                                                         const std::string& bytes) override {
        if (ignores_absent) return bucket.put(key, bytes);
        return bucket.put_if_absent(key, bytes);
    }
    std::optional<storage::object_version> put_if_match(
        const std::string& key, const std::string& bytes,
        const storage::object_version& expected) override {
        if (ignores_match && bucket.head(key)) return bucket.put(key, bytes);
        if (creates_on_match && !bucket.head(key)) return bucket.put(key, bytes);
        return bucket.put_if_match(key, bytes, expected);
    }
    std::optional<storage::object> get(const std::string& key, storage::byte_range range) override {
        return bucket.get(key, range);
    }
    std::optional<storage::object_meta> head(const std::string& key) override {
        return bucket.head(key);
    }
    void remove(const std::string& key) override {
        if (key == "stuck") throw error(errc::permission_denied, "stuck");
        bucket.remove(key);
    }
    storage::object_page list(const std::string& prefix, const std::string& after,
                              std::size_t limit) override {
        return bucket.list(prefix, after, limit);
    }
    core::wall_time server_time() override { return bucket.server_time(); }

    backends::memory_bucket bucket;
    bool claims = true;
    bool ignores_absent = false;
    bool ignores_match = false;
    bool creates_on_match = false;
};

}  // namespace

TEST_CASE("from_blocking: an object store of plain functions does what they do") {
    fixture it;
    auto host = std::make_shared<plain_objects>();
    const auto store = storage::from_blocking(it.strand, host, it.workers);
    const auto version = it.wait(store->put("k", "bytes"));
    REQUIRE(it.wait(store->head("k"))->version == version);
    REQUIRE(it.wait(store->get("k", storage::byte_range{1, 2}))->bytes == "yt");
    REQUIRE(it.wait(store->list("", "", 5)).objects.size() == 1);
    const auto removed = it.wait(store->remove_many(std::vector<std::string>{"stuck", "k"}));
    REQUIRE(removed.at(0).failure == errc::permission_denied);
    REQUIRE_FALSE(removed.at(1).failure);
    REQUIRE_FALSE(it.wait(store->head("k")));
    REQUIRE(it.code_of(store->put("", "x")) == errc::invalid_argument);
    REQUIRE(it.cancelled(store->put("k", "x")) == errc::outcome_unknown);
    REQUIRE(it.cancelled(store->remove("k")) == errc::outcome_unknown);
    REQUIRE(it.cancelled(store->head("k")) == errc::deadline_exceeded);
    host->claims = false;
    REQUIRE(it.code_of(store->put_if_absent("k", "x")) == errc::unsupported);
    REQUIRE(it.code_of(store->put_if_match("k", "x", version)) == errc::unsupported);
}

TEST_CASE("probe: an honest store passes and nothing is left behind") {
    fixture it;
    auto host = std::make_shared<plain_objects>();
    const auto store = storage::from_blocking(it.strand, host, it.workers);
    REQUIRE(it.wait(storage::probe(*store, "p/", "n1")).put_if_match);
    REQUIRE(host->bucket.keys().empty());
    host->claims = false;
    REQUIRE_FALSE(it.wait(storage::probe(*store, "p/", "n2")).put_if_absent);
}

TEST_CASE("probe: each ignored condition is found, and nothing is left behind") {
    for (const auto flaw : {&plain_objects::ignores_absent, &plain_objects::ignores_match,
                            &plain_objects::creates_on_match}) {
        fixture it;
        auto host = std::make_shared<plain_objects>();
        (*host).*flaw = true;
        const auto store = storage::from_blocking(it.strand, host, it.workers);
        REQUIRE(it.code_of(storage::probe(*store, "p/", "n")) == errc::unsupported);
        REQUIRE(host->bucket.keys().empty());
    }
}

TEST_CASE("key_range: a prefix covers exactly the keys that begin with it") {
    const std::string high = "a\xff\xff";
    REQUIRE(key_range::prefix("a/").last() == "a0");
    REQUIRE(key_range::prefix(high).last() == "b");
    REQUIRE(key_range::prefix("\xff\xff").last().empty());
    REQUIRE(key_range::prefix("").contains("\xff"));
    REQUIRE(key_range::prefix(high).contains(high + "x"));
    REQUIRE_FALSE(key_range::prefix(high).contains("b"));
    REQUIRE(key_range::one("a").contains("a"));
    REQUIRE_FALSE(key_range::one("a").contains(std::string("a\0", 2)));
}

TEST_CASE("validate: what a transaction may hold, on both sides of each limit") {
    const storage::store_limits limits{1, 2, 10, 6, 1};
    const auto code = [&](const transaction& change) {
        try {
            storage::validate(change, limits);
        } catch (const error& failure) {
            return failure.code_value();
        }
        return errc{};
    };
    REQUIRE(code(transaction().if_absent("aa").put("bb", "1234").remove("cc")) == errc{});
    REQUIRE(code(transaction().if_absent("aaa").put("bb", "1234").remove("cc")) == errc::too_large);
    REQUIRE(code(transaction().put("bb", "12345")) == errc::too_large);
    REQUIRE(code(transaction().if_absent("a").if_absent("b")) == errc::too_large);
    REQUIRE(code(transaction().remove("a").remove("b").remove("c")) == errc::too_large);
    REQUIRE(code(transaction().put("a", "").remove("a")) == errc::invalid_argument);
    REQUIRE(code(transaction().if_modified_at("", revision(1))) == errc::invalid_argument);
    REQUIRE(transaction().if_modified_at("a", {}).conditions()[0].what ==
            storage::condition::kind::absent);
}
