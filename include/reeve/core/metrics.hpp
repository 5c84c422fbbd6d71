#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace reeve::core {

/// Where numbers go. The default drops them. Calls may come from any thread that runs reeve.
/// Names are in Prometheus form and carry their unit. A coordinator counts
/// `reeve_coordinator_reigns_total`, `reeve_channel_entries_written_total`,
/// `reeve_channel_commits_total`, `reeve_channel_commits_stale_total` and
/// `reeve_channel_commits_mismatched_total` (refused), and sets
/// `reeve_coordinator_recovery_seconds`; a node counts `reeve_node_sessions_lost_total` and
/// `reeve_channel_commit_retries_total`; whoever follows records counts
/// `reeve_catalog_watch_gaps_total`; an engine of procedures counts
/// `reeve_procedure_changes_total`, `reeve_procedure_acknowledgements_total`,
/// `reeve_procedure_acknowledgements_ignored_total` and `reeve_procedure_forced_total`.
class metrics_sink {
public:
    virtual ~metrics_sink() = default;
    /// Adds to a counter, which only grows.
    virtual void count(std::string_view name, double by) noexcept = 0;
    /// Sets a gauge.
    virtual void set(std::string_view name, double value) noexcept = 0;
};

/// The sink that drops everything.
[[nodiscard]] metrics_sink& null_metrics() noexcept;

/// Keeps numbers in memory. Calls may overlap from any thread.
class metrics_registry final : public metrics_sink {
public:
    void count(std::string_view name, double by) noexcept override;
    void set(std::string_view name, double value) noexcept override;

    /// A counter's or gauge's value; 0 if it was never written.
    [[nodiscard]] double value(std::string_view name) const;
    /// Everything in Prometheus' text exposition format, version 0.0.4, in name order.
    [[nodiscard]] std::string exposition() const;

private:
    enum class kind { counter, gauge };
    struct series {
        kind what;
        double value;
    };
    mutable std::mutex mutex_;
    std::map<std::string, series, std::less<>> series_;
};

}  // namespace reeve::core
