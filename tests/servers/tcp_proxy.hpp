#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace reeve::tests {

/// Which way bytes go.
enum class direction { to_server, to_client };

/// Stands between a client and a server on this machine and misbehaves as networks do. Bytes that
/// are held back are not lost: TCP would send them again, so they arrive after `heal`, unless the
/// connection is reset first. What is said here holds for present and for later connections. All
/// functions may be called from any thread and hold when they return. It runs on a thread of its
/// own.
class tcp_proxy {
public:
    /// Listens on a free loopback port; `server` is 127.0.0.1:PORT. Throws std::system_error.
    explicit tcp_proxy(const std::string& server);
    ~tcp_proxy();
    tcp_proxy(const tcp_proxy&) = delete;
    tcp_proxy& operator=(const tcp_proxy&) = delete;

    /// Where clients connect: 127.0.0.1:PORT.
    [[nodiscard]] std::string endpoint() const;

    /// Bytes arrive this much later, each way.
    void delay(std::chrono::milliseconds each_way);
    /// After `bytes` more of them, bytes of this direction are held back.
    void cut(direction which, std::uint64_t bytes = 0);
    /// Both directions at once.
    void cut();
    /// What was held back goes on; no delay, no cut; connections are accepted again.
    void heal();
    /// Ends every connection with a TCP reset; bytes under way are lost.
    void reset();
    /// Resets every connection, and each new one at once, until `heal`.
    void refuse();

    /// Bytes that this proxy has read from the sender, of all connections.
    [[nodiscard]] std::uint64_t received(direction which) const;
    /// Returns true as soon as `received` is at least `bytes`, false if it is not within `time`.
    [[nodiscard]] bool wait_received(direction which, std::uint64_t bytes,
                                     std::chrono::milliseconds time) const;
    /// Connections accepted so far.
    [[nodiscard]] std::uint64_t accepted() const;

private:
    class worker;
    std::unique_ptr<worker> worker_;
};

}  // namespace reeve::tests
