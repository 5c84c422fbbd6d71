#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/testing/conformance.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace conformance {

/// How much is done, of which choices.
struct random_run {
    std::uint64_t seed = 1;  ///< of all choices
    int operations = 2'000;  ///< reads, lists, transactions, leases, watches
};

/// The runs that a test is asked for: `operations` in all unless the environment variable
/// REEVE_RANDOM_OPERATIONS says otherwise, from the seed in REEVE_RANDOM_SEED on (default 1).
/// Throws std::invalid_argument for what is no number.
[[nodiscard]] std::vector<random_run> random_runs(int operations);

/// What a store answers to a random client, one line per answer: results, records, and the
/// histories that watches show, those of watches that ran all the time included. Revisions are
/// replaced by their rank among all that were seen, because stores may count them differently, but
/// one to one and in the same order; leases by the order of their grants. So two stores that behave
/// as one give equal lines. Blocks; throws what the client threw.
[[nodiscard]] std::vector<std::string> random_answers(
    reeve::testing::check_environment& environment, reeve::storage::metadata_store& store,
    random_run how);

/// The first line in which they differ, from both; empty: they are equal.
[[nodiscard]] std::string first_difference(const std::vector<std::string>& one,
                                           const std::vector<std::string>& other);

}  // namespace conformance
