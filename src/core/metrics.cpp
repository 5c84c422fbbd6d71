#include "reeve/core/metrics.hpp"

#include <fmt/format.h>

#include <iterator>

namespace reeve::core {

namespace {

class null_metrics_sink final : public metrics_sink {
public:
    void count(std::string_view, double) noexcept override {}
    void set(std::string_view, double) noexcept override {}
};

}  // namespace

metrics_sink& null_metrics() noexcept {
    static null_metrics_sink sink;
    return sink;
}

void metrics_registry::count(std::string_view name, double by) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = series_.find(name);
    if (found == series_.end()) {
        series_.emplace(std::string(name), series{kind::counter, by});
    } else {
        found->second.value += by;
    }
}

void metrics_registry::set(std::string_view name, double value) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = series_.find(name);
    if (found == series_.end()) {
        series_.emplace(std::string(name), series{kind::gauge, value});
    } else {
        found->second.value = value;
    }
}

double metrics_registry::value(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto found = series_.find(name);
    return found == series_.end() ? 0.0 : found->second.value;
}

std::string metrics_registry::exposition() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const auto& [name, one] : series_) {
        const char* type = one.what == kind::counter ? "counter" : "gauge";
        fmt::format_to(std::back_inserter(text), "# TYPE {0} {1}\n{0} {2}\n", name, type,
                       one.value);
    }
    return text;
}

}  // namespace reeve::core
