#pragma once

#include "reeve/model/ids.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace reeve::catalog {

/// Most bytes of a root prefix.
inline constexpr std::size_t root_bytes_max = 500;
/// Most bytes of the name of a host's record.
inline constexpr std::size_t host_name_bytes_max = 500;
/// Slots of commit_large: how many large transactions can be under way at once.
inline constexpr std::uint32_t batch_slots = 8;

/// The only place that knows keys. All lie below a root that the host chooses; the layout is that
/// of docs/protocols/channels.md. Names are checked: errc::invalid_argument for one that is not
/// model::valid_name.
class key_layout {
public:
    /// `root` is a prefix such as "mydb/prod/": 1..root_bytes_max bytes of printable ASCII without
    /// blanks; an ending '/' is added if it lacks one. Throws errc::invalid_argument for others.
    explicit key_layout(std::string_view root);

    /// The prefix of everything.
    [[nodiscard]] const std::string& root() const noexcept { return root_; }
    /// Everything.
    [[nodiscard]] storage::key_range all() const;

    /// Cluster id, lineage, format.
    [[nodiscard]] std::string root_record() const { return root_ + "root"; }
    /// Who leads.
    [[nodiscard]] std::string leader() const { return root_ + "leader"; }
    /// The counter of epochs and ids.
    [[nodiscard]] std::string ids() const { return root_ + "ids"; }
    /// The timestamp oracle's high-water mark.
    [[nodiscard]] std::string oracle() const { return root_ + "oracle"; }

    /// A node's session.
    [[nodiscard]] std::string node(const model::node_name& name) const;
    /// A node that is being emptied.
    [[nodiscard]] std::string drain(const model::node_name& name) const;
    /// Who holds a channel.
    [[nodiscard]] std::string channel(const model::channel_name& name) const;
    /// What of a channel is durable.
    [[nodiscard]] std::string progress(const model::channel_name& name) const;
    /// A slot of commit_large, 0..batch_slots - 1.
    [[nodiscard]] std::string batch(std::uint32_t slot) const;
    /// A record of the host, below `records/`: `name` is 1..host_name_bytes_max bytes of printable
    /// ASCII without blanks; '/' separates parts.
    [[nodiscard]] std::string host(std::string_view name) const;

    /// All sessions and drains, in one range; it holds `ids` and `leader` too, and nothing that
    /// grows with the data.
    [[nodiscard]] storage::key_range membership() const;
    /// All channel entries.
    [[nodiscard]] storage::key_range channels() const;
    /// All progress records.
    [[nodiscard]] storage::key_range progresses() const;
    /// All slots of commit_large.
    [[nodiscard]] storage::key_range batches() const;
    /// All records of the host whose name begins with `prefix`; an empty one means all.
    [[nodiscard]] storage::key_range hosts(std::string_view prefix) const;

    /// What a key names.
    enum class kind : std::uint8_t {
        root,
        leader,
        ids,
        oracle,
        node,
        drain,
        channel,
        progress,
        batch,
        host,
        unknown
    };
    /// A key taken apart.
    struct parsed {
        kind what = kind::unknown;  ///< which kind of record
        std::string_view name;      ///< the part after the kind; a view into the key
    };
    /// Takes a key apart; `unknown` for a key outside the layout. Total.
    [[nodiscard]] parsed parse(std::string_view key) const noexcept;

private:
    [[nodiscard]] std::string named(kind what, std::string_view name) const;
    std::string root_;
};

/// The name of a kind, such as "channel".
[[nodiscard]] std::string_view name(key_layout::kind what) noexcept;

}  // namespace reeve::catalog
