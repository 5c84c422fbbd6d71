#pragma once

#include "reeve/backends/file_object_store.hpp"
#include "reeve/core/error.hpp"
#include "reeve/testing/simulated_disk.hpp"

#include "catch.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace files_tests {

using reeve::errc;
using reeve::backends::file_store_options;
using reeve::storage::object_version;

using blocking_store = std::shared_ptr<reeve::storage::blocking_object_store>;

/// A directory that goes with the object.
class temporary_directory {
public:
    temporary_directory() {
        std::string name = (std::filesystem::temp_directory_path() / "reeve-files-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
        path_ = name;
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    [[nodiscard]] std::string string() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

inline blocking_store open_at(const std::string& directory) {
    return reeve::backends::open_blocking_file_object_store({directory, nullptr, {}});
}

inline blocking_store open_on(const std::shared_ptr<reeve::testing::simulated_disk>& disk) {
    return reeve::backends::open_blocking_file_object_store({"simulated", disk, {}});
}

/// The code that `call` throws; nothing if it does not throw.
template <class Call>
std::optional<errc> code_of(Call call) {
    try {
        (void)call();
    } catch (const reeve::error& failure) {
        return failure.code_value();
    }
    return std::nullopt;
}

/// The whole object; nothing if there is none.
inline std::optional<std::string> content(reeve::storage::blocking_object_store& store,
                                          const std::string& key) {
    auto found = store.get(key, {});
    if (!found) return std::nullopt;
    return std::move(found->bytes);
}

/// All keys, page by page.
inline std::vector<std::string> keys_of(reeve::storage::blocking_object_store& store,
                                        const std::string& prefix = "", std::size_t limit = 1000) {
    std::vector<std::string> keys;
    std::string after;
    do {
        auto page = store.list(prefix, after, limit);
        REQUIRE(page.objects.size() <= limit);
        for (auto& meta : page.objects) keys.push_back(std::move(meta.key));
        after = page.resume_after;
    } while (!after.empty());
    return keys;
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

/// Every file below, by path, with its bytes.
inline std::vector<std::pair<std::string, std::string>> all_files(
    const std::filesystem::path& directory) {
    std::vector<std::pair<std::string, std::string>> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file()) files.emplace_back(entry.path(), read_file(entry.path()));
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace files_tests
