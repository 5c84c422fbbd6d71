#pragma once

#include "reeve/core/task_scope.hpp"
#include "site.hpp"

#include <cstdint>
#include <string>

namespace linedb {

/// How far the input was appended to the channels, as written down in the stream "ingest": the
/// offset of the next line.
[[nodiscard]] reeve::awaitable<std::uint64_t> ingested(reeve::storage::message_stream& streams);

/// The process that reads the input and appends its lines to the channels, round by round. After
/// each round it writes down how far it has come; a round that a crash interrupts is appended again
/// from its beginning, so rows may be repeated, and consumers drop them by their offset.
class ingester_process {
public:
    /// Opens the stores and starts at the recorded offset.
    ingester_process(machine& host, std::uint64_t seed);
    /// As a crash.
    ~ingester_process();
    ingester_process(const ingester_process&) = delete;
    ingester_process& operator=(const ingester_process&) = delete;

    /// Is everything appended?
    [[nodiscard]] bool done() const noexcept { return done_; }

private:
    reeve::awaitable<void> run();
    reeve::awaitable<void> append_surely(std::string stream, std::vector<std::string> payloads);

    site home_;
    reeve::core::task_scope tasks_;
    bool done_ = false;
};

}  // namespace linedb
