#pragma once

#include "backends/etcd/rpc.hpp"
#include "backends/etcd/verdict.hpp"
#include "reeve/core/awaitable.hpp"
#include "reeve/core/backoff.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"

#include <fmt/format.h>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reeve::backends::etcd {

struct renewals;

/// One member as this store sees it.
struct member {
    std::string endpoint;
    std::shared_ptr<channel> over;
    bool fit = false;  ///< it answered a greeting, and has not failed since
    /// Since when it owes an answer to somebody; nothing: it has answered the last question.
    std::optional<core::time_point> unanswered = {};
    std::string version = {};  ///< as it was greeted with last
    std::string flaw = {};     ///< what is known against that version; empty: nothing
};

/// A member that has not answered for so long is passed over when a caller loses its patience,
/// which may be shorter than ours: 1.5 s for a lease (lease_options), 2 s for a leader_client.
inline constexpr std::chrono::milliseconds silence_max{500};

/// What all calls of a store share. Everything on the strand.
struct session {
    session(core::runtime& on, etcd_options how);
    ~session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;

    /// The next member's turn, if it is still the turn of `failed`; renewals go over another one,
    /// too, if there is any.
    void pass_over(std::size_t failed);
    /// A question is sent to a member.
    void expect_answer(std::size_t at);
    /// It has answered one.
    void answered(std::size_t at);
    /// Whoever sent a question at `sent` waits no longer: passes the member over if it has been
    /// silent for silence_max.
    void gave_up_on(std::size_t at, core::time_point sent);
    /// Takes note of what an answer says about cluster and revision. Throws errc::foreign if it
    /// comes from another cluster than the answers before.
    void note(const header& head, std::size_t from);

    core::runtime* strand;
    etcd_options options;
    std::vector<member> members;
    std::size_t turn = 0;       ///< the member in use
    std::uint64_t cluster = 0;  ///< 0: nobody has answered yet
    std::int64_t seen = 0;      ///< a revision that the store had reached
    std::string token;          ///< empty: none yet, or none needed
    bool needs_token = false;   ///< false also while the cluster's authentication is off
    bool authenticating = false;
    core::event authenticated;
    std::unique_ptr<renewals> keeping;  ///< the stream of lease renewals
    /// Records of a page that are likely to keep to response_bytes_max, as answers have taught.
    std::size_t page_records = std::numeric_limits<std::size_t>::max();
};
using session_ptr = std::shared_ptr<session>;

/// Whether a call may change something.
enum class effect : std::uint8_t { none, change };

/// The answer to a request, or its refusal.
template <class Response>
struct answer {
    std::optional<status> refusal;  ///< set: not applied for a reason that does not go away
    verdict why{};                  ///< of the refusal
    Response what;                  ///< if there is no refusal
    std::int64_t seen_before = 0;   ///< a revision that the store had reached before it was sent
};

/// Throws a refusal as reeve::error.
[[noreturn]] void throw_refusal(const char* name, const status& refusal, const verdict& why);

/// Waits until a member answers, with a token in hand if one is needed; returns its number. Throws
/// errc::unavailable at `deadline`, errc::permission_denied, errc::foreign.
awaitable<std::size_t> fit_member(session_ptr s, core::time_point deadline);

/// The member in use, if that is certain without asking anybody.
[[nodiscard]] std::optional<std::size_t> fit_now(const session& s);

/// Called by `perform` and streams after a member did not accept the token `used`. True: try again.
bool expects_new_token(session& s, const std::string& used, unsigned& renewed);

/// Time left, at least 1 ms.
std::chrono::milliseconds left(const session& s, core::time_point deadline);

/// Ends a call whose waiting coroutine is gone.
class call_guard {
public:
    call_guard() = default;
    ~call_guard() {
        if (running_) running_->cancel();
    }
    call_guard(const call_guard&) = delete;
    call_guard& operator=(const call_guard&) = delete;
    void hold(std::shared_ptr<call> running) { running_ = std::move(running); }
    void release() noexcept { running_.reset(); }

private:
    std::shared_ptr<call> running_;
};

/// session::note for the answer to a request. A stranger that has answered a change may have
/// applied it: throws errc::outcome_unknown then.
void note_answer(session& s, const header& head, std::size_t from, effect what);

/// Sends a request to a member once and waits for the end of the call. The member's silence is
/// noticed also if the caller cancels.
template <class Request>
awaitable<reply<typename Request::response>> ask_member(session_ptr s, std::size_t at, Request what,
                                                        call_options how) {
    using result = reply<typename Request::response>;
    struct question {
        question(std::shared_ptr<channel> member, Request body, call_options manner)
            : over(std::move(member)), what(std::move(body)), how(std::move(manner)) {}
        std::shared_ptr<channel> over;
        Request what;
        call_options how;
        call_guard running;
    };
    question asked(s->members[at].over, std::move(what), std::move(how));
    std::function<void(core::completion<result>)> begin = [&asked](core::completion<result> done) {
        asked.running.hold(asked.over->start(asked.what, asked.how, std::move(done)));
    };
    const auto sent = s->strand->now();
    s->expect_answer(at);
    try {
        result got = co_await core::from_callback<result>(*s->strand, std::move(begin));
        asked.running.release();
        s->answered(at);
        co_return got;
    } catch (const boost::system::system_error&) {
        s->gave_up_on(at, sent);
        throw;
    }
}

/// One attempt's share of the time: a read leaves some for another member.
std::chrono::milliseconds attempt_time(const session& s, effect what, core::time_point deadline);

/// What to do after an attempt failed.
enum class next_step : std::uint8_t { refuse, repeat, give_up };
next_step after_failure(session& s, std::size_t at, const std::string& token, const verdict& why,
                        effect what, unsigned& renewed);

/// The state of one request over its attempts.
struct attempts {
    attempts(session& s, const char* what)
        : name(what),
          deadline(s.strand->now() + s.options.request_patience),
          delays({std::chrono::milliseconds(20), std::chrono::milliseconds(500)},
                 s.strand->next_seed()) {}
    const char* name;
    core::time_point deadline;
    core::backoff delays;
    unsigned renewed = 0;
    bool sent = false;  ///< and it may have had its effect
};

/// Throws what the end of all attempts means: errc::outcome_unknown or errc::unavailable.
[[noreturn]] void throw_given_up(const attempts& tries, const status& last, effect what);
/// Throws what a cancellation of a change means.
[[noreturn]] void throw_cancelled(const attempts& tries);

template <class Request>
awaitable<answer<typename Request::response>> attempt(session_ptr s, Request what, effect kind,
                                                      attempts& tries) {
    answer<typename Request::response> result;
    for (;;) {
        std::size_t at = 0;
        if (const auto now = fit_now(*s)) {
            at = *now;
        } else {
            at = co_await fit_member(s, tries.deadline);
        }
        result.seen_before = s->seen;
        const std::string token = s->token;
        call_options how(token, attempt_time(*s, kind, tries.deadline));
        tries.sent = true;
        auto got = co_await ask_member(s, at, what, std::move(how));
        if (got.how.ok()) {
            note_answer(*s, got.what.head, at, kind);
            result.what = std::move(got.what);
            co_return result;
        }
        result.why = judge(got.how);
        const next_step then = after_failure(*s, at, token, result.why, kind, tries.renewed);
        if (then == next_step::refuse) {
            result.refusal = std::move(got.how);
            co_return result;
        }
        tries.sent = then == next_step::give_up;
        const auto pause = tries.delays.next();
        if (then == next_step::give_up || s->strand->now() + pause >= tries.deadline) {
            throw_given_up(tries, got.how, kind);
        }
        co_await s->strand->sleep_for(pause);
    }
}

/// A request and its answer: reads are tried until request_patience is over, changes are sent until
/// it is not certain that they had no effect. Throws reeve::error as etcd.hpp says.
template <class Request>
awaitable<answer<typename Request::response>> perform(session_ptr s, Request what, effect kind) {
    attempts tries(*s, Request::name);
    try {
        co_return co_await attempt(s, std::move(what), kind, tries);
    } catch (const boost::system::system_error& aborted) {
        if (kind == effect::none || aborted.code() != boost::asio::error::operation_aborted) throw;
        throw_cancelled(tries);
    }
}

}  // namespace reeve::backends::etcd
