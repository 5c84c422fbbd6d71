#include "commands.hpp"

#include "directory.hpp"
#include "operator.hpp"
#include "progress.hpp"
#include "reeve/core/error.hpp"
#include "verify.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <utility>

namespace linedb {

namespace {

constexpr std::size_t channels = 8;
// Subscriptions and watches that wait occupy a thread each.
constexpr std::size_t threads_besides_channels = 12;

/// The input, read once: an unreadable one is a mistake in the arguments.
input_identity identify_argument(const std::string& path) {
    try {
        return identify(path);
    } catch (const reeve::error& failure) {
        if (failure.code_value() == reeve::errc::too_large) throw;
        throw usage_error(failure.context());
    }
}

/// Whose directory it is; claims it if it is nobody's.
input_record claim(const data_directory& directory, const input_identity& identity,
                   const std::string& path) {
    if (auto record = directory.input()) {
        directory.check_same(*record, identity, path);
        record->path = path;
        return std::move(*record);
    }
    input_record record;
    record.path = path;
    record.identity = identity;
    record.channels = channels;
    directory.claim(record);
    return record;
}

int report(const verification& result) {
    if (result.problem.empty()) {
        fmt::print("{}\n", verified_text(result.lines));
        return 0;
    }
    fmt::print(stderr, "linedb: not verified: {}; {} lines before it are present exactly once\n",
               result.problem, result.lines);
    return 1;
}

}  // namespace

int run(const options& what) {
    const auto begun = std::chrono::steady_clock::now();
    const std::string path = std::filesystem::absolute(what.input).string();
    const auto identity = identify_argument(path);
    const data_directory directory(what.data);
    const auto lock = directory.lock();
    const auto record = claim(directory, identity, path);
    if (directory.finished(record)) {
        fmt::print("finished by an earlier run\n{}\n", verified_text(record.identity.lines));
        return 0;
    }
    machine host(directory, record, record.channels + what.nodes + threads_besides_channels);
    run_operator(host, what).run();
    const auto result = verify(directory, record, path);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    fmt::print("{}", summary(host, took.count()));
    if (result.problem.empty()) directory.finish(record);
    return report(result);
}

int verify(const options& what) {
    const std::string path = std::filesystem::absolute(what.input).string();
    const auto identity = identify_argument(path);
    const data_directory directory(what.data);
    const auto record = directory.require_input();
    directory.check_same(record, identity, path);
    return report(verify(directory, record, path));
}

}  // namespace linedb
