#include "reeve/core/error.hpp"

#include <array>

namespace reeve {

namespace {

struct description {
    errc code;
    error_class kind;
    std::string_view name;
    const char* text;
};

constexpr std::array descriptions{
    description{errc::unavailable, error_class::not_applied, "unavailable",
                "unavailable, nothing was applied"},
    description{errc::deadline_exceeded, error_class::not_applied, "deadline_exceeded",
                "gave up in time, nothing was applied"},
    description{errc::resource_exhausted, error_class::not_applied, "resource_exhausted",
                "out of space or quota, nothing was applied"},
    description{errc::locked, error_class::not_applied, "locked", "held exclusively by another"},
    description{errc::outcome_unknown, error_class::unknown_outcome, "outcome_unknown",
                "may or may not have been applied"},
    description{errc::fenced, error_class::fenced, "fenced", "fenced off by a successor"},
    description{errc::corrupt, error_class::corrupt, "corrupt", "corrupt"},
    description{errc::unsupported_format, error_class::corrupt, "unsupported_format",
                "written in a newer format than this release reads"},
    description{errc::foreign, error_class::invalid, "foreign", "belongs to another owner"},
    description{errc::invalid_argument, error_class::invalid, "invalid_argument",
                "invalid argument"},
    description{errc::too_large, error_class::invalid, "too_large", "exceeds a limit"},
    description{errc::unsupported, error_class::invalid, "unsupported", "not supported"},
    description{errc::permission_denied, error_class::invalid, "permission_denied",
                "permission denied"},
    description{errc::lease_not_found, error_class::gone, "lease_not_found",
                "the lease has ended or never was"},
    description{errc::compacted, error_class::gone, "compacted",
                "the history asked for is no longer kept"},
    description{errc::not_found, error_class::gone, "not_found", "not found"},
    description{errc::refused, error_class::invalid, "refused", "refused"},
};

const description* find(errc code) noexcept {
    for (const auto& one : descriptions) {
        if (one.code == code) return &one;
    }
    return nullptr;
}

class category final : public std::error_category {
public:
    [[nodiscard]] const char* name() const noexcept override { return "reeve"; }
    [[nodiscard]] std::string message(int value) const override {
        const description* found = find(static_cast<errc>(value));
        return found == nullptr ? "unknown code" : found->text;
    }
};

}  // namespace

error_class classify(errc code) noexcept {
    const description* found = find(code);
    return found == nullptr ? error_class::corrupt : found->kind;
}

std::string_view name(errc code) noexcept {
    const description* found = find(code);
    return found == nullptr ? std::string_view("unknown") : found->name;
}

errc errc_from_name(std::string_view name) noexcept {
    for (const auto& one : descriptions) {
        if (one.name == name) return one.code;
    }
    return errc{};
}

const std::error_category& error_category() noexcept {
    static const category instance;
    return instance;
}

std::error_code make_error_code(errc code) noexcept {
    return {static_cast<int>(code), error_category()};
}

error::error(errc code, const std::string& context)
    : std::system_error(make_error_code(code), context), context_(context) {}

errc error::code_value() const noexcept { return static_cast<errc>(code().value()); }

}  // namespace reeve
