#pragma once

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace reeve::core {

/// A move-only `void()` callable that runs at most once; destroying it unrun drops what it holds.
/// Callables of up to six pointers are stored in place. A host whose loop takes only copyable
/// functions wraps one in a std::shared_ptr.
class task {
public:
    /// Empty.
    task() noexcept = default;

    /// Holds `function`.
    template <class Function>
    requires(!std::is_same_v<std::remove_cvref_t<Function>, task> &&
             std::is_invocable_v<std::remove_cvref_t<Function>&>)
        task(Function&& function) {  // NOLINT(google-explicit-constructor): as std::function
        using callable = std::remove_cvref_t<Function>;
        if constexpr (sizeof(callable) <= sizeof(storage_) &&
                      alignof(callable) <= alignof(std::max_align_t) &&
                      std::is_nothrow_move_constructible_v<callable>) {
            new (static_cast<void*>(storage_)) callable(std::forward<Function>(function));
            table_ = &in_place<callable>;
        } else {
            new (static_cast<void*>(storage_))(callable*)(
                new callable(std::forward<Function>(function)));
            table_ = &on_heap<callable>;
        }
    }

    /// Takes over; `other` becomes empty.
    task(task&& other) noexcept { take(other); }
    /// Drops what it held and takes over; `other` becomes empty.
    task& operator=(task&& other) noexcept {
        if (this != &other) {
            reset();
            take(other);
        }
        return *this;
    }
    task(const task&) = delete;
    task& operator=(const task&) = delete;
    /// Drops what it holds.
    ~task() { reset(); }

    /// True unless empty.
    explicit operator bool() const noexcept { return table_ != nullptr; }

    /// Runs it, then becomes empty. Must not be empty.
    void operator()() {
        task self(std::move(*this));
        self.table_->run(self.storage_);
    }

private:
    struct operations {
        void (*run)(void*);
        void (*move)(void* from, void* to) noexcept;
        void (*destroy)(void*) noexcept;
    };

    template <class Callable>
    static constexpr operations in_place{
        [](void* at) { (*static_cast<Callable*>(at))(); },
        [](void* from, void* to) noexcept {
            new (to) Callable(std::move(*static_cast<Callable*>(from)));
            static_cast<Callable*>(from)->~Callable();
        },
        [](void* at) noexcept { static_cast<Callable*>(at)->~Callable(); }};

    template <class Callable>
    static constexpr operations on_heap{
        [](void* at) { (**static_cast<Callable**>(at))(); },
        [](void* from, void* to) noexcept { new (to)(Callable*)(*static_cast<Callable**>(from)); },
        [](void* at) noexcept { delete *static_cast<Callable**>(at); }};

    void take(task& other) noexcept {
        if (other.table_ == nullptr) return;
        table_ = other.table_;
        table_->move(other.storage_, storage_);
        other.table_ = nullptr;
    }
    void reset() noexcept {
        if (table_ == nullptr) return;
        const operations* table = table_;
        table_ = nullptr;
        table->destroy(storage_);
    }

    alignas(std::max_align_t) std::byte storage_[6 * sizeof(void*)];
    const operations* table_ = nullptr;
};

}  // namespace reeve::core
