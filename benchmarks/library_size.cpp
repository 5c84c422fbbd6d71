// How large is the library? The code and data of reeve::reeve as built here (text, data and bss of
// all its objects, as `size` counts them), which is what it could add to a program at most: no
// debug information, no symbol tables. The shared library, stripped, is about as large.
#include "bench.hpp"

#include <cstdio>
#include <sstream>

namespace {

constexpr double megabyte = 1e6;

std::string output_of(const std::string& command) {
    std::string text;
    FILE* out = ::popen(command.c_str(), "r");
    if (out == nullptr) throw std::runtime_error("failed: " + command);
    char part[4096];
    for (std::size_t got = 0; (got = std::fread(part, 1, sizeof(part), out)) > 0;) {
        text.append(part, got);
    }
    if (::pclose(out) != 0) throw std::runtime_error("failed: " + command);
    return text;
}

// The sum of all objects' sections that are loaded: the column "dec" of the last line.
double loaded_bytes(const std::string& library) {
    const auto text = output_of("size --totals \"" + library + '"');
    std::istringstream lines(text);
    std::string one;
    double bytes = 0;
    while (std::getline(lines, one)) {
        std::istringstream fields(one);
        double code = 0;
        double data = 0;
        double zero = 0;
        double sum = 0;
        if (fields >> code >> data >> zero >> sum) bytes = sum;
    }
    if (bytes <= 0) throw std::runtime_error("size said: " + text);
    return bytes;
}

void measure(bench::size) {
    bench::print_at_most("library_size", loaded_bytes(REEVE_LIBRARY) / megabyte, "MB", 3);
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
