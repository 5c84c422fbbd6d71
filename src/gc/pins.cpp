#include "reeve/gc/pins.hpp"

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

namespace reeve::gc {

namespace {

constexpr std::size_t identity_bytes_max = 150;
constexpr std::size_t pin_page = 1000;
// How often an outcome is asked for before the caller is told that it is unknown.
constexpr unsigned doubts_max = 10;

struct version_seen {
    model::pins_version pins;
    storage::revision at;  // 0: never written
};

awaitable<version_seen> read_version(storage::metadata_store& store, std::string key) {
    const auto found = co_await store.get(key);
    version_seen seen;
    if (found) {
        catalog::decoder().decode(key, found->value, seen.pins);
        seen.at = found->modified;
        if (seen.pins.version == std::numeric_limits<std::uint64_t>::max()) {
            throw error(errc::corrupt, fmt::format("record {}: the version cannot be raised",
                                                   storage::printable(key)));
        }
    }
    co_return seen;
}

std::string raised(const version_seen& seen) {
    model::pins_version next = seen.pins;
    ++next.version;
    return catalog::encode(next);
}

}  // namespace

// One wish, through all of its tries.
struct pins::attempt {
    model::pin_record pin;
    storage::lease_id lease;
    std::string value;
    std::uint64_t number = 0;      // of the last try
    storage::revision version_at;  // that it compared
    bool doubtful = false;         // its outcome is not known
    storage::transaction change;   // of the present try
};

pins::pins(core::runtime& strand, storage::metadata_store& store, const catalog::key_layout& keys,
           std::shared_ptr<const catalog::path_layout> names, std::string identity)
    : strand_(strand),
      store_(store),
      keys_(keys),
      names_(std::move(names)),
      identity_(std::move(identity)) {
    if (!model::valid_name(identity_) || identity_.size() > identity_bytes_max) {
        throw error(errc::invalid_argument,
                    fmt::format("identity {}: 1 to {} bytes of printable ASCII without '/' are "
                                "accepted",
                                storage::printable(identity_), identity_bytes_max));
    }
}

model::pin_record pins::begin(std::string owner) {
    model::pin_record pin;
    pin.owner = std::move(owner);
    pin.token = fmt::format("{}.{}", identity_, ++made_);
    pin.since_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(strand_.wall_now().time_since_epoch())
            .count();
    return pin;
}

awaitable<pin_result> pins::pin(std::vector<model::pinned_segment> segments, std::string owner,
                                storage::lease_id lease) {
    auto wanted = begin(std::move(owner));
    std::sort(segments.begin(), segments.end());
    segments.erase(std::unique(segments.begin(), segments.end()), segments.end());
    wanted.segments = std::move(segments);
    auto result = co_await write(std::move(wanted), lease);
    co_return result;
}

awaitable<pin_result> pins::pin_prefix(std::string prefix, std::string owner,
                                       storage::lease_id lease) {
    const auto root = names_->root();
    if (!prefix.starts_with(root) && !root.starts_with(prefix)) {
        throw error(errc::invalid_argument,
                    fmt::format("pin of {}: nothing below the data root {} begins so",
                                storage::printable(prefix), storage::printable(root)));
    }
    auto wanted = begin(std::move(owner));
    wanted.prefix = std::move(prefix);
    auto result = co_await write(std::move(wanted), lease);
    co_return result;
}

// Repeats itself until the outcome is definite: each try compares the version that the one before
// compared, or a later one, so that at most one of them lands.
awaitable<pin_result> pins::write(model::pin_record pin, storage::lease_id lease) {
    auto made = std::make_shared<attempt>();
    made->value = catalog::encode(pin);
    made->pin = std::move(pin);
    made->lease = lease;
    core::backoff delay(core::backoff_options{}, strand_.next_seed());
    for (unsigned doubts = 0;;) {
        std::optional<pin_result> result;
        std::string why;
        try {
            result = co_await write_once(made);
        } catch (const error& failure) {
            if (is_outcome_unknown(failure)) made->doubtful = true;
            const bool passes =
                is_outcome_unknown(failure) || failure.kind() == error_class::not_applied;
            if (!made->doubtful || !passes) throw;
            why = failure.what();
        }
        if (result) co_return *result;
        if (why.empty()) continue;  // somebody else was faster
        if (++doubts == doubts_max) {
            throw error(errc::outcome_unknown,
                        fmt::format("pin of {}: {}", storage::printable(made->pin.owner), why));
        }
        co_await strand_.sleep_for(delay.next());
    }
}

// Nothing: somebody else was faster.
awaitable<std::optional<pin_result>> pins::write_once(std::shared_ptr<attempt> made) {
    // P1. The version, before anything else.
    const auto seen = co_await read_version(store_, keys_.pins_version());
    if (made->doubtful) {
        const bool there = co_await landed(made);
        if (there) co_return pin_result{pin_outcome::pinned, made->number, {}};
        // At another version it can never land.
        if (seen.at != made->version_at) made->doubtful = false;
    }
    made->number = seen.pins.version + 1;
    made->version_at = seen.at;
    made->change = storage::transaction();
    made->change.if_modified_at(keys_.pins_version(), seen.at).if_absent(keys_.pin(made->number));
    // P2. Its segments are not yet being collected.
    auto result = co_await compare_segments(made);
    if (!result) co_return result;
    // P3. Pin and version in one step. A crash after it leaves a pin under nobody's care: one under
    // a lease ends, a durable one is seen by its owner's name.
    made->change.put(keys_.pins_version(), raised(seen))
        .put(keys_.pin(made->number), made->value, made->lease);
    const auto decided = co_await store_.commit(std::move(made->change));
    if (decided) {
        result.number = made->number;
        co_return result;
    }
    if (decided.has_failed(1) && !decided.has_failed(0)) {
        throw error(errc::corrupt, fmt::format("record {}: there, above the version of the pins",
                                               storage::printable(keys_.pin(made->number))));
    }
    co_return std::nullopt;
}

awaitable<bool> pins::landed(std::shared_ptr<attempt> made) {
    const auto key = keys_.pin(made->number);
    const auto found = co_await store_.get(key);
    if (!found) co_return false;
    model::pin_record pin;
    catalog::decoder().decode(key, found->value, pin);
    co_return pin.token == made->pin.token;
}

awaitable<pin_result> pins::compare_segments(std::shared_ptr<attempt> made) {
    catalog::decoder reader;
    for (const auto& one : made->pin.segments) {
        const auto key = keys_.segment(one.collection, one.segment);
        const auto found = co_await store_.get(key);
        if (!found) co_return pin_result{pin_outcome::unknown, 0, one};
        if (catalog::unmark(found->value).batch != 0) {
            throw error(errc::unavailable,
                        fmt::format("record {}: a large transaction is still creating it",
                                    storage::printable(key)));
        }
        model::segment_record record;
        reader.decode(key, found->value, record);
        if (!core::enforced(core::guard::pin_comparison)) continue;
        if (record.state >= model::segment_state::collecting) {
            co_return pin_result{pin_outcome::collecting, 0, one};
        }
        made->change.if_modified_at(key, found->modified);
    }
    co_return pin_result{};
}

awaitable<bool> pins::unpin(std::uint64_t number) {
    const auto key = keys_.pin(number);
    bool tried = false;
    core::backoff delay(core::backoff_options{}, strand_.next_seed());
    for (unsigned doubts = 0;;) {
        std::optional<error> failure;
        try {
            const auto seen = co_await read_version(store_, keys_.pins_version());
            const auto found = co_await store_.get(key);
            if (!found) co_return tried;
            storage::transaction change;
            change.if_modified_at(keys_.pins_version(), seen.at)
                .if_modified_at(key, found->modified)
                .remove(key)
                .put(keys_.pins_version(), raised(seen));
            const auto decided = co_await store_.commit(std::move(change));
            if (decided) co_return true;
        } catch (const error& thrown) {
            if (is_outcome_unknown(thrown)) tried = true;
            if (!tried || thrown.kind() == error_class::corrupt) throw;
            failure.emplace(thrown);
        }
        if (!failure) continue;
        if (++doubts == doubts_max) {
            throw error(errc::outcome_unknown,
                        fmt::format("unpin {}: {}", number, failure->context()));
        }
        co_await strand_.sleep_for(delay.next());
    }
}

awaitable<pin_list> read_pins(storage::metadata_store& store, const catalog::key_layout& keys) {
    pin_list all;
    // The version first: a pin that comes while its pages are read has raised it.
    const auto seen = co_await read_version(store, keys.pins_version());
    all.version = seen.at;
    catalog::decoder reader;
    auto rest = keys.pins();
    while (true) {
        const auto page = co_await store.list(rest, pin_page);
        for (const auto& one : page.records) {
            const auto parsed = keys.parse(one.key);
            if (parsed.what != catalog::key_layout::kind::pin) continue;
            auto& held = all.pins.emplace_back();
            held.number = parsed.number;
            held.lease = one.lease;
            reader.decode(one.key, one.value, held.pin);
        }
        if (page.resume_at.empty()) co_return all;
        rest = storage::key_range(page.resume_at, rest.last());
    }
}

pin_set::pin_set(const pin_list& all) {
    for (const auto& one : all.pins) add(one.pin);
}

void pin_set::add(const model::pin_record& pin) {
    segments_.insert(pin.segments.begin(), pin.segments.end());
    if (!pin.prefix.empty()) prefixes_.insert(pin.prefix);
}

bool pin_set::holds(model::collection_id collection, model::segment_id segment) const {
    return segments_.contains(model::pinned_segment{collection, segment});
}

bool pin_set::holds(std::string_view object) const noexcept {
    return std::any_of(prefixes_.begin(), prefixes_.end(),
                       [&](const std::string& prefix) { return object.starts_with(prefix); });
}

bool pin_set::holds(const catalog::file_address& file, const catalog::path_layout& names) const {
    if (holds(file.collection, file.segment)) return true;
    return has_prefixes() && holds(std::string_view(names.format(file)));
}

}  // namespace reeve::gc
