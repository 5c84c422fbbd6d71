#pragma once

#include "reeve/testing/conformance_objects.hpp"
#include "testing/conformance/support.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reeve::testing::detail {

using storage::byte_range;
using storage::object;
using storage::object_meta;
using storage::object_page;
using storage::object_store;
using storage::object_version;
using storage::remove_result;

using maybe_version = std::optional<object_version>;

/// What a check of the object store works with. Each call waits a bounded time.
class object_trial {
public:
    object_trial(core::runtime& on, object_store_factory& by) : strand(on), factory(by) {}

    awaitable<void> begin();
    awaitable<object_store*> open();
    [[nodiscard]] object_store& store() const { return *handles_.front(); }
    void close() { handles_.clear(); }
    [[nodiscard]] std::unique_ptr<object_store> take();

    /// Throws check_skipped without the capabilities.
    void need_put_if_absent() const;
    void need_put_if_match() const;

    awaitable<object_version> put(std::string key, std::string bytes);
    awaitable<maybe_version> put_if_absent(std::string key, std::string bytes);
    awaitable<maybe_version> put_if_match(std::string key, std::string bytes,
                                          object_version expected);
    awaitable<std::optional<object>> get(std::string key, byte_range range = {});
    awaitable<std::optional<object_meta>> head(std::string key);
    awaitable<void> remove(std::string key);
    /// The bytes of an object, or "(none)".
    awaitable<std::string> bytes(std::string key);
    /// All keys of a prefix, read in pages of `limit`.
    awaitable<std::vector<std::string>> keys(std::string prefix, std::size_t limit = 100);

    core::runtime& strand;
    object_store_factory& factory;
    std::vector<std::weak_ptr<void>> in_flight;

private:
    std::vector<std::unique_ptr<object_store>> handles_;
};

/// `size` bytes that differ along the object and with `seed`.
[[nodiscard]] std::string pattern(std::size_t size, unsigned seed);

using object_rules = std::vector<definition<object_trial>>;

object_rules object_value_rules();
object_rules object_list_rules();
object_rules object_race_rules();

}  // namespace reeve::testing::detail
