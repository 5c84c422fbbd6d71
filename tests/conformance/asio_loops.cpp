#include "reeve/backends/asio_loop.hpp"
#include "reeve/testing/conformance_catch.hpp"
#include "reeve/testing/conformance_loop.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

using namespace reeve::testing;

namespace {

/// A host's io_context, run on the caller's thread.
class context_loop final : public driven_loop {
public:
    reeve::core::host_loop& loop() override { return loop_; }
    void run(std::chrono::milliseconds patience) override {
        const auto work = boost::asio::make_work_guard(context_);
        context_.run_for(patience);
    }
    void finish() override { context_.stop(); }

private:
    boost::asio::io_context context_;
    reeve::backends::asio_loop loop_{context_.get_executor()};
};

/// A host's thread pool: works run at once, on several threads.
class pool_loop final : public driven_loop {
public:
    ~pool_loop() override {
        pool_.stop();
        pool_.join();
    }
    reeve::core::host_loop& loop() override { return loop_; }
    void run(std::chrono::milliseconds patience) override {
        {
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, patience, [this] { return finished_; });
        }
        pool_.stop();
        pool_.join();
    }
    void finish() override {
        const std::lock_guard lock(mutex_);
        finished_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool finished_ = false;
    boost::asio::thread_pool pool_{3};
    reeve::backends::asio_loop loop_{pool_.get_executor()};
};

template <class Loop>
class asio_loop_factory final : public host_loop_factory {
public:
    std::unique_ptr<driven_loop> make_loop() override { return std::make_unique<Loop>(); }
};

}  // namespace

TEST_CASE("asio_loop on an io_context keeps every rule of a host's loop") {
    run_catch(host_loop_checks(std::make_shared<asio_loop_factory<context_loop>>()));
}

TEST_CASE("asio_loop on a thread pool keeps every rule of a host's loop") {
    run_catch(host_loop_checks(std::make_shared<asio_loop_factory<pool_loop>>()));
}
