#include "procedure/counts.hpp"
#include "procedure/engine_impl.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace reeve::procedure {

namespace {

// A call of a definition, which runs beside its driver so that it can be given up.
template <class T>
struct call {
    bool ended = false;
    std::optional<T> value;
    std::exception_ptr failure;
};

template <class T>
awaitable<void> keep(std::shared_ptr<call<T>> into, shared_entry it,
                     [[maybe_unused]] std::shared_ptr<definition> how, awaitable<T> work) {
    try {
        T value = co_await std::move(work);
        into->value.emplace(std::move(value));
    } catch (...) {  // the driver rethrows it
        into->failure = std::current_exception();
    }
    into->ended = true;
    it->changed.notify_all();
}

}  // namespace

// The life of an engine.

awaitable<void> engine_impl::run() {
    running_ = true;
    for (const auto& [id, it] : all_) {
        const bool leftovers =
            it->record.state == model::procedure_state::finished && !it->parts.empty();
        if (!it->ended() || leftovers) wake(it);
    }
    while (!over_) {
        if (failure_) std::rethrow_exception(failure_);
        auto until = core::time_point::max();
        try {
            co_await prune();
            prune_trouble_.set({}, strand_.now());
            prune_pause_.reset();
        } catch (const error& failure) {
            if (failure.kind() == error_class::fenced) throw;
            prune_trouble_.set(failure.what(), strand_.now());
            until = strand_.now() + prune_pause_.next();
        }
        if (over_ || failure_) continue;
        if (until == core::time_point::max()) {
            co_await work_.wait();
        } else {
            co_await work_.wait_until(until);
        }
    }
}

void engine_impl::cancel() noexcept {
    over_ = true;
    tasks_.cancel();
    work_.notify_all();
    for (const auto& [id, it] : all_) {
        it->works.cancel();
        it->changed.notify_all();
    }
}

awaitable<void> engine_impl::stop() {
    const auto self = shared_from_this();
    cancel();
    co_await tasks_.stop();
    const auto all = all_;  // calls from outside may still change it
    for (const auto& [id, it] : all) co_await it->works.stop();
}

void engine_impl::refuse_when_over() const {
    if (over_) throw error(errc::unavailable, "the engine of procedures has been stopped");
}

// The driver of one procedure.

void engine_impl::wake(const shared_entry& it) {
    if (!running_ || over_ || it->driven) return;
    it->driven = true;
    const auto self = std::static_pointer_cast<engine_impl>(shared_from_this());
    tasks_.spawn(drive(self, it), [self](std::exception_ptr failure) {
        self->failure_ = std::move(failure);
        self->work_.notify_all();
    });
}

awaitable<void> engine_impl::drive(std::shared_ptr<engine_impl> self, shared_entry it) {
    turn next = turn::more;
    while (next != turn::over && !self->over_) {
        std::string failure;
        try {
            next = co_await self->advance(it);
        } catch (const error& thrown) {
            if (thrown.kind() == error_class::fenced) throw;
            failure = thrown.what();
        } catch (const boost::system::system_error& thrown) {
            if (self->over_) throw;
            failure = thrown.what();
        } catch (const std::exception& thrown) {
            failure = thrown.what();
        }
        if (failure.empty()) {
            it->trouble.set({}, self->strand_.now());
            if (next == turn::wait) co_await self->rest(it, next);
        } else {
            it->trouble.set(failure, self->strand_.now());
            it->look_at = self->strand_.now() + it->pause.next();
            core::log(self->strand_.log(), core::log_level::warning, "procedure", "{}: {}",
                      it->name(), failure);
            co_await self->rest(it, turn::more);
        }
    }
    it->driven = false;
    self->work_.notify_all();  // it may be old enough to be removed
}

/// Waits for something to do: until it is time to look again (after a failure, or while a step
/// waits), or something has changed.
awaitable<void> engine_impl::rest(shared_entry it, turn after) {
    if (after == turn::wait && (it->look || it->uncertain)) co_return;
    auto until = it->look_at;
    const bool timed =
        it->record.state == model::procedure_state::running && it->record.deadline_ms != 0;
    if (timed) until = std::min(until, strand_.now() + options_.deadline_look);
    if (until == core::time_point::max()) {
        co_await it->changed.wait();
    } else {
        co_await it->changed.wait_until(until);
    }
}

awaitable<engine_impl::turn> engine_impl::advance(shared_entry it) {
    if (!it->modified) co_await write_start(it);
    if (it->uncertain) co_await reread(it);
    turn next = turn::over;
    switch (it->record.state) {
        case model::procedure_state::running:
            next = co_await advance_running(it);
            break;
        case model::procedure_state::stopping:
            next = co_await advance_stopping(it);
            break;
        case model::procedure_state::finished:
            co_await remove_parts(it);
            break;
        case model::procedure_state::stopped:
            break;
    }
    co_return next;
}

bool engine_impl::deadline_passed(const entry& it) const {
    return it.record.deadline_ms != 0 && wall_ms() >= it.record.deadline_ms;
}

awaitable<engine_impl::turn> engine_impl::advance_running(shared_entry it) {
    const auto how = definition_of(*it);
    if (it->loaded && how) {
        if (how->on_restart(it->record) == restart_choice::stop) {
            co_await begin_stop(it, "the coordinator changed while it was running");
            co_return turn::more;
        }
        it->loaded = false;
    }
    if (deadline_passed(*it)) {
        co_await begin_stop(it, "its deadline has passed");
        co_return turn::more;
    }
    if (!how) {
        it->doing.set(fmt::format("no definition of kind {} here", it->record.kind), strand_.now());
        it->look_at = core::time_point::max();
        it->look = false;
        co_return turn::wait;
    }
    if (!it->answer || it->look || strand_.now() >= it->look_at) {
        co_await carry_out(it, how);
        co_return turn::more;
    }
    const turn next = co_await advance_step(it);
    co_return next;
}

/// What the step has said about itself is carried out, as soon as it can be.
awaitable<engine_impl::turn> engine_impl::advance_step(shared_entry it) {
    const step_outcome said = *it->answer;
    auto next = it->record;
    switch (said.what()) {
        case step_outcome::kind::again:
            it->doing.set(fmt::format("step {}: {}", it->record.step, said.why()), strand_.now());
            co_return turn::wait;
        case step_outcome::kind::fail: {
            std::string why = said.why();
            if (why.empty()) why = "it failed";
            co_await begin_stop(it, std::move(why));
            co_return turn::more;
        }
        case step_outcome::kind::go_on:
            ++next.step;
            break;
        case step_outcome::kind::finish:
            next.state = model::procedure_state::finished;
            next.ended_ms = wall_ms();
            break;
    }
    if (!it->waiting.empty()) {
        it->doing.set(fmt::format("step {} waits for {}", it->record.step, it->waiting_names()),
                      strand_.now());
        co_return turn::wait;
    }
    // E4, E5. What follows begins only when this is durable. A crash before: the step is carried
    // out again. A crash after: the next leader goes on behind it.
    const auto step = it->record.step;
    const auto result = co_await change(it, std::move(next), said.together());
    if (result == written::refused) {
        it->look = true;
        throw error(errc::refused,
                    fmt::format("what step {} depends on has changed meanwhile", step));
    }
    co_return turn::more;
}

/// What the step has said, if it can be meant.
void engine_impl::take_answer(entry& it, step_outcome said) {
    std::map<model::node_name, model::incarnation> asked;
    for (const auto& one : said.participants()) {
        (void)keys_.procedure_part(it.id.value, one.node.value);  // refuses what is no name
        if (!one.process || !asked.emplace(one.node, one.process).second) {
            throw error(errc::invalid_argument,
                        fmt::format("step {} asks no process of {}, or two of them", it.record.step,
                                    one.node));
        }
    }
    it.waiting = asked;
    std::erase_if(it.waiting, [&](const auto& one) {
        const auto part = it.parts.find(one.first);
        return part != it.parts.end() && counts(part->second.part, it.record.step, one.second);
    });
    it.asked = std::move(asked);
    it.answer.emplace(std::move(said));
    it.look_at = strand_.now() + it.pause.next();
}

/// E2. Whatever it does is repeated after a crash.
awaitable<void> engine_impl::carry_out(shared_entry it, std::shared_ptr<definition> how) {
    it->look = false;
    const auto begun_at = it->modified;
    if (!it->answer) {
        it->doing.set(fmt::format("step {} is being carried out", it->record.step), strand_.now());
    }
    auto work = how->step(context_of(*it));
    auto said = co_await apart<step_outcome>(it, how, std::move(work));
    if (!said || it->modified != begun_at) co_return;
    take_answer(*it, std::move(*said));
    const auto heard = it->answer->heard();
    for (const auto& one : heard) {
        acknowledgement from = one;
        from.id = it->id;
        from.outcome = for_record(one.outcome);  // what a participant says holds nobody up
        co_await acknowledge(std::move(from));
    }
}

/// Runs a call of the definition until it has ended, or the procedure has moved on, or its deadline
/// has passed: then the call is cancelled, and nothing is returned once it has ended.
template <class T>
awaitable<std::optional<T>> engine_impl::apart(shared_entry it, std::shared_ptr<definition> how,
                                               awaitable<T> work) {
    co_await it->works.stop();  // one that was left behind by a failure
    const auto begun_at = it->modified;
    const bool timed =
        it->record.state == model::procedure_state::running && it->record.deadline_ms != 0;
    auto running = std::make_shared<call<T>>();
    it->works.spawn(keep<T>(running, it, std::move(how), std::move(work)));
    while (!running->ended && it->modified == begun_at) {
        if (timed && deadline_passed(*it)) break;
        if (timed) {
            co_await it->changed.wait_until(strand_.now() + options_.deadline_look);
        } else {
            co_await it->changed.wait();
        }
    }
    if (!running->ended || it->modified != begun_at) {
        co_await it->works.stop();
        co_return std::nullopt;
    }
    if (running->failure) std::rethrow_exception(running->failure);
    co_return std::move(running->value);
}

/// E6. A crash before: it goes on. A crash after: the next leader tells its definition.
awaitable<void> engine_impl::begin_stop(shared_entry it, std::string why) {
    if (!it->waiting.empty()) why += "; not acknowledged by " + it->waiting_names();
    auto next = it->record;
    next.state = model::procedure_state::stopping;
    next.why = for_record(why);
    co_await change(it, std::move(next), storage::transaction());
}

/// E7. A crash before: its definition is told again. A crash after: it has ended.
awaitable<engine_impl::turn> engine_impl::advance_stopping(shared_entry it) {
    it->loaded = false;
    const auto how = definition_of(*it);
    if (!how) {
        it->doing.set(fmt::format("stopping ({}): no definition of kind {} here", it->record.why,
                                  it->record.kind),
                      strand_.now());
        it->look_at = core::time_point::max();
        it->look = false;
        co_return turn::wait;
    }
    it->doing.set(fmt::format("stopping ({})", it->record.why), strand_.now());
    const auto begun_at = it->modified;
    auto work = how->on_stop(context_of(*it));
    auto together = co_await apart<storage::transaction>(it, how, std::move(work));
    if (!together || it->modified != begun_at) co_return turn::more;
    auto next = it->record;
    next.state = model::procedure_state::stopped;
    next.ended_ms = wall_ms();
    const auto result = co_await change(it, std::move(next), std::move(*together));
    if (result == written::refused) {
        throw error(errc::refused, "what its end depends on has changed meanwhile");
    }
    co_return turn::more;
}

}  // namespace reeve::procedure
