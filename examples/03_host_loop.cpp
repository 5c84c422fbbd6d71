// A host that has its own event loop and threads, and no coroutines: its loop offers reeve two
// functions, its engine works with callbacks, and its other threads call reeve and wait.
#include <reeve/backends/in_process_transport.hpp>
#include <reeve/backends/memory_metadata_store.hpp>
#include <reeve/reeve.hpp>

#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace reeve;

/// The host's reactor: one thread, works in the order of their time.
class reactor final : public core::host_loop {
public:
    reactor() : thread_([this] { run(); }) {}
    ~reactor() override {
        {
            const std::lock_guard guard(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    void post(core::task work) override { post_at(core::time_point::min(), std::move(work)); }
    void post_at(core::time_point when, core::task work) override {
        const std::lock_guard guard(mutex_);
        works_.emplace(when, std::move(work));
        changed_.notify_all();
    }

private:
    void run() {
        std::unique_lock guard(mutex_);
        while (!stopping_) {
            if (works_.empty()) {
                changed_.wait(guard);
            } else if (works_.begin()->first > core::system_clock::instance().now()) {
                changed_.wait_until(guard, works_.begin()->first);
            } else {
                core::task work = std::move(works_.begin()->second);
                works_.erase(works_.begin());
                guard.unlock();
                work();
                guard.lock();
            }
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::multimap<core::time_point, core::task> works_;
    bool stopping_ = false;
    std::thread thread_;
};

/// The host's engine, which knows nothing of reeve: it works on a thread of its own and calls back.
class callback_engine {
public:
    using callback = std::function<void()>;
    callback_engine() : thread_([this] { run(); }) {}
    ~callback_engine() {
        add([this] { stopping_ = true; });
        thread_.join();
    }

    void open_channel(const std::string& channel, callback done) {
        add([this, channel, done = std::move(done)] {
            fmt::print("engine: opened {}\n", channel);
            ++open_;
            done();
        });
    }
    void close_channel(const std::string& channel, callback done) {
        add([this, channel, done = std::move(done)] {
            fmt::print("engine: closed {}\n", channel);
            --open_;
            done();
        });
    }
    [[nodiscard]] int open() const { return open_; }

private:
    void add(callback work) {
        const std::lock_guard guard(mutex_);
        works_.push_back(std::move(work));
        changed_.notify_all();
    }
    void run() {
        while (!stopping_) {
            std::vector<callback> now;
            {
                std::unique_lock guard(mutex_);
                changed_.wait(guard, [this] { return !works_.empty(); });
                now.swap(works_);
            }
            for (const auto& work : now) work();
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<callback> works_;
    std::atomic<int> open_{0};
    bool stopping_ = false;  // on the engine's thread only
    std::thread thread_;
};

/// The bridge: each call of reeve begins a call of the engine and waits for its callback.
class bridge final : public channel::consumer {
public:
    bridge(core::runtime& strand, callback_engine& engine) : strand_(strand), engine_(engine) {}

    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override {
        const auto channel = granted->what().channel;
        if (!open_.insert({channel, granted->what().epoch}).second) co_return;
        std::function<void(core::completion<void>)> begin = [this,
                                                             channel](core::completion<void> done) {
            engine_.open_channel(channel.value, done);
        };
        co_await core::from_callback<void>(strand_, std::move(begin));
    }
    awaitable<void> stop(model::channel_name channel, model::epoch) override {
        if (open_.erase(channel) == 0) co_return;
        std::function<void(core::completion<void>)> begin = [this,
                                                             channel](core::completion<void> done) {
            engine_.close_channel(channel.value, done);
        };
        co_await core::from_callback<void>(strand_, std::move(begin));
    }

private:
    core::runtime& strand_;
    callback_engine& engine_;
    std::map<model::channel_name, model::epoch> open_;
};

coordinator_options coordinator_settings() {
    coordinator_options options;
    options.cluster = "example";
    options.leadership.coordinator = "c1";
    options.leadership.address = "here";
    return options;
}

node_options node_settings() {
    node_options options;
    options.self.name = model::node_name("n1");
    options.self.address = "here";
    return options;
}

/// All that is built on the strand; made and destroyed there, as the rules of reeve say.
struct assembly {
    assembly(core::runtime& strand, callback_engine& engine)
        : store(strand, std::make_shared<backends::memory_database>()),
          carrier(strand, network),
          listener(network->listen("here", strand, incoming)),
          consumer(strand, engine),
          leading(strand, store, carrier, incoming, coordinator_settings()),
          data(strand, store, carrier, incoming, consumer, node_settings()) {
        leading.start();
        data.start();
    }

    std::shared_ptr<backends::in_process_network> network =
        std::make_shared<backends::in_process_network>();
    backends::memory_metadata_store store;
    transport::service incoming;
    backends::in_process_transport carrier;
    std::unique_ptr<backends::in_process_listener> listener;
    bridge consumer;
    coordinator leading;
    node data;
};

awaitable<std::shared_ptr<assembly>> build(core::runtime& strand, callback_engine& engine) {
    co_return std::make_shared<assembly>(strand, engine);
}

awaitable<std::size_t> register_three(std::shared_ptr<assembly> all) {
    co_await all->leading.until_leading();
    std::vector<channel::channel_spec> wanted;
    for (const auto* name : {"orders", "payments", "shipments"}) {
        wanted.push_back({model::channel_name(name), model::collection_id(1), {}});
    }
    const auto answers = co_await all->leading.ensure_channels(std::move(wanted), 10s);
    std::size_t registered = 0;
    for (const auto& one : answers) {
        if (one.entry.state == model::channel_state::registered) ++registered;
    }
    co_return registered;
}

awaitable<void> stop(std::shared_ptr<assembly> all) {
    co_await all->data.stop();
    co_await all->leading.stop();
}

}  // namespace

int main() {
    callback_engine engine;
    reactor loop;
    core::runtime strand(loop);
    // From any thread but the loop's: call and wait. On the loop itself that would never end, and
    // is refused.
    auto all = blocking::wait(strand, build(strand, engine));
    const std::size_t registered = blocking::wait(strand, register_three(all));
    const int open = engine.open();
    fmt::print("{} channels registered, {} open in the engine\n", registered, open);
    blocking::wait(strand, stop(all));
    const int left = engine.open();
    fmt::print("after a graceful stop: {} open\n", left);
    // The end, on the loop's thread: what is built on the strand goes before it.
    strand.post(core::task([last = std::move(all)]() mutable { last.reset(); }));
    std::promise<void> done;
    strand.post(core::task([&done] { done.set_value(); }));
    done.get_future().wait();
    return registered == 3 && open == 3 && left == 0 ? 0 : 1;
}
