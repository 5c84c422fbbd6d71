#include "backends/etcd/records.hpp"
#include "backends/etcd/renewals.hpp"
#include "backends/etcd/watch.hpp"
#include "reeve/backends/etcd.hpp"
#include "storage/printable.hpp"

#include <limits>

namespace reeve::backends {

namespace {

using std::chrono::milliseconds;

[[noreturn]] void refuse(const std::string& option, const std::string& accepted) {
    throw error(errc::invalid_argument, "etcd: " + option + ": " + accepted);
}

void check_endpoint(const std::string& endpoint) {
    const auto colon = endpoint.rfind(':');
    const bool has_host = colon != std::string::npos && colon > 0;
    const std::string port = has_host ? endpoint.substr(colon + 1) : "";
    const std::string host = has_host ? endpoint.substr(0, colon) : "";
    const bool v6 = host.starts_with('[') && host.ends_with(']');
    const bool good_port = !port.empty() && port.size() <= 5 &&
                           port.find_first_not_of("0123456789") == std::string::npos &&
                           std::stoi(port) >= 1 && std::stoi(port) <= 65535;
    const bool good_host =
        v6 ? host.find_first_not_of("0123456789abcdefABCDEF:.%[]") == std::string::npos
           : host.find_first_of(":/,[]@?#% \t\n\r") == std::string::npos;
    if (good_port && good_host && !host.empty()) return;
    refuse("endpoint " + storage::printable(endpoint),
           "accepted are host:port and [v6]:port, port 1 to 65535");
}

void check_time(milliseconds given, const char* option) {
    constexpr milliseconds most = std::chrono::hours(24);
    if (given >= milliseconds(1) && given <= most) return;
    refuse(fmt::format("{} of {} ms", option, given.count()), "accepted are 1 ms to 24 h");
}

void check_count(std::size_t given, std::size_t least, std::size_t most, const char* option) {
    if (given >= least && given <= most) return;
    refuse(fmt::format("{} of {}", option, given),
           fmt::format("accepted are {} to {}", least, most));
}

void check(const etcd_options& options) {
    if (options.endpoints.empty()) refuse("endpoints", "at least one is needed");
    for (const auto& each : options.endpoints) check_endpoint(each);
    check_time(options.request_patience, "request_patience");
    check_time(options.connect_patience, "connect_patience");
    check_time(options.keepalive_interval, "keepalive_interval");
    check_time(options.keepalive_patience, "keepalive_patience");
    check_time(options.progress_interval, "progress_interval");
    constexpr std::size_t most = std::numeric_limits<int>::max();
    check_count(options.key_prefix.size(), 0, 256, "key_prefix (bytes)");
    check_count(options.operations_max, 1, 10'000, "operations_max");
    check_count(options.page_records_max, 1, most, "page_records_max");
    // Room for the encoding of a full transaction, and for the keys of its conditions.
    const std::size_t share =
        (192U << 10U) + 3 * options.operations_max * (32 + options.key_prefix.size());
    check_count(options.request_bytes_max, share, most / 2, "request_bytes_max");
    check_count(options.response_bytes_max,
                std::max<std::size_t>(4U << 20U, 2 * options.request_bytes_max), most,
                "response_bytes_max");
    if (!options.tls) return;
    if (options.tls->certificate.empty() != options.tls->key.empty()) {
        refuse("tls", "certificate and key belong together");
    }
}

class store_on_etcd final : public etcd_metadata_store {
public:
    explicit store_on_etcd(etcd::store_ptr store) : store_(std::move(store)) {}

    [[nodiscard]] storage::store_limits limits() const noexcept override { return store_->limits; }
    awaitable<std::uint64_t> cluster_id() override { return etcd::cluster_of(store_); }
    [[nodiscard]] std::string trouble() const override { return etcd::trouble_of(*store_); }
    awaitable<std::optional<storage::record>> get(std::string key) override {
        return etcd::get_from(store_, std::move(key));
    }
    awaitable<storage::page> list(storage::key_range range, std::size_t limit) override {
        return etcd::list_from(store_, std::move(range), limit);
    }
    awaitable<storage::commit_result> commit(storage::transaction change) override {
        return etcd::commit_to(store_, std::move(change));
    }
    awaitable<std::unique_ptr<storage::watcher>> watch(storage::key_range range,
                                                       storage::revision from) override {
        return etcd::watch_on(store_, std::move(range), from);
    }
    awaitable<storage::lease_grant> grant(milliseconds ttl) override {
        return etcd::grant_from(store_, ttl);
    }
    awaitable<milliseconds> keep_alive(storage::lease_id lease) override {
        return etcd::keep_alive_at(store_, lease);
    }
    awaitable<void> revoke(storage::lease_id lease) override {
        return etcd::revoke_at(store_, lease);
    }

private:
    etcd::store_ptr store_;
};

}  // namespace

std::unique_ptr<etcd_metadata_store> open_etcd_metadata_store(core::runtime& strand,
                                                              etcd_options options) {
    check(options);
    const storage::store_limits limits = etcd::limits_of(options);
    return std::make_unique<store_on_etcd>(
        std::make_shared<const etcd::store_core>(strand, std::move(options), limits));
}

}  // namespace reeve::backends
