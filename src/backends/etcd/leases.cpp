#include "backends/etcd/renewals.hpp"

namespace reeve::backends::etcd {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The longest that etcd accepts.
constexpr std::int64_t ttl_seconds_max = 9'000'000'000;

milliseconds ttl_of(std::int64_t ttl_seconds) { return milliseconds(seconds(ttl_seconds)); }

std::int64_t wire_id(storage::lease_id lease) { return static_cast<std::int64_t>(lease.value); }

std::string text_of(storage::lease_id lease) { return fmt::format("lease {:x}", lease.value); }

void take_answers(session& s) {
    renewals& keeping = *s.keeping;
    if (!keeping.stream) return;
    for (const auto& each : keeping.stream->take()) {
        if (keeping.waiting.empty() || keeping.waiting.front()->id != each.id) {
            break_renewals(s, status{code_data_loss, "an answer that nobody asked for"});
            return;
        }
        keeping.waiting.front()->ttl_seconds = each.ttl_seconds;
        keeping.waiting.front()->ended = true;
        keeping.waiting.pop_front();
        s.answered(keeping.at);
    }
    keeping.changed.notify_all();
    if (auto how = keeping.stream->ended()) {
        if (how->ok()) *how = status{code_unavailable, "the member ended the stream"};
        break_renewals(s, *how);
    }
}

void open_stream(const session_ptr& s, std::size_t at) {
    renewals& keeping = *s->keeping;
    if (keeping.stream) return;
    std::weak_ptr<session> weak = s;
    const auto strand = std::weak_ptr(s->strand->state());
    keeping.at = at;
    keeping.token = s->token;
    keeping.stream = s->members[at].over->renewals(s->token, [weak, strand] {
        core::detail::post_to(strand, core::task([weak] {
                                  if (const auto alive = weak.lock()) take_answers(*alive);
                              }));
    });
}

// Sends one renewal and waits for its answer, or for the end of the stream or of its time.
awaitable<std::shared_ptr<renewal>> renew_once(session_ptr s, std::int64_t id, attempts& tries) {
    if (!s->keeping->stream) {
        const std::size_t at = co_await fit_member(s, tries.deadline);
        open_stream(s, at);
    }
    auto mine = std::make_shared<renewal>(id, s->keeping->at, s->keeping->token);
    s->keeping->waiting.push_back(mine);
    tries.sent = true;
    s->keeping->stream->send(renewal_request{id});
    s->expect_answer(mine->at);
    const auto sent = s->strand->now();
    const auto deadline = sent + attempt_time(*s, effect::none, tries.deadline);
    try {
        while (!mine->ended && s->strand->now() < deadline) {
            co_await s->keeping->changed.wait_until(deadline);
        }
    } catch (const boost::system::system_error&) {
        // The caller's patience is at an end before ours. Its next renewal, and all others, must
        // not queue behind this one at a member that is silent.
        if (!mine->ended) s->gave_up_on(mine->at, sent);
        throw;
    }
    if (!mine->ended) break_renewals(*s, status{code_deadline_exceeded, "no answer in time"});
    co_return mine;
}

awaitable<std::int64_t> renew(session_ptr s, std::int64_t id, attempts& tries) {
    for (;;) {
        const auto mine = co_await renew_once(s, id, tries);
        if (!mine->broken) co_return mine->ttl_seconds;
        const verdict why = judge(*mine->broken);
        // A renewal does no harm twice, hence it is as repeatable as a read.
        const next_step then =
            after_failure(*s, mine->at, mine->token, why, effect::none, tries.renewed);
        if (then == next_step::refuse) throw_refusal(tries.name, *mine->broken, why);
        const auto pause = tries.delays.next();
        if (s->strand->now() + pause >= tries.deadline) {
            throw_given_up(tries, *mine->broken, effect::change);
        }
        co_await s->strand->sleep_for(pause);
    }
}

// Renews; what is said to have ended is asked again behind a linearizable read. The leader, which
// alone keeps the time of leases, may know less than the member that has answered the grant: it
// need not have applied yet what is committed (etcd 13675).
awaitable<std::int64_t> renew_for_sure(store_ptr store, std::int64_t id, attempts& tries) {
    const session_ptr s = store->session;
    const std::int64_t first = co_await renew(s, id, tries);
    if (first > 0) co_return first;
    attempts reading(*s, range_request::name);
    reading.deadline = tries.deadline;
    range_request question(store->keys.some_key(), "");
    question.count_only = true;
    const auto got = co_await attempt(s, std::move(question), effect::none, reading);
    // etcd checks rights to a key after it has waited, so a missing one does no harm.
    if (got.refusal && got.why.code != errc::permission_denied) {
        throw_refusal(tries.name, *got.refusal, got.why);
    }
    const std::int64_t second = co_await renew(s, id, tries);
    co_return second;
}

}  // namespace

void break_renewals(session& s, const status& how) {
    renewals& keeping = *s.keeping;
    if (!keeping.stream) return;
    for (const auto& each : keeping.waiting) {
        each->broken = how;
        each->ended = true;
    }
    keeping.waiting.clear();
    keeping.stream.reset();
    keeping.changed.notify_all();
}

awaitable<storage::lease_grant> grant_from(store_ptr store, milliseconds ttl) {
    const auto asked = std::chrono::ceil<seconds>(ttl).count();
    if (ttl < milliseconds(1) || asked > ttl_seconds_max) {
        throw error(errc::invalid_argument, fmt::format("lease of {} ms, accepted are 1 ms to {} s",
                                                        ttl.count(), ttl_seconds_max));
    }
    grant_request request;
    request.ttl_seconds = asked;
    const auto got = co_await perform(store->session, request, effect::change);
    // Should a lease have been granted in spite of a refusal for lack of space: nobody knows its
    // id, and it ends by itself.
    if (got.refusal) throw_refusal("grant", *got.refusal, got.why);
    if (got.what.id == 0 || got.what.ttl_seconds < asked) {
        throw error(errc::corrupt, fmt::format("etcd: grant: lease {:x} of {} s, asked {} s",
                                               got.what.id, got.what.ttl_seconds, asked));
    }
    storage::lease_grant result;
    result.id = storage::lease_id(static_cast<std::uint64_t>(got.what.id));
    result.ttl = ttl_of(got.what.ttl_seconds);
    co_return result;
}

awaitable<milliseconds> keep_alive_at(store_ptr store, storage::lease_id lease) {
    attempts tries(*store->session, "keep-alive");
    std::int64_t ttl_seconds = 0;
    try {
        ttl_seconds = co_await renew_for_sure(store, wire_id(lease), tries);
    } catch (const boost::system::system_error& aborted) {
        if (aborted.code() != boost::asio::error::operation_aborted) throw;
        throw_cancelled(tries);
    } catch (const error& failure) {
        // It may have been sent once, although nobody can be reached now.
        if (failure.code_value() != errc::unavailable || !tries.sent) throw;
        throw error(errc::outcome_unknown, failure.context());
    }
    if (ttl_seconds <= 0) {
        throw error(errc::lease_not_found, text_of(lease) + " has ended or never was");
    }
    co_return ttl_of(ttl_seconds);
}

awaitable<void> revoke_at(store_ptr store, storage::lease_id lease) {
    revoke_request request;
    request.id = wire_id(lease);
    const auto got = co_await perform(store->session, request, effect::change);
    if (!got.refusal || got.why.code == errc::lease_not_found) co_return;
    throw_refusal("revocation", *got.refusal, got.why);
}

}  // namespace reeve::backends::etcd
