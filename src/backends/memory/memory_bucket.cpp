#include "reeve/backends/memory_object_store.hpp"

#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::backends {

namespace {

void require(bool offered, const char* what) {
    if (!offered) {
        throw error(errc::unsupported, fmt::format("memory bucket without {}", what));
    }
}

}  // namespace

memory_bucket::memory_bucket(memory_bucket_options options) : options_(options) {
    if (options_.clock == nullptr) options_.clock = &core::system_clock::instance();
}

void memory_bucket::check(const std::string& key, std::size_t bytes) const {
    storage::validate_object_key(key, options_.limits);
    if (bytes <= options_.limits.object_bytes_max) return;
    throw error(errc::too_large,
                fmt::format("object {} of {} bytes, at most {} are accepted",
                            storage::printable(key), bytes, options_.limits.object_bytes_max));
}

storage::object_version memory_bucket::write(const std::string& key, std::string bytes) {
    content fresh;
    fresh.bytes = std::make_shared<const std::string>(std::move(bytes));
    fresh.version = storage::object_version(fmt::format("v{}", ++last_version_));
    fresh.last_modified = server_time();
    storage::object_version version = fresh.version;
    objects_.insert_or_assign(key, std::move(fresh));
    return version;
}

storage::object_meta memory_bucket::meta_of(const objects::value_type& one) {
    storage::object_meta meta;
    meta.key = one.first;
    meta.size = one.second.bytes->size();
    meta.version = one.second.version;
    meta.last_modified = one.second.last_modified;
    return meta;
}

storage::object_version memory_bucket::put(const std::string& key, std::string bytes) {
    check(key, bytes.size());
    const std::lock_guard lock(mutex_);
    return write(key, std::move(bytes));
}

std::optional<storage::object_version> memory_bucket::put_if_absent(const std::string& key,
                                                                    std::string bytes) {
    require(options_.capabilities.put_if_absent, "put_if_absent");
    check(key, bytes.size());
    const std::lock_guard lock(mutex_);
    if (objects_.count(key) != 0) return std::nullopt;
    return write(key, std::move(bytes));
}

std::optional<storage::object_version> memory_bucket::put_if_match(
    const std::string& key, std::string bytes, const storage::object_version& expected) {
    require(options_.capabilities.put_if_match, "put_if_match");
    check(key, bytes.size());
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end() || found->second.version != expected) return std::nullopt;
    return write(key, std::move(bytes));
}

std::optional<storage::object> memory_bucket::get(const std::string& key,
                                                  storage::byte_range range) const {
    check(key, 0);
    std::shared_ptr<const std::string> bytes;
    storage::object result;
    {
        const std::lock_guard lock(mutex_);
        const auto found = objects_.find(key);
        if (found == objects_.end()) return std::nullopt;
        result.meta = meta_of(*found);
        bytes = found->second.bytes;
    }
    if (range.offset < bytes->size()) {
        const auto offset = static_cast<std::size_t>(range.offset);
        const auto length = std::min<std::uint64_t>(range.length, bytes->size() - offset);
        result.bytes = bytes->substr(offset, static_cast<std::size_t>(length));
    }
    return result;
}

std::optional<storage::object_meta> memory_bucket::head(const std::string& key) const {
    check(key, 0);
    const std::lock_guard lock(mutex_);
    const auto found = objects_.find(key);
    if (found == objects_.end()) return std::nullopt;
    return meta_of(*found);
}

void memory_bucket::remove(const std::string& key) {
    check(key, 0);
    const std::lock_guard lock(mutex_);
    objects_.erase(key);
}

storage::object_page memory_bucket::list(const std::string& prefix, const std::string& after,
                                         std::size_t limit) const {
    if (limit == 0) throw error(errc::invalid_argument, "list with a limit of 0, at least 1");
    const std::size_t most = std::min(limit, options_.limits.page_max);
    storage::object_page page;
    const std::lock_guard lock(mutex_);
    auto at = after < prefix ? objects_.lower_bound(prefix) : objects_.upper_bound(after);
    // An object may be named as the prefix is; after = prefix = "" starts at the first.
    for (; at != objects_.end() && at->first.starts_with(prefix); ++at) {
        if (page.objects.size() == most) {
            page.resume_after = page.objects.back().key;
            break;
        }
        page.objects.push_back(meta_of(*at));
    }
    return page;
}

core::wall_time memory_bucket::server_time() const noexcept { return options_.clock->wall_now(); }

std::vector<std::string> memory_bucket::keys() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> found;
    found.reserve(objects_.size());
    for (const auto& [key, one] : objects_) found.push_back(key);
    return found;
}

}  // namespace reeve::backends
