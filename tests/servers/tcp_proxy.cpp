#include "servers/tcp_proxy.hpp"

#include "servers/proxy_link.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace reeve::tests {

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

struct sockaddr_in loopback(std::uint16_t port) {
    struct sockaddr_in address {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
}

int tcp_socket() {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0) fail("socket");
    const int on = 1;
    ::setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}

std::uint16_t port_of(const std::string& endpoint) {
    const std::string host = "127.0.0.1:";
    if (!endpoint.starts_with(host)) throw std::invalid_argument(endpoint + ": no 127.0.0.1:PORT");
    return static_cast<std::uint16_t>(std::stoul(endpoint.substr(host.size())));
}

}  // namespace

class tcp_proxy::worker {
public:
    explicit worker(const std::string& server) : server_(port_of(server)) {
        listener_ = tcp_socket();
        struct sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        if (::bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
            ::listen(listener_, SOMAXCONN) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
            fail("listening on loopback");
        }
        port_ = ntohs(address.sin_port);
        wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (wake_ < 0) fail("eventfd");
        thread_ = std::thread([this] { work(); });
    }
    ~worker() {
        command([this] { ends_ = true; });
        thread_.join();
        links_.clear();
        ::close(listener_);
        ::close(wake_);
    }
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    /// Runs `what` on the thread and waits until that is done.
    void command(std::function<void()> what) {
        std::unique_lock lock(mutex_);
        const auto number = ++commands_given_;
        commands_.push_back(std::move(what));
        wake();
        changed_.wait(lock, [&] { return commands_done_ >= number; });
    }

    [[nodiscard]] bool wait_received(direction which, std::uint64_t bytes,
                                     std::chrono::milliseconds time) {
        std::unique_lock lock(mutex_);
        const auto& count = which == direction::to_server ? to_server_ : to_client_;
        return changed_.wait_for(lock, time, [&] { return count >= bytes; });
    }
    [[nodiscard]] std::uint64_t received(direction which) {
        const std::lock_guard lock(mutex_);
        return which == direction::to_server ? to_server_ : to_client_;
    }
    [[nodiscard]] std::uint64_t accepted() {
        const std::lock_guard lock(mutex_);
        return accepted_;
    }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    // For the thread.
    void reset_all() {
        for (const auto& one : links_) one->abort();
        links_.clear();
    }
    link_rules rules;
    bool refuses = false;

private:
    void wake() const {
        const std::uint64_t one = 1;
        while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
        }
    }

    void work() {
        while (!ends_) {
            const auto now = std::chrono::steady_clock::now();
            std::vector<struct pollfd> waits;
            waits.push_back({wake_, POLLIN, 0});
            waits.push_back({listener_, POLLIN, 0});
            for (const auto& one : links_) {
                waits.push_back(one->interest(direction::to_server, rules, now));
                waits.push_back(one->interest(direction::to_client, rules, now));
            }
            if (::poll(waits.data(), waits.size(), patience(now)) < 0 && errno != EINTR) {
                fail("poll");
            }
            carry(waits);
            if ((waits[1].revents & POLLIN) != 0) accept_all();
            run_commands();
        }
    }

    [[nodiscard]] int patience(proxy_link::time_point now) const {
        auto next = proxy_link::time_point::max();
        for (const auto& one : links_) {
            const auto due = one->next_due(rules, now);
            if (due) next = std::min(next, *due);
        }
        if (next == proxy_link::time_point::max()) return -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - now);
        return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }

    void carry(const std::vector<struct pollfd>& waits) {
        const auto now = std::chrono::steady_clock::now();
        std::uint64_t up = 0;
        std::uint64_t down = 0;
        std::size_t at = 2;
        for (const auto& one : links_) {
            const short server = waits[at++].revents;
            const short client = waits[at++].revents;
            if ((client & (POLLIN | POLLHUP)) != 0) up += one->receive(direction::to_server, now);
            if ((server & (POLLIN | POLLHUP)) != 0) down += one->receive(direction::to_client, now);
            if ((client & POLLERR) != 0) one->broken(direction::to_client);
            if ((server & POLLERR) != 0) one->broken(direction::to_server);
            one->send(direction::to_server, rules.to_server, now);
            one->send(direction::to_client, rules.to_client, now);
        }
        std::erase_if(links_, [](const auto& one) { return one->ended(); });
        if (up + down == 0) return;
        {
            const std::lock_guard lock(mutex_);
            to_server_ += up;
            to_client_ += down;
        }
        changed_.notify_all();
    }

    void accept_all() {
        for (;;) {
            const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
            if (client < 0) return;
            const int on = 1;
            ::setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            const int server = tcp_socket();
            auto link = std::make_unique<proxy_link>(client, server);
            const auto address = loopback(server_);
            if (refuses || (::connect(server, reinterpret_cast<const sockaddr*>(&address),
                                      sizeof address) != 0 &&
                            errno != EINPROGRESS)) {
                link->abort();
                continue;
            }
            links_.push_back(std::move(link));
            const std::lock_guard lock(mutex_);
            ++accepted_;
        }
    }

    void run_commands() {
        std::uint64_t ignored = 0;
        while (::read(wake_, &ignored, sizeof ignored) < 0 && errno == EINTR) {
        }
        std::vector<std::function<void()>> taken;
        {
            const std::lock_guard lock(mutex_);
            taken.swap(commands_);
        }
        if (taken.empty()) return;
        for (const auto& what : taken) what();
        const std::lock_guard lock(mutex_);
        commands_done_ += taken.size();
        changed_.notify_all();
    }

    std::uint16_t server_;
    std::uint16_t port_ = 0;
    int listener_ = -1;
    int wake_ = -1;
    std::vector<std::unique_ptr<proxy_link>> links_;
    bool ends_ = false;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::function<void()>> commands_;
    std::uint64_t commands_given_ = 0;
    std::uint64_t commands_done_ = 0;
    std::uint64_t to_server_ = 0;
    std::uint64_t to_client_ = 0;
    std::uint64_t accepted_ = 0;
    std::thread thread_;
};

tcp_proxy::tcp_proxy(const std::string& server) : worker_(std::make_unique<worker>(server)) {}
tcp_proxy::~tcp_proxy() = default;

std::string tcp_proxy::endpoint() const { return fmt::format("127.0.0.1:{}", worker_->port()); }

void tcp_proxy::delay(std::chrono::milliseconds each_way) {
    worker_->command([this, each_way] {
        worker_->rules.to_server.delay = each_way;
        worker_->rules.to_client.delay = each_way;
    });
}

void tcp_proxy::cut(direction which, std::uint64_t bytes) {
    worker_->command([this, which, bytes] {
        auto& rules = worker_->rules;
        (which == direction::to_server ? rules.to_server : rules.to_client).budget = bytes;
    });
}

void tcp_proxy::cut() {
    worker_->command([this] {
        worker_->rules.to_server.budget = 0;
        worker_->rules.to_client.budget = 0;
    });
}

void tcp_proxy::heal() {
    worker_->command([this] {
        worker_->rules = {};
        worker_->refuses = false;
    });
}

void tcp_proxy::reset() {
    worker_->command([this] { worker_->reset_all(); });
}

void tcp_proxy::refuse() {
    worker_->command([this] {
        worker_->refuses = true;
        worker_->reset_all();
    });
}

std::uint64_t tcp_proxy::received(direction which) const { return worker_->received(which); }

bool tcp_proxy::wait_received(direction which, std::uint64_t bytes,
                              std::chrono::milliseconds time) const {
    return worker_->wait_received(which, bytes, time);
}

std::uint64_t tcp_proxy::accepted() const { return worker_->accepted(); }

}  // namespace reeve::tests
