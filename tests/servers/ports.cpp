#include "servers/ports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>

namespace reeve::tests {

namespace {

constexpr std::uint16_t first_port = 20'000;
constexpr std::uint16_t last_port = 31'999;
constexpr int tries = 2'000;

// Holds the name of a port in the kernel; -1: somebody else does.
int hold(std::uint16_t port) {
    const int holder = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (holder < 0) return -1;
    const std::string name = "reeve-test-port-" + std::to_string(port);
    struct sockaddr_un address {};
    address.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), address.sun_path + 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (::bind(holder, reinterpret_cast<const sockaddr*>(&address), length) == 0) return holder;
    ::close(holder);
    return -1;
}

bool is_free(std::uint16_t port) {
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0) return false;
    struct sockaddr_in address {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const int bound = ::bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    ::close(probe);
    return bound == 0;
}

}  // namespace

port_reservation::port_reservation() {
    std::random_device random;
    std::uniform_int_distribution<std::uint16_t> any(first_port, last_port);
    for (int count = 0; count < tries; ++count) {
        number_ = any(random);
        holder_ = hold(number_);
        if (holder_ < 0) continue;
        if (is_free(number_)) return;
        ::close(std::exchange(holder_, -1));
    }
    throw std::runtime_error("no free loopback port was found");
}

port_reservation::~port_reservation() {
    if (holder_ >= 0) ::close(holder_);
}

port_reservation::port_reservation(port_reservation&& other) noexcept
    : holder_(std::exchange(other.holder_, -1)), number_(other.number_) {}

port_reservation& port_reservation::operator=(port_reservation&& other) noexcept {
    std::swap(holder_, other.holder_);
    std::swap(number_, other.number_);
    return *this;
}

}  // namespace reeve::tests
