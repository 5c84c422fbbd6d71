// A world of coordinators and nodes with one kind of procedure in three steps: a path is closed,
// every node flushes what it has of it, every node lets go of it. Nodes forget when they restart,
// so that only an acknowledgement of the present process is worth anything.
#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/cluster/leadership.hpp"
#include "reeve/cluster/session.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/procedure/engine.hpp"
#include "reeve/testing/memory_world.hpp"
#include "reeve/testing/simulation.hpp"
#include "reeve/transport/service.hpp"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace closing {

using namespace reeve;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// What an operator does as soon as a step waits for a node; a skip only if it is the first.
enum class help { none, finish, stop, skip };

struct world_options {
    std::uint32_t nodes = 3;
    std::uint32_t coordinators = 2;
    std::uint32_t paths = 2;
    help operators = help::none;
    std::chrono::milliseconds start_every{20};
    std::optional<std::size_t> retention;
};

inline std::string node_name(std::uint32_t number) { return fmt::format("node-{}", number); }
inline std::string coordinator_name(std::uint32_t number) { return fmt::format("head-{}", number); }
inline std::string path_name(std::uint32_t number) { return fmt::format("path-{}", number); }

inline cluster::lease_options lease_of_three_seconds() {
    cluster::lease_options lease;
    lease.ttl = seconds(3);
    lease.margin = seconds(1);
    lease.request = seconds(1);
    return lease;
}

inline const catalog::key_layout& keys() {
    static const catalog::key_layout made("r");
    return made;
}
inline std::string closed_key(const std::string& path) { return keys().host("closed/" + path); }

/// What a coordinator and a node say to each other: a few words.
struct note {
    std::uint64_t id = 0;
    std::uint64_t step = 0;
    std::uint64_t process = 0;
    std::string node;
    std::string path;

    note() {}
    explicit note(const std::string& text) {
        std::istringstream words(text);
        words >> id >> step >> process >> node >> path;
        if (!words) throw error(errc::corrupt, "a note that is none");
    }
    [[nodiscard]] std::string text() const {
        return fmt::format("{} {} {} {} {}", id, step, process, node, path);
    }
};

/// The procedure. Its arguments are the path.
class closing_definition final : public procedure::definition {
public:
    closing_definition(testing::process& self, storage::metadata_store& store,
                       const world_options& options)
        : self_(self),
          strand_(self.runtime()),
          carrier_(self.carrier()),
          store_(store),
          options_(options) {}

    std::string_view kind() const noexcept override { return "close"; }

    awaitable<procedure::step_outcome> step(procedure::step_context now) override {
        const std::string key = closed_key(now.record.arguments);
        const auto closed = co_await store_.get(key);
        if (now.record.step == 0) {
            storage::transaction announce;
            if (!closed) announce.if_absent(key).put(key, "closing");
            co_return procedure::step_outcome::go_on(std::move(announce));
        }
        const auto all = co_await members();
        if (all.size() < options_.nodes) {
            self_.world().count("a node without a session");
            co_return procedure::step_outcome::again("a node has no session");
        }
        auto heard = co_await ask(now, all);
        if (now.record.step == 1) {
            co_return procedure::step_outcome::go_on().once_acknowledged_by(all).heard(
                std::move(heard));
        }
        // It ends only while these processes are those that have acknowledged.
        storage::transaction gone;
        for (const auto& one : all) {
            gone.if_modified_at(keys().node(one.node), storage::revision(one.process.value));
        }
        if (closed) gone.if_modified_at(key, closed->modified);
        gone.put(key, "gone");
        co_return procedure::step_outcome::finish(std::move(gone)).once_acknowledged_by(all);
    }

    awaitable<storage::transaction> on_stop(procedure::step_context now) override {
        const std::string key = closed_key(now.record.arguments);
        const auto closed = co_await store_.get(key);
        storage::transaction open;
        if (closed) open.if_modified_at(key, closed->modified).put(key, "open");
        co_return open;
    }

private:
    awaitable<std::vector<procedure::participant>> members() {
        std::vector<procedure::participant> all;
        const auto page = co_await store_.list(keys().membership(), 1000);
        for (const auto& record : page.records) {
            const auto key = keys().parse(record.key);
            if (key.what != catalog::key_layout::kind::node) continue;
            auto& one = all.emplace_back();
            one.node = model::node_name(std::string(key.name));
            one.process = model::incarnation(record.modified.value);
        }
        co_return all;
    }

    // Tells those that have not answered; in step 1 their reply is their acknowledgement.
    awaitable<std::vector<procedure::acknowledgement>> ask(
        procedure::step_context now, std::vector<procedure::participant> all) {
        std::vector<procedure::acknowledgement> heard;
        for (const auto& one : all) {
            if (now.has_answered(one)) continue;
            note told;
            told.id = now.id.value;
            told.step = now.record.step;
            told.process = one.process.value;
            told.node = one.node.value;
            told.path = now.record.arguments;
            const std::string body = told.text();
            const auto deadline = strand_.now() + milliseconds(300);
            try {
                const auto reply =
                    co_await transport::call(carrier_, one.node.value, "close", body, deadline);
                if (reply != "done") continue;
                auto& from = heard.emplace_back();
                from.step = now.record.step;
                from.node = one.node;
                from.process = one.process;
                from.outcome = reply;
            } catch (const error&) {
                self_.world().count("a node not reached");
            }
        }
        co_return heard;
    }

    testing::process& self_;
    core::runtime& strand_;  // a killed process still runs to its next wait
    transport::transport& carrier_;
    storage::metadata_store& store_;
    world_options options_;
};

/// A node: has every path that is not gone, from the beginning of each of its sessions.
class node_program {
public:
    node_program(testing::process& self, const world_options& options)
        : self_(self),
          strand_(self.runtime()),
          carrier_(self.carrier()),
          options_(options),
          store_(self.open_metadata()),
          tasks_(strand_) {
        self_.service().on("close", [this](std::string body, transport::request_info) {
            return close(std::move(body));
        });
    }

    awaitable<void> run() {
        for (;;) {
            model::node_info who;
            who.name = model::node_name(self_.name());
            who.address = self_.name();
            const auto lease = lease_of_three_seconds();
            cluster::session session(strand_, *store_, keys(), who, lease);
            held_.clear();
            for (std::uint32_t at = 0; at < options_.paths; ++at) held_.insert(path_name(at));
            process_ = co_await session.open();
            co_await let_go_of_gone();
            serving_ = true;
            co_await session.hold();
            serving_ = false;
            process_ = model::incarnation();
        }
    }

    [[nodiscard]] bool serves(const std::string& path) const {
        return serving_ && held_.contains(path);
    }
    [[nodiscard]] bool serving() const { return serving_; }

private:
    awaitable<void> let_go_of_gone() {
        for (bool done = false; !done;) {
            try {
                const auto page = co_await store_->list(keys().hosts("closed/"), 1000);
                for (const auto& record : page.records) {
                    if (record.value != "gone") continue;
                    held_.erase(record.key.substr(record.key.rfind('/') + 1));
                }
                done = true;
            } catch (const error&) {
                self_.world().count("a node that could not read");
            }
            if (!done) co_await strand_.sleep_for(milliseconds(50));
        }
    }

    awaitable<std::string> close(std::string body) {
        const note asked(body);
        if (asked.process != process_.value) co_return "another process";
        if (asked.step == 1) co_return "done";
        held_.erase(asked.path);
        tasks_.spawn(acknowledge(asked));
        co_return "told";
    }

    // To whoever leads, a few times: whoever asked asks again.
    awaitable<void> acknowledge(note asked) {
        for (int tries = 0; tries < 4; ++tries) {
            for (std::uint32_t at = 0; at < options_.coordinators; ++at) {
                const std::string to = coordinator_name(at);
                const std::string body = asked.text();
                const auto deadline = strand_.now() + milliseconds(500);
                try {
                    const auto reply =
                        co_await transport::call(carrier_, to, "closed", body, deadline);
                    if (reply == "recorded" || reply == "ended") co_return;
                } catch (const error&) {
                    self_.world().count("an acknowledgement not heard");
                }
            }
            co_await strand_.sleep_for(milliseconds(200));
        }
    }

    testing::process& self_;
    core::runtime& strand_;
    transport::transport& carrier_;
    world_options options_;
    std::unique_ptr<storage::metadata_store> store_;
    std::set<std::string> held_;
    model::incarnation process_;
    bool serving_ = false;
    core::task_scope tasks_;
};

/// A coordinator: campaigns, carries procedures out, and starts one for each path.
class head_program {
public:
    head_program(testing::process& self, const world_options& options)
        : self_(self), strand_(self.runtime()), options_(options), store_(self.open_metadata()) {
        self_.service().on("closed", [this](std::string body, transport::request_info) {
            return closed(std::move(body));
        });
    }

    [[nodiscard]] const std::shared_ptr<procedure::engine>& engine() const { return engine_; }

    awaitable<void> run() {
        cluster::leadership_options who;
        who.coordinator = self_.name();
        who.address = self_.name();
        who.lease = lease_of_three_seconds();
        for (;;) {
            cluster::leadership office(strand_, *store_, keys(), who);
            const auto guard = co_await office.campaign();
            self_.world().count("a reign");
            core::task_scope scope(strand_);
            std::string why;
            try {
                co_await reign(guard, office, scope);
            } catch (const error& failure) {
                why = failure.what();
            }
            self_.world().note(self_.name(), "the reign is over: {}", why);
            auto ended = std::exchange(engine_, nullptr);
            if (ended) co_await ended->stop();
            co_await scope.stop();
            co_await office.resign();
            co_await strand_.sleep_for(milliseconds(100));
        }
    }

private:
    awaitable<void> reign(catalog::leader_guard guard, cluster::leadership& office,
                          core::task_scope& scope) {
        std::vector<std::shared_ptr<procedure::definition>> definitions;
        definitions.push_back(std::make_shared<closing_definition>(self_, *store_, options_));
        procedure::engine_options how;
        how.retry.delay_max = milliseconds(500);
        if (options_.retention) how.retention = *options_.retention;
        auto made =
            procedure::engine::make(strand_, *store_, keys(), guard, std::move(definitions), how);
        scope.spawn(hold(office, made));
        co_await made->load(nullptr);
        engine_ = made;
        scope.spawn(use(self_, strand_, made, options_));
        co_await made->run();
    }
    static awaitable<void> hold(cluster::leadership& office,
                                std::shared_ptr<procedure::engine> made) {
        co_await office.hold();
        made->cancel();
    }

    // Who wants the paths closed, and who helps when a node is away.
    static awaitable<void> use(testing::process& self, core::runtime& strand,
                               std::shared_ptr<procedure::engine> made, world_options options) {
        for (std::uint32_t at = 0; at < options.paths;) {
            procedure::start_request wanted;
            wanted.kind = "close";
            wanted.key = path_name(at);
            wanted.arguments = path_name(at);
            try {
                const auto view = co_await made->start(std::move(wanted));
                co_await help_with(view.id, made, options);
                const auto now = made->find(view.id);
                const bool over = !now || model::has_ended(now->record.state);
                if (over || options.operators == help::none) ++at;
            } catch (const error& failure) {
                if (failure.kind() == error_class::fenced) co_return;
                self.world().count("a start repeated");
            }
            co_await strand.sleep_for(options.start_every);
        }
    }
    static awaitable<void> help_with(model::procedure_id id,
                                     std::shared_ptr<procedure::engine> made,
                                     world_options options) {
        const auto view = made->find(id);
        if (!view || view->missing.empty()) co_return;
        if (options.operators == help::skip && view->record.step != 1) co_return;
        switch (options.operators) {
            case help::none:
                break;
            case help::finish:
                co_await made->force_finish(id, "as the test wants it");
                break;
            case help::stop:
                co_await made->force_stop(id, "as the test wants it");
                break;
            case help::skip:
                co_await made->skip(id, view->missing.front().node, "as the test wants it");
                break;
        }
    }

    awaitable<std::string> closed(std::string body) {
        const auto made = engine_;
        if (!made) throw error(errc::unavailable, "this one does not lead");
        const note told(body);
        procedure::acknowledgement from;
        from.id = model::procedure_id(told.id);
        from.step = told.step;
        from.node = model::node_name(told.node);
        from.process = model::incarnation(told.process);
        from.outcome = "gone";
        const auto outcome = co_await made->acknowledge(std::move(from));
        self_.world().count(fmt::format("acknowledgement {}", procedure::name(outcome)));
        co_return std::string(procedure::name(outcome));
    }

    testing::process& self_;
    core::runtime& strand_;
    world_options options_;
    std::unique_ptr<storage::metadata_store> store_;
    std::shared_ptr<procedure::engine> engine_;
};

}  // namespace closing
