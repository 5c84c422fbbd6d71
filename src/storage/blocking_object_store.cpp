#include "reeve/storage/blocking_object_store.hpp"

#include "reeve/core/error.hpp"
#include "storage/blocking_write.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::storage {

namespace {

/// What calls own: they may outlive the store.
struct shared_objects {
    shared_objects(core::runtime& on, std::shared_ptr<blocking_object_store> functions,
                   core::blocking_executor pool)
        : strand(&on), calls(std::move(functions)), workers(std::move(pool)) {}

    core::runtime* strand;
    std::shared_ptr<blocking_object_store> calls;
    core::blocking_executor workers;
};
using store_ptr = std::shared_ptr<shared_objects>;
using maybe_version = std::optional<object_version>;

void check(const shared_objects& store, const std::string& key, std::size_t bytes = 0) {
    const object_limits limits = store.calls->limits();
    validate_object_key(key, limits);
    if (bytes <= limits.object_bytes_max) return;
    throw error(errc::too_large, fmt::format("object {} of {} bytes, at most {} are accepted",
                                             printable(key), bytes, limits.object_bytes_max));
}

void require(bool offered, const char* what) {
    if (!offered) throw error(errc::unsupported, fmt::format("object store without {}", what));
}

awaitable<object_version> put_in(store_ptr store, std::string key, std::string bytes) {
    check(*store, key, bytes.size());
    const std::string context = "put of " + printable(key);
    std::function<object_version()> call = [calls = store->calls, key = std::move(key),
                                            bytes = std::move(bytes)] {
        return calls->put(key, bytes);
    };
    co_return co_await blocking_write(*store->strand, store->workers, std::move(call), context);
}

awaitable<maybe_version> create_in(store_ptr store, std::string key, std::string bytes) {
    require(store->calls->capabilities().put_if_absent, "put_if_absent");
    check(*store, key, bytes.size());
    const std::string context = "put_if_absent of " + printable(key);
    std::function<maybe_version()> call = [calls = store->calls, key = std::move(key),
                                           bytes = std::move(bytes)] {
        return calls->put_if_absent(key, bytes);
    };
    co_return co_await blocking_write(*store->strand, store->workers, std::move(call), context);
}

awaitable<maybe_version> replace_in(store_ptr store, std::string key, std::string bytes,
                                    object_version expected) {
    require(store->calls->capabilities().put_if_match, "put_if_match");
    check(*store, key, bytes.size());
    const std::string context = "put_if_match of " + printable(key);
    std::function<maybe_version()> call =
        [calls = store->calls, key = std::move(key), bytes = std::move(bytes),
         expected = std::move(expected)] { return calls->put_if_match(key, bytes, expected); };
    co_return co_await blocking_write(*store->strand, store->workers, std::move(call), context);
}

awaitable<std::optional<object>> get_from(store_ptr store, std::string key, byte_range range) {
    check(*store, key);
    std::function<std::optional<object>()> call = [calls = store->calls, key = std::move(key),
                                                   range] { return calls->get(key, range); };
    co_return co_await core::blocking_call(*store->strand, store->workers, std::move(call));
}

awaitable<std::optional<object_meta>> head_from(store_ptr store, std::string key) {
    check(*store, key);
    std::function<std::optional<object_meta>()> call =
        [calls = store->calls, key = std::move(key)] { return calls->head(key); };
    co_return co_await core::blocking_call(*store->strand, store->workers, std::move(call));
}

awaitable<void> remove_from(store_ptr store, std::string key) {
    check(*store, key);
    const std::string context = "removal of " + printable(key);
    std::function<void()> call = [calls = store->calls, key = std::move(key)] {
        calls->remove(key);
    };
    co_await blocking_write(*store->strand, store->workers, std::move(call), context);
}

awaitable<std::vector<remove_result>> remove_all(store_ptr store, std::vector<std::string> keys) {
    const std::size_t most = store->calls->limits().remove_many_max;
    if (keys.size() > most) {
        throw error(errc::too_large, fmt::format("removal of {} objects, at most {} are accepted",
                                                 keys.size(), most));
    }
    for (const std::string& key : keys) check(*store, key);
    std::function<std::vector<remove_result>()> call =
        [calls = store->calls, keys = std::move(keys)] { return calls->remove_many(keys); };
    const std::string context = "removal of objects";
    co_return co_await blocking_write(*store->strand, store->workers, std::move(call), context);
}

awaitable<object_page> list_from(store_ptr store, std::string prefix, std::string after,
                                 std::size_t limit) {
    if (limit == 0) throw error(errc::invalid_argument, "list with a limit of 0, at least 1");
    const std::size_t most = std::min(limit, store->calls->limits().page_max);
    std::function<object_page()> call = [calls = store->calls, prefix = std::move(prefix),
                                         after = std::move(after),
                                         most] { return calls->list(prefix, after, most); };
    co_return co_await core::blocking_call(*store->strand, store->workers, std::move(call));
}

awaitable<core::wall_time> time_of(store_ptr store) {
    std::function<core::wall_time()> call = [calls = store->calls] { return calls->server_time(); };
    co_return co_await core::blocking_call(*store->strand, store->workers, std::move(call));
}

class adapted_objects final : public object_store {
public:
    explicit adapted_objects(store_ptr store) : store_(std::move(store)) {}

    [[nodiscard]] object_capabilities capabilities() const noexcept override {
        return store_->calls->capabilities();
    }
    [[nodiscard]] object_limits limits() const noexcept override { return store_->calls->limits(); }
    awaitable<object_version> put(std::string key, std::string bytes) override {
        return put_in(store_, std::move(key), std::move(bytes));
    }
    awaitable<maybe_version> put_if_absent(std::string key, std::string bytes) override {
        return create_in(store_, std::move(key), std::move(bytes));
    }
    awaitable<maybe_version> put_if_match(std::string key, std::string bytes,
                                          object_version expected) override {
        return replace_in(store_, std::move(key), std::move(bytes), std::move(expected));
    }
    awaitable<std::optional<object>> get(std::string key, byte_range range) override {
        return get_from(store_, std::move(key), range);
    }
    awaitable<std::optional<object_meta>> head(std::string key) override {
        return head_from(store_, std::move(key));
    }
    awaitable<void> remove(std::string key) override { return remove_from(store_, std::move(key)); }
    awaitable<std::vector<remove_result>> remove_many(std::vector<std::string> keys) override {
        return remove_all(store_, std::move(keys));
    }
    awaitable<object_page> list(std::string prefix, std::string after, std::size_t limit) override {
        return list_from(store_, std::move(prefix), std::move(after), limit);
    }
    awaitable<core::wall_time> server_time() override { return time_of(store_); }

private:
    store_ptr store_;
};

}  // namespace

std::vector<remove_result> blocking_object_store::remove_many(
    const std::vector<std::string>& keys) {
    std::vector<remove_result> results;
    results.reserve(keys.size());
    for (const std::string& key : keys) {
        std::error_code failure;
        try {
            remove(key);
        } catch (const std::system_error& thrown) {  // this key's answer; the others go on
            failure = thrown.code();
        }
        results.push_back({key, failure});
    }
    return results;
}

std::unique_ptr<object_store> from_blocking(core::runtime& strand,
                                            std::shared_ptr<blocking_object_store> store,
                                            core::blocking_executor workers) {
    return std::make_unique<adapted_objects>(
        std::make_shared<shared_objects>(strand, std::move(store), std::move(workers)));
}

}  // namespace reeve::storage
