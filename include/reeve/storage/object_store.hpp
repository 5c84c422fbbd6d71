#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/clock.hpp"
#include "reeve/core/strong.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace reeve::storage {

/// Opaque token of one version of an object, compared for equality only. Writing equal bytes again
/// may give an equal token (S3: the content's MD5), so compare-and-set objects carry a nonce.
using object_version = core::strong<struct object_version_tag, std::string>;

/// What a listing or a head says of an object.
struct object_meta {
    std::string key;                ///< any bytes but NUL, at most object_limits::key_bytes_max
    std::uint64_t size = 0;         ///< bytes
    object_version version;         ///< of the content
    core::wall_time last_modified;  ///< by the store's own clock; the epoch (0) means unknown

    friend bool operator==(const object_meta&, const object_meta&) = default;
};

/// An object, or the part of it that was asked for.
struct object {
    object_meta meta;   ///< `size` is that of the whole object
    std::string bytes;  ///< the bytes asked for
};

/// Part of an object: `length` bytes from `offset`, cut at the end of the object. Trivially
/// copyable.
struct byte_range {
    std::uint64_t offset = 0;                  ///< first byte
    std::uint64_t length = ~std::uint64_t{0};  ///< how many at most
};

/// A part of a listing.
struct object_page {
    std::vector<object_meta> objects;  ///< in byte order of whole keys
    std::string resume_after;          ///< ask again with it; empty: the listing is complete
};

/// What became of one key of remove_many.
struct remove_result {
    std::string key;          ///< as given
    std::error_code failure;  ///< none: removed, or it did not exist
};

/// What the store can do. Data, since it differs between endpoints of the same protocol.
struct object_capabilities {
    bool put_if_absent = false;  ///< conditions of put_if_absent are honoured
    bool put_if_match = false;   ///< conditions of put_if_match are honoured
    bool exact_times = false;    ///< last_modified is finer than a second
};

/// Accepted sizes.
struct object_limits {
    std::size_t key_bytes_max = 1024;              ///< of a key
    std::uint64_t object_bytes_max = 5ULL << 30U;  ///< of an object
    std::size_t page_max = 1000;         ///< objects in a page; larger limits are cut to it
    std::size_t remove_many_max = 1000;  ///< keys in a remove_many
};

/// Named blobs, linearizable per key, listed in order. Keys are paths by convention only: `a` and
/// `a/b` may both exist.
///
/// Threading: calls may overlap, on the strand that the store was opened on. May be destroyed with
/// calls in flight. Failure: errc::unavailable = not applied and never will be.
/// errc::outcome_unknown from a put or remove = may have been applied or may still be: a plain put
/// of a written-once name goes on under a fresh name; a conditional put is resolved by reading back
/// the nonce that its bytes carry, never by blind repetition. A put is durable before it returns.
/// Never is a half-written object visible. Bad keys and ranges: errc::invalid_argument, before
/// anything is sent. Cancellation: at any time, at once; a cancelled write throws
/// errc::outcome_unknown.
class object_store {
public:
    virtual ~object_store() = default;

    /// As known now; `probe` tells the truth. Constant after opening.
    [[nodiscard]] virtual object_capabilities capabilities() const noexcept = 0;
    /// Accepted sizes. Constant.
    [[nodiscard]] virtual object_limits limits() const noexcept = 0;

    /// Writes the object, whatever was there.
    virtual awaitable<object_version> put(std::string key, std::string bytes) = 0;
    /// Writes the object if none is there; nothing = one is there (nothing changed). Throws
    /// errc::unsupported without the capability.
    virtual awaitable<std::optional<object_version>> put_if_absent(std::string key,
                                                                   std::string bytes) = 0;
    /// Replaces the object if its version is `expected`; nothing = it is another, or none is there
    /// (nothing changed). Throws errc::unsupported without the capability.
    virtual awaitable<std::optional<object_version>> put_if_match(std::string key,
                                                                  std::string bytes,
                                                                  object_version expected) = 0;
    /// The object or a part of it; nothing if it does not exist. A range that begins past the end
    /// gives no bytes.
    virtual awaitable<std::optional<object>> get(std::string key, byte_range range) = 0;
    /// What is known of the object; nothing if it does not exist.
    virtual awaitable<std::optional<object_meta>> head(std::string key) = 0;
    /// Removes the object. Removing a missing one is a success.
    virtual awaitable<void> remove(std::string key) = 0;
    /// Removes each of the keys, in any order; one answer per key, in the order given. Throws only
    /// if nothing was sent.
    virtual awaitable<std::vector<remove_result>> remove_many(std::vector<std::string> keys) = 0;
    /// Objects whose key begins with `prefix` and is greater than `after` (empty: from the first),
    /// at most `limit`. Objects that exist during the whole listing appear exactly once. Throws
    /// errc::invalid_argument if `limit` is 0.
    virtual awaitable<object_page> list(std::string prefix, std::string after,
                                        std::size_t limit) = 0;
    /// The store's own clock: object ages are computed against it only.
    virtual awaitable<core::wall_time> server_time() = 0;
};

/// Tries what the store claims: create twice, match a stale version, match a missing key, under
/// fresh keys below `prefix`, which are removed again. `nonce` must differ between probes. Throws
/// errc::unsupported, naming the failed check, if the store claims a condition that it ignores.
[[nodiscard]] awaitable<object_capabilities> probe(object_store& store, std::string prefix,
                                                   std::string nonce);

/// Throws errc::invalid_argument or errc::too_large unless `key` is 1..key_bytes_max bytes without
/// NUL. For implementers.
void validate_object_key(std::string_view key, const object_limits& limits);

}  // namespace reeve::storage
