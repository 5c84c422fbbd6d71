#include "trouble.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <string_view>
#include <utility>

namespace linedb_test {

using reeve::tests::direction;
using reeve::tests::etcd_cluster;
using reeve::tests::tcp_proxy;

namespace {

constexpr std::string_view no_space = "database space exceeded";
constexpr int tries_max = 100;

bool says(const std::exception& failure, std::string_view text) {
    return std::string_view(failure.what()).find(text) != std::string_view::npos;
}

// "junk" in base64; and so many zero bytes.
void put_junk(etcd_cluster& cluster, std::size_t bytes) {
    const std::string value(bytes / 3 * 4, 'A');
    (void)cluster.call("/v3/kv/put", R"({"key":"anVuaw==","value":")" + value + "\"}");
}

// The revision after a removal of what put_junk has put.
std::uint64_t remove_junk(etcd_cluster& cluster) {
    const auto reply = cluster.call("/v3/kv/deleterange", R"({"key":"anVuaw=="})");
    constexpr std::string_view field = R"("revision":")";
    const auto at = reply.find(field);
    if (at == std::string::npos) throw std::runtime_error("no revision in " + reply);
    return std::stoull(reply.substr(at + field.size()));
}

}  // namespace

way_to::way_to(const etcd_cluster& cluster) {
    for (const auto& one : cluster.endpoints()) links_.push_back(std::make_unique<tcp_proxy>(one));
}

std::vector<std::string> way_to::endpoints() const {
    std::vector<std::string> all;
    for (const auto& one : links_) all.push_back(one->endpoint());
    return all;
}

trouble::trouble(etcd_cluster& cluster, const way_to& way, std::uint64_t seed, std::size_t before)
    : cluster_(cluster), way_(way), random_(seed), before_(before), thread_([this] { work(); }) {}

std::size_t trouble::end() {
    stop();
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
    return faults_;
}

void trouble::stop() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

bool trouble::lasts(std::uint64_t least_ms, std::uint64_t most_ms) {
    std::unique_lock lock(mutex_);
    const std::chrono::milliseconds time(random_.between(least_ms, most_ms));
    return !changed_.wait_for(lock, time, [this] { return ends_; });
}

void trouble::work() try {
    while (lasts(100, 1500)) {
        cause((before_ + faults_) % kinds);
        ++faults_;
        cluster_.wait_ready();
    }
} catch (...) {  // told by end()
    failure_ = std::current_exception();
}

void trouble::cause(std::size_t kind) {
    const auto leader = cluster_.leader();
    std::size_t victim = random_.below(cluster_.size());
    if (leader && random_.chance(1, 2)) victim = *leader;
    switch (kind) {
        case 0:
            return exhaust_quota();
        case 1:
            return cut_way();
        case 2:
            return kill_member(victim);
        case 3:
            return forget_history();
        default:
            return stop_member(victim);
    }
}

void trouble::stop_member(std::size_t victim) {
    cluster_.pause(victim);
    (void)lasts(200, 4000);
    cluster_.resume(victim);
}

// A majority is alive except for short whiles.
void trouble::kill_member(std::size_t victim) {
    cluster_.kill(victim);
    const std::size_t second = (victim + 1) % cluster_.size();
    const bool two = random_.chance(1, 4);
    if (two) cluster_.kill(second);
    (void)lasts(200, two ? 1500 : 4000);
    cluster_.start(victim);
    if (two) cluster_.start(second);
}

void trouble::cut_way() {
    const bool all = random_.chance(1, 3);
    const std::size_t chosen = random_.below(way_.size());
    for (std::size_t member = 0; member < way_.size(); ++member) {
        if (all || member == chosen) cut_link(way_.before(member));
    }
    (void)lasts(200, all ? 1500 : 4000);
    for (std::size_t member = 0; member < way_.size(); ++member) way_.before(member).heal();
}

void trouble::cut_link(tcp_proxy& link) {
    switch (random_.below(5)) {
        case 0:
            return link.cut();
        case 1:  // in the middle of a request
            return link.cut(direction::to_server, random_.below(2000));
        case 2:  // in the middle of an answer: what was asked for has happened
            return link.cut(direction::to_client, random_.below(500));
        case 3:
            return link.reset();
        default:
            return link.refuse();
    }
}

void trouble::forget_history() {
    put_junk(cluster_, 3);
    cluster_.compact(remove_junk(cluster_));
}

void trouble::exhaust_quota() {
    for (int round = 0;; ++round) {
        try {
            put_junk(cluster_, 900'000);
        } catch (const std::runtime_error& refusal) {
            if (!says(refusal, no_space)) throw;
            break;
        }
        if (round == tries_max) throw std::runtime_error("the quota was never exhausted");
    }
    (void)lasts(200, 4000);
    make_room();
}

// What an operator does: remove, forget the history, shrink the files, disarm the alarm; again,
// should what clients were waiting to write have raised it once more meanwhile.
void trouble::make_room() {
    for (int round = 0;; ++round) {
        cluster_.compact(remove_junk(cluster_));
        cluster_.defragment();
        cluster_.disarm();
        try {
            put_junk(cluster_, 3);
            return;
        } catch (const std::runtime_error& refusal) {
            if (!says(refusal, no_space) || round == tries_max) throw;
        }
    }
}

}  // namespace linedb_test
