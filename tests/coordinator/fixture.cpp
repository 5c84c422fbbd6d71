#include "fixture.hpp"

#include "reeve/catalog/codec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace coordinator_test {

node_program::node_program(world& around, testing::process& self)
    : around_(around), self_(self), store_(self.open_metadata()) {
    node_options settings;
    settings.root = around.keys.root();
    settings.self.name = model::node_name(self.name());
    settings.self.address = self.name();
    settings.lease.ttl = around.options.ttl;
    if (around.options.each_node) around.options.each_node(settings);
    node_ = std::make_unique<reeve::node>(self.runtime(), *store_, self.carrier(), self.service(),
                                          *this, std::move(settings));
    node_->start();
}

awaitable<void> node_program::start(std::shared_ptr<const channel::grant> granted) {
    if (around_.cannot_start.contains(self_.name())) throw error(errc::refused, "no disk");
    const auto& what = granted->what();
    around_.started.push_back({self_.name(), what.channel.value, what.epoch, what.start});
    running[what.channel.value] = granted;
    co_return;
}

awaitable<void> node_program::stop(model::channel_name channel, model::epoch) {
    if (around_.cannot_stop.contains(self_.name())) throw error(errc::refused, "still flushing");
    const auto found = running.find(channel.value);
    if (found == running.end()) co_return;
    const auto granted = found->second;
    if (around_.flush_on_stop) {
        model::position from = granted->what().start;
        model::position to(*around_.flush_on_stop);
        auto reply = co_await node_->commit(granted, std::move(from), std::move(to));
        around_.flushes.push_back(reply.outcome);
    }
    running.erase(channel.value);
    around_.stopped.push_back(fmt::format("{} {}", self_.name(), channel));
}

coordinator_program::coordinator_program(world& around, testing::process& self)
    : store(self.open_metadata()) {
    if (around.options.wrap) store = around.options.wrap(self, std::move(store));
    coordinator_options settings;
    settings.root = around.keys.root();
    settings.cluster = "test";
    settings.leadership.coordinator = self.name();
    settings.leadership.address = self.name();
    settings.leadership.lease.ttl = around.options.ttl;
    settings.members.ttl_unknown = around.options.ttl;
    settings.channels = around.options.channels;
    settings.segments = around.options.segments;
    settings.definitions = around.options.definitions;
    streams = self.open_streams();
    settings.reports.streams = streams.get();
    settings.reports.read = around.options.reports;
    settings.on_leading = [this](const recovery::report& it) { reports.push_back(it); };
    coordinator =
        std::make_unique<reeve::coordinator>(self.runtime(), *store, self.carrier(), self.service(),
                                             std::move(settings), around.options.schemas);
    coordinator->start();
}

world::world(world_options how, std::uint64_t seed)
    : sim(seed), options(std::move(how)), stores(testing::host_memory_stores(sim)) {
    for (std::uint32_t number = 0; number < options.coordinators; ++number) {
        coordinators_.push_back(
            &sim.add(fmt::format("coordinator-{}", number), [this](testing::process& self) {
                return std::make_shared<coordinator_program>(*this, self);
            }));
    }
    const auto wanted = options.nodes;
    for (std::uint32_t number = 0; number < wanted; ++number) (void)add_node();
}

world::~world() {
    for (const auto& one : sim.processes()) one->kill();
    sim.run_for(0ns);
}

testing::process& world::add_node() {
    auto& added = sim.add(fmt::format("node-{}", nodes_.size()), [this](testing::process& self) {
        return std::make_shared<node_program>(*this, self);
    });
    nodes_.push_back(&added);
    return added;
}

void world::start() {
    for (auto* one : nodes_) one->start();
    REQUIRE(run_until([this] {
        return std::all_of(nodes_.begin(), nodes_.end(), [](testing::process* one) {
            return bool(one->program<node_program>().node().process());
        });
    }));
    for (auto* one : coordinators_) one->start();
    REQUIRE(run_until([this] { return leading() != nullptr; }));
}

testing::process* world::leading() {
    for (auto* one : coordinators_) {
        if (!one->alive() || one->paused()) continue;
        const auto& program = one->program<coordinator_program>();
        if (program.coordinator && program.coordinator->leading()) return one;
    }
    return nullptr;
}

reeve::coordinator& world::leader() {
    auto* found = leading();
    REQUIRE(found != nullptr);
    return of(*found);
}

reeve::coordinator& world::change_leader() {
    auto* before = leading();
    REQUIRE(before != nullptr);
    before->restart();
    REQUIRE(run_until([this] { return leading() != nullptr; }));
    return leader();
}

std::vector<channel::registration> world::ensure(const names& channels,
                                                 std::chrono::milliseconds patience,
                                                 model::collection_id collection) {
    std::vector<channel::channel_spec> wanted;
    for (const auto& name : channels) {
        auto& one = wanted.emplace_back();
        one.name = model::channel_name(name);
        one.collection = collection;
    }
    auto* on = leading();
    REQUIRE(on != nullptr);
    return call(*on, of(*on).ensure_channels(std::move(wanted), patience));
}

void world::drain(const std::string& node) {
    auto* on = leading();
    REQUIRE(on != nullptr);
    call(*on, of(*on).drain(model::node_name(node), "by the test"));
}

void world::undrain(const std::string& node) {
    auto* on = leading();
    REQUIRE(on != nullptr);
    call(*on, of(*on).undrain(model::node_name(node)));
}

model::commit_reply world::commit(const std::string& channel, const std::string& from,
                                  const std::string& to, std::vector<model::host_record> records) {
    for (auto* one : nodes_) {
        if (!one->alive()) continue;
        auto& program = one->program<node_program>();
        const auto found = program.running.find(channel);
        if (found == program.running.end() || !found->second->valid()) continue;
        const auto granted = found->second;
        return call(*one, program.node().commit(granted, model::position(from), model::position(to),
                                                0, std::move(records)));
    }
    FAIL("nobody consumes " << channel);
    return {};
}

bool world::settle(std::chrono::nanoseconds limit) {
    return run_until([this] { return leading() != nullptr && leader().plan().empty(); }, limit);
}

model::channel_entry world::entry(const std::string& channel) {
    const auto key = keys.channel(model::channel_name(channel));
    model::channel_entry found;
    bool there = false;
    for (const auto& one : stores.database->dump()) {
        if (one.key != key) continue;
        catalog::decoder().decode(one.key, one.value, found);
        there = true;
    }
    INFO(key);
    REQUIRE(there);
    return found;
}

std::string world::holder(const std::string& channel) {
    const auto found = entry(channel);
    return found.state == model::channel_state::registered ? found.node.value : std::string();
}

std::map<std::string, int> world::spread(const names& channels) {
    std::map<std::string, int> counts;
    for (const auto& one : channels) ++counts[holder(one)];
    return counts;
}

std::map<std::string, std::string> world::records() {
    std::map<std::string, std::string> all;
    for (const auto& one : stores.database->dump()) {
        if (!one.lease) all[one.key] = fmt::format("{} at {}", one.value, one.modified);
    }
    return all;
}

void world::write(const std::string& key, const std::string& value) {
    auto change = storage::transaction().put(key, value);
    REQUIRE(sim.run(sim.metadata()->commit(std::move(change))));
}

void world::write(const std::string& channel, const model::channel_entry& entry) {
    write(keys.channel(model::channel_name(channel)), catalog::encode(entry));
}

std::string world::stuck(const std::string& what) {
    const auto status = leader().status();
    for (const auto& one : status.channels.troubles) {
        if (one.what == what) return one.why;
    }
    return {};
}

names letters(std::uint32_t count) {
    names all;
    for (std::uint32_t at = 0; at < count; ++at) {
        all.push_back(count <= 26 ? std::string(1, static_cast<char>('a' + at))
                                  : fmt::format("c{:04}", at));
    }
    return all;
}

}  // namespace coordinator_test
