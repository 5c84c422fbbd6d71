#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace reeve::catalog {

/// Reads a range page by page, one page ahead: while its caller works on one, the store reads the
/// next. On one strand; strand and store must outlive it.
class page_reader {
public:
    page_reader(core::runtime& strand, storage::metadata_store& store, storage::key_range range,
                std::size_t page_size)
        : state_(std::make_shared<state>(strand, store, std::move(range), page_size)),
          tasks_(strand) {
        begin();
    }

    /// The next page, or nothing after the last one. Throws what the store throws. One call at a
    /// time.
    awaitable<std::optional<storage::page>> next() {
        if (state_->exhausted) co_return std::nullopt;
        while (!state_->ready && !state_->failure) co_await state_->changed.wait();
        if (state_->failure) std::rethrow_exception(state_->failure);
        std::optional<storage::page> page = std::exchange(state_->ready, std::nullopt);
        state_->exhausted = page->resume_at.empty();
        if (!state_->exhausted) {
            state_->range = storage::key_range(page->resume_at, state_->range.last());
            begin();
        }
        co_return page;
    }

private:
    struct state {
        state(core::runtime& strand, storage::metadata_store& in, storage::key_range of,
              std::size_t size)
            : store(in), range(std::move(of)), page_size(size), changed(strand) {}
        storage::metadata_store& store;
        storage::key_range range;  // what is not read yet
        std::size_t page_size;
        std::optional<storage::page> ready;
        std::exception_ptr failure;
        bool exhausted = false;
        core::event changed;
    };

    void begin() {
        tasks_.spawn(fetch(state_), [into = state_](std::exception_ptr why) {
            into->failure = std::move(why);
            into->changed.notify_all();
        });
    }
    static awaitable<void> fetch(std::shared_ptr<state> into) {
        auto page = co_await into->store.list(into->range, into->page_size);
        into->ready = std::move(page);
        into->changed.notify_all();
    }

    std::shared_ptr<state> state_;
    core::task_scope tasks_;
};

}  // namespace reeve::catalog
