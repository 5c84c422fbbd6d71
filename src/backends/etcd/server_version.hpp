#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

namespace reeve::backends::etcd {

/// What a server says about its program, as far as numbers tell: "3.5.13-rc.1" is 3.5.13.
struct server_version {
    unsigned major_number = 0;
    unsigned minor_number = 0;
    unsigned patch_number = 0;
    friend auto operator<=>(const server_version&, const server_version&) = default;
};

/// Three numbers with dots between them, and perhaps '-' or '+' and more behind. Nothing: the text
/// is something else.
[[nodiscard]] std::optional<server_version> parse_server_version(std::string_view text);

/// True if a leader that was stopped and goes on may end leases that were renewed at its successor:
/// etcd issue 15247, mended in 3.4.31, 3.5.13 and 3.6.0 (etcd's change logs).
[[nodiscard]] bool may_end_renewed_leases(const server_version& version) noexcept;

/// What is known against a server that says this about its version, as a sentence; empty: nothing,
/// also if the version cannot be read.
[[nodiscard]] std::string flaw_of(std::string_view version);

}  // namespace reeve::backends::etcd
