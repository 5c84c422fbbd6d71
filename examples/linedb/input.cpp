#include "input.hpp"

#include "checksum.hpp"
#include "reeve/core/error.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace linedb {

namespace {

constexpr std::size_t read_bytes = std::size_t{1} << 18U;

[[noreturn]] void fail(const std::string& path, int number) {
    const auto code = number == ENOENT   ? reeve::errc::not_found
                      : number == EACCES ? reeve::errc::permission_denied
                                         : reeve::errc::unavailable;
    throw reeve::error(code, fmt::format("input {}: {}", path, std::strerror(number)));
}

}  // namespace

line_reader::line_reader(std::string path, std::uint64_t from)
    : path_(std::move(path)), offset_(from) {
    file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file_ < 0) fail(path_, errno);
    struct stat status {};
    const bool regular = ::fstat(file_, &status) == 0 && S_ISREG(status.st_mode);
    const bool placed = regular && ::lseek(file_, static_cast<off_t>(from), SEEK_SET) >= 0;
    if (placed) return;
    const int number = errno;
    ::close(file_);
    if (regular) fail(path_, number);
    throw reeve::error(reeve::errc::invalid_argument,
                       fmt::format("input {} is not a regular file", path_));
}

line_reader::~line_reader() { ::close(file_); }

void line_reader::fill() {
    buffer_.erase(0, used_);
    used_ = 0;
    const std::size_t before = buffer_.size();
    buffer_.resize(before + read_bytes);
    ssize_t got = -1;
    do {
        got = ::read(file_, buffer_.data() + before, read_bytes);
    } while (got < 0 && errno == EINTR);
    if (got < 0) fail(path_, errno);
    buffer_.resize(before + static_cast<std::size_t>(got));
    ended_ = got == 0;
}

bool line_reader::next(line& into) {
    std::size_t searched = used_;
    for (;;) {
        const auto newline = buffer_.find('\n', searched);
        const bool found = newline != std::string::npos;
        const std::size_t end = found ? newline + 1 : buffer_.size();
        const std::size_t text = (found ? newline : end) - used_;
        if (text > line_bytes_max) {
            throw reeve::error(reeve::errc::too_large,
                               fmt::format("input {}: the line at byte {} is longer than {} bytes",
                                           path_, offset_, line_bytes_max));
        }
        if (found || (ended_ && end > used_)) {
            into.offset = offset_;
            into.bytes.assign(buffer_, used_, end - used_);
            offset_ = into.end();
            used_ = end;
            return true;
        }
        if (ended_) return false;
        searched = buffer_.size() - used_;
        fill();
    }
}

input_identity identify(const std::string& path) {
    line_reader reader(path);
    input_identity result;
    checksum sum;
    line one;
    while (reader.next(one)) {
        ++result.lines;
        result.bytes += one.bytes.size();
        sum.add(one.bytes);
    }
    result.hash = sum.value();
    return result;
}

}  // namespace linedb
