#pragma once

#include <cstdint>

namespace reeve::tests {

/// A loopback TCP port that is free now, and that no other reservation on this machine gets while
/// this one exists: a server that was killed can come back at its old port. Ports are taken from
/// below the kernel's ephemeral range, so no outgoing connection is given one either. The
/// reservation is a name in the kernel (an abstract socket), so it ends with the process, however
/// that ends, and leaves no file.
class port_reservation {
public:
    /// Throws std::runtime_error if none is free.
    port_reservation();
    ~port_reservation();
    port_reservation(port_reservation&& other) noexcept;
    port_reservation& operator=(port_reservation&& other) noexcept;
    port_reservation(const port_reservation&) = delete;
    port_reservation& operator=(const port_reservation&) = delete;

    /// The number.
    [[nodiscard]] std::uint16_t number() const noexcept { return number_; }

private:
    int holder_ = -1;
    std::uint16_t number_ = 0;
};

}  // namespace reeve::tests
