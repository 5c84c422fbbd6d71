#include "backends/sqlite/store_clock.hpp"

#include "reeve/core/error.hpp"

#include <ctime>
#include <fstream>

namespace reeve::backends::sqlite {

namespace {

std::chrono::nanoseconds kernel_boot_time() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

std::string kernel_boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    if (!std::getline(file, id) || id.empty()) {
        throw error(errc::unavailable, "cannot read /proc/sys/kernel/random/boot_id");
    }
    return id;
}

store_clock::store_clock(const sqlite_options& options)
    : boot_time_(options.boot_time),
      boot_id_(options.boot_id.empty() ? kernel_boot_id() : options.boot_id) {
    if (!boot_time_) boot_time_ = kernel_boot_time;
}

std::int64_t store_clock::since_boot() const {
    return std::chrono::floor<std::chrono::milliseconds>(boot_time_()).count();
}

std::int64_t store_clock::now() const { return offset_ + since_boot(); }

std::int64_t store_clock::deadline(std::chrono::milliseconds ttl) const {
    return offset_ + std::chrono::ceil<std::chrono::milliseconds>(boot_time_() + ttl).count();
}

}  // namespace reeve::backends::sqlite
