#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace linedb {

namespace {

using namespace std::chrono_literals;

std::uint64_t percent(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 100 : part * 100 / whole;
}

}  // namespace

progress::progress(bool shown, const machine& host)
    : shown_(shown), terminal_(::isatty(STDERR_FILENO) == 1), host_(host) {
    rows_before_ = host.counts.rows_stored;
}

progress::~progress() {
    if (dirty_) fmt::print(stderr, "\n");
}

void progress::show(reeve::core::time_point now, std::size_t alive, std::size_t nodes) {
    if (!shown_ || now < last_ + (terminal_ ? 200ms : 2000ms)) return;
    fmt::print(stderr, "{}{}{}", terminal_ ? "\r\x1b[K" : "", text(now, alive, nodes),
               terminal_ ? "" : "\n");
    std::fflush(stderr);
    dirty_ = terminal_;
    last_ = now;
    rows_before_ = host_.counts.rows_stored;
}

std::string progress::text(reeve::core::time_point now, std::size_t alive, std::size_t nodes) {
    const statistics& counts = host_.counts;
    const double seconds = std::chrono::duration<double>(now - last_).count();
    const double rate = last_ == reeve::core::time_point()
                            ? 0
                            : static_cast<double>(counts.rows_stored - rows_before_) / seconds;
    const std::uint64_t all = host_.input.identity.bytes;
    return fmt::format(
        "ingested {:3}%  stored {:3}%  {:9} rows  {:7.0f} rows/s  nodes {}/{}  moves {}  kills {}",
        percent(counts.bytes_ingested, all), percent(counts.bytes_stored, all), counts.rows_stored,
        rate, alive, nodes, counts.moves,
        counts.nodes_killed + counts.leaders_killed + counts.ingesters_killed);
}

std::string summary(const machine& host, double seconds) {
    const statistics& counts = host.counts;
    const input_identity& input = host.input.identity;
    std::string text;
    const auto add = [&text](const char* what, const std::string& value) {
        text += fmt::format("  {:<34}{}\n", what, value);
    };
    add("input", fmt::format("{} lines, {} bytes", input.lines, input.bytes));
    add("channels", std::to_string(host.input.channels));
    add("this run took", fmt::format("{:.1f} s", seconds));
    add("objects committed", std::to_string(counts.objects));
    add("repeated rows dropped", std::to_string(counts.rows_repeated));
    add("channels given to nodes", std::to_string(counts.grants));
    add("  of them moved to another node", std::to_string(counts.moves));
    add("nodes killed", std::to_string(counts.nodes_killed));
    add("nodes restarted gracefully", std::to_string(counts.nodes_restarted));
    add("leading coordinators killed", std::to_string(counts.leaders_killed));
    add("ingesters killed", std::to_string(counts.ingesters_killed));
    add("commits of stale holders refused", std::to_string(counts.commits_stale));
    return text;
}

}  // namespace linedb
