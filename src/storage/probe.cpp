#include "reeve/core/error.hpp"
#include "reeve/storage/object_store.hpp"
#include "storage/printable.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <array>
#include <exception>
#include <tuple>

namespace reeve::storage {

namespace {

using maybe_version = std::optional<object_version>;

/// One probe: the keys that it uses.
struct probe_keys {
    probe_keys(const std::string& prefix, const std::string& nonce)
        : created(prefix + "reeve-probe-" + nonce + "/create"),
          raced(prefix + "reeve-probe-" + nonce + "/race"),
          matched(prefix + "reeve-probe-" + nonce + "/match"),
          missing(prefix + "reeve-probe-" + nonce + "/missing") {}
    std::string created;
    std::string raced;
    std::string matched;
    std::string missing;
};

void require(bool holds, const char* check) {
    if (holds) return;
    throw error(errc::unsupported,
                std::string("object store: it claims a condition that it ignores: ") + check);
}

awaitable<void> require_content(object_store& store, std::string key, std::string expected,
                                const char* check) {
    const auto found = co_await store.get(key, byte_range());
    require(found && found->bytes == expected, check);
}

awaitable<void> check_create(object_store& store, const probe_keys& keys, std::string nonce) {
    // 1. Create once.
    const std::string first_bytes = nonce + " first";
    const maybe_version first = co_await store.put_if_absent(keys.created, first_bytes);
    if (!first) {
        throw error(errc::invalid_argument,
                    "object store probe: " + printable(keys.created) + " exists: a used nonce");
    }
    // 2. Create again.
    const std::string second_bytes = nonce + " second";
    const maybe_version second = co_await store.put_if_absent(keys.created, second_bytes);
    require(!second, "put_if_absent of an object that exists");
    co_await require_content(store, keys.created, first_bytes, "put_if_absent changed an object");
}

awaitable<void> check_race(object_store& store, const probe_keys& keys, std::string nonce) {
    using boost::asio::experimental::awaitable_operators::operator&&;
    const std::array<std::string, 3> bytes{nonce + " a", nonce + " b", nonce + " c"};
    auto all = store.put_if_absent(keys.raced, bytes[0]) &&
               store.put_if_absent(keys.raced, bytes[1]) &&
               store.put_if_absent(keys.raced, bytes[2]);
    const std::tuple<maybe_version, maybe_version, maybe_version> results = co_await std::move(all);
    const std::array<bool, 3> won{std::get<0>(results).has_value(),
                                  std::get<1>(results).has_value(),
                                  std::get<2>(results).has_value()};
    require(won[0] + won[1] + won[2] == 1, "one of several put_if_absent at once wins");
    const std::string& winner = bytes[won[0] ? 0U : won[1] ? 1U : 2U];
    co_await require_content(store, keys.raced, winner, "the put_if_absent that won is there");
}

awaitable<void> check_match(object_store& store, const probe_keys& keys, std::string nonce) {
    // 1. Replace the version that is there.
    const std::string old_bytes = nonce + " old";
    const object_version old_version = co_await store.put(keys.matched, old_bytes);
    const std::string new_bytes = nonce + " new";
    const maybe_version current = co_await store.put_if_match(keys.matched, new_bytes, old_version);
    require(current.has_value(), "put_if_match of the version that is there");
    // 2. Replace one that is no longer there.
    const std::string late_bytes = nonce + " late";
    const maybe_version late = co_await store.put_if_match(keys.matched, late_bytes, old_version);
    require(!late, "put_if_match of a stale version");
    co_await require_content(store, keys.matched, new_bytes, "put_if_match changed an object");
    // 3. Replace what does not exist.
    const maybe_version none = co_await store.put_if_match(keys.missing, late_bytes, *current);
    require(!none, "put_if_match of a missing object");
    const auto found = co_await store.head(keys.missing);
    require(!found, "put_if_match created an object");
}

awaitable<void> check_all(object_store& store, const probe_keys& keys, std::string nonce,
                          object_capabilities claimed) {
    if (claimed.put_if_absent) {
        co_await check_create(store, keys, nonce);
        co_await check_race(store, keys, nonce);
    }
    if (claimed.put_if_match) co_await check_match(store, keys, nonce);
}

}  // namespace

awaitable<object_capabilities> probe(object_store& store, std::string prefix, std::string nonce) {
    const object_capabilities claimed = store.capabilities();
    const probe_keys keys(prefix, nonce);
    std::exception_ptr failure;
    try {
        co_await check_all(store, keys, nonce, claimed);
    } catch (const error&) {  // thrown again below, once nothing is left behind
        failure = std::current_exception();
    }
    std::vector<std::string> used;
    used.push_back(keys.created);
    used.push_back(keys.raced);
    used.push_back(keys.matched);
    used.push_back(keys.missing);
    try {
        for (const std::string& key : used) co_await store.remove(key);
    } catch (const error&) {  // what the checks found says more
        if (!failure) throw;
    }
    if (failure) std::rethrow_exception(failure);
    co_return claimed;
}

}  // namespace reeve::storage
