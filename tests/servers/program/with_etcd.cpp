// with-etcd: runs a command beside a real etcd that is gone afterwards.
#include "servers/etcd_server.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

namespace {

constexpr std::size_t members_max = 7;
constexpr std::string_view help =
    R"(usage: with-etcd [--members N] COMMAND [ARGUMENT...]

Starts N etcd members (default 1) on free loopback ports with temporary data, runs COMMAND with the
environment variable ETCD_ENDPOINTS set to HOST:PORT[,HOST:PORT...], and stops etcd when it has
ended, also by Ctrl-C on the terminal, or when with-etcd is killed. Exit code: that of COMMAND,
128 + N if signal N ended it; 2 for bad arguments; 125 if etcd cannot be started.
)";

// The command, in this process's group: Ctrl-C on a terminal ends it, and then this program.
int run(char** words) {
    const pid_t self = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) {
        ::signal(SIGINT, SIG_DFL);
        ::prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (::getppid() != self) ::_exit(126);
        ::execvp(words[0], words);
        std::perror(words[0]);
        ::_exit(127);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) != child) {
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitpid");
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int bad(const std::string& what) {
    fmt::print(stderr, "with-etcd: {}\nSee with-etcd --help.\n", what);
    return 2;
}

}  // namespace

int main(int count, char** words) try {
    std::size_t members = 1;
    int at = 1;
    if (count > at && (std::string(words[at]) == "--help" || std::string(words[at]) == "-h")) {
        fmt::print("{}", help);
        return 0;
    }
    if (count > at + 1 && std::string(words[at]) == "--members") {
        const std::string text = words[at + 1];
        const auto* end = text.data() + text.size();
        const auto [stop, failure] = std::from_chars(text.data(), end, members);
        if (failure != std::errc() || stop != end || members < 1 || members > members_max) {
            return bad(
                fmt::format("--members: \"{}\" is no number from 1 to {}", text, members_max));
        }
        at += 2;
    }
    if (count <= at) return bad("a command is missing");
    if (words[at][0] == '-') return bad(fmt::format("\"{}\" is no option", words[at]));
    reeve::tests::etcd_cluster cluster(members);
    // Interrupted: the command ends by the same signal, and etcd after it.
    ::signal(SIGINT, SIG_IGN);
    const auto endpoints = fmt::format("{}", fmt::join(cluster.endpoints(), ","));
    if (::setenv("ETCD_ENDPOINTS", endpoints.c_str(), 1) != 0) {
        throw std::system_error(errno, std::generic_category(), "setenv");
    }
    return run(words + at);
} catch (const std::exception& failure) {
    fmt::print(stderr, "with-etcd: {}\n", failure.what());
    return 125;
}
