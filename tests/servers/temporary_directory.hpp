#pragma once

#include "servers/child_process.hpp"

#include <filesystem>
#include <memory>

namespace reeve::tests {

/// A directory of server data that does not outlive its users, even if this program is killed: a
/// small process waits until this one and all children that hold `held()` open are gone, and then
/// removes it. Ctrl-C does not reach that process.
class temporary_directory {
public:
    /// Throws std::system_error.
    explicit temporary_directory(spawner& by);
    /// Waits until it is removed; the children must be gone.
    ~temporary_directory();
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    /// Where.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    /// The descriptor that children inherit.
    [[nodiscard]] int held() const noexcept { return held_; }

private:
    std::filesystem::path path_;
    int held_ = -1;
    std::unique_ptr<child_process> remover_;
};

}  // namespace reeve::tests
