// A strand, a memory store on it, and coroutines run to their end: what every test here needs.
#pragma once

#include "catch.hpp"
#include "reeve/backends/event_loop.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/catalog/guarded.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/runtime.hpp"

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace reeve::support {

struct world {
    world() : world(backends::memory_database_options{}) {}
    explicit world(backends::memory_database_options options)
        : strand(loop),
          database(std::make_shared<backends::memory_database>(options)),
          store(strand, database) {}

    // Runs `work` until it has ended; fails the test if it waits for what cannot come.
    template <class T>
    T run(awaitable<T> work) {
        std::optional<std::exception_ptr> failure;
        if constexpr (std::is_void_v<T>) {
            boost::asio::co_spawn(strand.executor(), std::move(work),
                                  [&](std::exception_ptr thrown) { failure = thrown; });
            turn_until([&] { return failure.has_value(); });
            if (*failure) std::rethrow_exception(*failure);
        } else {
            std::optional<T> result;
            boost::asio::co_spawn(strand.executor(), std::move(work),
                                  [&](std::exception_ptr thrown, T value) {
                                      failure = thrown;
                                      result.emplace(std::move(value));
                                  });
            turn_until([&] { return failure.has_value(); });
            if (*failure) std::rethrow_exception(*failure);
            return std::move(*result);
        }
    }
    // Runs `work`, which must fail, and returns its code.
    template <class T>
    errc failure_of(awaitable<T> work) {
        try {
            run(std::move(work));
        } catch (const error& failure) {
            last_context = failure.context();
            return failure.code_value();
        }
        return errc{};
    }
    // Lets the loop run until `done`; at most ten seconds.
    void turn_until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!done()) {
            loop.poll();
            if (std::chrono::steady_clock::now() > end) FAIL("waits for what does not come");
        }
    }
    // Runs everything that is due.
    void settle() {
        while (loop.poll()) {
        }
    }
    storage::revision put(const std::string& key, const std::string& value) {
        storage::transaction change;
        change.put(key, value);
        return run(store.commit(std::move(change))).at;
    }
    storage::revision remove(const std::string& key) {
        storage::transaction change;
        change.remove(key);
        return run(store.commit(std::move(change))).at;
    }
    std::optional<storage::record> get(const std::string& key) { return run(store.get(key)); }
    // Takes the lead in the shortest way; whoever had it is deposed.
    catalog::leader_guard lead(const catalog::key_layout& keys) {
        const auto key = keys.leader();
        remove(key);
        put(key, "somebody");
        return catalog::leader_guard(key, model::term(get(key)->created.value));
    }

    backends::event_loop loop;
    core::runtime strand;
    std::shared_ptr<backends::memory_database> database;
    backends::memory_metadata_store store;
    std::string last_context;
};

}  // namespace reeve::support
