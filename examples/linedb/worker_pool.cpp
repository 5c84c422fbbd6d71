#include "worker_pool.hpp"

#include <utility>

namespace linedb {

worker_pool::worker_pool(std::size_t threads) : queue_(std::make_shared<queue>()) {
    threads_.reserve(threads);
    for (std::size_t index = 0; index < threads; ++index) {
        threads_.emplace_back([shared = queue_] { work(*shared); });
    }
}

worker_pool::~worker_pool() {
    std::deque<reeve::core::task> dropped;
    {
        const std::lock_guard guard(queue_->mutex);
        queue_->closed = true;
        dropped.swap(queue_->works);
    }
    queue_->changed.notify_all();
    for (auto& thread : threads_) thread.join();
}

reeve::core::blocking_executor worker_pool::executor() const {
    return [shared = queue_](reeve::core::task work) {
        const std::lock_guard guard(shared->mutex);
        if (shared->closed) return;
        shared->works.push_back(std::move(work));
        shared->changed.notify_one();
    };
}

void worker_pool::work(queue& from) {
    for (;;) {
        std::unique_lock guard(from.mutex);
        from.changed.wait(guard, [&from] { return from.closed || !from.works.empty(); });
        if (from.closed) return;
        reeve::core::task next = std::move(from.works.front());
        from.works.pop_front();
        guard.unlock();
        next();
    }
}

}  // namespace linedb
