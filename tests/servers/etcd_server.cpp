#include "servers/etcd_server.hpp"

#include "servers/http.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <stdexcept>

namespace reeve::tests {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 120s;
constexpr auto request_patience = 60s;
constexpr auto poll_interval = 20ms;
constexpr int starts_max = 3;

std::string etcd_program() {
    const char* named = std::getenv("REEVE_ETCD");
    return named != nullptr ? std::string(named) : find_program("etcd");
}

std::string end_of(const std::string& text) {
    constexpr std::size_t shown = 3000;
    return text.size() <= shown ? text : text.substr(text.size() - shown);
}

}  // namespace

bool etcd_available() {
    if (!etcd_program().empty()) return true;
    skips_without("etcd in PATH (Debian: etcd-server)");
    return false;
}

etcd_options etcd_cluster::sized(std::size_t members) {
    etcd_options options;
    options.members = members;
    return options;
}

etcd_cluster::etcd_cluster(etcd_options options)
    : options_(std::move(options)), exceptions_(std::uncaught_exceptions()) {
    for (int count = 1;; ++count) {
        try {
            start_all();
            return;
        } catch (const std::runtime_error&) {
            // Reserved ports are taken by nobody who reserves; others do not ask.
            const bool again = port_was_taken() && count < starts_max;
            members_.clear();
            directory_.reset();
            if (!again) throw;
        }
    }
}

etcd_cluster::~etcd_cluster() {
    if (std::uncaught_exceptions() > exceptions_) keep_logs();
    members_.clear();
}

void etcd_cluster::start_all() {
    members_ = std::vector<server>(options_.members);
    directory_ = std::make_unique<temporary_directory>(spawner_);
    for (std::size_t index = 0; index < members_.size(); ++index) start(index);
    wait_ready();
}

std::vector<std::string> etcd_cluster::command(std::size_t member) const {
    const auto url = [](const char* scheme, const port_reservation& port) {
        return fmt::format("{}://127.0.0.1:{}", scheme, port.number());
    };
    const auto& self = members_[member];
    const auto clients = url(options_.tls == nullptr ? "http" : "https", self.client);
    std::vector<std::string> peers;
    for (std::size_t index = 0; index < members_.size(); ++index) {
        peers.push_back(fmt::format("m{}={}", index, url("http", members_[index].peer)));
    }
    // clang-format off
    std::vector<std::string> words = {
        etcd_program(),
        "--name", fmt::format("m{}", member),
        "--data-dir", (directory_->path() / fmt::format("m{}", member)).string(),
        "--listen-client-urls", clients,
        "--advertise-client-urls", clients,
        "--listen-peer-urls", url("http", self.peer),
        "--initial-advertise-peer-urls", url("http", self.peer),
        "--listen-metrics-urls", url("http", self.metrics),
        "--initial-cluster", fmt::format("{}", fmt::join(peers, ",")),
        "--initial-cluster-token", directory_->path().filename().string(),
        "--initial-cluster-state", "new",
        "--auto-compaction-retention", "0",
        "--logger", "zap", "--log-outputs", "stderr",
    };
    // clang-format on
    const auto add = [&words](const std::vector<std::string>& more) {
        words.insert(words.end(), more.begin(), more.end());
    };
    if (options_.quota_bytes != 0) {
        add({"--quota-backend-bytes", std::to_string(options_.quota_bytes)});
    }
    if (options_.tls != nullptr) {
        add({"--cert-file", options_.tls->server(), "--key-file", options_.tls->server_key()});
        if (options_.client == client_certificate::required) {
            add({"--client-cert-auth", "--trusted-ca-file", options_.tls->authority()});
        }
    }
    add(options_.arguments);
    return words;
}

std::string etcd_cluster::endpoint(std::size_t member) const {
    return fmt::format("127.0.0.1:{}", members_.at(member).client.number());
}

std::vector<std::string> etcd_cluster::endpoints() const {
    std::vector<std::string> all;
    for (std::size_t index = 0; index < members_.size(); ++index) all.push_back(endpoint(index));
    return all;
}

void etcd_cluster::kill(std::size_t member) { members_.at(member).process.reset(); }

void etcd_cluster::pause(std::size_t member) {
    members_.at(member).process->stop();
    members_[member].paused = true;
}

void etcd_cluster::resume(std::size_t member) {
    members_.at(member).paused = false;
    if (members_[member].process) members_[member].process->signal(SIGCONT);
}

void etcd_cluster::start(std::size_t member) {
    child_options how;
    how.words = command(member);
    // etcd also reads its options from the environment: nothing of the caller's.
    how.environment = {"PATH=/usr/bin:/bin", "HOME=" + directory_->path().string()};
    how.log = log(member);
    how.inherits = directory_->held();
    members_.at(member).process.reset();
    members_[member].paused = false;
    members_[member].process = std::make_unique<child_process>(spawner_, how);
}

void etcd_cluster::restart(std::size_t member) {
    kill(member);
    start(member);
    wait_ready();
}

pid_t etcd_cluster::process(std::size_t member) const {
    const auto& found = members_.at(member).process;
    return found ? found->id() : -1;
}

bool etcd_cluster::serves(std::size_t member) const {
    const auto reply = http_request(members_[member].metrics.number(), "/health");
    // A member with an alarm (out of space) serves, and says that it is not well.
    return reply && (reply->status == 200 || reply->body.find("ALARM") != std::string::npos);
}

bool etcd_cluster::port_was_taken() const {
    for (std::size_t index = 0; index < members_.size(); ++index) {
        if (text_of_file(log(index)).find("address already in use") != std::string::npos) {
            return true;
        }
    }
    return false;
}

void etcd_cluster::check_runs(std::size_t member) const {
    if (!members_[member].process->ends_within(0ms)) return;
    throw std::runtime_error(
        fmt::format("etcd ended at its start:\n{}", end_of(text_of_file(log(member)))));
}

void etcd_cluster::wait_ready() {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (std::size_t index = 0; index < members_.size(); ++index) {
        const auto& one = members_[index];
        while (one.process && !one.paused && !serves(index)) {
            check_runs(index);
            if (std::chrono::steady_clock::now() > deadline) {
                throw std::runtime_error(fmt::format("etcd does not serve after two minutes:\n{}",
                                                     end_of(text_of_file(log(index)))));
            }
            (void)one.process->ends_within(poll_interval);
        }
    }
}

std::optional<std::string> etcd_cluster::metrics(std::size_t member) const {
    const auto& one = members_.at(member);
    if (!one.process || one.paused) return std::nullopt;
    auto reply = http_request(one.metrics.number(), "/metrics");
    if (!reply || reply->status != 200) return std::nullopt;
    return std::move(reply->body);
}

std::optional<std::size_t> etcd_cluster::leader() const {
    for (std::size_t index = 0; index < members_.size(); ++index) {
        const auto text = metrics(index);
        if (text && text->find("\netcd_server_is_leader 1\n") != std::string::npos) return index;
    }
    return std::nullopt;
}

std::size_t etcd_cluster::wait_leader() {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        if (const auto found = leader()) return *found;
        if (std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error("no etcd member leads after two minutes");
        }
        for (const auto& one : members_) {
            if (!one.process) continue;
            (void)one.process->ends_within(poll_interval);
            break;
        }
    }
}

std::string etcd_cluster::call(const std::string& path, const std::string& json) {
    for (const auto& one : members_) {
        if (!one.process || one.paused) continue;
        const auto reply = http_request(one.client.number(), path, json, request_patience);
        if (reply && reply->status == 200) return reply->body;
        throw std::runtime_error(
            fmt::format("{} {}: {}", path, json, reply ? reply->body : "etcd does not answer"));
    }
    throw std::runtime_error("no etcd member runs");
}

void etcd_cluster::compact(std::uint64_t revision) {
    (void)call("/v3/kv/compaction",
               fmt::format(R"({{"revision":"{}","physical":true}})", revision));
}

void etcd_cluster::defragment() {
    for (const auto& one : members_) {
        const auto reply =
            http_request(one.client.number(), "/v3/maintenance/defragment", "{}", request_patience);
        if (reply && reply->status == 200) continue;
        throw std::runtime_error("defragment: " + (reply ? reply->body : "etcd does not answer"));
    }
}

void etcd_cluster::disarm() {
    const auto alarms = call("/v3/maintenance/alarm", R"({"action":"GET"})");
    const std::string field = R"("memberID":")";
    for (auto at = alarms.find(field); at != std::string::npos; at = alarms.find(field, at)) {
        at += field.size();
        const auto id = alarms.substr(at, alarms.find('"', at) - at);
        (void)call("/v3/maintenance/alarm",
                   R"({"action":"DEACTIVATE","alarm":"NOSPACE","memberID":")" + id + "\"}");
    }
}

std::string etcd_cluster::log(std::size_t member) const {
    return (directory_->path() / fmt::format("m{}.log", member)).string();
}

void etcd_cluster::keep_logs() const {
    if (!directory_) return;
    const auto place = directory_->path().string() + "-logs";
    std::error_code failure;
    std::filesystem::create_directory(place, failure);
    for (std::size_t index = 0; index < members_.size(); ++index) {
        const auto name = fmt::format("{}/m{}.log", place, index);
        std::filesystem::copy_file(log(index), name, failure);
    }
    fmt::print(stderr, "etcd's logs: {}\n", place);
}

}  // namespace reeve::tests
