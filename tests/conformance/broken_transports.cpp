#include "catch.hpp"
#include "conformance/bent_store.hpp"
#include "conformance/leaks_allowed.hpp"
#include "reeve/backends/in_process_transport.hpp"
#include "reeve/core/event.hpp"
#include "reeve/testing/conformance_catch.hpp"
#include "reeve/testing/conformance_transport.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <utility>

namespace conformance {

namespace {

using namespace reeve::testing;
using reeve::errc;
using reeve::error;
using reeve::core::runtime;
using reeve::core::time_point;
using handler = std::shared_ptr<const reeve::transport::service>;
using routes = std::map<std::string, handler>;

/// How the transport below breaks one rule.
enum class fault {
    none,
    changes_replies,
    cuts_large_requests,
    one_at_a_time,
    unknown_is_silent,
    silence_is_unavailable,
    sends_past_deadline,
    aborts_when_cancelled,
    strange_after_end,
    waits_elsewhere,
};

// Hands requests to the receiver's coroutine directly: the smallest right transport, and nine
// wrong ones.
class direct_transport final : public reeve::transport::transport {
public:
    direct_transport(runtime& strand, std::shared_ptr<routes> to, fault wrong,
                     std::shared_ptr<std::vector<std::function<void()>>> elsewhere)
        : strand_(strand), to_(std::move(to)), wrong_(wrong), elsewhere_(std::move(elsewhere)) {}

    awaitable<std::string> call(std::string address, std::string request,
                                time_point deadline) override {
        if (wrong_ == fault::waits_elsewhere) return lost(elsewhere_);
        if (wrong_ == fault::one_at_a_time && *busy_) return refuse();
        return run(strand_, to_, wrong_, busy_, std::move(address), std::move(request), deadline);
    }

private:
    static awaitable<std::string> refuse() {
        throw error(errc::unavailable, "one call at a time");
        co_return std::string();
    }
    static awaitable<std::string> lost(
        std::shared_ptr<std::vector<std::function<void()>>> elsewhere) {
        auto initiate = [elsewhere](auto resume) {
            auto shared = std::make_shared<decltype(resume)>(std::move(resume));
            elsewhere->emplace_back([shared] {});
        };
        auto wait = boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void()>(
            std::move(initiate), boost::asio::use_awaitable);
        co_await std::move(wait);
        co_return std::string();
    }
    static awaitable<std::string> run(runtime& strand, std::shared_ptr<routes> to, fault wrong,
                                      std::shared_ptr<bool> busy, std::string address,
                                      std::string request, time_point deadline) {
        const auto found = to->find(address);
        if (found == to->end()) {
            const errc code =
                wrong == fault::unknown_is_silent ? errc::outcome_unknown : errc::unavailable;
            throw error(code, "nobody at " + address);
        }
        const bool late = strand.now() >= deadline;
        if (late && wrong != fault::sends_past_deadline) {
            throw error(errc::deadline_exceeded, "call of " + address);
        }
        if (wrong == fault::cuts_large_requests)
            request.resize(std::min<std::size_t>(request.size(), 65536));
        const auto answer = std::make_shared<pending>(strand);
        boost::asio::co_spawn(strand.executor(),
                              answer_into(answer, found->second, std::move(request)),
                              [](const std::exception_ptr& failure) {
                                  if (failure) std::rethrow_exception(failure);
                              });
        if (late) throw error(errc::deadline_exceeded, "call of " + address);
        *busy = true;
        const std::weak_ptr<bool> alive = busy;
        busy.reset();
        while (!answer->bytes) {
            auto how = reeve::core::wait_result::notified;
            try {
                how = co_await answer->ready.wait_until(deadline);
            } catch (const boost::system::system_error&) {
                if (wrong == fault::aborts_when_cancelled) throw;
                throw error(errc::outcome_unknown, "cancelled call of " + address);
            }
            if (how == reeve::core::wait_result::notified || answer->bytes) continue;
            const bool denies = wrong == fault::silence_is_unavailable;
            throw error(denies ? errc::unavailable : errc::outcome_unknown, "call of " + address);
        }
        if (wrong == fault::strange_after_end && alive.expired()) {
            throw std::logic_error("a transport was used after its end");
        }
        if (wrong == fault::changes_replies) *answer->bytes += '.';
        co_return *answer->bytes;
    }

    struct pending {
        explicit pending(runtime& strand) : ready(strand) {}
        std::optional<std::string> bytes;
        reeve::core::event ready;
    };
    static awaitable<void> answer_into(std::shared_ptr<pending> answer, handler receiver,
                                       std::string request) {
        std::string reply = co_await receiver->dispatch(std::move(request));
        answer->bytes = std::move(reply);
        answer->ready.notify_all();
    }

    runtime& strand_;
    std::shared_ptr<routes> to_;
    fault wrong_;
    std::shared_ptr<std::vector<std::function<void()>>> elsewhere_;
    std::shared_ptr<bool> busy_ = std::make_shared<bool>(false);
};

class direct_factory final : public transport_factory {
public:
    explicit direct_factory(fault wrong) : wrong_(wrong) {}

    void reset() override { routes_ = std::make_shared<routes>(); }
    awaitable<std::unique_ptr<reeve::transport::transport>> open(runtime& strand) override {
        co_return std::make_unique<direct_transport>(strand, routes_, wrong_, elsewhere_);
    }
    awaitable<std::string> serve(runtime&, handler handle) override {
        std::string address = "node" + std::to_string(routes_->size());
        routes_->emplace(address, std::move(handle));
        co_return address;
    }
    void stop_serving() override { routes_->clear(); }
    std::string unknown_address() const override { return "nobody"; }

private:
    fault wrong_;
    std::shared_ptr<routes> routes_;
    std::shared_ptr<std::vector<std::function<void()>>> elsewhere_ =
        std::make_shared<std::vector<std::function<void()>>>();
};

class in_process_factory final : public transport_factory {
public:
    void reset() override { network_ = std::make_shared<reeve::backends::in_process_network>(); }
    awaitable<std::unique_ptr<reeve::transport::transport>> open(runtime& strand) override {
        co_return std::make_unique<reeve::backends::in_process_transport>(strand, network_);
    }
    awaitable<std::string> serve(runtime& strand, handler receiver) override {
        std::string address = "node" + std::to_string(listeners_.size());
        receivers_.push_back(receiver);
        listeners_.push_back(network_->listen(address, strand, *receiver));
        co_return address;
    }
    void stop_serving() override {
        listeners_.clear();
        receivers_.clear();
    }
    std::string unknown_address() const override { return "nobody"; }

private:
    std::shared_ptr<reeve::backends::in_process_network> network_;
    std::vector<handler> receivers_;
    std::vector<std::unique_ptr<reeve::backends::in_process_listener>> listeners_;
};

}  // namespace

TEST_CASE("the in-process transport keeps every rule") {
    run_catch(transport_checks(std::make_shared<in_process_factory>()));
}

TEST_CASE("a transport that hands requests over directly keeps every rule") {
    run_catch(transport_checks(std::make_shared<direct_factory>(fault::none)));
}

TEST_CASE("every check of a transport catches a transport that breaks its rule") {
    const leaks_allowed here;
    const std::map<std::string, fault> broken{
        {"reply_comes_back", fault::changes_replies},
        {"any_bytes_are_carried", fault::cuts_large_requests},
        {"calls_overlap", fault::one_at_a_time},
        {"unknown_address_is_not_sent", fault::unknown_is_silent},
        {"silence_is_an_unknown_outcome", fault::silence_is_unavailable},
        {"past_deadline_is_told_right", fault::sends_past_deadline},
        {"cancelled_call_tells_the_truth", fault::aborts_when_cancelled},
        {"transport_dies_with_calls_in_flight", fault::strange_after_end},
        {"strand_ends_with_transport_calls_in_flight", fault::waits_elsewhere},
    };
    for (const auto& [check, wrong] : broken) {
        for (const auto& each : transport_checks(std::make_shared<direct_factory>(wrong))) {
            if (each.name != check) continue;
            const auto report = each.run();
            INFO(report.name << " reported " << name(report.what) << ": " << report.why);
            CHECK(report.what == check_verdict::failed);
        }
    }
    for (const auto& each : transport_checks(std::make_shared<direct_factory>(fault::none))) {
        INFO(each.name);
        CHECK(broken.contains(each.name));
    }
}

}  // namespace conformance
