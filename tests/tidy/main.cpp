// tidy_check ROOT: holds the tree against the rules of tests/tidy/rules.hpp. Prints one line per
// finding; the exit code is 0 without findings, 1 with, 2 if the tree cannot be read.
#include "rules.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

bool is_skipped(const fs::path& entry) {
    const auto name = entry.filename().string();
    return name == ".git" || name == ".cache" || name.starts_with("build");
}

bool is_checked(const fs::path& path) {
    const auto name = path.filename().string();
    const auto extension = path.extension().string();
    constexpr const char* extensions[] = {".hpp", ".cpp",   ".sh",   ".cmake", ".md",
                                          ".pml", ".proto", ".json", ".in"};
    return name == "CMakeLists.txt" || path.string().ends_with(".ci/run") ||
           std::any_of(std::begin(extensions), std::end(extensions),
                       [&](const char* known) { return extension == known; });
}

std::vector<fs::path> files_below(const fs::path& root) {
    std::vector<fs::path> files;
    for (auto at = fs::recursive_directory_iterator(root); at != fs::recursive_directory_iterator();
         ++at) {
        if (at->is_directory() && is_skipped(at->path())) at.disable_recursion_pending();
        if (at->is_regular_file() && is_checked(at->path())) files.push_back(at->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::string content_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(in), {}};
    if (!in) throw std::runtime_error("cannot read " + path.string());
    return content;
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 2) {
        std::cerr << "usage: tidy_check ROOT\n";
        return 2;
    }
    const fs::path root = argv[1];
    std::size_t broken = 0;
    const auto files = files_below(root);
    for (const auto& path : files) {
        const auto relative = fs::relative(path, root).generic_string();
        for (const auto& found : tidy::check_file(tidy::make_source(relative, content_of(path)))) {
            std::cout << found.path << ':' << found.line << ": " << found.rule << ": " << found.what
                      << '\n';
            ++broken;
        }
    }
    std::cout << files.size() << " files, " << broken << " findings\n";
    return broken == 0 ? 0 : 1;
} catch (const std::exception& failure) {
    std::cerr << "tidy_check: " << failure.what() << '\n';
    return 2;
}
