#pragma once

#include "catch.hpp"
#include "core/manual_loop.hpp"
#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/channel/agent.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/transport/message_codec.hpp"
#include "reeve/transport/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agent_test {

using namespace reeve;
using namespace std::chrono_literals;
using model::agent_outcome;
using model::commit_outcome;

/// A leader that answers commits as the test says, and a wire that fails as the test says.
class fake_leader final : public transport::transport {
public:
    explicit fake_leader(core::runtime& strand) : strand_(strand) {
        service_.on(std::string(reeve::transport::kind::commit),
                    [this](std::string body, reeve::transport::request_info) {
                        return decide(std::move(body));
                    });
    }

    awaitable<std::string> call(std::string, std::string request, core::time_point) override {
        if (!failures.empty()) {
            const errc code = failures.front();
            failures.pop_front();
            throw error(code, "the wire");
        }
        co_await strand_.sleep_for(delay);
        auto reply = co_await service_.dispatch(std::move(request));
        if (garbled) reply.resize(reply.size() / 2);
        co_return reply;
    }

    bool garbled = false;                 ///< answers arrive cut off
    std::deque<errc> failures;            ///< of the next calls
    std::deque<commit_outcome> outcomes;  ///< of the next commits; then committed
    std::vector<std::string> asked;       ///< the commits that arrived, as sent
    std::chrono::milliseconds delay{1};   ///< of an answer
    model::position recorded;             ///< told after a mismatch

private:
    awaitable<std::string> decide(std::string body) {
        model::commit_request request;
        reeve::transport::decode(body, request);
        asked.push_back(std::move(body));
        model::commit_reply reply;
        reply.outcome = commit_outcome::committed;
        if (!outcomes.empty()) {
            reply.outcome = outcomes.front();
            outcomes.pop_front();
        }
        reply.recorded = reply.outcome == commit_outcome::committed ? request.to : recorded;
        reply.why = "as the test says";
        co_return reeve::transport::encode(reply);
    }

    core::runtime& strand_;
    reeve::transport::service service_;
};

/// An engine that writes down what it is told, fails and dawdles as the test says, and notices
/// whatever it must never be told.
class fake_engine final : public channel::consumer {
public:
    explicit fake_engine(core::runtime& strand) : strand_(strand) {}

    awaitable<void> start(std::shared_ptr<const channel::grant> granted) override {
        const std::string name = granted->what().channel.value;
        const auto epoch = granted->what().epoch.value;
        calls.push_back(fmt::format("start {} {}", name, epoch));
        last_given = granted;
        enter(name);
        if (running.contains(name)) broken.push_back("two epochs of " + name + " at once");
        if (epoch <= over[name]) broken.push_back("an ended epoch of " + name + " started");
        co_await strand_.sleep_for(pause());
        --inside_[name];
        if (fails(start_failures, name)) throw std::runtime_error("cannot start");
        running[name] = std::move(granted);
    }

    awaitable<void> stop(model::channel_name channel, model::epoch epoch) override {
        const std::string name = channel.value;
        calls.push_back(fmt::format("stop {} {}", name, epoch));
        enter(name);
        co_await strand_.sleep_for(pause());
        --inside_[name];
        if (fails(stop_failures, name)) throw std::runtime_error("cannot stop");
        const auto found = running.find(name);
        if (found != running.end() && found->second->what().epoch == epoch) running.erase(found);
        if (over[name] < epoch.value) over[name] = epoch.value;
    }

    std::vector<std::string> calls;
    std::map<std::string, std::shared_ptr<const channel::grant>> running;
    std::shared_ptr<const channel::grant> last_given;
    std::map<std::string, int> start_failures;  ///< how many more
    std::map<std::string, int> stop_failures;   ///< how many more
    std::map<std::string, std::uint64_t> over;  ///< the highest epoch that must not start
    std::vector<std::string> broken;            ///< promises that the agent broke
    std::chrono::milliseconds fast{0};          ///< what start and stop take, at least
    std::chrono::milliseconds slow{1};          ///< what start and stop take, at most
    core::random random{1};
    std::uint64_t failures_percent = 0;  ///< of random failures

private:
    void enter(const std::string& name) {
        if (inside_[name]++ != 0) broken.push_back("calls for " + name + " overlap");
    }
    std::chrono::milliseconds pause() {
        return std::chrono::milliseconds(random.between(static_cast<std::uint64_t>(fast.count()),
                                                        static_cast<std::uint64_t>(slow.count())));
    }
    bool fails(std::map<std::string, int>& counted, const std::string& name) {
        if (random.chance(failures_percent, 100)) return true;
        const auto found = counted.find(name);
        return found != counted.end() && found->second-- > 0;
    }

    core::runtime& strand_;
    std::map<std::string, int> inside_;
};

/// Keeps what is said from warnings up, and lines of info.
class kept_log final : public core::log_sink {
public:
    [[nodiscard]] bool enabled(core::log_level level) const noexcept override {
        return level >= core::log_level::info;
    }
    void write(core::log_level, std::string_view, std::string_view text) noexcept override {
        lines.emplace_back(text);
    }
    /// How many lines contain `text`.
    [[nodiscard]] int count(std::string_view text) const {
        return static_cast<int>(std::count_if(
            lines.begin(), lines.end(),
            [&](const std::string& line) { return line.find(text) != std::string::npos; }));
    }
    std::vector<std::string> lines;
};

/// The process of node n1 with an open session, an agent, and the leader behind the wire.
struct fixture {
    fixture() {
        model::leader_info known;
        known.coordinator = "c1";
        known.address = "c1:1";
        known.nonce = "x";
        auto change = storage::transaction().put(keys.leader(), catalog::encode(known));
        REQUIRE(loop.wait(strand, store.commit(std::move(change))));
        REQUIRE(loop.wait(strand, session.open()));
        background.spawn(agent.run());
    }
    ~fixture() { strand.shutdown(); }
    fixture(const fixture&) = delete;
    fixture& operator=(const fixture&) = delete;

    static model::node_info self() {
        model::node_info info;
        info.name = model::node_name("n1");
        info.address = "n1:1";
        return info;
    }
    [[nodiscard]] model::assign_request assignment(const std::string& channel,
                                                   std::uint64_t epoch) const {
        model::assign_request request;
        request.node = session.self().name;
        request.process = session.process();
        auto& one = request.assignments.emplace_back();
        one.channel = model::channel_name(channel);
        one.epoch = model::epoch(epoch);
        return request;
    }
    [[nodiscard]] model::release_request of(const std::string& channel, std::uint64_t epoch) const {
        model::release_request request;
        request.node = session.self().name;
        request.process = session.process();
        request.grants.emplace_back(model::channel_name(channel), model::epoch(epoch));
        return request;
    }
    agent_outcome told(model::assign_request request) {
        const auto reply = loop.wait(strand, agent.assign(std::move(request)));
        REQUIRE(reply.answers.size() == 1);
        return reply.answers.front().outcome;
    }
    agent_outcome told(model::release_request request) {
        const auto reply = loop.wait(strand, agent.release(std::move(request)));
        REQUIRE(reply.answers.size() == 1);
        return reply.answers.front().outcome;
    }
    agent_outcome assign(const std::string& channel, std::uint64_t epoch) {
        return told(assignment(channel, epoch));
    }
    agent_outcome release(const std::string& channel, std::uint64_t epoch) {
        return told(of(channel, epoch));
    }
    model::commit_reply commit(const std::shared_ptr<const channel::grant>& granted,
                               const char* from, const char* to) {
        return loop.wait(strand,
                         agent.commit(granted, model::position(from), model::position(to), 0, {}));
    }
    [[nodiscard]] channel::agent_status status(const std::string& channel) const {
        for (const auto& one : agent.status()) {
            if (one.channel.value == channel) return one;
        }
        return {};
    }
    core::runtime_options with_log() {
        auto options = loop.options();
        options.log = &log;
        return options;
    }
    /// Keeps the session from now on, however long the test takes.
    void hold() { background.spawn(session.hold()); }

    manual_loop loop;
    kept_log log;
    core::runtime strand{loop, with_log()};
    std::shared_ptr<backends::memory_database> database =
        std::make_shared<backends::memory_database>([this] {
            backends::memory_database_options options;
            options.clock = &loop;
            return options;
        }());
    backends::memory_metadata_store store{strand, database};
    catalog::key_layout keys{"t/"};
    fake_leader wire{strand};
    fake_engine engine{strand};
    cluster::session session{strand, store, keys, self(), cluster::lease_options()};
    cluster::leader_client leader{strand, store, keys, wire};
    channel::agent agent{strand, session, leader, engine};
    core::task_scope background{strand};
};

template <class Function>
errc code_of(Function function) {
    try {
        function();
    } catch (const error& failure) {
        return failure.code_value();
    }
    return errc{};
}

}  // namespace agent_test
