#include "store_address.hpp"

#include "reeve/core/error.hpp"
#if defined(REEVE_HAS_ETCD)
#include "reeve/backends/etcd.hpp"
#include "reeve/backends/run_on.hpp"
#endif
#if defined(REEVE_HAS_SQLITE)
#include "reeve/backends/sqlite.hpp"
#endif

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace example {

namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";
constexpr std::string_view etcd_scheme = "etcd:";

[[noreturn]] void refuse(const std::string& text, const std::string& why) {
    throw std::invalid_argument(
        fmt::format("\"{}\": {}; {} is accepted", text, why, store_addresses));
}

bool is_endpoint(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return false;
    const auto host = text.substr(0, colon);
    const bool v6 = host.front() == '[' && host.back() == ']' && host.size() > 2;
    if (!v6 && host.find_first_of(":[]/ ") != std::string_view::npos) return false;
    const auto digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [stop, failure] =
        std::from_chars(digits.data(), digits.data() + digits.size(), port);
    return failure == std::errc() && stop == digits.data() + digits.size() && port != 0;
}

std::vector<std::string> endpoints_of(const std::string& text) {
    std::vector<std::string> found;
    std::string_view rest = std::string_view(text).substr(etcd_scheme.size());
    for (bool more = true; more;) {
        const auto comma = rest.find(',');
        more = comma != std::string_view::npos;
        const auto one = rest.substr(0, comma);
        if (!is_endpoint(one)) refuse(text, fmt::format("\"{}\" is no HOST:PORT", one));
        found.emplace_back(one);
        if (more) rest.remove_prefix(comma + 1);
    }
    return found;
}

[[noreturn, maybe_unused]] void lacking(const store_address& address, const char* what) {
    throw reeve::error(reeve::errc::unsupported, to_string(address) + ": " + what);
}

#if defined(REEVE_HAS_ETCD)
// Alone on a loop of its own.
std::uint64_t ask_cluster_id(const store_address& address) {
    reeve::backends::event_loop loop;
    reeve::core::runtime strand(loop);
    const auto store = reeve::backends::open_etcd_metadata_store(
        strand, reeve::backends::etcd_options(address.endpoints));
    return reeve::backends::run_on(loop, strand, store->cluster_id());
}
#endif

}  // namespace

store_address parse_store_address(const std::string& text) {
    store_address address;
    if (text.starts_with(sqlite_scheme)) {
        address.file = text.substr(sqlite_scheme.size());
        if (address.file.empty()) refuse(text, "no file is named");
    } else if (text.starts_with(etcd_scheme)) {
        address.what = store_address::kind::etcd;
        address.endpoints = endpoints_of(text);
    } else {
        refuse(text, "no such kind of store");
    }
    return address;
}

std::string to_string(const store_address& address) {
    if (address.what == store_address::kind::sqlite) return "sqlite:" + address.file;
    return fmt::format("etcd:{}", fmt::join(address.endpoints, ","));
}

std::unique_ptr<reeve::storage::metadata_store> open_store(reeve::core::runtime& strand,
                                                           reeve::core::blocking_executor workers,
                                                           const store_address& address,
                                                           const std::string& key_prefix) {
    if (address.what == store_address::kind::etcd) {
#if defined(REEVE_HAS_ETCD)
        reeve::backends::etcd_options options(address.endpoints);
        options.key_prefix = key_prefix;
        return reeve::backends::open_etcd_metadata_store(strand, std::move(options));
#else
        (void)strand;
        (void)key_prefix;
        lacking(address, "this program was built without the etcd store (gRPC was not found)");
#endif
    }
#if defined(REEVE_HAS_SQLITE)
    return reeve::backends::open_sqlite_metadata_store(
        strand, std::move(workers), reeve::backends::sqlite_options(address.file));
#else
    (void)workers;
    lacking(address, "this program was built without SQLite");
#endif
}

std::string identity(const store_address& address) {
    if (address.what == store_address::kind::sqlite) {
        return "sqlite:" + std::filesystem::weakly_canonical(address.file).string();
    }
#if defined(REEVE_HAS_ETCD)
    return fmt::format("etcd:{:016x}", ask_cluster_id(address));
#else
    lacking(address, "this program was built without the etcd store (gRPC was not found)");
#endif
}

}  // namespace example
