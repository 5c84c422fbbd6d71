#pragma once

#include "reeve/core/callback.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include <stdlib.h>

namespace conformance {

/// Threads for blocking calls, as a host would give them.
class workers {
public:
    explicit workers(std::size_t threads) : pool_(threads) {}
    /// Waits for what has begun.
    ~workers() { pool_.join(); }
    workers(const workers&) = delete;
    workers& operator=(const workers&) = delete;

    /// Runs works on the threads.
    [[nodiscard]] reeve::core::blocking_executor executor() {
        return [this](reeve::core::task work) {
            auto shared = std::make_shared<reeve::core::task>(std::move(work));
            boost::asio::post(pool_, [shared] { (*shared)(); });
        };
    }

private:
    boost::asio::thread_pool pool_;
};

/// An empty directory that is removed at the end.
class scratch_directory {
public:
    scratch_directory() {
        std::string name = (std::filesystem::temp_directory_path() / "reeve-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw std::filesystem::filesystem_error(
                "mkdtemp", name, std::error_code(errno, std::generic_category()));
        path_ = name;
    }
    ~scratch_directory() {
        std::error_code ignored;  // the next boot cleans up what could not be removed
        std::filesystem::remove_all(path_, ignored);
    }
    scratch_directory(const scratch_directory&) = delete;
    scratch_directory& operator=(const scratch_directory&) = delete;

    /// Where.
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace conformance
