#pragma once

#include <string>
#include <string_view>
#include <system_error>

namespace reeve {

/// What went wrong, and above all: did it happen? Each code belongs to exactly one `error_class`.
enum class errc {
    unavailable = 1,     ///< the other side is away; the request was not applied and never will be
    deadline_exceeded,   ///< gave up before the request was sent; not applied and never will be
    resource_exhausted,  ///< disk, quota or memory is full; not applied
    locked,              ///< someone else holds the thing exclusively; not applied
    outcome_unknown,     ///< may have been applied, or may still be; read before deciding
    fenced,              ///< this process lost its term, session or epoch; it must stop acting
    corrupt,             ///< stored or received bytes are not what was written; nothing was changed
    unsupported_format,  ///< written by a newer release that this one cannot read safely
    foreign,             ///< belongs to another cluster, program or lineage; left untouched
    invalid_argument,    ///< the caller's input is outside the accepted range; nothing was sent
    too_large,           ///< exceeds a stated limit; nothing was sent
    unsupported,         ///< the implementation lacks a capability that the call needs
    permission_denied,   ///< the store or peer refused these credentials; not applied
    lease_not_found,     ///< the lease has ended or never was; nothing was applied
    compacted,  ///< the history asked for is no longer kept: list again, then watch from there
    not_found,  ///< the named thing does not exist
    refused,    ///< the other side understood and declined; its text says why; nothing was applied
};

/// What a caller may conclude about the effect of a failed request.
enum class error_class {
    not_applied,      ///< certainly had no effect and never will: safe to repeat
    unknown_outcome,  ///< may have had its effect, or may still have it
    fenced,           ///< this process must stop acting under what it held
    corrupt,          ///< bytes that cannot be trusted
    invalid,          ///< the caller's mistake: repeating it cannot help
    gone,             ///< the thing named no longer exists
};

/// The class of a code. Total.
[[nodiscard]] error_class classify(errc code) noexcept;

/// The short name of a code, such as "outcome_unknown".
[[nodiscard]] std::string_view name(errc code) noexcept;

/// The code of a name, or nothing that is an errc (value 0) if there is none such.
[[nodiscard]] errc errc_from_name(std::string_view name) noexcept;

/// The category of reeve's codes, "reeve".
[[nodiscard]] const std::error_category& error_category() noexcept;

/// For std::error_code's implicit construction.
[[nodiscard]] std::error_code make_error_code(errc code) noexcept;

/// A failure. What a protocol branches on is a return value instead; a programming mistake is an
/// assert.
class error : public std::system_error {
public:
    /// `context` names the object and what was being done with it: "store: commit of channels/a:
    /// disk full".
    error(errc code, const std::string& context);

    /// The code.
    [[nodiscard]] errc code_value() const noexcept;
    /// The class of the code.
    [[nodiscard]] error_class kind() const noexcept { return classify(code_value()); }
    /// The context given, without the code's text.
    [[nodiscard]] const std::string& context() const noexcept { return context_; }

private:
    std::string context_;
};

/// True when the current or given failure says "may have happened".
[[nodiscard]] inline bool is_outcome_unknown(const error& failure) noexcept {
    return failure.kind() == error_class::unknown_outcome;
}

}  // namespace reeve

/// Lets errc convert to std::error_code.
template <>
struct std::is_error_code_enum<reeve::errc> : std::true_type {};
