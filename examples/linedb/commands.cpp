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
#include <random>
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

std::string random_token() {
    std::random_device random;
    return fmt::format("{:08x}{:08x}", random(), random());
}

/// Whose directory it is; claims it if it is nobody's. `store` is the metadata's identity.
input_record claim(const data_directory& directory, const input_identity& identity,
                   const std::string& path, const std::string& store) {
    if (auto record = directory.input()) {
        directory.check_same(*record, identity, path);
        directory.check_store(*record, store);
        record->path = path;
        return std::move(*record);
    }
    input_record record;
    record.path = path;
    record.identity = identity;
    record.channels = channels;
    record.store = store;
    if (!store.empty()) record.token = random_token();
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
    const auto record = claim(directory, identity, path, identity_of(what.store, directory));
    if (directory.finished(record)) {
        fmt::print("finished by an earlier run\n{}\n", verified_text(record.identity.lines));
        return 0;
    }
    const auto threads = record.channels + what.nodes + threads_besides_channels;
    machine host(directory, record, threads, what.store);
    run_operator(host, what).run();
    const auto result = verify(directory, host.metadata, record, path);
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
    directory.check_store(record, identity_of(what.store, directory));
    return report(verify(directory, place_of(what.store, directory, record), record, path));
}

}  // namespace linedb
