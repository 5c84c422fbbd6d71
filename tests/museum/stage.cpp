#include "museum/stage.hpp"

#include "museum/players.hpp"
#include "reeve/core/error.hpp"
#include "reeve/transport/message_codec.hpp"
#include "reeve/transport/service.hpp"

#include <fmt/format.h>

#include <utility>

namespace museum {

using std::chrono::minutes;
using std::chrono::seconds;

bool message::is(std::string_view kind) const {
    return bytes.find(fmt::format("\"{}\"", kind)) != std::string::npos;
}

stage::stage(std::uint64_t seed, stage_options options)
    : options_(options),
      world_(seed),
      stores_(testing::host_memory_stores(world_)),
      answers_(world_.world_runtime()) {
    ledger_ = std::make_shared<simulated::channel_ledger>(world_, world_.metadata(), keys_);
    world_.host(std::make_shared<staged_store>(*this, ledger_));
    for (std::uint32_t number = 0; number < options.coordinators; ++number) {
        coordinators_.push_back(
            &world_.add(fmt::format("coordinator-{}", number), [this](testing::process& self) {
                return std::make_shared<staged_coordinator>(*this, self);
            }));
    }
    auto add_node = [this](const std::string& process, const std::string& name) {
        auto& added = world_.add(process, [this, name](testing::process& self) {
            return std::make_shared<staged_node>(*this, self, name);
        });
        added.on_kill([this, process](testing::disk_fate) { census_.killed(process); });
        return &added;
    };
    for (std::uint32_t number = 0; number < options.nodes; ++number) {
        const std::string name = fmt::format("node-{}", number);
        nodes_.push_back(add_node(name, name));
    }
    twin_ = add_node("twin-of-node-0", "node-0");
    for (std::uint32_t number = 0; number < options.channels; ++number) {
        for (std::uint64_t row = 1; row <= rows; ++row) {
            ledger_->appended(channel(number), row, after_row(row).value);
        }
    }
}

stage::~stage() {
    for (const auto& one : world_.processes()) one->kill();
}

void stage::go_on() {
    if (world_.failed()) throw play_over();
}

void stage::until(const std::function<bool()>& done, std::string_view what,
                  std::chrono::nanoseconds limit) {
    const bool came = world_.run_until(done, limit);
    go_on();
    require(came, fmt::format("the play: never came to pass: {}", what));
}

void stage::pass(std::chrono::nanoseconds duration) {
    world_.run_for(duration);
    go_on();
}

void stage::require(bool holds, std::string_view text) {
    world_.require(holds, text);
    go_on();
}

void stage::open() {
    for (auto* one : coordinators_) one->start();
    for (std::uint32_t number = 0; number < options_.nodes; ++number) {
        nodes_[number]->start();
        until([&] { return leading() != nullptr && leader().status().nodes == number + 1; },
              fmt::format("node {} is known", number));
        if (number == 0) until([this] { return unsettled().empty(); }, "node 0 has the channels");
    }
}

void stage::close() {
    on_message = nullptr;
    on_write = nullptr;
    stops_wait = false;
    failing_starts.clear();
    answer();
    world_.heal();
    for (const auto& one : world_.processes()) {
        one->mend_stores();
        if (one->alive() && one->paused()) one->resume();
    }
    for (auto* one : coordinators_) {
        if (!one->alive()) one->start();
    }
    for (const auto& one : world_.processes()) {
        const bool node = one->name().starts_with("coordinator") == false;
        if (node && one->alive()) node_of(*one).wake();
    }
    const bool settled = world_.run_until([this] { return unsettled().empty(); }, minutes(5));
    go_on();
    require(settled, fmt::format("I4: {}", unsettled()));
    for (std::uint32_t number = 0; number < options_.channels; ++number) {
        if (entry(number).state == model::channel_state::dropped) continue;
        auto outcome = commit(*holder(number), 1, number);
        // One that did not hear of its last commit goes on from what is recorded (C3).
        if (outcome == model::commit_outcome::mismatch)
            outcome = commit(*holder(number), 1, number);
        require(outcome == model::commit_outcome::committed,
                fmt::format("I4: the holder of {} cannot commit", channel(number)));
    }
}

testing::process* stage::leading() {
    for (auto* one : coordinators_) {
        if (one->alive() && !one->paused() && coordinator_of(*one).leading()) return one;
    }
    return nullptr;
}

reeve::coordinator& stage::leader() {
    until([this] { return leading() != nullptr; }, "somebody leads");
    return coordinator_of(*leading());
}

reeve::coordinator& stage::coordinator_of(testing::process& which) {
    return which.program<staged_coordinator>().coordinator();
}

staged_node& stage::node_of(testing::process& which) { return which.program<staged_node>(); }

std::string stage::channel(std::uint32_t number) { return fmt::format("c{:05}", number); }

const model::channel_entry& stage::entry(std::uint32_t number) {
    return ledger_->channels()[channel(number)].entry;
}

testing::process* stage::holder(std::uint32_t number) {
    const auto& recorded = entry(number);
    if (!model::has_holder(recorded.state)) return nullptr;
    auto all = nodes_;
    all.push_back(twin_);
    for (auto* one : all) {
        if (one->alive() && node_of(*one).process() == recorded.process) return one;
    }
    return nullptr;
}

bool stage::registered(testing::process& with, std::uint32_t number) {
    const auto& recorded = entry(number);
    return recorded.state == model::channel_state::registered && holder(number) == &with &&
           node_of(with).consuming(channel(number)) == recorded.epoch;
}

void stage::until_registered(testing::process& with, std::uint32_t number) {
    until([&] { return registered(with, number); },
          fmt::format("{} is registered with {}", channel(number), with.name()));
}

void stage::move(std::uint32_t to, std::uint32_t number) {
    leader().move(model::channel_name(channel(number)),
                  model::node_name(fmt::format("node-{}", to)));
}

std::string stage::unsettled() {
    for (std::uint32_t number = 0; number < options_.channels; ++number) {
        const auto& recorded = entry(number);
        if (recorded.state == model::channel_state::dropped) continue;
        auto* with = holder(number);
        if (recorded.state != model::channel_state::registered || with == nullptr) {
            return fmt::format("{} is {} with nobody alive", channel(number),
                               model::name(recorded.state));
        }
        const auto consumed = node_of(*with).consuming(channel(number));
        if (consumed == recorded.epoch) continue;
        return fmt::format("{} is registered at epoch {}, and {} consumes it under {}",
                           channel(number), recorded.epoch, with->name(), consumed);
    }
    auto* leads = leading();
    if (leads == nullptr) return "nobody leads";
    const auto plan = coordinator_of(*leads).plan();
    return plan.empty() ? std::string()
                        : fmt::format("{}: {} ({})", plan.front().channel, plan.front().action,
                                      plan.front().why);
}

std::shared_ptr<asked_commit> stage::begin_commit(testing::process& by, std::uint64_t count,
                                                  std::uint32_t number, bool bare) {
    auto asked = std::make_shared<asked_commit>();
    node_of(by).commit(channel(number), count, bare, asked);
    return asked;
}

model::commit_outcome stage::commit(testing::process& by, std::uint64_t count, std::uint32_t number,
                                    bool bare) {
    const auto asked = begin_commit(by, count, number, bare);
    until([&] { return asked->done; }, "the commit is decided");
    require(asked->outcome.has_value(), "the play: the commit failed: " + asked->failure);
    return *asked->outcome;
}

fate stage::judge(message sent_now) {
    for (const auto kind :
         {transport::kind::assign, transport::kind::release, transport::kind::commit}) {
        if (sent_now.is(kind)) ++sent[std::string(kind)];
    }
    const fate what = on_message ? on_message(sent_now) : fate::pass;
    if (what == fate::held || what == fate::copy) messages.push_back(std::move(sent_now));
    return what;
}

fate stage::judge(const storage::transaction& change) {
    const fate what = on_write ? on_write(change) : fate::pass;
    if (what == fate::held || what == fate::copy) writes.push_back(change);
    return what;
}

namespace {

awaitable<void> hand_over(const transport::service* at, std::string bytes,
                          std::shared_ptr<std::optional<std::string>> into) {
    auto reply = co_await at->dispatch(std::move(bytes));
    *into = std::move(reply);
}

}  // namespace

std::string stage::deliver(const message& late) {
    auto* at = world_.find(late.to);
    if (at == nullptr || !at->alive()) return {};
    auto reply = std::make_shared<std::optional<std::string>>();
    at->spawn(hand_over(&at->service(), late.bytes, reply));
    until([&] { return reply->has_value(); }, "the late message is answered");
    try {
        return transport::decode_reply(**reply);
    } catch (const error& failure) {
        return failure.what();
    }
}

bool stage::land(const storage::transaction& late) {
    const bool committed{world_.run(ledger_->commit(late))};
    go_on();
    return committed;
}

void stage::answer() {
    answering_ = true;
    answers_.notify_all();
}

std::optional<model::channel_entry> stage::entry_in(const storage::transaction& change) {
    for (const auto& write : change.operations()) {
        if (keys_.parse(write.key).what != catalog::key_layout::kind::channel) continue;
        model::channel_entry written;
        decoder_.decode(write.key, write.value, written);
        return written;
    }
    return std::nullopt;
}

bool stage::writes_entry(const storage::transaction& change, model::channel_state state) {
    const auto written = entry_in(change);
    return written && written->state == state;
}

bool stage::writes_progress(const storage::transaction& change) const {
    for (const auto& write : change.operations()) {
        if (keys_.parse(write.key).what == catalog::key_layout::kind::progress) return true;
    }
    return false;
}

void stage::drop(std::uint32_t number) {
    const std::string key = keys_.channel(model::channel_name(channel(number)));
    const auto found = world_.run(ledger_->get(key));
    require(found.has_value(), "the play: there is no channel to drop");
    model::channel_entry written;
    decoder_.decode(found->key, found->value, written);
    written.state = model::channel_state::dropped;
    storage::transaction change;
    change.if_modified_at(key, found->modified).put(key, catalog::encode(written));
    require(land(change), "the play: the drop was rejected");
}

std::size_t stage::record_bytes(std::uint32_t number) {
    const model::channel_name name(channel(number));
    const auto entry = world_.run(ledger_->get(keys_.channel(name)));
    const auto progress = world_.run(ledger_->get(keys_.progress(name)));
    return (entry ? entry->value.size() : 0) + (progress ? progress->value.size() : 0);
}

int stage::starts(const testing::process& of, const model::channel_entry& grant,
                  std::uint32_t number) const {
    const auto found =
        starts_.find(fmt::format("{} {} {}", of.name(), channel(number), grant.epoch));
    return found == starts_.end() ? 0 : found->second;
}

}  // namespace museum
