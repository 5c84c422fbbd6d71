#include "catch.hpp"
#include "servers/child_process.hpp"
#include "servers/etcd_server.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/types.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <set>
#include <sstream>
#include <string>

using namespace reeve::tests;
using namespace std::chrono_literals;

namespace {

bool is_process(pid_t id) { return ::kill(id, 0) == 0 || errno != ESRCH; }

}  // namespace

TEST_CASE("one member starts, serves, comes back with its data, and leaves nothing") {
    if (!etcd_available()) return;
    pid_t process = -1;
    std::filesystem::path data;
    {
        etcd_cluster cluster;
        REQUIRE(cluster.size() == 1);
        CHECK(cluster.wait_leader() == 0);
        data = std::filesystem::path(cluster.log(0)).parent_path();
        (void)cluster.call("/v3/kv/put", R"({"key":"azE=","value":"djE="})");
        cluster.restart(0);
        const auto found = cluster.call("/v3/kv/range", R"({"key":"azE="})");
        CHECK_THAT(found, Catch::Contains(R"("value":"djE=")"));
        CHECK_THROWS_WITH(cluster.call("/v3/kv/range", "{"), Catch::Contains("/v3/kv/range"));
        process = cluster.process(0);
        CHECK(is_process(process));
        CHECK(std::filesystem::exists(data));
    }
    CHECK_FALSE(is_process(process));
    CHECK_FALSE(std::filesystem::exists(data));
}

TEST_CASE("three members elect another leader when theirs is killed or stopped") {
    if (!etcd_available()) return;
    etcd_cluster cluster(3);
    const std::size_t first = cluster.wait_leader();
    cluster.kill(first);
    const std::size_t second = cluster.wait_leader();
    CHECK(second != first);
    cluster.restart(first);
    cluster.pause(second);
    const std::size_t third = cluster.wait_leader();
    CHECK(third != second);
    cluster.resume(second);
    cluster.wait_ready();
    const auto endpoints = cluster.endpoints();
    CHECK(std::set<std::string>(endpoints.begin(), endpoints.end()).size() == 3);
}

TEST_CASE("a cluster that cannot start says why") {
    if (!etcd_available()) return;
    etcd_options options;
    options.arguments = {"--no-such-option"};
    CHECK_THROWS_WITH(etcd_cluster(options), Catch::Contains("no-such-option"));
}

TEST_CASE("a program's etcd and its data are gone when the program is killed") {
    if (!etcd_available()) return;
    spawner starter;
    temporary_directory place(starter);
    const auto output = (place.path() / "output").string();
    pid_t process = -1;
    std::string data;
    {
        child_options how;
        // The command tells etcd's process and where its data is, and then waits to be killed.
        how.words = {WITH_ETCD_PROGRAM, "/bin/sh", "-c",
                     "for p in /proc/[0-9]*; do [ \"$(readlink $p/exe)\" = \"$ETCD\" ] && "
                     "grep -qzF \"$ETCD_ENDPOINTS\" $p/cmdline && echo \"${p#/proc/}\" && "
                     "tr '\\0' '\\n' <$p/cmdline | grep -A1 -e --data-dir | tail -n 1; done; "
                     "echo ready; exec cat /dev/zero >/dev/null"};
        // etcd may lie outside the system's folders: tests/run.sh unpacks it beside the build.
        const auto etcd = std::filesystem::canonical(find_program("etcd"));
        how.environment = {"PATH=" + etcd.parent_path().string() + ":/usr/bin:/bin",
                           "ETCD=" + etcd.string()};
        how.log = output;
        how.inherits = place.held();
        child_process program(starter, how);
        while (text_of_file(output).find("ready") == std::string::npos) {
            const bool ended = program.ends_within(20ms);
            INFO("what it said before it ended: " << text_of_file(output));
            REQUIRE_FALSE(ended);
        }
        std::istringstream lines(text_of_file(output));
        lines >> process >> data;
        INFO(text_of_file(output));
        REQUIRE(is_process(process));
        REQUIRE(std::filesystem::exists(data));
    }
    // Killed now; the kernel and the remover do the rest.
    int looks = 0;
    while ((is_process(process) || std::filesystem::exists(data)) && looks < 3000) {
        ++looks;
        ::poll(nullptr, 0, 10);
    }
    CHECK_FALSE(is_process(process));
    CHECK_FALSE(std::filesystem::exists(data));
}
