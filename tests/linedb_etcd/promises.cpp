#include "catch.hpp"
#include "patiently.hpp"
#include "program.hpp"
#include "servers/etcd_server.hpp"
#include "servers/ports.hpp"
#include "texts.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <string>
#include <vector>

using namespace linedb_test;
using reeve::tests::etcd_available;
using reeve::tests::etcd_cluster;

namespace {

std::string address_of(const etcd_cluster& cluster) {
    return fmt::format("etcd:{}", fmt::join(cluster.endpoints(), ","));
}

std::vector<std::string> words_of(const std::string& command, const scratch& files,
                                  const std::string& data, const std::string& store) {
    std::vector<std::string> words = {command, "--data", files.path(data)};
    if (command == "run" || command == "verify") {
        words.insert(words.end(), {"--input", files.path("input")});
    }
    if (command == "run") words.insert(words.end(), {"--nodes", "2", "--quiet"});
    if (!store.empty()) words.insert(words.end(), {"--store", store});
    return words;
}

// On a store that is there.
ended at(const std::string& command, const scratch& files, const std::string& data,
         const std::string& store) {
    return linedb_patiently(words_of(command, files, data, store)).last;
}

void check_refused(const ended& result, const std::string& part) {
    INFO(result.errors);
    CHECK(result.code == 1);
    CHECK(result.errors.find(part) != std::string::npos);
}

}  // namespace

TEST_CASE("a directory belongs to one etcd cluster, and clusters hold many directories") {
    if (!etcd_available()) return;
    const scratch files;
    (void)files.file("input", nasty_text(7, 300));
    etcd_cluster cluster;
    const auto store = address_of(cluster);
    for (const std::string data : {"first", "second"}) {
        const auto result = at("run", files, data, store);
        INFO(result.errors);
        REQUIRE(result.code == 0);
        CHECK(result.output.find("verified: 301 lines") != std::string::npos);
        CHECK_FALSE(std::filesystem::exists(files.path(data) + "/metadata.sqlite"));
        CHECK(std::filesystem::exists(files.path(data) + "/streams.sqlite"));
    }
    for (const std::string data : {"first", "second"}) {
        CHECK(at("verify", files, data, store).code == 0);
        const auto status = at("status", files, data, store);
        CHECK(status.output.find("stored    301 of 301 lines") != std::string::npos);
        CHECK(at("plan", files, data, store).code == 0);
    }
    // Known by its id, not by its address.
    cluster.restart(0);
    CHECK(at("verify", files, "first", store).code == 0);
    const etcd_cluster other;
    for (const std::string command : {"run", "verify", "status", "plan"}) {
        check_refused(at(command, files, "first", address_of(other)),
                      "belongs to the metadata store etcd:");
        check_refused(at(command, files, "first", ""), "belongs to the metadata store etcd:");
    }
}

TEST_CASE("an etcd that is not there is unavailable, within seconds") {
    const scratch files;
    (void)files.file("input", "a line\n");
    // Nobody listens at a port that is reserved and not used.
    const reeve::tests::port_reservation nobody;
    const auto store = fmt::format("etcd:127.0.0.1:{}", nobody.number());
    const auto ran = linedb(words_of("run", files, "data", store));
    check_refused(ran, "unavailable, nothing was applied");
    const auto asked = linedb(words_of("status", files, "data", store));
    check_refused(asked, "nothing was run here yet");
}
