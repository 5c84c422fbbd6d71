#include "backends/etcd/server_version.hpp"

#include <fmt/format.h>

#include <charconv>

namespace reeve::backends::etcd {

namespace {

// Takes a number off the front of `text`.
bool take_number(std::string_view& text, unsigned& into) {
    const auto [past, failure] = std::from_chars(text.data(), text.data() + text.size(), into);
    if (failure != std::errc{}) return false;
    text.remove_prefix(static_cast<std::size_t>(past - text.data()));
    return true;
}

bool take_dot(std::string_view& text) {
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
    return true;
}

}  // namespace

std::optional<server_version> parse_server_version(std::string_view text) {
    server_version made;
    const bool numbers = take_number(text, made.major_number) && take_dot(text) &&
                         take_number(text, made.minor_number) && take_dot(text) &&
                         take_number(text, made.patch_number);
    const bool ends = text.empty() || text.front() == '-' || text.front() == '+';
    if (!numbers || !ends) return std::nullopt;
    return made;
}

bool may_end_renewed_leases(const server_version& version) noexcept {
    const bool of_3_5 = version.major_number == 3 && version.minor_number == 5;
    return version < (of_3_5 ? server_version{3, 5, 13} : server_version{3, 4, 31});
}

std::string flaw_of(std::string_view version) {
    const auto numbers = parse_server_version(version);
    if (!numbers || !may_end_renewed_leases(*numbers)) return {};
    return fmt::format(
        "etcd {}.{}.{}: a leader of the cluster that was stopped and goes on may end leases that "
        "were renewed since (etcd issue 15247); mended in 3.4.31 and 3.5.13",
        numbers->major_number, numbers->minor_number, numbers->patch_number);
}

}  // namespace reeve::backends::etcd
