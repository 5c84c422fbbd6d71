#include "backends/etcd/server_version.hpp"
#include "backends_etcd/etcd_client.hpp"
#include "catch.hpp"
#include "reeve/core/log.hpp"
#include "servers/http.hpp"

#include <string>
#include <string_view>
#include <vector>

using namespace etcd_test;
using reeve::backends::etcd::flaw_of;
using reeve::backends::etcd::may_end_renewed_leases;
using reeve::backends::etcd::parse_server_version;
using reeve::backends::etcd::server_version;

namespace {

class remembering_log final : public reeve::core::log_sink {
public:
    std::vector<std::string> warnings;

    [[nodiscard]] bool enabled(reeve::core::log_level level) const noexcept override {
        return level == reeve::core::log_level::warning;
    }
    void write(reeve::core::log_level, std::string_view, std::string_view text) noexcept override {
        warnings.emplace_back(text);
    }
};

// What the server tells anybody: {"etcdserver":"3.4.23","etcdcluster":"3.4.0"}.
std::string version_of(const etcd_cluster& cluster) {
    const auto endpoint = cluster.endpoint(0);
    const auto port = std::stoul(endpoint.substr(endpoint.rfind(':') + 1));
    const auto reply = reeve::tests::http_request(static_cast<std::uint16_t>(port), "/version", {},
                                                  std::chrono::seconds(60));
    REQUIRE(reply);
    constexpr std::string_view field = R"("etcdserver":")";
    const auto begin = reply->body.find(field);
    REQUIRE(begin != std::string::npos);
    const auto from = begin + field.size();
    return reply->body.substr(from, reply->body.find('"', from) - from);
}

}  // namespace

TEST_CASE("a server's version is three numbers, and whatever else it says is no version") {
    CHECK(parse_server_version("3.4.23") == server_version{3, 4, 23});
    CHECK(parse_server_version("3.6.0-rc.1") == server_version{3, 6, 0});
    CHECK(parse_server_version("3.5.13+git") == server_version{3, 5, 13});
    for (const std::string_view bad : {"", "3", "3.4", "3.4.", "3.4.x", "v3.4.23", "3.4.23.1",
                                       "-3.4.2", "3.4.99999999999", "3.4.23 ", "\xff.1.2"}) {
        INFO(bad);
        CHECK_FALSE(parse_server_version(bad));
        CHECK(flaw_of(bad).empty());
    }
    CHECK(flaw_of(std::string(1 << 20, '3')).empty());
}

TEST_CASE("leases end early before 3.4.31, and from 3.5.0 before 3.5.13") {
    for (const auto& old :
         {server_version{3, 3, 27}, server_version{3, 4, 0}, server_version{3, 4, 30},
          server_version{3, 5, 0}, server_version{3, 5, 12}}) {
        CHECK(may_end_renewed_leases(old));
    }
    for (const auto& mended :
         {server_version{3, 4, 31}, server_version{3, 4, 99}, server_version{3, 5, 13},
          server_version{3, 6, 0}, server_version{4, 0, 0}}) {
        CHECK_FALSE(may_end_renewed_leases(mended));
    }
    CHECK(flaw_of("3.4.23").find("15247") != std::string::npos);
    CHECK(flaw_of("3.4.31").empty());
}

TEST_CASE("a server with a known flaw is named as trouble, and in the log, once") {
    if (!reeve::tests::etcd_available()) return;
    etcd_cluster cluster;
    const auto flaw = flaw_of(version_of(cluster));
    remembering_log log;
    reeve::core::runtime_options how;
    how.log = &log;
    reeve::backends::event_loop loop;
    reeve::core::runtime strand(loop, how);
    const auto store =
        reeve::backends::open_etcd_metadata_store(strand, patient(cluster.endpoints()));
    CHECK(store->trouble().empty());
    for (int round = 0; round < 2; ++round) {
        (void)reeve::backends::run_on(loop, strand, store->get("key"));
        if (round == 0) cluster.restart(0);  // greeted again
    }
    const auto said = flaw.empty() ? std::string() : cluster.endpoint(0) + ": " + flaw;
    CHECK(store->trouble() == said);
    CHECK(log.warnings == (flaw.empty() ? std::vector<std::string>() : std::vector{said}));
}
