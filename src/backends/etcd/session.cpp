#include "backends/etcd/session.hpp"

#include "backends/etcd/renewals.hpp"
#include "backends/etcd/server_version.hpp"
#include "reeve/core/log.hpp"

namespace reeve::backends::etcd {

namespace {

using std::chrono::milliseconds;

constexpr unsigned renewals_max = 3;

/// Lets others authenticate when this has ended, however it ended.
class authenticating_now {
public:
    explicit authenticating_now(session_ptr s) : s_(std::move(s)) { s_->authenticating = true; }
    ~authenticating_now() {
        s_->authenticating = false;
        s_->authenticated.notify_all();
    }
    authenticating_now(const authenticating_now&) = delete;
    authenticating_now& operator=(const authenticating_now&) = delete;

private:
    session_ptr s_;
};

milliseconds greeting_time(const session& s, core::time_point deadline) {
    return std::min(s.options.connect_patience, left(s, deadline));
}

// Asks a member for a token. Ok also if none is needed.
awaitable<status> authenticate(session_ptr s, std::size_t at, core::time_point deadline) {
    const authenticating_now now(s);
    authenticate_request who(s->options.user, s->options.password);
    call_options how("", greeting_time(*s, deadline));
    const auto got = co_await ask_member(s, at, std::move(who), std::move(how));
    if (got.how.ok()) {
        s->token = got.what.token;
        co_return got.how;
    }
    if (got.how.text.find("authentication is not enabled") != std::string::npos) {
        core::log(s->strand->log(), core::log_level::warning, "etcd",
                  "{}: authentication is off; user {} is not checked", s->members[at].endpoint,
                  s->options.user);
        s->needs_token = false;
        co_return status{};
    }
    const verdict why = judge(got.how);
    if (why.what == verdict::kind::refused) throw_refusal("authentication", got.how, why);
    co_return got.how;
}

void note_version(session& s, std::size_t at, const std::string& version) {
    member& one = s.members[at];
    if (one.version == version) return;
    one.version = version;
    one.flaw = flaw_of(version);
    if (one.flaw.empty()) return;
    core::log(s.strand->log(), core::log_level::warning, "etcd", "{}: {}", one.endpoint, one.flaw);
}

// Ok if the member can be used: it answers, belongs to the cluster, and knows a leader.
awaitable<status> greet(session_ptr s, std::size_t at, core::time_point deadline) {
    member_request question;
    call_options how("", greeting_time(*s, deadline));
    auto got = co_await ask_member(s, at, question, std::move(how));
    if (!got.how.ok()) {
        // A server that tells only users about itself is there all the same.
        const verdict why = judge(got.how);
        const bool there = why.code == errc::permission_denied;
        if (there) s->members[at].fit = true;
        co_return there ? status{} : got.how;
    }
    s->note(got.what.head, at);
    note_version(*s, at, got.what.version);
    if (got.what.leader == 0) co_return status{code_unavailable, "the member has no leader"};
    s->members[at].fit = true;
    co_return status{};
}

// A member that has shown itself fit, or is asked now.
awaitable<status> try_member(session_ptr s, std::size_t at, core::time_point deadline) {
    // Another server may stand behind a new connection. Nobody else may use it while we ask.
    if (!s->members[at].over->ready()) s->members[at].fit = false;
    if (!s->members[at].fit) {
        status how = co_await greet(s, at, deadline);
        if (!how.ok()) co_return how;
    }
    while (s->needs_token && s->token.empty()) {
        if (s->authenticating) {
            co_await s->authenticated.wait_until(deadline);
            if (s->strand->now() < deadline) continue;
            co_return status{code_deadline_exceeded, "no token in time"};
        }
        status how = co_await authenticate(s, at, deadline);
        if (!how.ok()) co_return how;
    }
    co_return status{};
}

}  // namespace

session::session(core::runtime& on, etcd_options how)
    : strand(&on),
      options(std::move(how)),
      needs_token(!options.user.empty()),
      authenticated(on),
      keeping(std::make_unique<renewals>(on)) {
    for (const auto& endpoint : options.endpoints) {
        members.push_back({endpoint, std::make_shared<channel>(endpoint, options)});
    }
}

session::~session() = default;

void session::pass_over(std::size_t failed) {
    members[failed].fit = false;
    members[failed].unanswered.reset();
    if (members.size() == 1) return;  // another stream would use the same connection
    if (turn == failed) turn = (failed + 1) % members.size();
    if (keeping->at != failed) return;
    break_renewals(*this, status{code_unavailable, "the member was passed over"});
}

void session::expect_answer(std::size_t at) {
    auto& since = members[at].unanswered;
    if (!since) since = strand->now();
}

void session::answered(std::size_t at) { members[at].unanswered.reset(); }

void session::gave_up_on(std::size_t at, core::time_point sent) {
    // Short requests that are cancelled one after the other count together.
    const auto since = std::min(sent, members[at].unanswered.value_or(sent));
    if (strand->now() - since >= silence_max) pass_over(at);
}

void session::note(const header& head, std::size_t from) {
    if (cluster == 0) cluster = head.cluster;
    if (head.cluster != cluster || cluster == 0) {
        members[from].fit = false;
        throw error(errc::foreign,
                    fmt::format("etcd: {} belongs to cluster {:x}, the members before to {:x}",
                                members[from].endpoint, head.cluster, cluster));
    }
    seen = std::max(seen, head.revision);
}

void note_answer(session& s, const header& head, std::size_t from, effect what) {
    try {
        s.note(head, from);
    } catch (const error& stranger) {
        if (what == effect::none) throw;
        throw error(errc::outcome_unknown, stranger.context() + ", and has answered a change");
    }
}

milliseconds left(const session& s, core::time_point deadline) {
    const auto rest = std::chrono::ceil<milliseconds>(deadline - s.strand->now());
    return std::max(rest, milliseconds(1));
}

milliseconds attempt_time(const session& s, effect what, core::time_point deadline) {
    const milliseconds rest = left(s, deadline);
    if (what == effect::change) return rest;
    return std::min(rest, std::max(s.options.connect_patience, s.options.request_patience / 2));
}

void throw_refusal(const char* name, const status& refusal, const verdict& why) {
    throw error(why.code, fmt::format("etcd: {}: {}", name, refusal.text));
}

void throw_given_up(const attempts& tries, const status& last, effect what) {
    const bool maybe = tries.sent && what == effect::change;
    throw error(maybe ? errc::outcome_unknown : errc::unavailable,
                fmt::format("etcd: {}: {}", tries.name, last.text));
}

void throw_cancelled(const attempts& tries) {
    if (tries.sent) {
        throw error(errc::outcome_unknown, fmt::format("etcd: {} was cancelled", tries.name));
    }
    throw error(errc::deadline_exceeded,
                fmt::format("etcd: {} was cancelled before it was sent", tries.name));
}

bool expects_new_token(session& s, const std::string& used, unsigned& renewed) {
    if (s.options.user.empty() || renewed == renewals_max) return false;
    ++renewed;
    if (s.token == used) s.token.clear();  // unless another call has a new one by now
    s.needs_token = true;
    return true;
}

next_step after_failure(session& s, std::size_t at, const std::string& token, const verdict& why,
                        effect what, unsigned& renewed) {
    switch (why.what) {
        case verdict::kind::refused:
        case verdict::kind::no_space:
        case verdict::kind::answer_size:
            return next_step::refuse;
        case verdict::kind::new_token:
            return expects_new_token(s, token, renewed) ? next_step::repeat : next_step::refuse;
        case verdict::kind::elsewhere:
            s.pass_over(at);
            return next_step::repeat;
        case verdict::kind::unknown:
            s.pass_over(at);
            return what == effect::change ? next_step::give_up : next_step::repeat;
    }
    return next_step::give_up;
}

std::optional<std::size_t> fit_now(const session& s) {
    const member& one = s.members[s.turn];
    const bool known = one.fit && one.over->ready() && !(s.needs_token && s.token.empty());
    return known ? std::optional(s.turn) : std::nullopt;
}

awaitable<std::size_t> fit_member(session_ptr s, core::time_point deadline) {
    core::backoff delays({milliseconds(50), milliseconds(500)}, s->strand->next_seed());
    const std::size_t count = s->members.size();
    std::size_t untrusted = 0;
    for (std::size_t tried = 1;; ++tried) {
        const std::size_t at = s->turn;
        const status how = co_await try_member(s, at, deadline);
        if (how.ok()) co_return at;
        s->pass_over(at);
        untrusted = is_tls_failure(how) ? untrusted + 1 : 0;
        if (untrusted == count) {  // no mere failure of one member
            throw error(errc::permission_denied,
                        fmt::format("etcd: {}: {}", s->members[at].endpoint, how.text));
        }
        const auto pause = tried % count == 0 ? delays.next() : milliseconds(0);
        if (s->strand->now() + pause >= deadline) {
            throw error(errc::unavailable, fmt::format("etcd: no member answers; {}: {}",
                                                       s->members[at].endpoint, how.text));
        }
        co_await s->strand->sleep_for(pause);
    }
}

}  // namespace reeve::backends::etcd
