#include "reeve/core/log.hpp"

#include <cstdio>

namespace reeve::core {

namespace {

class null_sink final : public log_sink {
public:
    [[nodiscard]] bool enabled(log_level) const noexcept override { return false; }
    void write(log_level, std::string_view, std::string_view) noexcept override {}
};

constexpr std::string_view level_name(log_level level) noexcept {
    switch (level) {
        case log_level::debug:
            return "debug";
        case log_level::info:
            return "info";
        case log_level::warning:
            return "warning";
        case log_level::error:
            return "error";
    }
    return "?";
}

class stderr_sink final : public log_sink {
public:
    explicit stderr_sink(log_level threshold) : threshold_(threshold) {}
    [[nodiscard]] bool enabled(log_level level) const noexcept override {
        return level >= threshold_;
    }
    void write(log_level level, std::string_view component,
               std::string_view text) noexcept override {
        const std::string_view shown = level_name(level);
        std::fprintf(stderr, "reeve %.*s %.*s: %.*s\n", static_cast<int>(shown.size()),
                     shown.data(), static_cast<int>(component.size()), component.data(),
                     static_cast<int>(text.size()), text.data());
    }

private:
    log_level threshold_;
};

}  // namespace

std::unique_ptr<log_sink> make_stderr_log(log_level threshold) {
    return std::make_unique<stderr_sink>(threshold);
}

log_sink& null_log() noexcept {
    static null_sink sink;
    return sink;
}

}  // namespace reeve::core
