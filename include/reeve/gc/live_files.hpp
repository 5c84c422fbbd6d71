#pragma once

#include "reeve/model/ids.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace reeve::gc {

/// Which files the records of the metadata store reference, by the epoch and the number that their
/// names carry: together they name one file of the whole store (docs/protocols/segments.md, G4).
/// Kept by the leader beside its view of the records, so that a sweep asks it and reads no records.
///
/// 64 bits per file, in shards of open addressing that grow by a quarter: 10 to 13 bytes per file
/// while they grow, at most 40 when many have gone, and never more than one shard in two copies.
/// Two files with equal 64 bits count as two references to one: each is kept as long as either is
/// referenced, so that a collision keeps garbage for one reign (`seed` differs between them) and
/// never deletes a live file.
/// Single-threaded.
class live_files {
public:
    /// An empty set; `seed` should differ between reigns.
    explicit live_files(std::uint64_t seed) noexcept : seed_(seed) {}

    /// One more reference to the file.
    void add(const model::file_id& file);
    /// One reference less. False: there was none, and nothing changed.
    bool remove(const model::file_id& file);
    /// Is the file referenced? True for each that is; for others false, but for one in 2^64 / size.
    [[nodiscard]] bool contains(const model::file_id& file) const noexcept;
    /// Brings what `contains` will look at into the cache, for callers that ask about many.
    void prefetch(const model::file_id& file) const noexcept;

    /// References.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Bytes on the heap.
    [[nodiscard]] std::size_t memory() const noexcept;

private:
    using fingerprint = std::uint64_t;  // 0 marks a free slot
    /// Linear probing; a fingerprint's home grows with its value.
    struct shard {
        std::vector<fingerprint> slots;
        std::size_t used = 0;

        [[nodiscard]] std::size_t home(fingerprint of) const noexcept;
        [[nodiscard]] std::size_t next(std::size_t slot) const noexcept {
            return slot + 1 == slots.size() ? 0 : slot + 1;
        }
        /// Its slot, or the free one that ends the search.
        [[nodiscard]] std::size_t find(fingerprint of) const noexcept;
        void resize(std::size_t count);
    };
    static constexpr std::size_t shard_bits = 8;

    [[nodiscard]] fingerprint of(const model::file_id& file) const noexcept;
    [[nodiscard]] static std::size_t shard_of(fingerprint of) noexcept {
        return of >> (64 - shard_bits);
    }

    std::uint64_t seed_;
    std::size_t size_ = 0;
    std::array<shard, std::size_t{1} << shard_bits> shards_;
    std::vector<fingerprint> again_;  // one entry per reference beyond the first: collisions
};

}  // namespace reeve::gc
