#include "coordinator/reign.hpp"

#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/error.hpp"

#include <utility>

namespace reeve {

namespace {

std::shared_ptr<gc::collector> make_collector(core::runtime& strand, storage::metadata_store& store,
                                              const catalog::key_layout& keys,
                                              const catalog::leader_guard& guard,
                                              const gc::collector_options& options) {
    if (options.objects == nullptr) return nullptr;
    return std::make_shared<gc::collector>(strand, store, keys, guard, options);
}

segment::manager_options told(segment::manager_options options,
                              const std::shared_ptr<gc::collector>& collector) {
    if (collector) options.references = collector.get();
    return options;
}

}  // namespace

reign::reign(core::runtime& on, storage::metadata_store& in, const catalog::key_layout& layout,
             transport::transport& carrier, channel::schema_source* schemas,
             catalog::leader_guard proof, const coordinator_options& options)
    : strand(on),
      store(in),
      keys(layout),
      guard(std::move(proof)),
      members(std::make_shared<cluster::membership>(
          on, keys, options.members,
          [this](cluster::member_event event, const model::node_name& node) {
              registrar->member_changed(event, node);
          },
          [this] { changed.notify_all(); })),
      registrar(channel::registrar::make(on, in, keys, carrier, members, schemas, guard,
                                         options.channels)),
      collector(make_collector(on, in, keys, guard, options.collector)),
      segments(segment::manager::make(on, in, keys, registrar, guard,
                                      told(options.segments, collector))),
      procedures(
          procedure::engine::make(on, in, keys, guard, options.definitions, options.procedures)),
      follower(on, in, keys.membership(), *members, options.channels.retry),
      changed(on),
      tasks(on),
      sweeps(collector && options.collector.by_itself) {
    if (collector) collector->attach(segments);
    if (options.reports.streams == nullptr) return;
    for (const auto& one : options.reports.read) {
        reports.push_back(std::make_unique<segment::report_reader>(
            on, in, *options.reports.streams, keys, guard, segments, one, options.segments.retry));
    }
}

void reign::fail(std::exception_ptr why) {
    if (!over) failure = std::move(why);
    over = true;
    changed.notify_all();
}

void reign::begin(const std::shared_ptr<reign>& self) {
    tasks.spawn(follow(self), [self](std::exception_ptr why) { self->fail(std::move(why)); });
}

awaitable<void> reign::follow(std::shared_ptr<reign> self) { co_await self->follower.run(); }

void reign::watch_office(const std::shared_ptr<reign>& self, std::shared_ptr<void> owner,
                         cluster::leadership& office) {
    tasks.spawn(hold(std::move(owner), office),
                [self](std::exception_ptr why) { self->fail(std::move(why)); });
}

awaitable<void> reign::hold(std::shared_ptr<void>, cluster::leadership& office) {
    co_await office.hold();
    throw error(errc::fenced, "the leader's lease can no longer be relied upon");
}

awaitable<recovery::report> reign::recover(std::shared_ptr<reign> self) {
    // Large transactions that a former leader left half-way; an observer has no term and leaves
    // them.
    catalog::batch_repairs batches;
    if (self->guard.term()) {
        batches = co_await catalog::recover_batches(self->store, self->keys, self->guard);
    }
    for (const auto& one : self->reports) co_await one->load();
    std::function<awaitable<void>()> wait = [self] { return complete(self); };
    auto report =
        co_await recovery::recover(self->strand, *self->members, *self->registrar, *self->segments,
                                   *self->procedures, self->guard.term(), std::move(wait), nullptr);
    report.batches = batches;
    co_return report;
}

awaitable<void> reign::complete(std::shared_ptr<reign> self) {
    while (!self->members->complete()) {
        if (self->failure) std::rethrow_exception(self->failure);
        co_await self->changed.wait();
    }
}

awaitable<void> reign::register_channels(std::shared_ptr<reign> self) {
    co_await self->registrar->run();
}

awaitable<void> reign::manage_segments(std::shared_ptr<reign> self) {
    co_await self->segments->run();
}

awaitable<void> reign::carry_procedures_out(std::shared_ptr<reign> self) {
    co_await self->procedures->run();
}

awaitable<void> reign::read_reports(std::shared_ptr<reign> self, std::size_t number) {
    co_await self->reports[number]->run();
}

// Two tasks: neither sweep waits for the other.
awaitable<void> reign::sweep_orphans(std::shared_ptr<reign> self) {
    co_await self->collector->orphans().run();
}

awaitable<void> reign::sweep_dropped(std::shared_ptr<reign> self) {
    co_await self->collector->dropped().run();
}

awaitable<void> reign::serve(std::shared_ptr<reign> self) {
    self->tasks.spawn(register_channels(self),
                      [self](std::exception_ptr why) { self->fail(std::move(why)); });
    self->tasks.spawn(manage_segments(self),
                      [self](std::exception_ptr why) { self->fail(std::move(why)); });
    self->tasks.spawn(carry_procedures_out(self),
                      [self](std::exception_ptr why) { self->fail(std::move(why)); });
    for (std::size_t number = 0; number < self->reports.size(); ++number) {
        self->tasks.spawn(read_reports(self, number),
                          [self](std::exception_ptr why) { self->fail(std::move(why)); });
    }
    if (self->sweeps) {
        self->tasks.spawn(sweep_orphans(self),
                          [self](std::exception_ptr why) { self->fail(std::move(why)); });
        self->tasks.spawn(sweep_dropped(self),
                          [self](std::exception_ptr why) { self->fail(std::move(why)); });
    }
    while (!self->over) co_await self->changed.wait();
    if (self->failure) std::rethrow_exception(self->failure);
}

awaitable<void> reign::end() {
    over = true;
    segments->cancel();
    changed.notify_all();
    co_await tasks.stop();
    co_await procedures->stop();
    co_await registrar->stop();
}

void reign::cancel() noexcept {
    over = true;
    segments->cancel();
    tasks.cancel();
    procedures->cancel();
    registrar->cancel();
}

awaitable<std::string> silent_transport::call(std::string, std::string, core::time_point) {
    throw error(errc::unavailable, "observing only: nothing is sent");
    co_return std::string();
}

}  // namespace reeve
