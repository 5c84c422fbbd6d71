#include "testing/conformance/object_trial.hpp"

#include <utility>

namespace reeve::testing {

std::uint64_t object_store_factory::tried_bytes_max() const { return 8U << 20U; }

std::chrono::milliseconds object_store_factory::clock_error() const {
    return std::chrono::seconds(2);
}

std::vector<check> object_store_checks(std::shared_ptr<object_store_factory> factory) {
    detail::object_rules all = detail::object_value_rules();
    for (const auto part : {detail::object_list_rules, detail::object_race_rules}) {
        const auto rules = part();
        all.insert(all.end(), rules.begin(), rules.end());
    }
    return detail::make_checks<detail::object_trial>(factory, all);
}

namespace detail {

awaitable<void> object_trial::begin() { co_await open(); }

awaitable<object_store*> object_trial::open() {
    auto opened = co_await factory.open(strand);
    if (!opened) throw check_failure("the factory's `open` returned no store");
    handles_.push_back(std::move(opened));
    co_return handles_.back().get();
}

std::unique_ptr<object_store> object_trial::take() {
    auto first = std::move(handles_.front());
    handles_.erase(handles_.begin());
    return first;
}

void object_trial::need_put_if_absent() const {
    if (store().capabilities().put_if_absent) return;
    throw check_skipped("needs the capability put_if_absent");
}

void object_trial::need_put_if_match() const {
    if (store().capabilities().put_if_match) return;
    throw check_skipped("needs the capability put_if_match");
}

awaitable<object_version> object_trial::put(std::string key, std::string bytes) {
    auto call = store().put(std::move(key), std::move(bytes));
    co_return co_await within<object_version>(strand, std::move(call), "put");
}

awaitable<maybe_version> object_trial::put_if_absent(std::string key, std::string bytes) {
    auto call = store().put_if_absent(std::move(key), std::move(bytes));
    co_return co_await within<maybe_version>(strand, std::move(call), "put_if_absent");
}

awaitable<maybe_version> object_trial::put_if_match(std::string key, std::string bytes,
                                                    object_version expected) {
    auto call = store().put_if_match(std::move(key), std::move(bytes), std::move(expected));
    co_return co_await within<maybe_version>(strand, std::move(call), "put_if_match");
}

awaitable<std::optional<object>> object_trial::get(std::string key, byte_range range) {
    auto call = store().get(std::move(key), range);
    co_return co_await within<std::optional<object>>(strand, std::move(call), "get");
}

awaitable<std::optional<object_meta>> object_trial::head(std::string key) {
    auto call = store().head(std::move(key));
    co_return co_await within<std::optional<object_meta>>(strand, std::move(call), "head");
}

awaitable<void> object_trial::remove(std::string key) {
    auto call = store().remove(std::move(key));
    co_await within<void>(strand, std::move(call), "remove");
}

awaitable<std::string> object_trial::bytes(std::string key) {
    std::optional<object> found = co_await get(std::move(key));
    std::string text = "(none)";
    if (found) text = std::move(found->bytes);
    co_return text;
}

awaitable<std::vector<std::string>> object_trial::keys(std::string prefix, std::size_t limit) {
    std::vector<std::string> all;
    std::string after;
    for (;;) {
        auto call = store().list(prefix, after, limit);
        const object_page part = co_await within<object_page>(strand, std::move(call), "list");
        expect(part.objects.size() <= limit, "a page holds more objects than its limit");
        for (const auto& each : part.objects) all.push_back(each.key);
        if (part.resume_after.empty()) break;
        expect(part.resume_after > after, "a page's resume_after does not advance");
        after = part.resume_after;
    }
    co_return all;
}

std::string pattern(std::size_t size, unsigned seed) {
    std::string bytes(size, '\0');
    unsigned value = seed * 2654435761U + 1;
    for (auto& each : bytes) {
        value = value * 1664525U + 1013904223U;
        each = static_cast<char>(value >> 24U);
    }
    return bytes;
}

}  // namespace detail

}  // namespace reeve::testing
