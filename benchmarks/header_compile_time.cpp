// What does the umbrella header cost a host's build? The processor time that the compiler takes for
// a file that includes reeve/reeve.hpp (-std=c++20 -O0 -c, without a cache), over that for one that
// includes only Asio's awaitable, which a host that uses coroutines pays anyway.
#include "bench.hpp"

#include <sys/resource.h>

#include <fstream>

namespace {

constexpr double over_baseline_max = 2.5;

double seconds_of(const ::timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

// Of all children that have ended.
double processor_time() {
    struct ::rusage used {};
    if (::getrusage(RUSAGE_CHILDREN, &used) != 0) throw std::runtime_error("getrusage failed");
    return seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
}

double compile(const std::string& source) {
    const std::string command = std::string(REEVE_CXX_COMPILER) +
                                " -std=c++20 -O0 -DBOOST_ASIO_NO_DEPRECATED -I\"" +
                                REEVE_SOURCE_DIR + "/include\" -c -o /dev/null \"" + source + '"';
    const double before = processor_time();
    if (std::system(command.c_str()) != 0) throw std::runtime_error("failed: " + command);
    return processor_time() - before;
}

void measure(bench::size size) {
    const bench::temporary_directory directory;
    const auto umbrella = directory.file("umbrella.cpp");
    const auto empty = directory.file("empty.cpp");
    std::ofstream(umbrella) << "#include <reeve/reeve.hpp>\n";
    std::ofstream(empty) << "#include <boost/asio/awaitable.hpp>\n";
    compile(umbrella);  // reads all files once
    std::vector<double> with;
    std::vector<double> without;
    for (int round = 0; round < (size == bench::size::quick ? 1 : 5); ++round) {
        without.push_back(compile(empty));
        with.push_back(compile(umbrella));
    }
    const double value = bench::median(with);
    const double baseline = bench::median(without);
    const double over = value - baseline;
    bench::print({"umbrella_header_compile_time", value, "s", baseline, value / baseline,
                  fmt::format("<=baseline+{:g}s", over_baseline_max), over <= over_baseline_max});
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
