#pragma once

#include "reeve/catalog/follow.hpp"
#include "reeve/catalog/guarded.hpp"
#include "reeve/channel/registrar.hpp"
#include "reeve/cluster/leadership.hpp"
#include "reeve/cluster/membership.hpp"
#include "reeve/coordinator/coordinator.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/gc/collector.hpp"
#include "reeve/procedure/engine.hpp"
#include "reeve/recovery/recover.hpp"
#include "reeve/segment/manager.hpp"
#include "reeve/transport/transport.hpp"

#include <memory>
#include <string>
#include <vector>

namespace reeve {

/// Everything that lives for one term. Its coroutines hold it, so that a request that began in it
/// ends in it.
struct reign {
    reign(core::runtime& strand, storage::metadata_store& store, const catalog::key_layout& keys,
          transport::transport& carrier, channel::schema_source* schemas,
          catalog::leader_guard guard, const coordinator_options& options);

    /// Starts to follow the nodes.
    void begin(const std::shared_ptr<reign>& self);
    /// Ends the reign when the office is lost. `owner` keeps `office` alive.
    void watch_office(const std::shared_ptr<reign>& self, std::shared_ptr<void> owner,
                      cluster::leadership& office);
    /// Rebuilds the memory. Throws errc::fenced if the reign ends meanwhile.
    [[nodiscard]] awaitable<recovery::report> recover(std::shared_ptr<reign> self);
    /// Serves until the reign is over. Throws what ended it.
    [[nodiscard]] awaitable<void> serve(std::shared_ptr<reign> self);
    /// Stops everything that runs and waits for it.
    [[nodiscard]] awaitable<void> end();
    /// Asks everything that runs to stop and waits for nothing, as a crash does.
    void cancel() noexcept;

    core::runtime& strand;
    storage::metadata_store& store;
    const catalog::key_layout keys;
    catalog::leader_guard guard;
    std::shared_ptr<cluster::membership> members;
    std::shared_ptr<channel::registrar> registrar;
    std::shared_ptr<gc::collector> collector;  // null: it collects nothing
    std::shared_ptr<segment::manager> segments;
    std::shared_ptr<procedure::engine> procedures;
    std::vector<std::unique_ptr<segment::report_reader>> reports;  // one for each stream
    catalog::follower follower;
    bool over = false;
    std::exception_ptr failure;
    core::event changed;
    core::task_scope tasks;
    bool sweeps = false;  // by itself

private:
    void fail(std::exception_ptr why);
    [[nodiscard]] static awaitable<void> follow(std::shared_ptr<reign> self);
    [[nodiscard]] static awaitable<void> hold(std::shared_ptr<void> owner,
                                              cluster::leadership& office);
    [[nodiscard]] static awaitable<void> register_channels(std::shared_ptr<reign> self);
    [[nodiscard]] static awaitable<void> manage_segments(std::shared_ptr<reign> self);
    [[nodiscard]] static awaitable<void> carry_procedures_out(std::shared_ptr<reign> self);
    [[nodiscard]] static awaitable<void> read_reports(std::shared_ptr<reign> self,
                                                      std::size_t number);
    [[nodiscard]] static awaitable<void> sweep_orphans(std::shared_ptr<reign> self);
    [[nodiscard]] static awaitable<void> sweep_dropped(std::shared_ptr<reign> self);
    [[nodiscard]] static awaitable<void> complete(std::shared_ptr<reign> self);
};

/// Sends nothing: for observing.
class silent_transport final : public transport::transport {
public:
    awaitable<std::string> call(std::string address, std::string request,
                                core::time_point deadline) override;
};

}  // namespace reeve
