// What may happen to an etcd cluster and to the way there, one thing after the other.
#pragma once

#include "reeve/core/random.hpp"
#include "servers/etcd_server.hpp"
#include "servers/tcp_proxy.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace linedb_test {

/// A proxy before each member. The cluster's ports must not change while it lives.
class way_to {
public:
    explicit way_to(const reeve::tests::etcd_cluster& cluster);

    /// Where clients connect.
    [[nodiscard]] std::vector<std::string> endpoints() const;
    /// The proxy before a member.
    [[nodiscard]] reeve::tests::tcp_proxy& before(std::size_t member) const {
        return *links_[member];
    }
    [[nodiscard]] std::size_t size() const noexcept { return links_.size(); }

private:
    std::vector<std::unique_ptr<reeve::tests::tcp_proxy>> links_;
};

/// Causes faults on a thread of its own, at random moments, and mends each after a while. Kinds of
/// faults take turns, so that `kinds` faults in a row are one of each.
class trouble {
public:
    /// A member stopped; killed; the way cut; the history forgotten; the quota exhausted.
    static constexpr std::size_t kinds = 5;

    /// Begins after `before` faults that earlier ones have caused. A cluster of three members with
    /// a small quota.
    trouble(reeve::tests::etcd_cluster& cluster, const way_to& way, std::uint64_t seed,
            std::size_t before);
    ~trouble() { stop(); }
    trouble(const trouble&) = delete;
    trouble& operator=(const trouble&) = delete;

    /// Ends it with everything mended; throws what could not be mended. Returns the faults.
    std::size_t end();

private:
    void stop();
    /// For a while, or until the end.
    bool lasts(std::uint64_t least_ms, std::uint64_t most_ms);
    void work();
    void cause(std::size_t kind);
    void stop_member(std::size_t victim);
    void kill_member(std::size_t victim);
    void cut_way();
    void cut_link(reeve::tests::tcp_proxy& link);
    void forget_history();
    void exhaust_quota();
    void make_room();

    reeve::tests::etcd_cluster& cluster_;
    const way_to& way_;
    reeve::core::random random_;
    std::size_t before_;
    std::size_t faults_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool ends_ = false;
    std::exception_ptr failure_;
    std::thread thread_;
};

}  // namespace linedb_test
