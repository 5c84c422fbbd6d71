#include "backends/etcd/watch.hpp"

#include "backends/etcd/watch_feed.hpp"
#include "reeve/core/log.hpp"

#include <exception>
#include <utility>

namespace reeve::backends::etcd {

namespace {

using news = watch_feed::news;

constexpr std::int64_t probe_candidates = 16;

struct watch_state {
    watch_state(store_ptr of, storage::key_range range, storage::revision from)
        : store(std::move(of)),
          feed(store->keys, std::move(range), from),
          changed(*store->session->strand) {}

    store_ptr store;
    watch_feed feed;
    core::event changed;
    std::unique_ptr<watch_stream> stream;  // none: to be opened before anything else
    std::size_t at = 0;                    // the member that it leads to
    std::string token;                     // with which it was opened
    status broken;                         // why the last one ended
    core::time_point heard;                // when it said something, or was first asked after that
    bool asked = false;                    // it owes us an answer
    bool held = false;                     // nothing is taken from it until `next` makes room
    core::time_point probed;               // when the probe under way began
    unsigned silent_probes = 0;            // that were given up since one was answered
    bool doubted = false;                  // it was opened since a probe was refused
    std::exception_ptr dead;               // why there is nothing more to come
    bool closed = false;
};
using watch_ptr = std::shared_ptr<watch_state>;

void break_stream(watch_state& watch, status how) {
    watch.stream.reset();
    watch.broken = std::move(how);
}

void die(watch_state& watch, const error& why) {
    watch.stream.reset();
    if (!watch.dead) watch.dead = std::make_exception_ptr(why);
}

error compacted_error(const std::string& detail) {
    return {errc::compacted, "etcd: watch: " + detail};
}

// A probe was refused: the stream's token may have ended, and a new stream has a new one. Should
// that be refused, too, we lack the right to look where something has happened.
void doubt(watch_state& watch) {
    session& s = *watch.store->session;
    unsigned renewed = 0;
    if (!watch.doubted && expects_new_token(s, watch.token, renewed)) {
        watch.doubted = true;
        break_stream(watch, status_of_reason(watch.feed.reason()));
        return;
    }
    core::log(s.strand->log(), core::log_level::info, "etcd",
              "a watch cannot tell how far the store has come: {}", watch.feed.reason());
}

void react(watch_state& watch, news what) {
    switch (what) {
        case news::none:
        case news::established:
            break;
        case news::compacted:
            die(watch, compacted_error(fmt::format("the history from revision {} on is lost",
                                                   watch.feed.next())));
            break;
        case news::cancelled:
            break_stream(watch, status_of_reason(watch.feed.reason()));
            break;
        case news::probed:
            watch.doubted = false;
            watch.silent_probes = 0;
            watch.stream->send(watch.feed.probe_end());
            break;
        case news::refused:
            doubt(watch);
            break;
    }
}

// On the strand, whenever a stream has something. What is not taken makes the stream pause, and
// then the server.
void take_messages(watch_state& watch) {
    if (!watch.stream) return;
    watch.held = watch.feed.is_full();
    if (watch.held) return;
    session& s = *watch.store->session;
    watch.heard = s.strand->now();
    try {
        for (auto& each : watch.stream->take()) {
            s.note(each.head, watch.at);
            react(watch, watch.feed.absorb(std::move(each)));
            if (!watch.feed.probing()) watch.asked = false;
            if (!watch.stream) break;
        }
    } catch (const error& failure) {
        die(watch, failure);
    }
    if (watch.stream) {
        if (auto how = watch.stream->ended()) {
            if (how->ok()) *how = status{code_unavailable, "the member ended the stream"};
            break_stream(watch, std::move(*how));
        }
    }
    watch.changed.notify_all();
}

void open_stream(const watch_ptr& watch, std::size_t at) {
    session& s = *watch->store->session;
    std::weak_ptr<watch_state> weak = watch;
    const auto strand = std::weak_ptr(s.strand->state());
    watch->at = at;
    watch->token = s.token;
    watch->heard = s.strand->now();
    watch->asked = false;
    watch->held = false;
    watch->stream = s.members[at].over->watch(s.token, [weak, strand] {
        core::detail::post_to(strand, core::task([weak] {
                                  if (const auto alive = weak.lock()) take_messages(*alive);
                              }));
    });
    watch->stream->send(watch->feed.begin());
}

void throw_if_over(const watch_state& watch) {
    if (watch.closed) throw boost::system::system_error(boost::asio::error::operation_aborted);
}

// Is what the watch wants still to be had?
awaitable<void> check_history(watch_ptr watch, bool resumes) {
    const storage::revision from = watch->feed.begins_at();
    if (resumes) {
        // A revision from the future is no sign that the store has gone back; one that an answer
        // has named before is.
        const session_ptr s = watch->store->session;
        const auto seen = static_cast<std::uint64_t>(std::max<std::int64_t>(s->seen, 0));
        std::string key = watch->feed.outer().key;
        const storage::revision now = co_await revision_of(watch->store, std::move(key));
        if (now.value < seen && now < from) {
            throw compacted_error(fmt::format("the store has gone back to revision {}, before {}",
                                              now, watch->feed.next()));
        }
    }
    std::string key = watch->feed.outer().key;
    const bool kept = co_await history_is_kept(watch->store, std::move(key), from);
    if (!kept) {
        throw compacted_error(fmt::format("the history from revision {} on is lost", from));
    }
}

// One attempt: ok, or why not.
awaitable<status> open_once(watch_ptr watch, core::time_point deadline) {
    const session_ptr s = watch->store->session;
    const std::size_t at = co_await fit_member(s, deadline);
    throw_if_over(*watch);
    open_stream(watch, at);
    const auto opened = s->strand->now();
    const auto until = opened + attempt_time(*s, effect::none, deadline);
    try {
        while (watch->stream && !watch->feed.established() && s->strand->now() < until) {
            co_await watch->changed.wait_until(until);
            throw_if_over(*watch);
        }
    } catch (const boost::system::system_error&) {
        if (!watch->feed.established()) s->gave_up_on(at, opened);
        throw;
    }
    if (watch->dead) std::rethrow_exception(watch->dead);
    if (watch->stream && watch->feed.established()) co_return status{};
    if (watch->stream) break_stream(*watch, status{code_deadline_exceeded, "no answer in time"});
    co_return std::exchange(watch->broken, status{});
}

// Opens a stream from where the last one ended, at any member.
awaitable<void> establish(watch_ptr watch, bool resumes) {
    const session_ptr s = watch->store->session;
    attempts tries(*s, "watch");
    for (;;) {
        co_await check_history(watch, resumes);
        const status how = co_await open_once(watch, tries.deadline);
        if (how.ok()) co_return;
        verdict why = judge(how);
        // A token that has ended is no other answer than a missing right.
        if (why.code == errc::permission_denied) why.what = verdict::kind::new_token;
        const next_step then =
            after_failure(*s, watch->at, watch->token, why, effect::none, tries.renewed);
        if (then == next_step::refuse) throw_refusal("watch", how, why);
        const auto pause = tries.delays.next();
        if (s->strand->now() + pause >= tries.deadline) throw_given_up(tries, how, effect::none);
        co_await s->strand->sleep_for(pause);
    }
}

// Records to probe by: those at and behind the begin of the range, or in it, if that is all that
// we may read.
awaitable<std::vector<storage::record>> candidates(watch_ptr watch) {
    const wire_range& range = watch->feed.outer();
    const std::string ends[] = {watch->store->keys.outer_from(storage::key_range("", "")).end,
                                range.empty ? std::string() : range.end};
    for (const std::string& end : ends) {
        range_request question(range.key, end);
        question.limit = probe_candidates;
        question.keys_only = true;
        auto got = co_await perform(watch->store->session, std::move(question), effect::none);
        if (!got.refusal) co_return std::move(got.what.records);
    }
    co_return std::vector<storage::record>();
}

awaitable<void> begin_probe(watch_ptr watch) {
    std::optional<watch_request> create = watch->feed.probe();
    if (!create) {
        const auto records = co_await candidates(watch);
        throw_if_over(*watch);
        if (!watch->stream || !watch->feed.is_behind()) co_return;
        create = watch->feed.probe_by(records);
        if (!create) co_return;
    }
    watch->probed = watch->store->session->strand->now();
    if (!watch->asked) watch->heard = watch->probed;
    watch->asked = true;
    watch->stream->send(*create);
}

// How long a probe may stay silent. Longer each time: perhaps the server is only slow.
std::chrono::milliseconds probe_patience(const watch_state& watch) {
    const etcd_options& how = watch.store->session->options;
    const auto first = std::max(std::chrono::milliseconds(1000), 2 * how.progress_interval);
    return std::min(first * (1U << std::min(watch.silent_probes, 8U)), how.request_patience / 2);
}

// Is the silence of a stream that was asked the silence of the store? Fixed versions of etcd answer
// no request for progress while the watch begins in the future or has not caught up.
awaitable<void> judge_silence(watch_ptr watch) {
    const session_ptr s = watch->store->session;
    const auto heard = watch->heard;
    std::string key = watch->feed.outer().key;
    const storage::revision reached = co_await revision_of(watch->store, std::move(key));
    throw_if_over(*watch);
    if (!watch->stream || !watch->asked || watch->heard != heard) co_return;  // not silent any more
    if (reached < watch->feed.next()) {
        watch->asked = false;
        co_return;
    }
    s->pass_over(watch->at);
    break_stream(*watch, status{code_deadline_exceeded, "no answer in time"});
}

// Nothing was heard for an interval.
awaitable<void> ask_for_news(watch_ptr watch) {
    const session_ptr s = watch->store->session;
    const auto now = s->strand->now();
    if (watch->feed.probing() && now - watch->probed >= probe_patience(*watch)) {
        ++watch->silent_probes;
        watch->stream->send(watch->feed.probe_given_up());
    }
    if (!watch->asked) watch->heard = now;
    watch->asked = true;
    // Again each time: an answer may be refused now and given as soon as the watch has caught up.
    if (!watch->feed.probing()) {
        watch->stream->send(watch_request(watch_request::kind::progress));
    }
    if (now - watch->heard >= s->options.request_patience) co_await judge_silence(watch);
}

// Draws what conclusions there are from the end of a stream, once.
void after_break(watch_state& watch) {
    if (watch.broken.ok()) return;
    unsigned renewed = 0;
    const verdict why = judge(watch.broken);
    after_failure(*watch.store->session, watch.at, watch.token, why, effect::none, renewed);
    watch.broken = {};
}

awaitable<storage::change_batch> next_of(watch_ptr watch) {
    const session_ptr s = watch->store->session;
    for (;;) {
        throw_if_over(*watch);
        if (auto batch = watch->feed.pop()) {
            if (watch->held) take_messages(*watch);
            co_return std::move(*batch);
        }
        if (watch->dead) std::rethrow_exception(watch->dead);
        if (!watch->stream) {
            after_break(*watch);
            co_await establish(watch, true);
            continue;
        }
        if (watch->feed.is_behind()) {
            co_await begin_probe(watch);
            continue;
        }
        const auto until = s->strand->now() + s->options.progress_interval;
        const auto how = co_await watch->changed.wait_until(until);
        if (how == core::wait_result::timed_out && watch->stream) co_await ask_for_news(watch);
    }
}

class etcd_watcher final : public storage::watcher {
public:
    explicit etcd_watcher(watch_ptr watch) : watch_(std::move(watch)) {}
    ~etcd_watcher() override {
        watch_->closed = true;
        watch_->stream.reset();
        watch_->changed.notify_all();
    }
    etcd_watcher(const etcd_watcher&) = delete;
    etcd_watcher& operator=(const etcd_watcher&) = delete;
    awaitable<storage::change_batch> next() override { return next_of(watch_); }

private:
    watch_ptr watch_;
};

}  // namespace

awaitable<std::unique_ptr<storage::watcher>> watch_on(store_ptr store, storage::key_range range,
                                                      storage::revision from) {
    if (!from) throw error(errc::invalid_argument, "watch from revision 0, at least 1");
    auto watch = std::make_shared<watch_state>(std::move(store), std::move(range), from);
    co_await establish(watch, false);
    co_return std::make_unique<etcd_watcher>(std::move(watch));
}

}  // namespace reeve::backends::etcd
