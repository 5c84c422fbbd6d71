#include "testing/conformance/consumer_trial.hpp"

#include "reeve/backends/memory_metadata_store.hpp"
#include "reeve/transport/message_codec.hpp"

#include <utility>

namespace reeve::testing {

awaitable<std::unique_ptr<storage::metadata_store>> consumer_factory::open_metadata(
    core::runtime& strand) {
    co_return std::make_unique<backends::memory_metadata_store>(
        strand, std::make_shared<backends::memory_database>());
}

std::string consumer_factory::root() const { return "reeve/"; }

awaitable<std::vector<std::uint64_t>> consumer_factory::durable(model::channel_name) {
    throw check_skipped("needs the hook `durable`");
    co_return std::vector<std::uint64_t>();
}

void consumer_factory::let_starts_fail(bool) {
    throw check_skipped("needs the hook `let_starts_fail`");
}

void consumer_factory::close() {}

std::vector<check> consumer_checks(std::shared_ptr<consumer_factory> factory) {
    detail::consumer_rules all;
    for (const auto part : {detail::consumer_grant_rules, detail::consumer_refusal_rules,
                            detail::consumer_stop_rules, detail::consumer_lifetime_rules}) {
        const auto rules = part();
        all.insert(all.end(), rules.begin(), rules.end());
    }
    return detail::make_checks<detail::consumer_trial>(factory, all);
}

namespace detail {

namespace {

// Of one call to the leader: short, so that a silent one is noticed soon.
constexpr auto request_limit = 250ms;
const model::node_name this_node("n1");

// The agent takes every std::exception of a consumer as a failure, and so do these.
awaitable<bool> start_of(channel::consumer& engine, std::shared_ptr<const channel::grant> granted) {
    try {
        co_await engine.start(std::move(granted));
    } catch (const std::exception&) {
        co_return false;
    }
    co_return true;
}

awaitable<bool> stop_of(channel::consumer& engine, model::channel_name channel,
                        model::epoch epoch) {
    try {
        co_await engine.stop(std::move(channel), epoch);
    } catch (const std::exception&) {
        co_return false;
    }
    co_return true;
}

}  // namespace

consumer_trial::consumer_trial(core::runtime& on, consumer_factory& by)
    : strand(on), factory(by), keys_(by.root()), relay_(on) {}

// As a process that ends: what still runs is dropped before what it uses.
consumer_trial::~consumer_trial() {
    strand.shutdown();
    engine_.reset();
    node_.reset();
    factory.close();
}

awaitable<void> consumer_trial::begin() {
    store_ = co_await factory.open_metadata(strand);
    if (!store_) throw check_failure("the factory's `open_metadata` returned no store");
    leader_ = std::make_unique<consumer_leader>(strand, *store_, keys_);
    co_await leader_->open();
    co_await open();
}

awaitable<void> consumer_trial::open(std::chrono::milliseconds ttl) {
    kill_consumer();
    node_.reset();
    incoming_ = std::make_unique<reeve::transport::service>();
    node_options options;
    options.root = factory.root();
    options.self.name = this_node;
    options.self.address = this_node.value;
    options.request = request_limit;
    options.retry.delay_min = 1ms;
    options.retry.delay_max = 10ms;
    options.lease.ttl = ttl;
    options.lease.margin = ttl / 50;
    node_ = std::make_unique<reeve::node>(strand, *store_, *leader_, *incoming_, relay_, options);
    node_->start();
    co_await next_session(model::incarnation());
    co_await open_consumer();
}

void consumer_trial::kill_consumer() {
    engine_.reset();
    relay_.abandon();
}

awaitable<void> consumer_trial::open_consumer() {
    beside_.reset();
    engine_ = co_await factory.open(strand, *node_);
    if (!engine_) throw check_failure("the factory's `open` returned no consumer");
}

awaitable<model::position> consumer_trial::append(model::channel_name channel, int count) {
    for (int each = 0; each < count; ++each) {
        auto call = factory.append(channel, ++appended_[channel]);
        model::position at =
            co_await within<model::position>(strand, std::move(call), "append by the factory");
        expect(at > ends_[channel],
               "the factory's `append` returned a position that is not after the one before");
        ends_[channel] = at;
    }
    co_return ends_[channel];
}

awaitable<void> consumer_trial::caught_up(model::channel_name channel) {
    const auto deadline = strand.now() + step_patience;
    for (;;) {
        const auto at = co_await leader_->checkpoint(channel);
        if (at == ends_[channel]) co_return;
        if (strand.now() > deadline) {
            throw check_failure(
                fmt::format("waited in vain for a commit of the messages of channel {}", channel));
        }
        co_await strand.sleep_for(1ms);
    }
}

awaitable<trial_grant_ptr> consumer_trial::give(model::channel_name channel) {
    auto what = co_await leader_->record(std::move(channel), node_->process());
    co_return co_await tell(std::move(what));
}

awaitable<trial_grant_ptr> consumer_trial::tell(model::assignment what) {
    model::assign_request request;
    request.node = this_node;
    request.process = node_->process();
    request.assignments.push_back(what);
    const std::string body = reeve::transport::encode(request);
    const auto told =
        detail::start<std::string>(strand, incoming_->dispatch(reeve::transport::encode_request(
                                               reeve::transport::kind::assign, body, {})));
    std::function<bool()> decided = [this, what, told] {
        return relay_.starting(what.channel, what.epoch) || told->how != ending::waiting;
    };
    co_await wait_for(decided, "the agent, to start a channel");
    const auto granted = relay_.starting(what.channel, what.epoch);
    if (!granted) throw check_failure("the agent refused a channel: its session was lost");
    co_return granted;
}

awaitable<bool> consumer_trial::try_start(trial_grant_ptr granted) {
    return start_of(*engine_, std::move(granted));
}

awaitable<void> consumer_trial::start(trial_grant_ptr granted) {
    auto call = engine_->start(granted);
    co_await within<void>(strand, std::move(call), "start");
    relay_.started(granted);
}

awaitable<trial_grant_ptr> consumer_trial::consume(model::channel_name channel) {
    auto granted = co_await give(std::move(channel));
    co_await start(granted);
    co_return granted;
}

awaitable<void> consumer_trial::failed(trial_grant_ptr granted) {
    relay_.failed(granted);
    std::function<bool()> over = [granted] { return granted->over(); };
    return wait_for(std::move(over), "the agent, to end a grant whose start failed");
}

awaitable<void> consumer_trial::stop_asked(trial_grant_ptr granted) {
    std::function<bool()> asked = [this, granted] { return relay_.stop_asked(granted); };
    return wait_for(std::move(asked), "the agent, to stop a channel");
}

awaitable<void> consumer_trial::release(trial_grant_ptr granted) {
    if (!relay_.stop_asked(granted)) {
        model::release_request request;
        request.node = this_node;
        request.process = node_->process();
        request.grants.emplace_back(granted->what().channel, granted->what().epoch);
        const std::string body = reeve::transport::encode(request);
        detail::start<std::string>(strand, incoming_->dispatch(reeve::transport::encode_request(
                                               reeve::transport::kind::release, body, {})));
    }
    return stop_asked(std::move(granted));
}

awaitable<bool> consumer_trial::try_stop(trial_grant_ptr granted) {
    return stop_of(*engine_, granted->what().channel, granted->what().epoch);
}

awaitable<void> consumer_trial::stop(trial_grant_ptr granted) {
    co_await release(granted);
    auto call = engine_->stop(granted->what().channel, granted->what().epoch);
    co_await within<void>(strand, std::move(call), "stop");
    relay_.stopped(granted);
}

awaitable<void> consumer_trial::lose_session(trial_grant_ptr granted) {
    const auto found = co_await store_->get(keys_.node(this_node));
    if (found) co_await store_->revoke(found->lease);
    co_await stop_asked(std::move(granted));
}

awaitable<void> consumer_trial::next_session(model::incarnation before) {
    std::function<bool()> registered = [this, before] {
        return node_->process() && node_->process() != before;
    };
    return wait_for(std::move(registered), "a session of the node");
}

awaitable<void> consumer_trial::wait_for(std::function<bool()> condition, std::string what) {
    return until(strand, std::move(condition), std::move(what));
}

awaitable<void> consumer_trial::elsewhere() {
    const model::channel_name beside("beside");
    if (!beside_) beside_ = co_await consume(beside);
    co_await append(beside, 1);
    co_await caught_up(beside);
}

awaitable<void> consumer_trial::stays_quiet(trial_grant_ptr granted, std::string what) {
    const std::size_t before = granted->asked();
    co_await append(granted->what().channel, 1);
    co_await elsewhere();
    co_await elsewhere();
    co_await yield(strand, 20);
    if (granted->asked() != before) {
        throw check_failure(fmt::format("the consumer came back to the grant of epoch {} after {}",
                                        granted->what().epoch, what));
    }
}

void consumer_trial::all_committed(const model::channel_name& channel) {
    for (const auto& each : leader_->seen(channel)) {
        if (each.outcome == model::commit_outcome::committed) continue;
        throw check_failure(fmt::format("a commit of channel {} under epoch {} was refused as {}",
                                        channel, each.request.epoch, name(each.outcome)));
    }
}

awaitable<void> consumer_trial::each_counts_once(model::channel_name channel) {
    auto call = factory.durable(channel);
    const auto numbers = co_await within<std::vector<std::uint64_t>>(strand, std::move(call),
                                                                     "durable by the factory");
    expect_equal(numbers.size(), appended_[channel], "the number of messages that count");
    for (std::size_t index = 0; index < numbers.size(); ++index) {
        expect_equal(numbers[index], index + 1, "a message that counts, in order");
    }
}

}  // namespace detail

}  // namespace reeve::testing
