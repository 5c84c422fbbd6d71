#include "reeve/catalog/key_layout.hpp"

#include "reeve/core/error.hpp"
#include "reeve/model/segment.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace reeve::catalog {

namespace {

using kind = key_layout::kind;

struct prefix {
    kind what;
    std::string_view text;
};

// Every kind of record that has a name of its own after the prefix; those of which there are most
// come first.
constexpr std::array prefixes{
    prefix{kind::segment, "segments/"},
    prefix{kind::binlog, "binlogs/"},
    prefix{kind::channel, "channels/"},
    prefix{kind::progress, "progress/"},
    prefix{kind::batch, "batches/"},
    prefix{kind::drain, "node_drains/"},
    prefix{kind::node, "nodes/"},
    prefix{kind::host, "records/"},
    prefix{kind::collection_drop, "drops/"},
    prefix{kind::stream, "streams/"},
    prefix{kind::pin, "pins/"},
    prefix{kind::job, "jobs/"},
    prefix{kind::gc_cursor, "gc/cursor/"},
    prefix{kind::gc_paused, "gc/paused/"},
    prefix{kind::gc_journal, "gc/journal/"},
    prefix{kind::procedure, "procedures/"},
};

// Every record that is the only one of its kind.
constexpr std::array singles{
    prefix{kind::ids, "ids"},
    prefix{kind::leader, "leader"},
    prefix{kind::oracle, "oracle"},
    prefix{kind::root, "root"},
    prefix{kind::pins_version, "pins/version"},
};

// Garbage collection of every collection is paused.
constexpr std::string_view every_collection = "all";

std::string_view prefix_of(kind what) noexcept {
    for (const auto& one : prefixes) {
        if (one.what == what) return one.text;
    }
    return {};
}

constexpr bool printable_ascii(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char byte) { return byte > ' ' && byte <= '~'; });
}

constexpr bool valid_host_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= host_name_bytes_max && printable_ascii(text);
}

// What stands before and after the first '/'; nothing without one.
struct halves {
    std::string_view first;
    std::string_view second;
};
std::optional<halves> split(std::string_view text) noexcept {
    const auto slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    return halves{text.substr(0, slash), text.substr(slash + 1)};
}

template <class Id>
bool read_id(std::string_view text, Id& into) noexcept {
    const auto number = model::number_of(text);
    into = Id(number.value_or(0));
    return number.has_value();
}

// The text after the prefix of segments, binlogs, drops and procedures: two parts, or one.
bool read_parts(key_layout::parsed& it) noexcept {
    const auto parts = split(it.name);
    switch (it.what) {
        case kind::segment:
            return parts && read_id(parts->first, it.collection) &&
                   read_id(parts->second, it.segment) && it.segment;
        case kind::binlog: {
            if (!parts || !read_id(parts->first, it.segment) || !it.segment) return false;
            const auto flush = model::granted_number_of(parts->second);
            if (flush) it.flush = *flush;
            return flush.has_value();
        }
        case kind::collection_drop:
            if (!parts) return read_id(it.name, it.collection);
            it.what = kind::channel_drop;
            it.name = parts->second;
            return read_id(parts->first, it.collection) && model::valid_name(it.name);
        default:
            if (!parts) return read_id(it.name, it.number);
            it.what = kind::procedure_part;
            it.name = parts->second;
            return read_id(parts->first, it.number) && model::valid_name(it.name);
    }
}

// Reads the text after the prefix; false if no such record can have it.
bool read_rest(key_layout::parsed& it) noexcept {
    switch (it.what) {
        case kind::segment:
        case kind::binlog:
        case kind::collection_drop:
        case kind::procedure:
            return read_parts(it);
        case kind::batch:
            return read_id(it.name, it.number) && it.number < batch_slots;
        case kind::pin:
        case kind::job:
        case kind::gc_journal:
            return read_id(it.name, it.number);
        case kind::gc_paused:
            return it.name == every_collection || read_id(it.name, it.collection);
        case kind::gc_cursor:
        case kind::host:
            return valid_host_name(it.name);
        default:
            return model::valid_name(it.name);
    }
}

std::string checked_root(std::string_view root) {
    if (root.empty() || root.size() > root_bytes_max || !printable_ascii(root)) {
        throw error(errc::invalid_argument,
                    fmt::format("root prefix {}: 1 to {} bytes of printable ASCII are accepted",
                                storage::printable(root), root_bytes_max));
    }
    std::string checked(root);
    if (checked.back() != '/') checked.push_back('/');
    return checked;
}

}  // namespace

std::string_view name(key_layout::kind what) noexcept {
    switch (what) {
        case kind::root:
            return "root";
        case kind::leader:
            return "leader";
        case kind::ids:
            return "ids";
        case kind::oracle:
            return "oracle";
        case kind::node:
            return "node";
        case kind::drain:
            return "drain";
        case kind::channel:
            return "channel";
        case kind::progress:
            return "progress";
        case kind::batch:
            return "batch";
        case kind::host:
            return "host";
        case kind::segment:
            return "segment";
        case kind::binlog:
            return "binlog";
        case kind::collection_drop:
            return "collection_drop";
        case kind::channel_drop:
            return "channel_drop";
        case kind::stream:
            return "stream";
        case kind::pin:
            return "pin";
        case kind::pins_version:
            return "pins_version";
        case kind::job:
            return "job";
        case kind::gc_cursor:
            return "gc_cursor";
        case kind::gc_paused:
            return "gc_paused";
        case kind::gc_journal:
            return "gc_journal";
        case kind::procedure:
            return "procedure";
        case kind::procedure_part:
            return "procedure_part";
        case kind::unknown:
            break;
    }
    return "unknown";
}

namespace {

void check_name(kind what, std::string_view name) {
    if (model::valid_name(name)) return;
    throw error(errc::invalid_argument,
                fmt::format("{} name {}: 1 to {} bytes of printable ASCII without '/' are accepted",
                            catalog::name(what), storage::printable(name), model::name_bytes_max));
}

void check_host_name(std::string_view what, std::string_view name) {
    if (valid_host_name(name)) return;
    throw error(errc::invalid_argument,
                fmt::format("{} {}: 1 to {} bytes of printable ASCII are accepted", what,
                            storage::printable(name), host_name_bytes_max));
}

void require_segment(model::segment_id segment) {
    if (!segment) throw error(errc::invalid_argument, "a key of segment 0, which means none");
}

}  // namespace

key_layout::key_layout(std::string_view root) : root_(checked_root(root)) {}

storage::key_range key_layout::all() const { return storage::key_range::prefix(root_); }

std::string key_layout::below(kind what, std::string_view rest) const {
    std::string key;
    const auto head = prefix_of(what);
    key.reserve(root_.size() + head.size() + rest.size());
    key.append(root_).append(head).append(rest);
    return key;
}

std::string key_layout::named(kind what, std::string_view name) const {
    check_name(what, name);
    return below(what, name);
}

std::string key_layout::numbered(kind what, std::uint64_t number) const {
    const fmt::format_int digits(number);
    return below(what, {digits.data(), digits.size()});
}

storage::key_range key_layout::range(kind what) const {
    return storage::key_range::prefix(below(what, {}));
}

std::string key_layout::node(const model::node_name& name) const {
    return named(kind::node, name.value);
}
std::string key_layout::drain(const model::node_name& name) const {
    return named(kind::drain, name.value);
}
std::string key_layout::channel(const model::channel_name& name) const {
    return named(kind::channel, name.value);
}
std::string key_layout::progress(const model::channel_name& name) const {
    return named(kind::progress, name.value);
}

std::string key_layout::batch(std::uint32_t slot) const {
    if (slot >= batch_slots) {
        throw error(errc::invalid_argument,
                    fmt::format("batch slot {}: 0 to {} are accepted", slot, batch_slots - 1));
    }
    return numbered(kind::batch, slot);
}

std::string key_layout::host(std::string_view name) const {
    check_host_name("host record name", name);
    return below(kind::host, name);
}

std::string key_layout::segment(model::collection_id collection, model::segment_id segment) const {
    require_segment(segment);
    return fmt::format("{}/{}", numbered(kind::segment, collection.value), segment);
}
std::string key_layout::binlog(model::segment_id segment, const model::flush_id& flush) const {
    require_segment(segment);
    auto key = numbered(kind::binlog, segment.value) + '/';
    model::append(key, flush);
    return key;
}

std::string key_layout::collection_drop(model::collection_id collection) const {
    return numbered(kind::collection_drop, collection.value);
}
std::string key_layout::channel_drop(model::collection_id collection,
                                     const model::channel_name& name) const {
    check_name(kind::channel_drop, name.value);
    return fmt::format("{}/{}", numbered(kind::collection_drop, collection.value), name);
}

std::string key_layout::stream(std::string_view name) const { return named(kind::stream, name); }
std::string key_layout::pin(std::uint64_t number) const { return numbered(kind::pin, number); }
std::string key_layout::job(model::job_id job) const { return numbered(kind::job, job.value); }

std::string key_layout::gc_cursor(std::string_view root) const {
    check_host_name("data root", root);
    return below(kind::gc_cursor, root);
}
std::string key_layout::gc_paused(std::optional<model::collection_id> scope) const {
    return scope ? numbered(kind::gc_paused, scope->value)
                 : below(kind::gc_paused, every_collection);
}
std::string key_layout::gc_journal(std::uint64_t slot) const {
    return numbered(kind::gc_journal, slot);
}

std::string key_layout::procedure(std::uint64_t number) const {
    return numbered(kind::procedure, number);
}
std::string key_layout::procedure_part(std::uint64_t number, std::string_view name) const {
    check_name(kind::procedure_part, name);
    return fmt::format("{}/{}", numbered(kind::procedure, number), name);
}

storage::key_range key_layout::membership() const { return {leader(), range(kind::node).last()}; }
storage::key_range key_layout::channels() const { return range(kind::channel); }
storage::key_range key_layout::progresses() const { return range(kind::progress); }
storage::key_range key_layout::batches() const { return range(kind::batch); }
storage::key_range key_layout::segments() const { return range(kind::segment); }
storage::key_range key_layout::segments(model::collection_id collection) const {
    return storage::key_range::prefix(numbered(kind::segment, collection.value) + '/');
}
storage::key_range key_layout::binlogs() const { return range(kind::binlog); }
storage::key_range key_layout::binlogs(model::segment_id segment) const {
    return storage::key_range::prefix(numbered(kind::binlog, segment.value) + '/');
}
storage::key_range key_layout::drops() const { return range(kind::collection_drop); }
storage::key_range key_layout::streams() const { return range(kind::stream); }
storage::key_range key_layout::pins() const { return range(kind::pin); }
storage::key_range key_layout::jobs() const { return range(kind::job); }
storage::key_range key_layout::gc_pauses() const { return range(kind::gc_paused); }
storage::key_range key_layout::gc_journals() const { return range(kind::gc_journal); }
storage::key_range key_layout::gc() const { return storage::key_range::prefix(root_ + "gc/"); }
storage::key_range key_layout::procedures() const { return range(kind::procedure); }

storage::key_range key_layout::hosts(std::string_view prefix) const {
    if (!prefix.empty()) check_host_name("host record prefix", prefix);
    return storage::key_range::prefix(below(kind::host, prefix));
}

key_layout::parsed key_layout::parse(std::string_view key) const noexcept {
    if (!key.starts_with(root_)) return {};
    const auto rest = key.substr(root_.size());
    parsed it;
    for (const auto& one : singles) {
        if (rest != one.text) continue;
        it.what = one.what;
        return it;
    }
    for (const auto& one : prefixes) {
        if (!rest.starts_with(one.text)) continue;
        it.what = one.what;
        it.name = rest.substr(one.text.size());
        return read_rest(it) ? it : parsed();
    }
    return {};
}

}  // namespace reeve::catalog
