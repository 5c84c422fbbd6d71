#pragma once

#include "backends/sqlite/connection.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace reeve::backends::sqlite {

/// Changes are numbered revision * 2^20 + place in the commit.
constexpr unsigned place_bits = 20;
/// Changes in a commit at most.
constexpr std::uint64_t places_max = std::uint64_t{1} << place_bits;

/// The revision of the last commit in the file; 0: none.
[[nodiscard]] std::uint64_t current_revision(connection& db);
/// The revision of the oldest commit that is still known; 0: none.
[[nodiscard]] std::uint64_t oldest_revision(connection& db);
/// Is there a lease whose time has come at `now`?
[[nodiscard]] bool has_due_lease(connection& db, std::int64_t now);

/// What is changed inside one write transaction of the file: any number of commits of the store.
class commit_writer {
public:
    /// `now` in the store's milliseconds.
    commit_writer(connection& db, std::int64_t now);

    /// Ends the leases whose time has come, each in a commit of its own.
    void end_due_leases();
    /// Ends a lease, if it is there, with its records.
    void end_lease(std::uint64_t lease);
    /// Decides and applies; returns the first write whose lease does not exist in `missing`, and
    /// then nothing was applied.
    storage::commit_result apply(const storage::transaction& change,
                                 const storage::operation*& missing);

    /// Changes written by all of these.
    [[nodiscard]] std::size_t written() const noexcept { return written_; }
    /// The revision now.
    [[nodiscard]] std::uint64_t revision() const noexcept { return revision_; }

private:
    struct known {
        std::uint64_t created = 0;  ///< 0: absent
        std::uint64_t modified = 0;
        std::uint64_t version = 0;
    };
    const known& look_up(std::string_view key);
    [[nodiscard]] bool holds(const storage::condition& condition);
    [[nodiscard]] bool lease_exists(std::uint64_t lease);
    void put(const storage::operation& write);
    void remove(std::string_view key);
    std::uint64_t next_place();

    connection& db_;
    std::int64_t now_;
    std::uint64_t revision_;
    std::uint64_t place_ = 0;  ///< changes so far in the commit being written
    std::size_t written_ = 0;
    std::unordered_map<std::string_view, known> looked_up_;
};

/// How much history is kept.
struct history_limits {
    std::uint64_t commits_max;   ///< commits kept
    std::int64_t committed_min;  ///< changes committed before this moment may go
};

/// Forgets the oldest changes past the limits, about `changes_max` of them, whole commits only, and
/// never the last one.
void forget_changes(connection& db, const history_limits& limits, std::size_t changes_max);

}  // namespace reeve::backends::sqlite
