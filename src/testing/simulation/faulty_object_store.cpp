#include "reeve/testing/faulty_object_store.hpp"

#include "testing/simulation/remote_call.hpp"

#include <utility>

namespace reeve::testing {

namespace {

using detail::call_read;
using detail::call_write;
using detail::remote_link;
using removals = std::vector<storage::remove_result>;
using maybe_version = std::optional<storage::object_version>;

awaitable<removals> remove_all(std::shared_ptr<remote_link> link,
                               std::shared_ptr<storage::object_store> backing,
                               request_faults faults, std::vector<std::string> keys) {
    std::string label = fmt::format("remove {} objects", keys.size());
    std::function<awaitable<removals>()> run = [backing, keys] {
        return backing->remove_many(keys);
    };
    try {
        removals done = co_await call_write<removals>(link, faults, effect_kind::object_remove,
                                                      std::move(label), std::move(run));
        co_return done;
    } catch (const error& failure) {
        if (failure.code_value() != errc::outcome_unknown) throw;
    }
    removals unknown;
    for (auto& key : keys) {
        unknown.push_back({std::move(key), make_error_code(errc::outcome_unknown)});
    }
    co_return unknown;
}

}  // namespace

faulty_object_store::faulty_object_store(process& caller,
                                         std::shared_ptr<storage::object_store> backing,
                                         const object_faults& faults)
    : link_(std::make_shared<remote_link>(caller, "object store")),
      backing_(std::move(backing)),
      faults_(&faults) {}

faulty_object_store::~faulty_object_store() = default;

storage::object_capabilities faulty_object_store::capabilities() const noexcept {
    return backing_->capabilities();
}

storage::object_limits faulty_object_store::limits() const noexcept { return backing_->limits(); }

awaitable<storage::object_version> faulty_object_store::put(std::string key, std::string bytes) {
    std::string label = "put " + key;
    auto run = [backing = backing_, key = std::move(key), bytes = std::move(bytes)] {
        return backing->put(key, bytes);
    };
    return call_write<storage::object_version>(link_, faults_->requests, effect_kind::object_write,
                                               std::move(label), std::move(run));
}

awaitable<maybe_version> faulty_object_store::put_if_absent(std::string key, std::string bytes) {
    std::string label = "put_if_absent " + key;
    auto run = [backing = backing_, key = std::move(key), bytes = std::move(bytes)] {
        return backing->put_if_absent(key, bytes);
    };
    return call_write<maybe_version>(link_, faults_->requests, effect_kind::object_write,
                                     std::move(label), std::move(run));
}

awaitable<maybe_version> faulty_object_store::put_if_match(std::string key, std::string bytes,
                                                           storage::object_version expected) {
    std::string label = "put_if_match " + key;
    auto run = [backing = backing_, key = std::move(key), bytes = std::move(bytes),
                expected = std::move(expected)] {
        return backing->put_if_match(key, bytes, expected);
    };
    return call_write<maybe_version>(link_, faults_->requests, effect_kind::object_write,
                                     std::move(label), std::move(run));
}

awaitable<std::optional<storage::object>> faulty_object_store::get(std::string key,
                                                                   storage::byte_range range) {
    std::string label = "get " + key;
    auto run = [backing = backing_, key = std::move(key), range] {
        return backing->get(key, range);
    };
    return call_read<std::optional<storage::object>>(link_, faults_->requests, std::move(label),
                                                     std::move(run));
}

awaitable<std::optional<storage::object_meta>> faulty_object_store::head(std::string key) {
    std::string label = "head " + key;
    auto run = [backing = backing_, key = std::move(key)] { return backing->head(key); };
    return call_read<std::optional<storage::object_meta>>(link_, faults_->requests,
                                                          std::move(label), std::move(run));
}

awaitable<void> faulty_object_store::remove(std::string key) {
    std::string label = "remove " + key;
    auto run = [backing = backing_, key = std::move(key)] { return backing->remove(key); };
    return call_write<void>(link_, faults_->requests, effect_kind::object_remove, std::move(label),
                            std::move(run));
}

awaitable<removals> faulty_object_store::remove_many(std::vector<std::string> keys) {
    return remove_all(link_, backing_, faults_->requests, std::move(keys));
}

awaitable<storage::object_page> faulty_object_store::list(std::string prefix, std::string after,
                                                          std::size_t limit) {
    std::string label = "list " + prefix;
    auto run = [backing = backing_, prefix = std::move(prefix), after = std::move(after), limit] {
        return backing->list(prefix, after, limit);
    };
    return call_read<storage::object_page>(link_, faults_->requests, std::move(label),
                                           std::move(run));
}

awaitable<core::wall_time> faulty_object_store::server_time() {
    auto run = [backing = backing_] { return backing->server_time(); };
    return call_read<core::wall_time>(link_, faults_->requests, "server_time", std::move(run));
}

}  // namespace reeve::testing
