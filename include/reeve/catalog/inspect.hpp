#pragma once

#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::catalog {

/// Takes a line of text, without its end. What it throws ends the call.
using line_sink = std::function<void(std::string_view line)>;
/// Gives the next line of text, without its end; nothing at the end of the input.
using line_source = std::function<std::optional<std::string>()>;

/// What a walk over all records saw.
struct walk_summary {
    std::uint64_t records = 0;     ///< records seen
    std::uint64_t unreadable = 0;  ///< of them: not readable by this release, or of no known kind
    storage::revision first_at;    ///< of the first page
    storage::revision last_at;     ///< of the last page; the same: all is of one revision

    /// Was the store the same all the time?
    [[nodiscard]] bool of_one_revision() const noexcept { return first_at == last_at; }
};

/// What `import_all` did.
struct import_summary {
    std::uint64_t written = 0;  ///< records written
    std::uint64_t skipped = 0;  ///< records of leases, which end with their processes
};

/// `bytes` as printable ASCII: everything else, and '\', as \xNN. For terminals.
[[nodiscard]] std::string escaped(std::string_view bytes);

/// Tells every record below the root, one line each: key, revisions, lease, value; values that this
/// release cannot read are shown as such, with the reason. Printable ASCII whatever is stored.
/// Throws what the store throws.
[[nodiscard]] awaitable<walk_summary> inspect(storage::metadata_store& store,
                                              const key_layout& keys, line_sink sink);

/// Gives everything below the root as JSON lines: a head {"reeve_export":1,...}, a line for each
/// record with its key relative to the root ("key", or "key_hex" if it is not UTF-8) and its value
/// ("value" or "value_hex"), byte-exact, whether this release can read it or not; and an end, by
/// which a torn file is known. A store that changes meanwhile gives a file that `import_all`
/// refuses: see walk_summary::of_one_revision. Throws what the store and the sink throw.
[[nodiscard]] awaitable<walk_summary> export_all(storage::metadata_store& store,
                                                 const key_layout& keys, line_sink sink);

/// Writes what `export_all` gave below another, empty root. Reads all of the input first, and
/// nothing is written if it is not whole: errc::corrupt, with the line's number. The root record
/// comes last, so that a torn import is never taken for a store. Records of leases (sessions, the
/// leader) are left out. Revisions begin anew: raise the lineage afterwards (raise_lineage). Throws
/// errc::refused if the root is not empty or somebody else writes to it, errc::too_large for a
/// record that the store cannot hold, and what the store throws: then the import is torn, and the
/// root must be emptied by hand.
[[nodiscard]] awaitable<import_summary> import_all(storage::metadata_store& store,
                                                   const key_layout& keys, line_source source);

/// How bad a finding is.
enum class severity : std::uint8_t {
    note,     ///< worth knowing; normal at times
    warning,  ///< repaired by itself, or by recovery
    error,    ///< should never be: a bug, a bad disk, or somebody's hand
};

/// The severity's name.
[[nodiscard]] std::string_view name(severity how) noexcept;

/// Something that `check` found.
struct finding {
    severity how = severity::error;  ///< how bad it is
    std::string key;                 ///< which record
    std::string what;                ///< what about it; printable
};

/// What `check` says.
struct check_report {
    std::vector<finding> findings;  ///< in the order in which they were found; cut at the limit
    std::uint64_t omitted = 0;      ///< findings beyond the limit
    std::uint64_t errors = 0;       ///< findings of severity error, omitted ones included
    walk_summary walk;              ///< if not of one revision, look again before you believe it
};

/// Checks every record and what must be true between them: each is readable; epochs, batches and
/// procedures are below the counter; progress belongs to an entry, is not of a later epoch and not
/// before its start; holders are named and have sessions; parts belong to batches, participants to
/// procedures; nothing unknown lies below the root. What this release has no record for, such as
/// keys that a later one uses, is a warning. Reads only. Throws what the store throws.
[[nodiscard]] awaitable<check_report> check(storage::metadata_store& store, const key_layout& keys,
                                            std::size_t findings_max = 1000);

}  // namespace reeve::catalog
