#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/gc/sweep.hpp"
#include "reeve/model/gc.hpp"
#include "reeve/storage/object_store.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace reeve::gc {

// An object that is to be deleted.
struct doomed_object {
    std::string key;
    std::uint64_t bytes = 0;
    std::string_view why;  // a constant text
};

// Deletes objects in batches, several at once, and counts what became of them. Returns one failure
// each, in order; none: it is gone. Throws only by cancellation.
[[nodiscard]] awaitable<std::vector<std::error_code>> remove_objects(core::runtime& strand,
                                                                     storage::object_store& objects,
                                                                     std::vector<std::string> keys,
                                                                     pace_options pace);

// Writes them to the site's journal, deletes them and says what became of them: all are gone if
// none failed. Throws what the journal throws, then nothing is deleted.
[[nodiscard]] awaitable<delete_counts> remove_journaled(sweep_site site, model::gc_sweep sweep,
                                                        std::vector<doomed_object> doomed,
                                                        pace_options pace);

// Adds them up; keeps at most so many failures by name.
void add(delete_counts& into, delete_counts made, std::size_t samples_max);

// Throws errc::invalid_argument for options outside the stated ranges.
void check_options(const pace_options& pace);

// Keeps a sweep from doing more objects in a second than it may.
class pacer {
public:
    explicit pacer(std::uint64_t objects_per_second) noexcept : rate_(objects_per_second) {}

    // Waits until so many more are due.
    [[nodiscard]] awaitable<void> spend(core::runtime& strand, std::uint64_t objects);

private:
    std::uint64_t rate_;
    core::time_point next_;
};

}  // namespace reeve::gc
