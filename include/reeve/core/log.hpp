#pragma once

#include <fmt/format.h>

#include <memory>
#include <string_view>
#include <utility>

namespace reeve::core {

/// How much a line matters.
enum class log_level {
    debug,    ///< for somebody who follows a single operation
    info,     ///< a change that an operator wants to find later
    warning,  ///< something failed and is tried again
    error,    ///< something failed and needs somebody
};

/// Where lines go. The default prints nothing. Calls may come from any thread that runs reeve.
class log_sink {
public:
    virtual ~log_sink() = default;
    /// Cheap: asked before a line is formatted.
    [[nodiscard]] virtual bool enabled(log_level level) const noexcept = 0;
    /// One line without a newline. `component` is the folder that speaks, such as "channel". Must
    /// not throw.
    virtual void write(log_level level, std::string_view component,
                       std::string_view text) noexcept = 0;
};

/// A sink that writes lines to the standard error stream, from `threshold` up.
[[nodiscard]] std::unique_ptr<log_sink> make_stderr_log(log_level threshold);

/// The sink that drops everything.
[[nodiscard]] log_sink& null_log() noexcept;

/// Formats and writes a line if the level is enabled.
template <class... Arguments>
void log(log_sink& sink, log_level level, std::string_view component,
         fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    if (!sink.enabled(level)) return;
    sink.write(level, component, fmt::format(format, std::forward<Arguments>(arguments)...));
}

}  // namespace reeve::core
