#include "conformance/bent_consumer.hpp"

#include "reeve/catalog/key_layout.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/timeout.hpp"

#include <fmt/format.h>

#include <sstream>
#include <stdexcept>
#include <utility>

namespace conformance {

namespace {

using namespace std::chrono_literals;
namespace model = reeve::model;
namespace storage = reeve::storage;
using reeve::awaitable;
using reeve::errc;
using fault = consumer_fault;
using model::commit_outcome;

// Names sort as positions do.
std::string record_name(const model::channel_name& channel, const model::position& at) {
    std::string name = channel.value + "/";
    for (const char byte : at.value) {
        name += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    }
    return name;
}

}  // namespace

// What the background coroutines of a process own together.
struct bent_consumer::shared {
    shared(reeve::core::runtime& on, reeve::node& through, std::shared_ptr<consumer_world> in)
        : strand(on),
          commits(through),
          world(std::move(in)),
          wrong(world->wrong),
          streams(on, world->log),
          committed(on) {}

    reeve::core::runtime& strand;
    reeve::node& commits;
    std::shared_ptr<consumer_world> world;
    fault wrong;
    reeve::backends::memory_message_stream streams;
    reeve::core::event committed;
    bool committing = false;                      // one_commit_at_a_time
    grant first;                                  // first_grant_for_all
    std::map<model::channel_name, grant> firsts;  // keeps_first_grant
    std::set<model::channel_name> known;          // starts_each_channel_once
    std::vector<scope_ptr> forgotten;             // what wrong stops leave running
};

// How far the consuming of one grant has come.
struct bent_consumer::course {
    course(grant asked, grant under) : what(asked->what()), granted(std::move(under)) {}

    model::assignment what;
    grant granted;
    model::position at = what.start;    // the checkpoint, as far as it knows
    model::position from = what.start;  // where it reads on
};

bent_consumer::bent_consumer(reeve::core::runtime& strand, reeve::node& commits,
                             std::shared_ptr<consumer_world> world)
    : shared_(std::make_shared<shared>(strand, commits, std::move(world))) {}

bent_consumer::~bent_consumer() {
    if (shared_->wrong != fault::goes_on_after_death) return;
    for (auto& [channel, one] : running_) shared_->world->undead.push_back(one.scope);
}

bent_consumer::grant bent_consumer::bent_grant(grant granted) {
    if (shared_->wrong == fault::first_grant_for_all) {
        if (!shared_->first) shared_->first = granted;
        return shared_->first;
    }
    if (shared_->wrong == fault::keeps_first_grant) {
        return shared_->firsts.emplace(granted->what().channel, granted).first->second;
    }
    return granted;
}

awaitable<void> bent_consumer::start(grant granted) {
    const shared_ptr all = shared_;
    const model::channel_name channel = granted->what().channel;
    if (all->wrong == fault::leaks) all->world->leaked.push_back(granted);
    if (all->wrong == fault::starts_each_channel_once && !all->known.insert(channel).second) {
        co_return;
    }
    const auto way = std::make_shared<course>(granted, bent_grant(granted));
    if (all->wrong == fault::starts_at_the_beginning) way->at = way->from = model::position();
    auto scope = std::make_shared<reeve::core::task_scope>(all->strand);
    if (all->wrong == fault::failed_start_goes_on && all->world->failing) {
        scope->spawn(consume(all, way));
        all->forgotten.push_back(scope);
    }
    if (all->wrong == fault::cancelled_start_goes_on) {
        scope->spawn(consume(all, way));
        all->forgotten.push_back(scope);
    }
    if (all->world->failing) throw std::runtime_error("the stream cannot be reached");
    // A wait in which a start may be cancelled.
    const auto end = co_await all->streams.end(channel.value);
    co_await all->strand.sleep_for(0ms);
    if (all->wrong == fault::starts_at_the_end) way->from = end;
    if (all->wrong == fault::waits_for_a_message) {
        const auto messages = co_await all->streams.subscribe(channel.value, way->from);
        co_await messages->next(1);
    }
    if (all->wrong != fault::cancelled_start_goes_on) scope->spawn(consume(all, way));
    running_[channel] = consumption{scope, way};
}

awaitable<void> bent_consumer::stop(model::channel_name channel, model::epoch) {
    const shared_ptr all = shared_;
    const auto found = running_.find(channel);
    if (found == running_.end()) {
        if (all->wrong == fault::stop_of_unknown_throws) throw std::runtime_error("not consumed");
        co_return;
    }
    const scope_ptr scope = found->second.scope;
    const course_ptr way = found->second.way;
    if (all->wrong == fault::stops_everything) {
        for (const auto& [name, other] : running_) other.scope->cancel();
    }
    if (all->wrong == fault::stop_lets_it_run) {
        all->forgotten.push_back(scope);
        running_.erase(channel);
        co_return;
    }
    if (all->wrong == fault::stop_waits_for_the_commit ||
        all->wrong == fault::stop_waits_for_a_message) {
        co_await scope->join();
    } else if (all->wrong == fault::forgets_before_it_stops) {
        all->forgotten.push_back(scope);
        running_.erase(channel);
        co_await all->strand.sleep_for(1ms);
        co_await scope->stop();
    } else {
        co_await scope->stop();
    }
    if (all->wrong == fault::flushes) co_await flush(all, way);
    running_.erase(channel);
}

// What is there already, in one commit.
awaitable<void> bent_consumer::flush(shared_ptr all, course_ptr way) {
    try {
        const auto end = co_await all->streams.end(way->what.channel.value);
        if (end <= way->at) co_return;
        const auto messages = co_await all->streams.subscribe(way->what.channel.value, way->at);
        auto some = co_await messages->next(1000);
        co_await commit(all, way, std::move(some));
    } catch (const reeve::error&) {
        // Refused, or the session is over: it is read again by whoever comes next.
    }
}

awaitable<void> bent_consumer::consume(shared_ptr all, course_ptr way) {
    const bool retries =
        all->wrong == fault::retries_fenced || all->wrong == fault::stop_waits_for_the_commit;
    for (;;) {
        bool fenced = false;
        try {
            co_await follow(all, way);
            fenced = !way->granted->valid();
        } catch (const reeve::error& failure) {
            fenced = failure.kind() == reeve::error_class::fenced;
            if (all->wrong == fault::ends_at_lost_answers) co_return;
        }
        if (fenced && !retries) co_return;
        co_await all->strand.sleep_for(2ms);
    }
}

/// Consumes from what it takes for the checkpoint, until a commit is refused.
awaitable<void> bent_consumer::follow(shared_ptr all, course_ptr way) {
    const auto messages = co_await all->streams.subscribe(way->what.channel.value, way->from);
    for (;;) {
        auto some = co_await messages->next(2);
        if (!way->granted->valid() && all->wrong != fault::retries_fenced &&
            all->wrong != fault::retries_stale) {
            co_return;
        }
        const model::position to = some.back().at;
        const auto reply = co_await commit(all, way, std::move(some));
        if (reply.outcome == commit_outcome::stale && all->wrong != fault::retries_stale) {
            throw reeve::error(errc::fenced, reply.why);
        }
        if (reply.outcome == commit_outcome::stale) continue;
        if (reply.outcome == commit_outcome::mismatch && all->wrong != fault::ignores_recorded) {
            way->at = way->from = reply.recorded;
            co_return;
        }
        way->from = to;
        if (all->wrong != fault::always_from_the_start) way->at = to;
    }
}

awaitable<model::commit_reply> bent_consumer::commit(shared_ptr all, course_ptr way,
                                                     std::vector<storage::message> messages) {
    model::host_record record;
    record.name = record_name(way->what.channel, messages.back().at);
    for (const auto& each : messages) {
        record.value += each.payload + ' ';
        if (all->wrong == fault::counts_before_commit) {
            all->world->counted[way->what.channel].push_back(std::stoull(each.payload));
        }
    }
    std::vector<model::host_record> records;
    records.push_back(std::move(record));
    if (all->wrong == fault::one_commit_at_a_time) {
        while (all->committing) co_await all->committed.wait();
        all->committing = true;
    }
    auto call =
        all->commits.commit(way->granted, way->at, messages.back().at, 0, std::move(records));
    model::commit_reply reply;
    if (all->wrong == fault::ends_at_lost_answers) {
        reply = co_await reeve::core::with_deadline<model::commit_reply>(
            all->strand, std::move(call), all->strand.now() + 50ms, errc::outcome_unknown,
            "commit");
    } else {
        reply = co_await std::move(call);
    }
    all->committing = false;
    all->committed.notify_all();
    co_return reply;
}

awaitable<std::unique_ptr<reeve::channel::consumer>> bent_consumer_factory::open(
    reeve::core::runtime& strand, reeve::node& commits) {
    appending_ = std::make_unique<reeve::backends::memory_message_stream>(strand, world_->log);
    co_return std::make_unique<bent_consumer>(strand, commits, world_);
}

awaitable<model::position> bent_consumer_factory::append(model::channel_name channel,
                                                         std::uint64_t number) {
    return appending_->append(channel.value, std::to_string(number));
}

awaitable<std::unique_ptr<storage::metadata_store>> bent_consumer_factory::open_metadata(
    reeve::core::runtime& strand) {
    using store = reeve::backends::memory_metadata_store;
    reading_ = std::make_unique<store>(strand, world_->database);
    co_return std::make_unique<store>(strand, world_->database);
}

awaitable<std::vector<std::uint64_t>> bent_consumer_factory::durable(model::channel_name channel) {
    if (wrong_ == fault::counts_before_commit) co_return world_->counted[channel];
    const reeve::catalog::key_layout keys(root());
    auto records = reading_->list(keys.hosts(channel.value + "/"), 10'000);
    const auto found = co_await std::move(records);
    std::vector<std::uint64_t> numbers;
    for (const auto& each : found.records) {
        std::istringstream words(each.value);
        for (std::uint64_t number = 0; words >> number;) numbers.push_back(number);
    }
    co_return numbers;
}

}  // namespace conformance
