// linedb: a small database on reeve. Read processes.hpp (what a process is), row_consumer.cpp (what
// an engine does with a channel) and verify.cpp (what it all must add up to) first.
#include "commands.hpp"
#include "options.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace {

int dispatch(const linedb::options& what) {
    switch (what.what) {
        case linedb::command::run:
            return linedb::run(what);
        case linedb::command::verify:
            return linedb::verify(what);
        case linedb::command::status:
            return linedb::status(what);
        case linedb::command::plan:
            return linedb::plan(what);
        case linedb::command::help:
            break;
    }
    fmt::print("{}", linedb::usage());
    return 0;
}

}  // namespace

int main(int argc, char** argv) try {
    return dispatch(linedb::parse_options(std::vector<std::string>(argv + 1, argv + argc)));
} catch (const linedb::usage_error& mistake) {
    fmt::print(stderr, "linedb: {}\nSee linedb --help.\n", mistake.what());
    return 2;
} catch (const std::exception& failure) {
    fmt::print(stderr, "linedb: {}\n", failure.what());
    return 1;
}
