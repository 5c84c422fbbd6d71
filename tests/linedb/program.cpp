#include "program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

namespace linedb_test {

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// An unnamed file for what a program prints: no pipe that fills up.
std::string temporary() {
    std::string name = (std::filesystem::temp_directory_path() / "linedb_out.XXXXXX").string();
    const int file = ::mkstemp(name.data());
    if (file < 0) fail("mkstemp");
    ::close(file);
    return name;
}

std::string take(const std::string& path) {
    std::string text = content(path);
    std::filesystem::remove(path);
    return text;
}

}  // namespace

scratch::scratch() {
    std::string name = (std::filesystem::temp_directory_path() / "linedb.XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) fail("mkdtemp");
    root_ = name;
}

scratch::~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
}

std::string scratch::file(const std::string& name, const std::string& bytes) const {
    std::ofstream out(path(name), std::ios::binary);
    out << bytes;
    out.close();
    if (!out) throw std::runtime_error("cannot write " + path(name));
    return path(name);
}

program::program(const std::vector<std::string>& arguments)
    : output_(temporary()), errors_(temporary()) {
    std::vector<std::string> words = {LINEDB_PROGRAM};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> raw;
    for (auto& word : words) raw.push_back(word.data());
    raw.push_back(nullptr);
    id_ = ::fork();
    if (id_ < 0) fail("fork");
    if (id_ == 0) {
        const int out = ::open(output_.c_str(), O_WRONLY);
        const int err = ::open(errors_.c_str(), O_WRONLY);
        if (out < 0 || err < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) ::_exit(126);
        ::execv(raw[0], raw.data());
        ::_exit(127);
    }
    descriptor_ = static_cast<int>(::syscall(SYS_pidfd_open, id_, 0));
    if (descriptor_ < 0) fail("pidfd_open");
}

program::~program() {
    if (id_ >= 0) {
        kill();
        (void)wait();
    }
}

bool program::ends_within(std::chrono::milliseconds time) const {
    struct pollfd watched {};
    watched.fd = descriptor_;
    watched.events = POLLIN;
    int ready = -1;
    do {
        ready = ::poll(&watched, 1, static_cast<int>(time.count()));
    } while (ready < 0 && errno == EINTR);
    if (ready < 0) fail("poll");
    return ready == 1;
}

void program::kill() const {
    if (id_ >= 0) ::kill(id_, SIGKILL);
}

ended program::wait() {
    if (!ends_within(std::chrono::minutes(10))) kill();
    int status = 0;
    if (::waitpid(id_, &status, 0) != id_) fail("waitpid");
    ::close(descriptor_);
    id_ = -1;
    ended result;
    if (WIFEXITED(status)) result.code = WEXITSTATUS(status);
    result.output = take(output_);
    result.errors = take(errors_);
    return result;
}

ended linedb(const std::vector<std::string>& arguments) { return program(arguments).wait(); }

std::string content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw std::runtime_error("cannot read " + path);
    return std::string{std::istreambuf_iterator<char>(in), {}};
}

void damage(const std::string& path, std::uint64_t offset) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    const auto at = static_cast<std::streamoff>(offset);
    file.seekg(at);
    const int byte = file.get();
    file.seekp(at);
    file.put(static_cast<char>(~byte));
    file.close();
    if (!file) throw std::runtime_error("cannot damage " + path);
}

}  // namespace linedb_test
