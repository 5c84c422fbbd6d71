#include "servers/proxy_link.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace reeve::tests {

namespace {

constexpr std::size_t waiting_bytes_max = 64U << 20U;
constexpr std::size_t read_bytes = 64U << 10U;

direction other(direction which) {
    return which == direction::to_server ? direction::to_client : direction::to_server;
}

}  // namespace

proxy_link::~proxy_link() {
    for (const end* one : {&client_, &server_}) {
        if (aborted_) {
            const struct linger none { 1, 0 };
            ::setsockopt(one->socket, SOL_SOCKET, SO_LINGER, &none, sizeof none);
        }
        ::close(one->socket);
    }
}

proxy_link::lane& proxy_link::lane_of(direction which) noexcept {
    return which == direction::to_server ? up_ : down_;
}
const proxy_link::lane& proxy_link::lane_of(direction which) const noexcept {
    return which == direction::to_server ? up_ : down_;
}
proxy_link::end& proxy_link::sender(direction which) noexcept {
    return which == direction::to_server ? client_ : server_;
}
proxy_link::end& proxy_link::receiver(direction which) noexcept {
    return which == direction::to_server ? server_ : client_;
}

std::uint64_t proxy_link::receive(direction which, time_point now) {
    lane& into = lane_of(which);
    std::uint64_t total = 0;
    char part[read_bytes];
    while (!into.input_ended && into.size < waiting_bytes_max) {
        const ssize_t got = ::recv(sender(which).socket, part, sizeof part, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (got <= 0) {
            into.input_ended = true;
            if (got < 0) broken(other(which));
            break;
        }
        const auto size = static_cast<std::size_t>(got);
        into.waiting.push_back({now, std::string(part, size)});
        into.size += size;
        total += size;
    }
    return total;
}

bool proxy_link::may_send(const lane& what, const lane_rule& rule, time_point now) {
    if (what.output_ended || (rule.budget && *rule.budget == 0)) return false;
    if (what.waiting.empty()) return what.input_ended;
    return what.waiting.front().read_at + rule.delay <= now;
}

void proxy_link::send(direction which, lane_rule& rule, time_point now) {
    lane& from = lane_of(which);
    end& to = receiver(which);
    while (may_send(from, rule, now)) {
        if (to.dead) {
            from.waiting.clear();
            from.output_ended = true;
            return;
        }
        if (from.waiting.empty()) {
            from.output_ended = true;
            if (from.input_broke) {
                abort();
            } else {
                ::shutdown(to.socket, SHUT_WR);
            }
            return;
        }
        std::string& bytes = from.waiting.front().bytes;
        std::size_t size = bytes.size();
        if (rule.budget) size = std::min<std::uint64_t>(size, *rule.budget);
        const ssize_t sent = ::send(to.socket, bytes.data(), size, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (sent < 0) {
            broken(which);
            continue;
        }
        const auto done = static_cast<std::size_t>(sent);
        if (rule.budget) *rule.budget -= done;
        from.size -= done;
        bytes.erase(0, done);
        if (bytes.empty()) from.waiting.pop_front();
    }
}

void proxy_link::broken(direction towards) noexcept {
    end& gone = towards == direction::to_server ? server_ : client_;
    gone.dead = true;
    // What it had sent goes on; then the other side hears of the reset.
    lane& from = lane_of(other(towards));
    from.input_ended = true;
    from.input_broke = true;
}

bool proxy_link::ended() const noexcept {
    return aborted_ || (up_.output_ended && down_.output_ended);
}

void proxy_link::abort() noexcept { aborted_ = true; }

struct pollfd proxy_link::interest(direction towards, const link_rules& rules,
                                   time_point now) const {
    const bool server = towards == direction::to_server;
    const end& here = server ? server_ : client_;
    struct pollfd wanted {};
    wanted.fd = here.dead ? -1 : here.socket;
    const lane& in = lane_of(other(towards));
    if (!in.input_ended && in.size < waiting_bytes_max) wanted.events |= POLLIN;
    const auto& rule = server ? rules.to_server : rules.to_client;
    if (may_send(lane_of(towards), rule, now)) wanted.events |= POLLOUT;
    return wanted;
}

std::optional<proxy_link::time_point> proxy_link::next_due(const link_rules& rules,
                                                           time_point now) const {
    std::optional<time_point> next;
    const auto look = [&](const lane& what, const lane_rule& rule) {
        if (what.waiting.empty() || (rule.budget && *rule.budget == 0)) return;
        const auto due = what.waiting.front().read_at + rule.delay;
        if (due > now && (!next || due < *next)) next = due;
    };
    look(up_, rules.to_server);
    look(down_, rules.to_client);
    return next;
}

}  // namespace reeve::tests
