#pragma once

#include "reeve/catalog/key_layout.hpp"
#include "reeve/catalog/path_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/model/gc.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::gc {

/// How a wish to pin was decided.
enum class pin_outcome : std::uint8_t {
    pinned,      ///< nothing of it is collected while the pin is there
    collecting,  ///< a segment is being collected, or was: too late
    unknown,     ///< there is no such segment
};

/// What came of a wish to pin.
struct pin_result {
    pin_outcome outcome = pin_outcome::pinned;  ///< how it was decided
    std::uint64_t number = 0;                   ///< of the pin; 0: none was written
    model::pinned_segment refused;              ///< the first segment that cannot be pinned

    /// True when pinned.
    explicit operator bool() const noexcept { return outcome == pin_outcome::pinned; }
};

/// A pin that is there.
struct held_pin {
    std::uint64_t number = 0;  ///< its name
    model::pin_record pin;     ///< what it holds, and whose it is
    storage::lease_id lease;   ///< ends with it; 0 = durable: stays until unpinned
};

/// Pins as they were at one version.
struct pin_list {
    std::vector<held_pin> pins;  ///< in no order
    /// Of `pins/version`, read before the pins: whoever compares it learns of any that is missing
    /// here. 0: nothing was ever pinned.
    storage::revision version;
};

/// Writes pins, for readers, backups and snapshots: whatever a pin holds is not collected until it
/// is unpinned or its lease ends (docs/protocols/segments.md, pins). Any process may: no leader is
/// needed. What guards a pin is that it compares what the sweep writes (the records of its
/// segments), and the sweep compares what it writes (`pins/version`).
///
/// On one strand; calls may overlap.
class pins {
public:
    /// `strand`, `store` and `keys` must outlive it. `identity` tells this object from every other
    /// that ever wrote a pin to this store, such as a process's name with a random number: a
    /// model::valid_name of at most 150 bytes. Throws errc::invalid_argument for others.
    pins(core::runtime& strand, storage::metadata_store& store, const catalog::key_layout& keys,
         std::shared_ptr<const catalog::path_layout> names, std::string identity);

    /// Pins these segments, 1..model::pin_segments_max in any order: all of them or none. `owner`
    /// is for people. With a lease the pin ends with it; keeping the lease is up to the caller.
    /// Throws errc::invalid_argument, errc::lease_not_found, errc::unavailable (nothing was pinned
    /// and never will be), errc::outcome_unknown (only after repeated failures: the pin may be
    /// there or come yet; see `read_pins`), errc::corrupt. A segment that a large transaction is
    /// still creating: errc::unavailable.
    [[nodiscard]] awaitable<pin_result> pin(std::vector<model::pinned_segment> segments,
                                            std::string owner, storage::lease_id lease = {});

    /// Pins all objects whose names begin with `prefix`, which must begin with the data root or be
    /// a beginning of it: whatever a listing made after this returns shows of segments that are not
    /// yet collecting. Fails as `pin` does.
    [[nodiscard]] awaitable<pin_result> pin_prefix(std::string prefix, std::string owner,
                                                   storage::lease_id lease = {});

    /// Removes a pin. False: there was none of that number, and never will be again. Throws
    /// errc::unavailable, errc::outcome_unknown (repeat it), errc::corrupt.
    [[nodiscard]] awaitable<bool> unpin(std::uint64_t number);

private:
    struct attempt;
    [[nodiscard]] awaitable<pin_result> write(model::pin_record pin, storage::lease_id lease);
    [[nodiscard]] awaitable<std::optional<pin_result>> write_once(std::shared_ptr<attempt> made);
    [[nodiscard]] awaitable<bool> landed(std::shared_ptr<attempt> made);
    [[nodiscard]] awaitable<pin_result> compare_segments(std::shared_ptr<attempt> made);
    [[nodiscard]] model::pin_record begin(std::string owner);

    core::runtime& strand_;
    storage::metadata_store& store_;
    const catalog::key_layout& keys_;
    std::shared_ptr<const catalog::path_layout> names_;
    std::string identity_;
    std::uint64_t made_ = 0;
};

/// All pins. Throws what the store throws, and errc::corrupt or errc::unsupported_format for a
/// record that cannot be read: who cannot read a pin must not collect.
[[nodiscard]] awaitable<pin_list> read_pins(storage::metadata_store& store,
                                            const catalog::key_layout& keys);

/// What a number of pins hold, to be asked often. Plain value.
class pin_set {
public:
    /// Holds nothing.
    pin_set() = default;
    /// Holds what they hold.
    explicit pin_set(const pin_list& all);

    /// Adds what a pin holds.
    void add(const model::pin_record& pin);
    /// Is the segment pinned by name?
    [[nodiscard]] bool holds(model::collection_id collection, model::segment_id segment) const;
    /// Is an object of this name pinned by what it begins with?
    [[nodiscard]] bool holds(std::string_view object) const noexcept;
    /// Is a file of the layout pinned, by its segment or by its name? For gc::view::pinned.
    [[nodiscard]] bool holds(const catalog::file_address& file,
                             const catalog::path_layout& names) const;
    /// Are there pins of names?
    [[nodiscard]] bool has_prefixes() const noexcept { return !prefixes_.empty(); }

private:
    std::set<model::pinned_segment> segments_;
    std::set<std::string, std::less<>> prefixes_;
};

}  // namespace reeve::gc
