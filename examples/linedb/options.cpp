#include "options.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace linedb {

namespace {

constexpr std::size_t nodes_max = 64;

std::optional<command> command_of(std::string_view word) {
    if (word == "run") return command::run;
    if (word == "verify") return command::verify;
    if (word == "status") return command::status;
    if (word == "plan") return command::plan;
    if (word == "help" || word == "--help" || word == "-h") return command::help;
    return std::nullopt;
}

std::uint64_t number(const std::string& name, const std::string& text, std::uint64_t first,
                     std::uint64_t last) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data(), end, value);
    if (failure != std::errc() || stop != end || value < first || value > last) {
        throw usage_error(
            fmt::format("{}: \"{}\" is not a number from {} to {}", name, text, first, last));
    }
    return value;
}

example::store_address store_of(const std::string& text) try {
    return example::parse_store_address(text);
} catch (const std::invalid_argument& wrong) {
    throw usage_error(std::string("--store ") + wrong.what());
}

/// The words after the command.
class reader {
public:
    reader(const std::vector<std::string>& arguments, options& into)
        : arguments_(arguments), into_(into) {}

    void read() {
        while (at_ < arguments_.size()) take(arguments_[at_++]);
        require("--data", into_.data);
        const bool reads_input = into_.what == command::run || into_.what == command::verify;
        if (reads_input) require("--input", into_.input);
    }

private:
    void take(const std::string& name) {
        const bool run = into_.what == command::run;
        if (name == "--data") {
            once(name, into_.data);
        } else if (name == "--input" && (run || into_.what == command::verify)) {
            once(name, into_.input);
        } else if (name == "--store") {
            if (into_.store) throw usage_error("--store is given twice");
            into_.store = store_of(value_of(name));
        } else if (name == "--nodes" && run) {
            into_.nodes = number(name, value_of(name), 1, nodes_max);
        } else if (name == "--seed" && run) {
            into_.seed = number(name, value_of(name), 0, ~std::uint64_t{0});
        } else if (name == "--quiet" && run) {
            into_.quiet = true;
        } else {
            throw usage_error(fmt::format("\"{}\" is no option of this command", name));
        }
    }

    const std::string& value_of(const std::string& name) {
        if (at_ == arguments_.size()) throw usage_error(name + " needs a value");
        return arguments_[at_++];
    }

    void once(const std::string& name, std::string& into) {
        if (!into.empty()) throw usage_error(name + " is given twice");
        into = value_of(name);
        if (into.empty()) throw usage_error(name + " needs a value that is not empty");
    }

    static void require(const std::string& name, const std::string& value) {
        if (value.empty()) throw usage_error(name + " is missing");
    }

    const std::vector<std::string>& arguments_;
    options& into_;
    std::size_t at_ = 1;
};

}  // namespace

options parse_options(const std::vector<std::string>& arguments) {
    if (arguments.empty()) throw usage_error("a command is missing: run, verify, status or plan");
    const auto what = command_of(arguments.front());
    if (!what) {
        throw usage_error(fmt::format("\"{}\" is no command; there are run, verify, status, plan",
                                      arguments.front()));
    }
    options result;
    result.what = *what;
    for (const auto& word : arguments) {
        if (word == "--help" || word == "-h") result.what = command::help;
    }
    if (result.what != command::help) reader(arguments, result).read();
    return result;
}

std::string_view usage() noexcept {
    return R"(linedb: a small database on reeve that stores each line of a text file exactly once

  linedb run    --data DIR --input FILE [--store STORE] [--nodes N] [--seed S] [--quiet]
  linedb verify --data DIR --input FILE [--store STORE]
  linedb status --data DIR [--store STORE]
  linedb plan   --data DIR [--store STORE]

  run      appends the lines of FILE to channels; N nodes (simulated processes inside the program,
           default 3) consume them, write rows as objects and commit checkpoints, while nodes,
           the leading coordinator and the reader of FILE are killed and restarted as the seed S
           (default 1) says. Proves the result at the end. Killed at any moment, the same command
           goes on where it was.
  verify   reads everything back and proves that each line is present exactly once
  status   shows what is recorded; never writes to the records, never waits for a run
  plan     shows what a coordinator would do now, and why

  --store  where the metadata is: sqlite:FILE or etcd:HOST:PORT[,HOST:PORT...]; default:
           sqlite:DIR/metadata.sqlite. DIR belongs to the store of its first run (an etcd cluster is
           known by its id, not by its addresses), so the other commands need the same.
  --quiet  no progress while running

Lines end with a newline; the last one need not. A line has at most 1 MiB, its newline not counted.
DIR belongs to one FILE and holds metadata.sqlite, streams.sqlite, objects/, lock, input and, at
the end, finished. Exit codes: 0 done, 1 failed or not complete, 2 bad arguments.
)";
}

}  // namespace linedb
