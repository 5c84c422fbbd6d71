#include "catch.hpp"
#include "servers/ports.hpp"
#include "servers/tcp_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <string>
#include <utility>

using namespace reeve::tests;
using namespace std::chrono_literals;

namespace {

// A blocking socket of loopback that gives up after some seconds.
class peer {
public:
    explicit peer(int opened = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) : socket_(opened) {
        patience(10s);
    }
    ~peer() {
        if (socket_ >= 0) ::close(socket_);
    }
    peer(peer&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}

    void patience(std::chrono::milliseconds time) const {
        struct timeval until {};
        until.tv_sec = time.count() / 1000;
        until.tv_usec = time.count() % 1000 * 1000;
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &until, sizeof until);
    }
    [[nodiscard]] std::string listen() const {
        struct sockaddr_in address {};
        socklen_t size = sizeof address;
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&address), size) == 0);
        REQUIRE(::listen(socket_, 16) == 0);
        REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
        return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    [[nodiscard]] peer accept() const {
        const int got = ::accept(socket_, nullptr, nullptr);
        REQUIRE(got >= 0);
        return peer(got);
    }
    void connect(const std::string& endpoint) const {
        struct sockaddr_in address {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port =
            htons(static_cast<std::uint16_t>(std::stoul(endpoint.substr(endpoint.find(':') + 1))));
        REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    void send(const std::string& bytes) const {
        REQUIRE(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(bytes.size()));
    }
    // "" at the end; otherwise what came, or the name of the failure.
    [[nodiscard]] std::string receive() const {
        char part[4096];
        const ssize_t got = ::recv(socket_, part, sizeof part, 0);
        if (got >= 0) return {part, static_cast<std::size_t>(got)};
        return errno == ECONNRESET ? "reset" : errno == EAGAIN ? "silence" : "failure";
    }
    void finish() const { ::shutdown(socket_, SHUT_WR); }

private:
    int socket_;
};

peer connected(const std::string& endpoint) {
    peer made;
    made.connect(endpoint);
    return made;
}

struct network {
    peer listener;
    tcp_proxy proxy{listener.listen()};
    peer client{connected(proxy.endpoint())};
    peer server{listener.accept()};
};

}  // namespace

TEST_CASE("a proxy carries bytes both ways, and the end of each way by itself") {
    network net;
    net.client.send("question");
    CHECK(net.server.receive() == "question");
    net.client.finish();
    CHECK(net.server.receive().empty());
    net.server.send("answer");
    CHECK(net.client.receive() == "answer");
    net.server.finish();
    CHECK(net.client.receive().empty());
    CHECK(net.proxy.received(direction::to_server) == 8);
    CHECK(net.proxy.received(direction::to_client) == 6);
    CHECK(net.proxy.accepted() == 1);
}

TEST_CASE("a cut of one way holds its bytes back until it heals, and leaves the other way alone") {
    network net;
    net.proxy.cut(direction::to_client);
    net.client.send("question");
    CHECK(net.server.receive() == "question");
    net.server.send("answer");
    REQUIRE(net.proxy.wait_received(direction::to_client, 6, 10s));
    net.client.patience(50ms);
    CHECK(net.client.receive() == "silence");
    net.proxy.heal();
    net.client.patience(10s);
    CHECK(net.client.receive() == "answer");
}

TEST_CASE("a cut may leave some bytes through first: a message is torn") {
    network net;
    net.proxy.cut(direction::to_server, 5);
    net.client.send("question");
    REQUIRE(net.proxy.wait_received(direction::to_server, 8, 10s));
    CHECK(net.server.receive() == "quest");
    net.server.patience(50ms);
    CHECK(net.server.receive() == "silence");
    net.proxy.reset();
    CHECK(net.server.receive() == "reset");
    CHECK(net.client.receive() == "reset");
}

TEST_CASE("a delay holds each byte back for its time") {
    network net;
    net.proxy.delay(40ms);
    const auto begin = std::chrono::steady_clock::now();
    net.client.send("question");
    CHECK(net.server.receive() == "question");
    net.server.send("answer");
    CHECK(net.client.receive() == "answer");
    CHECK(std::chrono::steady_clock::now() - begin >= 80ms);
}

TEST_CASE("refused connections are reset, until the proxy heals") {
    network net;
    net.proxy.refuse();
    CHECK(net.client.receive() == "reset");
    const peer second = connected(net.proxy.endpoint());
    CHECK(second.receive() == "reset");
    net.proxy.heal();
    const peer third = connected(net.proxy.endpoint());
    third.send("again");
    CHECK(net.listener.accept().receive() == "again");
}

TEST_CASE("two reservations never hold the same port") {
    const port_reservation first;
    const port_reservation second;
    CHECK(first.number() != second.number());
}
