#pragma once

#include "reeve/core/callback.hpp"
#include "reeve/core/task.hpp"

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace linedb {

/// Threads for calls that block: SQLite and files. reeve starts none itself.
class worker_pool {
public:
    /// Starts so many. A subscription or watch that waits occupies one.
    explicit worker_pool(std::size_t threads);
    /// Drops what has not begun and waits for the rest.
    ~worker_pool();
    worker_pool(const worker_pool&) = delete;
    worker_pool& operator=(const worker_pool&) = delete;

    /// For the stores.
    [[nodiscard]] reeve::core::blocking_executor executor() const;

private:
    struct queue {
        std::mutex mutex;
        std::condition_variable changed;
        std::deque<reeve::core::task> works;
        bool closed = false;
    };
    static void work(queue& from);

    std::shared_ptr<queue> queue_;
    std::vector<std::thread> threads_;
};

}  // namespace linedb
