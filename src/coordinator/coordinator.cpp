#include "reeve/coordinator/coordinator.hpp"

#include "coordinator/reign.hpp"
#include "reeve/catalog/root.hpp"
#include "reeve/core/error.hpp"
#include "reeve/transport/message_codec.hpp"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

namespace reeve {

struct coordinator::implementation : std::enable_shared_from_this<implementation> {
    implementation(core::runtime& on, storage::metadata_store& in, transport::transport& over,
                   transport::service& at, coordinator_options how, channel::schema_source* source)
        : strand(on),
          store(in),
          carrier(over),
          incoming(at),
          options(std::move(how)),
          schemas(source),
          keys(options.root),
          leadership(on, in, keys, options.leadership),
          changed(on),
          tasks(on) {}

    core::runtime& strand;
    storage::metadata_store& store;
    transport::transport& carrier;
    transport::service& incoming;
    coordinator_options options;
    channel::schema_source* schemas;
    catalog::key_layout keys;
    cluster::leadership leadership;
    std::shared_ptr<reign> current;
    catalog::root_info root;
    bool leading = false;
    std::string trouble;
    std::set<std::pair<model::node_name, model::incarnation>> dead;
    std::set<model::node_name> unfit;
    core::event changed;
    core::task_scope tasks;

    [[nodiscard]] reign& serving() const {
        if (!leading) {
            throw error(errc::unavailable, fmt::format("coordinator {} does not lead",
                                                       options.leadership.coordinator));
        }
        return *current;
    }
    void receive();
    void receive_nothing();
    [[nodiscard]] static awaitable<void> run(std::shared_ptr<implementation> self);
    [[nodiscard]] awaitable<void> one_reign(std::shared_ptr<implementation> self);
    [[nodiscard]] awaitable<void> write_drain(model::node_name node, model::drain_info wanted);
    [[nodiscard]] std::int64_t wall_ms() const;
};

namespace {

/// Handlers hold the coordinator weakly: the service may outlive it. A request stays with the reign
/// that it began in.
template <class Weak>
std::shared_ptr<reign> reign_of(const Weak& weak) {
    const auto self = weak.lock();
    if (!self || !self->leading) throw error(errc::unavailable, "this coordinator does not lead");
    return self->current;
}

/// A message for a member of the reign, and which of its functions answers it.
template <class Weak, class Owner, class Request, class Reply>
awaitable<std::string> handle(Weak weak, std::string body, std::shared_ptr<Owner> reign::*part,
                              awaitable<Reply> (Owner::*answer)(Request)) {
    const auto in = reign_of(weak);
    Request request;
    transport::decode(body, request);
    Owner& owner = *((*in).*part);
    const auto reply = co_await (owner.*answer)(std::move(request));
    co_return transport::encode(reply);
}

}  // namespace

void coordinator::implementation::receive() {
    const std::weak_ptr<implementation> weak = weak_from_this();
    const auto on = [&](std::string_view kind, auto part, auto answer) {
        incoming.on(std::string(kind),
                    [weak, part, answer](std::string body, transport::request_info) {
                        return handle(weak, std::move(body), part, answer);
                    });
    };
    using channel::registrar;
    using segment::manager;
    namespace kind = transport::kind;
    on(kind::commit, &reign::registrar, &registrar::commit);
    on(kind::flush, &reign::segments, &manager::flush);
    on(kind::tick, &reign::segments, &manager::tick);
    on(kind::segments, &reign::segments, &manager::list);
    on(kind::channel_drop, &reign::segments, &manager::drop_channel);
    on(kind::allocate, &reign::segments, &manager::allocate);
    on(kind::timestamp, &reign::segments, &manager::timestamp);
}

void coordinator::implementation::receive_nothing() {
    namespace kind = transport::kind;
    for (const auto one : {kind::commit, kind::flush, kind::tick, kind::segments,
                           kind::channel_drop, kind::allocate, kind::timestamp}) {
        incoming.off(one);
    }
}

awaitable<void> coordinator::implementation::run(std::shared_ptr<implementation> self) {
    core::backoff retry(self->options.channels.retry, self->strand.next_seed());
    for (;;) {
        try {
            co_await self->one_reign(self);
            self->trouble.clear();
            retry.reset();
        } catch (const error& failure) {
            self->trouble = failure.what();
            core::log(self->strand.log(), core::log_level::warning, "coordinator", "{}: {}",
                      self->options.leadership.coordinator, self->trouble);
        }
        self->changed.notify_all();
        co_await self->strand.sleep_for(retry.next());
    }
}

/// From the campaign to the end of the term.
awaitable<void> coordinator::implementation::one_reign(std::shared_ptr<implementation> self) {
    root = co_await catalog::claim_root(store, keys, options.cluster);
    const auto guard = co_await leadership.campaign();
    core::log(strand.log(), core::log_level::info, "coordinator", "{} leads, term {}",
              options.leadership.coordinator, guard.term());
    current = std::make_shared<reign>(strand, store, keys, carrier, schemas, guard, options);
    for (const auto& [node, process] : dead) current->members->confirm_dead(node, process);
    for (const auto& node : unfit) current->registrar->set_fit(node, channel::fitness::unfit);
    current->begin(current);
    current->watch_office(current, self, leadership);
    std::exception_ptr failure;
    try {
        const auto report = co_await current->recover(current);
        const std::chrono::duration<double> took =
            report.membership_took + report.channels.took + report.segments.took;
        strand.metrics().count("reeve_coordinator_reigns_total", 1);
        strand.metrics().set("reeve_coordinator_recovery_seconds", took.count());
        if (options.on_leading) options.on_leading(report);
        leading = true;
        trouble.clear();
        changed.notify_all();
        co_await current->serve(current);
    } catch (const error&) {
        failure = std::current_exception();
    }
    // The term is over, or this coordinator cannot serve it: nothing of it goes on.
    leading = false;
    const auto ended = std::exchange(current, nullptr);
    co_await ended->end();
    co_await leadership.resign();
    if (failure) std::rethrow_exception(failure);
}

/// S5. The record is never deleted: what it compares was never so before and never is again.
awaitable<void> coordinator::implementation::write_drain(model::node_name node,
                                                         model::drain_info wanted) {
    const catalog::leader_guard guard = serving().guard;
    const std::string key = keys.drain(node);
    const auto found = co_await store.get(key);
    model::drain_info recorded;
    recorded.state = model::drain_state::ended;
    if (found) catalog::decoder().decode(key, found->value, recorded);
    if (recorded.state == wanted.state) co_return;
    storage::transaction change = guard.begin();
    change.if_modified_at(key, found ? found->modified : storage::revision());
    change.put(key, catalog::encode(wanted));
    const auto result = co_await store.commit(std::move(change));
    guard.check(result);
    if (!result) throw error(errc::unavailable, fmt::format("{} changed meanwhile", key));
}

std::int64_t coordinator::implementation::wall_ms() const {
    const auto since = strand.wall_now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

coordinator::coordinator(core::runtime& strand, storage::metadata_store& store,
                         transport::transport& carrier, transport::service& incoming,
                         coordinator_options options, channel::schema_source* schemas)
    : implementation_(std::make_shared<implementation>(strand, store, carrier, incoming,
                                                       std::move(options), schemas)) {
    implementation_->receive();
}

coordinator::~coordinator() {
    implementation_->receive_nothing();
    implementation_->tasks.cancel();
    // What belongs to the reign holds itself: it would go on leading.
    if (implementation_->current) implementation_->current->cancel();
}

void coordinator::start() { implementation_->tasks.spawn(implementation::run(implementation_)); }

awaitable<void> coordinator::stop() {
    const auto self = implementation_;
    self->leading = false;
    // First the loop: a reign that ends by itself is followed by another campaign.
    co_await self->tasks.stop();
    const auto last = std::exchange(self->current, nullptr);
    if (last) co_await last->end();
    co_await self->leadership.resign();
}

awaitable<void> coordinator::until_leading() {
    const auto self = implementation_;
    while (!self->leading) co_await self->changed.wait();
}

bool coordinator::leading() const noexcept { return implementation_->leading; }

awaitable<std::vector<channel::registration>> coordinator::ensure_channels(
    std::vector<channel::channel_spec> channels, std::chrono::milliseconds patience) {
    (void)implementation_->serving();
    const auto reign = implementation_->current;
    auto answers = co_await reign->registrar->ensure(std::move(channels),
                                                     implementation_->strand.now() + patience);
    if (reign->over) throw error(errc::fenced, "the term ended meanwhile");
    co_return answers;
}

std::optional<channel::registration> coordinator::find_channel(
    const model::channel_name& channel) const {
    return implementation_->serving().registrar->find(channel);
}

void coordinator::each_channel(
    const std::function<void(const channel::registration&)>& visit) const {
    implementation_->serving().registrar->each(visit);
}

awaitable<void> coordinator::drain(model::node_name node, std::string reason) {
    const auto self = implementation_;
    model::drain_info wanted;
    wanted.since_ms = self->wall_ms();
    wanted.reason = std::move(reason);
    co_await self->write_drain(std::move(node), std::move(wanted));
}

awaitable<void> coordinator::undrain(model::node_name node) {
    const auto self = implementation_;
    model::drain_info wanted;
    wanted.since_ms = self->wall_ms();
    wanted.state = model::drain_state::ended;
    co_await self->write_drain(std::move(node), std::move(wanted));
}

void coordinator::move(const model::channel_name& channel, const model::node_name& to) {
    implementation_->serving().registrar->move(channel, to);
}

void coordinator::confirm_dead(const model::node_name& node, model::incarnation process) {
    implementation_->dead.emplace(node, process);
    if (!implementation_->current) return;
    implementation_->current->members->confirm_dead(node, process);
    implementation_->current->registrar->member_changed(cluster::member_event::left, node);
}

void coordinator::set_fit(const model::node_name& node, channel::fitness verdict) {
    if (verdict == channel::fitness::fit) {
        implementation_->unfit.erase(node);
    } else {
        implementation_->unfit.insert(node);
    }
    if (implementation_->current) implementation_->current->registrar->set_fit(node, verdict);
}

std::shared_ptr<segment::manager> coordinator::segments() const {
    return implementation_->serving().segments;
}

std::shared_ptr<gc::collector> coordinator::collector() const {
    return implementation_->serving().collector;
}

std::shared_ptr<procedure::engine> coordinator::procedures() const {
    return implementation_->serving().procedures;
}

std::vector<channel::planned_action> coordinator::plan() const {
    return implementation_->serving().registrar->plan();
}

coordinator_status coordinator::status() const {
    const implementation& self = *implementation_;
    coordinator_status all;
    all.at = self.strand.now();
    all.leading = self.leading;
    all.trouble = self.trouble.empty() ? self.leadership.trouble() : self.trouble;
    all.root = self.root;
    const auto& seen = self.leadership.seen();
    if (seen.term) all.leader = fmt::format("{} at {}", seen.coordinator, seen.address);
    if (!self.current) return all;
    all.leader = fmt::format("{} at {}", self.options.leadership.coordinator,
                             self.options.leadership.address);
    all.term = self.current->guard.term();
    all.nodes = self.current->members->alive().size();
    all.drains = self.current->members->drains().size();
    const auto& following = self.current->follower.status();
    all.members_complete = following.complete;
    all.members_heard = self.strand.now() - following.last_heard;
    all.members_gaps = following.passes > 0 ? following.passes - 1 : 0;
    if (!following.trouble.empty()) all.trouble = following.trouble;
    all.channels = self.current->registrar->status();
    all.segments = self.current->segments->status();
    all.procedures = self.current->procedures->status();
    for (const auto& one : self.current->reports) all.reports.push_back(one->status());
    if (self.current->collector) {
        all.orphans = self.current->collector->orphans().status();
        all.dropped = self.current->collector->dropped().status();
    }
    return all;
}

std::string to_string(const coordinator_status& it) {
    using seconds = std::chrono::duration<double>;
    std::string text;
    auto out = std::back_inserter(text);
    fmt::format_to(out, "cluster     {} (lineage {})\n", it.root.cluster, it.root.lineage);
    fmt::format_to(out, "leader      {}{}\n", it.leader.empty() ? "nobody known" : it.leader,
                   it.leading ? fmt::format(", serving term {}", it.term) : std::string());
    if (!it.trouble.empty()) fmt::format_to(out, "trouble     {}\n", it.trouble);
    fmt::format_to(out, "nodes       {} alive, {} draining; {}, heard {:.1f} s ago, {} gaps\n",
                   it.nodes, it.drains, it.members_complete ? "complete" : "not complete yet",
                   seconds(it.members_heard).count(), it.members_gaps);
    fmt::format_to(out,
                   "channels    {} registered, {} pending, {} releasing, {} unassigned, {} "
                   "dropped\n",
                   it.channels.registered, it.channels.pending, it.channels.releasing,
                   it.channels.unassigned, it.channels.dropped);
    fmt::format_to(out, "commits     {} done, {} stale, {} continued from elsewhere\n",
                   it.channels.commits, it.channels.stale, it.channels.mismatches);
    fmt::format_to(out,
                   "segments    {} growing, {} sealed, {} flushing, {} flushed, {} dropped; {} "
                   "collections dropping, {} jobs, {} writes in doubt\n",
                   it.segments.growing, it.segments.sealed, it.segments.flushing,
                   it.segments.flushed, it.segments.dropped, it.segments.dropping, it.segments.jobs,
                   it.segments.doubts);
    if (!it.segments.trouble.empty()) {
        fmt::format_to(out, "  segments: {}\n", it.segments.trouble);
    }
    for (const auto& one : it.reports) {
        fmt::format_to(out, "stream      {}: at {}, {} applied, {} refused, {} skipped\n", one.name,
                       one.at, one.applied, one.refused, one.skipped);
        if (!one.trouble.empty()) fmt::format_to(out, "  {}: {}\n", one.name, one.trouble);
        if (!one.last_skipped.empty()) {
            fmt::format_to(out, "  {}: skipped {}\n", one.name, one.last_skipped);
        }
    }
    const auto stuck = [&](std::string_view what, std::string_view why, core::time_point since) {
        fmt::format_to(out, "  {}: {} (for {:.1f} s)\n", what, why, seconds(it.at - since).count());
    };
    const auto swept = [&](std::string_view what, const gc::sweep_status& one) {
        if (!one.trouble.empty()) stuck(what, one.trouble, one.since);
    };
    swept("orphan sweep", it.orphans);
    swept("dropped sweep", it.dropped);
    for (const auto& one : it.channels.troubles) stuck(one.what, one.why, one.since);
    for (const auto& one : it.procedures.open) stuck(one.what, one.why, one.since);
    return text;
}

awaitable<observation> observe(core::runtime& strand, storage::metadata_store& store,
                               coordinator_options options) {
    const catalog::key_layout keys(options.root);
    observation found;
    found.root = co_await catalog::read_root(store, keys);
    silent_transport nowhere;
    auto seen = std::make_shared<reign>(strand, store, keys, nowhere, nullptr,
                                        catalog::leader_guard(), options);
    seen->begin(seen);
    found.report = co_await seen->recover(seen);
    seen->registrar->each(
        [&found](const channel::registration& one) { found.channels.push_back(one); });
    for (const auto& [name, info] : seen->members->alive()) found.nodes.push_back(info);
    found.plan = found.report.repairs;
    co_await seen->end();
    co_return found;
}

}  // namespace reeve
