#include "metadata.hpp"

#include "reeve/backends/run_on.hpp"

#include <chrono>
#include <filesystem>
#include <utility>

namespace linedb {

namespace {

using namespace std::chrono_literals;
using reeve::storage::page;

constexpr auto patience = 60s;
constexpr auto retry_delay = 100ms;

bool is_file(const example::store_address& address) {
    return address.what == example::store_address::kind::sqlite;
}

}  // namespace

bool metadata_place::exists() const {
    return !is_file(address) || std::filesystem::exists(address.file);
}

std::unique_ptr<reeve::storage::metadata_store> metadata_place::open(
    reeve::core::runtime& strand, reeve::core::blocking_executor workers) const {
    return example::open_store(strand, std::move(workers), address, prefix);
}

metadata_place place_of(const std::optional<example::store_address>& wanted,
                        const data_directory& directory, const input_record& record) {
    metadata_place place;
    if (wanted) {
        place.address = *wanted;
    } else {
        place.address.file = directory.metadata();
    }
    if (!is_file(place.address)) place.prefix = "linedb-" + record.token + "/";
    return place;
}

std::string identity_of(const std::optional<example::store_address>& wanted,
                        const data_directory& directory) {
    if (!wanted) return {};
    example::store_address own;
    own.file = directory.metadata();
    const auto found = example::identity(*wanted);
    return found == example::identity(own) ? std::string() : found;
}

bool is_away(const reeve::error& failure) noexcept {
    const auto code = failure.code_value();
    return code == reeve::errc::unavailable || code == reeve::errc::deadline_exceeded ||
           code == reeve::errc::outcome_unknown || code == reeve::errc::resource_exhausted;
}

reeve::awaitable<page> list_patiently(reeve::core::runtime& strand,
                                      reeve::storage::metadata_store& store,
                                      reeve::storage::key_range range, std::size_t limit) {
    const auto deadline = strand.now() + patience;
    for (;;) {
        try {
            auto call = store.list(range, limit);
            auto found = co_await std::move(call);
            co_return found;
        } catch (const reeve::error& failure) {
            if (!is_away(failure) || strand.now() > deadline) throw;
        }
        co_await strand.sleep_for(retry_delay);
    }
}

metadata_reader::metadata_reader(const metadata_place& place) {
    // One thing at a time: blocking calls may run on the thread of the loop.
    store_ = place.open(strand_, [](reeve::core::task work) { work(); });
}

page metadata_reader::list(const reeve::storage::key_range& range, std::size_t limit) {
    return reeve::backends::run_on(loop_, strand_, list_patiently(strand_, *store_, range, limit));
}

}  // namespace linedb
