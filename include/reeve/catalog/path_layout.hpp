#pragma once

#include "reeve/model/segment.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace reeve::catalog {

/// All that the name of a binlog file says.
struct file_address {
    model::collection_id collection;                       ///< whose
    model::partition_id partition;                         ///< which part of it
    model::segment_id segment;                             ///< which segment; not 0
    model::binlog_kind kind = model::binlog_kind::insert;  ///< what it holds
    model::field_id field;                                 ///< of which field
    model::file_id file;                                   ///< who wrote it; the epoch is not 0

    friend bool operator==(const file_address&, const file_address&) = default;
};

/// How binlog files are called in the object store. Garbage collection reads names of files that
/// it has never seen: a name that does not say exactly what a file is must not be taken for one.
/// The last part of every name is model::text of the file's number, whatever else a layout chooses:
/// so no name that a record accepts for an imported file (model::valid_file_name) is one of these.
/// Const calls may overlap.
class path_layout {
public:
    virtual ~path_layout() = default;
    /// What every name begins with, the '/' included: what a sweep lists.
    [[nodiscard]] virtual std::string_view root() const noexcept = 0;
    /// The name of a file. Different addresses have different names. Throws errc::invalid_argument
    /// for segment 0 and epoch 0.
    [[nodiscard]] virtual std::string format(const file_address& of) const = 0;
    /// What a name says: the address for which `format` gives exactly this name, or nothing. Total.
    [[nodiscard]] virtual std::optional<file_address> parse(
        std::string_view name) const noexcept = 0;
};

/// `<root>/<collection>/<partition>/<segment>/<kind>/<field>/<epoch>-<number>`, numbers in decimal
/// digits (docs/protocols/segments.md). `root` is one or more parts of printable ASCII between
/// slashes, none of them "." or "..", 1..500 bytes; an ending '/' is added if it lacks one. Throws
/// errc::invalid_argument for others.
[[nodiscard]] std::shared_ptr<const path_layout> standard_path_layout(std::string_view root);

}  // namespace reeve::catalog
