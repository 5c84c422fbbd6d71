#include "servers/temporary_directory.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace reeve::tests {

temporary_directory::temporary_directory(spawner& by) {
    std::string name = (std::filesystem::temp_directory_path() / "reeve-server-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::system_error(errno, std::generic_category(), "mkdtemp " + name);
    }
    path_ = name;
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    held_ = ends[1];
    // `cat` ends when the last holder of the other end is gone.
    child_options how;
    how.words = {"/bin/sh", "-c", R"(trap "" INT TERM HUP; cat >/dev/null; rm -rf -- "$0")", name};
    how.environment = {"PATH=/usr/bin:/bin"};
    how.log = "/dev/null";
    how.input = ends[0];
    how.orphan = orphaned::goes_on;
    remover_ = std::make_unique<child_process>(by, how);
    ::close(ends[0]);
}

temporary_directory::~temporary_directory() {
    ::close(held_);
    (void)remover_->wait();
}

}  // namespace reeve::tests
