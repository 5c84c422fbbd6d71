#include "reeve/backends/etcd.hpp"
#include "reeve/testing/conformance_catch.hpp"
#include "reeve/testing/conformance_metadata.hpp"
#include "servers/etcd_server.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

using namespace reeve::testing;
namespace storage = reeve::storage;

namespace {

// One cluster for all checks; each has a prefix of its own, and every handle its own connection.
class etcd_factory final : public metadata_store_factory {
public:
    explicit etcd_factory(std::size_t members) : cluster_(how(members)) {}

    void reset() override { ++checks_; }
    reeve::awaitable<std::unique_ptr<storage::metadata_store>> open(
        reeve::core::runtime& strand) override {
        reeve::backends::etcd_options options(cluster_.endpoints());
        options.request_patience = std::chrono::seconds(30);
        options.key_prefix = fmt::format("check {}/", checks_);
        co_return reeve::backends::open_etcd_metadata_store(strand, options);
    }
    reeve::awaitable<void> compact(storage::metadata_store&,
                                   storage::revision first_kept) override {
        // A removal at the very revision of a compaction is not kept.
        cluster_.compact(first_kept.value - 1);
        co_return;
    }
    [[nodiscard]] std::chrono::milliseconds patience() const override {
        return std::chrono::minutes(5);  // for all of a check, on a busy machine
    }
    // The shortest that etcd grants is two seconds, and five with these election timeouts.
    [[nodiscard]] std::chrono::milliseconds lease_ttl() const override {
        return std::chrono::seconds(1);
    }

private:
    // A change of leaders makes outcomes unknown, which the checks do not expect: members that wait
    // for the processor elect no other.
    [[nodiscard]] static reeve::tests::etcd_options how(std::size_t members) {
        reeve::tests::etcd_options options;
        options.members = members;
        if (members == 1) return options;
        options.arguments = {"--heartbeat-interval=300", "--election-timeout=3000"};
        return options;
    }

    reeve::tests::etcd_cluster cluster_;
    std::size_t checks_ = 0;
};

void run_all(std::size_t members) {
    if (!reeve::tests::etcd_available()) return;
    for (const auto& each : metadata_store_checks(std::make_shared<etcd_factory>(members))) {
        const check_report report = each.run();
        INFO(report.name << ": " << report.rule);
        INFO(report.why);
        CHECK(report.what == check_verdict::passed);
    }
}

}  // namespace

TEST_CASE("the etcd metadata store keeps every rule on one member") { run_all(1); }

TEST_CASE("the etcd metadata store keeps every rule on three members") { run_all(3); }
