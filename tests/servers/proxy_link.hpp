#pragma once

#include "servers/tcp_proxy.hpp"

#include <poll.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace reeve::tests {

/// How a proxy treats the bytes of one direction.
struct lane_rule {
    std::optional<std::uint64_t> budget;  ///< bytes that may still pass; nothing: any number
    std::chrono::milliseconds delay{0};   ///< each byte waits so long
};

/// The rules of both directions.
struct link_rules {
    lane_rule to_server;
    lane_rule to_client;
};

/// One client's connection through a proxy. Sockets do not block. For the proxy's thread.
class proxy_link {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// Owns both sockets.
    proxy_link(int client, int server) noexcept : client_{client}, server_{server} {}
    /// Closes what is open.
    ~proxy_link();
    proxy_link(const proxy_link&) = delete;
    proxy_link& operator=(const proxy_link&) = delete;

    /// Reads what has come; returns how many bytes of that direction.
    std::uint64_t receive(direction which, time_point now);
    /// Sends on what is due and allowed.
    void send(direction which, lane_rule& rule, time_point now);
    /// Has everything ended? Then it can be destroyed.
    [[nodiscard]] bool ended() const noexcept;
    /// Makes the sockets send a reset when they are closed.
    void abort() noexcept;

    /// What to wait for, of the socket towards the client (`to_client`) or the server.
    [[nodiscard]] struct pollfd interest(direction towards, const link_rules& rules,
                                         time_point now) const;
    /// When the next bytes are due that are not yet; nothing: none are.
    [[nodiscard]] std::optional<time_point> next_due(const link_rules& rules, time_point now) const;
    /// The socket was reported broken.
    void broken(direction towards) noexcept;

private:
    struct chunk {
        time_point read_at;
        std::string bytes;
    };
    /// Bytes under way in one direction.
    struct lane {
        std::deque<chunk> waiting;
        std::size_t size = 0;
        bool input_ended = false;   // the sender closed or broke
        bool input_broke = false;   // by a reset
        bool output_ended = false;  // the receiver was told, or is gone
    };
    struct end {
        int socket = -1;
        bool dead = false;  // broken: nothing can be read or written
    };

    [[nodiscard]] lane& lane_of(direction which) noexcept;
    [[nodiscard]] const lane& lane_of(direction which) const noexcept;
    [[nodiscard]] end& sender(direction which) noexcept;
    [[nodiscard]] end& receiver(direction which) noexcept;
    [[nodiscard]] static bool may_send(const lane& what, const lane_rule& rule, time_point now);

    end client_;
    end server_;
    lane up_;
    lane down_;
    bool aborted_ = false;
};

}  // namespace reeve::tests
