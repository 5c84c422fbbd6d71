// How a simulated process calls something that lives in the world: the request travels, is carried
// out on the world's runtime whatever becomes of the caller, and the reply travels back, each with
// its faults.
#pragma once

#include "reeve/core/callback.hpp"
#include "reeve/core/error.hpp"
#include "reeve/storage/metadata_store.hpp"
#include "reeve/storage/object_store.hpp"
#include "reeve/testing/faults.hpp"
#include "reeve/testing/process.hpp"
#include "reeve/testing/simulation.hpp"

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace reeve::testing::detail {

/// What a wrapper and the calls that it started share.
struct remote_link {
    remote_link(process& caller, std::string_view what)
        : owner(caller.current_life()),
          world(&caller.world()),
          random(world->events().fork_random()),
          name(what) {}

    std::shared_ptr<life> owner;
    simulation* world;
    core::random random;
    std::string name;  ///< for error texts
};

/// What becomes of one request.
enum class fate : std::uint8_t { normal, unavailable, full, request_lost, reply_lost, ghost };

/// A fate with its times. Trivially copyable.
struct plan {
    fate what = fate::normal;
    std::chrono::nanoseconds there{0};
    std::chrono::nanoseconds back{0};
    std::chrono::nanoseconds give_up{0};
    std::chrono::nanoseconds ghost_delay{0};
};

/// Does a request change anything?
enum class access : std::uint8_t { read, write };

[[nodiscard]] plan make_plan(remote_link& link, const request_faults& faults, access what,
                             verdict crash);

/// Was the thing done, as opposed to refused by its own condition?
inline bool took_effect(const storage::commit_result& result) { return bool(result); }
inline bool took_effect(const std::optional<storage::object_version>& result) {
    return result.has_value();
}
template <class T>
bool took_effect(const T&) {
    return true;
}

/// A value or the exception that came instead.
template <class T>
struct settled {
    settled() {}

    std::optional<core::detail::stored<T>> value;
    std::exception_ptr failure;
};

/// Runs the operation. Whatever it throws is carried to the caller.
template <class T>
awaitable<settled<T>> settle(const std::function<awaitable<T>()>& run) {
    settled<T> result;
    try {
        awaitable<T> work = run();
        if constexpr (std::is_void_v<T>) {
            co_await std::move(work);
            result.value.emplace();
        } else {
            T value = co_await std::move(work);
            result.value.emplace(std::move(value));
        }
    } catch (...) {  // carried to the caller, whatever it is
        result.failure = std::current_exception();
    }
    co_return result;
}

template <class T>
void reply_with(const core::completion<T>& reply, settled<T> result) {
    if (result.failure) return reply.fail(result.failure);
    if constexpr (std::is_void_v<T>) {
        reply();
    } else {
        reply(std::move(*result.value));
    }
}

/// A request on its way. The function is the operation; the rest says what becomes of it.
template <class T>
struct request {
    request(std::shared_ptr<remote_link> caller, plan chosen, std::string text,
            std::function<awaitable<T>()> operation)
        : link(std::move(caller)), how(chosen), label(std::move(text)), run(std::move(operation)) {}

    void note(std::string_view what) const {
        link->world->note(link->owner->owner().name(), "{} {}: {}", link->name, label, what);
    }
    [[nodiscard]] error failure(errc code) const {
        return error(code, fmt::format("simulated {}: {}", link->name, label));
    }

    std::shared_ptr<remote_link> link;
    plan how;
    std::string label;
    std::function<awaitable<T>()> run;
};

template <class T>
awaitable<void> carry_out_ghost(request<T> sent) {
    core::runtime& strand = sent.link->world->world_runtime();
    co_await strand.sleep_for(sent.how.ghost_delay);
    const bool orphan = !sent.link->owner->alive();
    settled<T> result = co_await settle<T>(sent.run);
    if (result.failure || !took_effect(*result.value)) {
        sent.link->world->count("ghost refused");
        sent.note("ghost refused");
        co_return;
    }
    sent.link->world->count("ghost landed");
    const std::string verb = sent.label.substr(0, sent.label.find(' '));
    sent.link->world->count(fmt::format("ghost {} landed", verb));
    if (orphan) sent.link->world->count("ghost landed after its sender's death");
    sent.note("ghost landed");
}

/// The world's side of a call.
template <class T>
awaitable<void> carry_out(request<T> sent, verdict crash, core::completion<T> reply) {
    core::runtime& strand = sent.link->world->world_runtime();
    const fate what = sent.how.what;
    if (what == fate::unavailable || what == fate::full) {
        co_await strand.sleep_for(sent.how.there + sent.how.back);
        const errc code = what == fate::full ? errc::resource_exhausted : errc::unavailable;
        sent.note(name(code));
        reply.fail(sent.failure(code));
        co_return;
    }
    if (what == fate::request_lost || what == fate::ghost) {
        co_await strand.sleep_for(sent.how.give_up);
        sent.note(what == fate::ghost ? "unknown, will land later" : "unknown, never arrives");
        sent.link->world->count("outcome unknown");
        reply.fail(sent.failure(errc::outcome_unknown));
        if (what == fate::ghost) co_await carry_out_ghost<T>(std::move(sent));
        co_return;
    }
    co_await strand.sleep_for(sent.how.there);
    settled<T> result = co_await settle<T>(sent.run);
    const bool done = !result.failure && took_effect(*result.value);
    sent.note(done ? "done" : "refused");
    if (crash == verdict::crash_after_without_reply) {
        sent.link->owner->end();
        co_return;
    }
    if (what == fate::reply_lost) {
        co_await strand.sleep_for(sent.how.give_up);
        sent.link->world->count("outcome unknown");
        if (done) sent.link->world->count("applied, reply lost");
        reply.fail(sent.failure(errc::outcome_unknown));
        co_return;
    }
    co_await strand.sleep_for(sent.how.back);
    reply_with<T>(reply, std::move(result));
}

/// The caller's side: sends and waits. Throws what a cancelled wait throws.
template <class T>
awaitable<T> send(request<T> sent, verdict crash) {
    core::runtime& strand = sent.link->owner->runtime();
    std::function<void(core::completion<T>)> start = [sent = std::move(sent),
                                                      crash](core::completion<T> reply) {
        auto& world = sent.link->world->world_runtime();
        auto finish = [simulated = sent.link->world](const std::exception_ptr& failure) {
            if (failure) simulated->fail("simulation: a store call failed in the world");
        };
        boost::asio::co_spawn(world.executor(), carry_out<T>(sent, crash, std::move(reply)),
                              std::move(finish));
    };
    return core::from_callback<T>(strand, std::move(start));
}

/// A call that changes nothing.
template <class T>
awaitable<T> call_read(std::shared_ptr<remote_link> link, request_faults faults, std::string label,
                       std::function<awaitable<T>()> run) {
    if (!link->owner->alive()) co_await link->owner->stopped();
    const plan how = make_plan(*link, faults, access::read, verdict::proceed);
    request<T> sent(link, how, std::move(label), std::move(run));
    awaitable<T> answer = send<T>(std::move(sent), verdict::proceed);
    co_return co_await std::move(answer);
}

/// A call that changes something: passes the gate.
template <class T>
awaitable<T> call_write(std::shared_ptr<remote_link> link, request_faults faults, effect_kind kind,
                        std::string label, std::function<awaitable<T>()> run) {
    const std::shared_ptr<life> caller = link->owner;
    const verdict crash = caller->enter(kind, label);
    if (crash == verdict::crash_before) co_await caller->stopped();
    const plan how = make_plan(*link, faults, access::write, crash);
    const request<T> sent(link, how, label, std::move(run));
    settled<T> result;
    bool cancelled = false;
    try {
        awaitable<T> answer = send<T>(sent, crash);
        if constexpr (std::is_void_v<T>) {
            co_await std::move(answer);
            result.value.emplace();
        } else {
            T value = co_await std::move(answer);
            result.value.emplace(std::move(value));
        }
    } catch (const boost::system::system_error& aborted) {
        if (aborted.code() != boost::asio::error::operation_aborted) throw;
        cancelled = true;
    } catch (const error&) {
        result.failure = std::current_exception();
    }
    if (crash == verdict::crash_after) caller->end();
    if (cancelled) throw sent.failure(errc::outcome_unknown);
    if (result.failure) std::rethrow_exception(result.failure);
    if constexpr (!std::is_void_v<T>) co_return std::move(*result.value);
}

}  // namespace reeve::testing::detail
