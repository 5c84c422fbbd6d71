#include "reeve/catalog/key_layout.hpp"

#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace reeve::catalog {

namespace {

using kind = key_layout::kind;

struct prefix {
    kind what;
    std::string_view text;
};

// Every kind of record that has a name of its own after the prefix.
constexpr std::array prefixes{
    prefix{kind::batch, "batches/"},     prefix{kind::channel, "channels/"},
    prefix{kind::drain, "drain/"},       prefix{kind::node, "nodes/"},
    prefix{kind::progress, "progress/"}, prefix{kind::host, "records/"},
};

// Every record that is the only one of its kind.
constexpr std::array singles{
    prefix{kind::ids, "ids"},
    prefix{kind::leader, "leader"},
    prefix{kind::oracle, "oracle"},
    prefix{kind::root, "root"},
};

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

// A slot in its only spelling: decimal digits without leading zeros.
bool valid_slot(std::string_view text) noexcept {
    std::uint32_t slot = 0;
    const char* end = text.data() + text.size();
    const auto [last, failure] = std::from_chars(text.data(), end, slot);
    if (failure != std::errc{} || last != end || slot >= batch_slots) return false;
    return text.size() == 1 || text.front() != '0';
}

bool valid_for(kind what, std::string_view name) noexcept {
    switch (what) {
        case kind::batch:
            return valid_slot(name);
        case kind::host:
            return valid_host_name(name);
        default:
            return model::valid_name(name);
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
        case kind::unknown:
            break;
    }
    return "unknown";
}

key_layout::key_layout(std::string_view root) : root_(checked_root(root)) {}

storage::key_range key_layout::all() const { return storage::key_range::prefix(root_); }

std::string key_layout::named(kind what, std::string_view name) const {
    if (!model::valid_name(name)) {
        throw error(
            errc::invalid_argument,
            fmt::format("{} name {}: 1 to {} bytes of printable ASCII without '/' are "
                        "accepted",
                        catalog::name(what), storage::printable(name), model::name_bytes_max));
    }
    std::string key;
    const auto head = prefix_of(what);
    key.reserve(root_.size() + head.size() + name.size());
    key.append(root_).append(head).append(name);
    return key;
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
    return fmt::format("{}{}{}", root_, prefix_of(kind::batch), slot);
}

std::string key_layout::host(std::string_view name) const {
    if (!valid_host_name(name)) {
        throw error(
            errc::invalid_argument,
            fmt::format("host record name {}: 1 to {} bytes of printable ASCII are accepted",
                        storage::printable(name), host_name_bytes_max));
    }
    std::string key(root_);
    key.append(prefix_of(kind::host)).append(name);
    return key;
}

storage::key_range key_layout::membership() const {
    const auto nodes = storage::key_range::prefix(root_ + std::string(prefix_of(kind::node)));
    return {root_ + std::string(prefix_of(kind::drain)), nodes.last()};
}
storage::key_range key_layout::channels() const {
    return storage::key_range::prefix(root_ + std::string(prefix_of(kind::channel)));
}
storage::key_range key_layout::progresses() const {
    return storage::key_range::prefix(root_ + std::string(prefix_of(kind::progress)));
}
storage::key_range key_layout::batches() const {
    return storage::key_range::prefix(root_ + std::string(prefix_of(kind::batch)));
}

storage::key_range key_layout::hosts(std::string_view prefix) const {
    if (!prefix.empty() && !valid_host_name(prefix)) {
        throw error(
            errc::invalid_argument,
            fmt::format("host record prefix {}: up to {} bytes of printable ASCII are accepted",
                        storage::printable(prefix), host_name_bytes_max));
    }
    std::string head(root_);
    head.append(prefix_of(kind::host)).append(prefix);
    return storage::key_range::prefix(head);
}

key_layout::parsed key_layout::parse(std::string_view key) const noexcept {
    if (!key.starts_with(root_)) return {};
    const auto rest = key.substr(root_.size());
    for (const auto& one : prefixes) {
        if (!rest.starts_with(one.text)) continue;
        const auto name = rest.substr(one.text.size());
        if (!valid_for(one.what, name)) return {};
        return {one.what, name};
    }
    for (const auto& one : singles) {
        if (rest == one.text) return {one.what, {}};
    }
    return {};
}

}  // namespace reeve::catalog
