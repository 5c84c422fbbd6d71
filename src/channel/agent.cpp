#include "reeve/channel/agent.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/transport/message_codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::channel {

/// The grant as the engine sees it: valid while it is the one consumed and the session holds.
class agent::held_grant final : public grant {
public:
    held_grant(std::weak_ptr<const cluster::session* const> session, model::incarnation process,
               model::assignment what)
        : session_(std::move(session)), what_(std::move(what)), process_(process) {}
    [[nodiscard]] const model::assignment& what() const noexcept override { return what_; }
    [[nodiscard]] model::incarnation process() const noexcept override { return process_; }
    [[nodiscard]] bool valid() const noexcept override {
        const auto session = session_.lock();  // the engine may keep a grant longer than the agent
        return !stopped_ && session && (*session)->held();
    }
    void stop() noexcept { stopped_ = true; }
    /// The leader has said that the grant is over: nothing can be committed under it.
    void end() noexcept { stopped_ = over_ = true; }
    [[nodiscard]] bool over() const noexcept { return over_; }

private:
    std::weak_ptr<const cluster::session* const> session_;
    model::assignment what_;
    model::incarnation process_;
    bool stopped_ = false;
    bool over_ = false;
};

/// One channel. `busy` puts the calls of the channel in order.
struct agent::slot {
    explicit slot(core::runtime& strand) : free(strand) {}
    model::epoch seen;   // the highest epoch assigned or released here
    model::epoch ended;  // the highest epoch that is over here
    std::shared_ptr<held_grant> held;
    bool busy = false;
    core::event free;
    std::string trouble;         // of start and stop
    std::string commit_trouble;  // of the last try of a commit
    std::uint64_t retries = 0;   // of commits, since the leader last answered one

    [[nodiscard]] model::epoch consuming() const {
        return held ? held->what().epoch : model::epoch();
    }
};

namespace {

/// Holds a slot's turn while alive.
template <class Slot>
class turn {
public:
    explicit turn(std::shared_ptr<Slot> at) : at_(std::move(at)) { at_->busy = true; }
    ~turn() {
        at_->busy = false;
        at_->free.notify_all();  // also past a waiter that is cancelled just now
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;

private:
    std::shared_ptr<Slot> at_;
};

/// May a repetition of the failed commit succeed, with this leader or with the next? Answers such
/// as "fenced", "refused" and "unsupported" are about the process at that address, not about the
/// commit.
bool may_pass(const error& failure) noexcept {
    const auto code = failure.code_value();
    return failure.kind() != error_class::corrupt && code != errc::invalid_argument &&
           code != errc::too_large && code != errc::foreign && code != errc::permission_denied;
}

bool is_stale(const model::commit_reply& it) noexcept {
    return it.outcome == model::commit_outcome::stale;
}
bool is_stale(const model::tick_reply& it) noexcept {
    return it.grant == model::standing_of_grant::stale;
}
bool is_stale(const model::segments_reply& it) noexcept {
    return it.grant == model::standing_of_grant::stale;
}

model::agent_answer answer(const model::channel_name& channel, model::agent_outcome outcome,
                           std::string why = {}) {
    model::agent_answer result;
    result.channel = channel;
    result.outcome = outcome;
    result.why = std::move(why);
    return result;
}

}  // namespace

agent::agent(core::runtime& strand, cluster::session& session, cluster::leader_client& leader,
             consumer& engine, core::backoff_options retry)
    : strand_(strand),
      session_(session),
      leader_(leader),
      engine_(engine),
      retry_(retry),
      overdue_added_(strand),
      lifeline_(std::make_shared<const cluster::session* const>(&session)) {}

agent::~agent() = default;

std::shared_ptr<agent::slot> agent::slot_of(const model::channel_name& channel) {
    auto& found = slots_[channel];
    if (!found) found = std::make_shared<slot>(strand_);
    return found;
}

std::string agent::refusal(const model::node_name& node, model::incarnation process) const {
    if (stopping_) return "this process has lost its session or is shutting down";
    if (node != session_.self().name) {
        return fmt::format("meant for node {}, this is {}", node, session_.self().name);
    }
    if (process != session_.process() && core::enforced(core::guard::message_incarnation)) {
        return fmt::format("meant for process {}, this is {}", process, session_.process());
    }
    if (!session_.held()) return "this process's session has ended";
    return {};
}

awaitable<model::agent_reply> agent::assign(model::assign_request request) {
    model::agent_reply reply;
    for (auto& one : request.assignments) {
        const model::channel_name channel = one.channel;
        std::string why = refusal(request.node, request.process);
        if (!why.empty()) {
            reply.answers.push_back(
                answer(channel, model::agent_outcome::wrong_process, std::move(why)));
            continue;
        }
        auto done = co_await assign_one(std::move(one));
        reply.answers.push_back(std::move(done));
    }
    co_return reply;
}

awaitable<model::agent_answer> agent::assign_one(model::assignment what) {
    const auto at = slot_of(what.channel);
    const model::channel_name channel = what.channel;
    while (at->busy) co_await at->free.wait();
    const turn<slot> mine(at);
    const bool lower = what.epoch < at->seen && core::enforced(core::guard::lower_epoch);
    const bool over = what.epoch <= at->ended && core::enforced(core::guard::release_memory);
    if (lower || over) {
        co_return answer(channel, model::agent_outcome::stale,
                         fmt::format("epoch {}, but {} was seen and {} is over", what.epoch,
                                     at->seen, at->ended));
    }
    if (at->consuming() == what.epoch) co_return answer(channel, model::agent_outcome::done);
    at->seen = std::max(at->seen, what.epoch);
    try {
        co_await stop_consuming(at, channel);
    } catch (const std::exception& failure) {
        // What was consumed may go on: it stays known, and the next try stops it first.
        at->trouble = failure.what();
        co_return answer(channel, model::agent_outcome::failed, at->trouble);
    }
    if (stopping_ || !session_.held()) {
        co_return answer(channel, model::agent_outcome::wrong_process, "the session has ended");
    }
    auto granted = std::make_shared<held_grant>(lifeline_, session_.process(), std::move(what));
    at->held = granted;
    try {
        co_await engine_.start(granted);
    } catch (const std::exception& failure) {
        granted->stop();
        at->held.reset();
        at->trouble = failure.what();
        co_return answer(channel, model::agent_outcome::failed, at->trouble);
    }
    at->trouble.clear();
    co_return answer(channel, model::agent_outcome::done);
}

awaitable<void> agent::stop_consuming(std::shared_ptr<slot> at, model::channel_name channel) {
    if (!at->held) co_return;
    const model::epoch epoch = at->consuming();
    at->held->stop();
    co_await engine_.stop(channel, epoch);
    at->held.reset();
    at->ended = std::max(at->ended, epoch);
}

awaitable<model::agent_reply> agent::release(model::release_request request) {
    model::agent_reply reply;
    for (const auto& [channel, epoch] : request.grants) {
        std::string why = refusal(request.node, request.process);
        if (!why.empty()) {
            reply.answers.push_back(
                answer(channel, model::agent_outcome::wrong_process, std::move(why)));
            continue;
        }
        auto done = co_await release_one(channel, epoch);
        reply.answers.push_back(std::move(done));
    }
    co_return reply;
}

awaitable<model::agent_answer> agent::release_one(model::channel_name channel, model::epoch epoch) {
    const auto at = slot_of(channel);
    while (at->busy) co_await at->free.wait();
    const turn<slot> mine(at);
    // Remembered first, also for an epoch whose assignment has not arrived yet: whether or not the
    // stop succeeds, it must not start later.
    if (core::enforced(core::guard::release_memory)) {
        at->seen = std::max(at->seen, epoch);
        at->ended = std::max(at->ended, epoch);
    }
    try {
        if (at->consuming() <= epoch) co_await stop_consuming(at, channel);
    } catch (const std::exception& failure) {
        at->trouble = failure.what();
        co_return answer(channel, model::agent_outcome::failed, at->trouble);
    }
    co_return answer(channel, model::agent_outcome::done);
}

awaitable<model::commit_reply> agent::commit(std::shared_ptr<const grant> granted,
                                             model::position from, model::position to,
                                             std::uint64_t settled,
                                             std::vector<model::host_record> records) {
    if (to <= from) {
        throw error(errc::invalid_argument,
                    fmt::format("commit of channel {}: the new checkpoint is not after the one it "
                                "continues from",
                                granted->what().channel));
    }
    model::commit_request request;
    request.channel = granted->what().channel;
    request.node = session_.self().name;
    request.process = granted->process();
    request.epoch = granted->what().epoch;
    request.from = std::move(from);
    request.to = std::move(to);
    request.settled = settled;
    request.records = std::move(records);
    auto reply =
        co_await ask<model::commit_reply>(granted, transport::kind::commit, std::move(request));
    co_return reply;
}

model::holder agent::holder_of(const grant& granted) const {
    model::holder by;
    by.channel = granted.what().channel;
    by.node = session_.self().name;
    by.process = granted.process();
    by.epoch = granted.what().epoch;
    return by;
}

/// The engine is told by `run`, since the caller is the engine itself.
void agent::end_grant(const grant& granted, const std::string& why) {
    const model::channel_name& channel = granted.what().channel;
    const model::epoch epoch = granted.what().epoch;
    const auto at = slot_of(channel);
    at->ended = std::max(at->ended, epoch);
    at->trouble = why;
    if (at->consuming() != epoch) return;
    at->held->end();
    overdue_.push_back(channel);
    overdue_added_.notify_all();
}

template <class Reply, class Request>
awaitable<Reply> agent::ask(std::shared_ptr<const grant> granted, std::string_view kind,
                            Request request) {
    std::string body = transport::encode(request);
    const std::string answer = co_await send(granted, std::string(kind), std::move(body));
    Reply reply;
    transport::decode(answer, reply);
    if (is_stale(reply)) end_grant(*granted, reply.why);
    co_return reply;
}

awaitable<model::commit_reply> agent::flush(std::shared_ptr<const grant> granted,
                                            model::flush_request request) {
    request.by = holder_of(*granted);
    return ask<model::commit_reply>(std::move(granted), transport::kind::flush, std::move(request));
}

awaitable<model::commit_reply> agent::drop(std::shared_ptr<const grant> granted,
                                           model::channel_drop_request request) {
    request.by = holder_of(*granted);
    auto reply = co_await ask<model::commit_reply>(granted, transport::kind::channel_drop,
                                                   std::move(request));
    if (reply.outcome == model::commit_outcome::committed) {
        end_grant(*granted, "the channel is dropped");
    }
    co_return reply;
}

awaitable<model::tick_reply> agent::tick(std::shared_ptr<const grant> granted,
                                         model::tick_request request) {
    request.by = holder_of(*granted);
    return ask<model::tick_reply>(std::move(granted), transport::kind::tick, std::move(request));
}

awaitable<model::segments_reply> agent::segments(std::shared_ptr<const grant> granted,
                                                 model::segments_request request) {
    request.by = holder_of(*granted);
    return ask<model::segments_reply>(std::move(granted), transport::kind::segments,
                                      std::move(request));
}

/// While the engine stops a channel it may still commit what it has: that is its last flush. A
/// grant is compared by what it says, since an engine may wrap it; one whose start failed is over,
/// although a later one of the same epoch is not.
bool agent::may_commit(const slot& at, const grant& granted) const {
    if (!at.held || at.held->over() || !session_.held()) return false;
    return at.consuming() == granted.what().epoch && at.held->process() == granted.process() &&
           at.held->valid() == granted.valid();
}

/// Keeps the last failure of a call visible until one is answered; one line of log per change.
void agent::note_call(slot& at, const grant& granted, std::string_view kind, const error* failure) {
    const std::string why = failure == nullptr ? std::string() : failure->what();
    const bool repeated = failure != nullptr && may_pass(*failure);
    const bool news = why != at.commit_trouble;
    const auto& what = granted.what();
    if (news && failure == nullptr) {
        core::log(strand_.log(), core::log_level::info, "channel",
                  "{} of channel {} under epoch {} was answered after {} retries", kind,
                  what.channel, what.epoch, at.retries);
    } else if (news) {
        const auto level = repeated ? core::log_level::warning : core::log_level::error;
        core::log(strand_.log(), level, "channel", "{} of channel {} under epoch {} {}: {}", kind,
                  what.channel, what.epoch, repeated ? "is repeated" : "has failed", why);
    }
    at.commit_trouble = why;
    at.retries = repeated ? at.retries + 1 : 0;
    if (repeated) strand_.metrics().count("reeve_channel_commit_retries_total", 1);
}

/// Calls the leader until there is an answer that no repetition can change.
awaitable<std::string> agent::send(std::shared_ptr<const grant> granted, std::string kind,
                                   std::string body) {
    const auto at = slot_of(granted->what().channel);
    core::backoff retry(retry_, strand_.next_seed());
    for (;;) {
        if (!may_commit(*at, *granted)) {
            throw error(errc::fenced, fmt::format("{} of channel {} under epoch {}", kind,
                                                  granted->what().channel, granted->what().epoch));
        }
        try {
            std::string sent = co_await leader_.call(kind, body);
            note_call(*at, *granted, kind, nullptr);
            co_return sent;
        } catch (const error& failure) {
            note_call(*at, *granted, kind, &failure);
            if (!may_pass(failure)) throw;
        }
        co_await strand_.sleep_for(retry.next());
    }
}

awaitable<void> agent::run() {
    core::backoff retry(retry_, strand_.next_seed());
    for (;;) {
        while (overdue_.empty()) co_await overdue_added_.wait();
        const model::channel_name channel = std::move(overdue_.front());
        overdue_.pop_front();
        const auto at = slot_of(channel);
        const bool stopped = co_await stop_ended(at, channel);
        if (stopped) {
            retry.reset();
            continue;
        }
        overdue_.push_back(channel);  // the others first
        co_await strand_.sleep_for(retry.next());
    }
}

/// One try to stop what is consumed though it is over. True: nothing of it is left.
awaitable<bool> agent::stop_ended(std::shared_ptr<slot> at, model::channel_name channel) {
    while (at->busy) co_await at->free.wait();
    if (!at->held) co_return true;
    if (at->consuming() > at->ended && !stopping_) co_return true;  // a newer grant, which goes on
    const turn<slot> mine(at);
    try {
        co_await stop_consuming(at, channel);
    } catch (const std::exception& failure) {
        at->trouble = failure.what();
        co_return false;
    }
    co_return true;
}

awaitable<void> agent::stop_surely(std::shared_ptr<slot> at, model::channel_name channel) {
    core::backoff retry(retry_, strand_.next_seed());
    for (;;) {
        const bool stopped = co_await stop_ended(at, channel);
        if (stopped) co_return;
        co_await strand_.sleep_for(retry.next());
    }
}

awaitable<void> agent::stop_all() {
    stopping_ = true;
    for (const auto& [channel, at] : slots_) {
        if (at->held) at->held->stop();
    }
    // All at once: one that does not stop must not keep the others running.
    core::task_scope stops(strand_);
    for (const auto& [channel, at] : slots_) stops.spawn(stop_surely(at, channel));
    co_await stops.join();
}

std::vector<agent_status> agent::status() const {
    std::vector<agent_status> all;
    all.reserve(slots_.size());
    for (const auto& [channel, at] : slots_) {
        agent_status& one = all.emplace_back();
        one.channel = channel;
        one.consuming = at->consuming();
        one.seen = at->seen;
        one.trouble = at->trouble.empty() ? at->commit_trouble : at->trouble;
        one.retries = at->retries;
    }
    return all;
}

}  // namespace reeve::channel
