#pragma once

#include "reeve/core/clock.hpp"
#include "reeve/core/host_loop.hpp"
#include "reeve/core/task.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <utility>

namespace reeve::backends {

/// The loop of a host that has an Asio executor: an io_context, a strand or a thread pool, of one
/// thread or several. Its context must outlive every runtime made from it, and the runtimes live by
/// the machine's clocks. A pending timer counts as work of the context: stop the context instead of
/// waiting until it has none.
class asio_loop final : public core::host_loop {
public:
    /// Runs works on `executor`.
    explicit asio_loop(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// Posts to the executor.
    void post(core::task work) override { boost::asio::post(executor_, std::move(work)); }

    /// Waits on a steady_timer of the executor's context.
    void post_at(core::time_point when, core::task work) override {
        auto timer = std::make_unique<boost::asio::steady_timer>(executor_, when);
        boost::asio::steady_timer& waiting = *timer;
        waiting.async_wait([timer = std::move(timer), work = std::move(work)](
                               const boost::system::error_code& failure) mutable {
            if (!failure) work();
        });
    }

private:
    boost::asio::any_io_executor executor_;
};

}  // namespace reeve::backends
