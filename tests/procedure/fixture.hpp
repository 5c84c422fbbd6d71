// An engine over a store that fails where a test says, with a procedure that does as a test says.
#pragma once

#include "catalog/faulty_store.hpp"
#include "catalog/support.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/core/event.hpp"
#include "reeve/procedure/engine.hpp"

#include <boost/system/system_error.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace reeve::support {

using model::procedure_state;
using procedure::acknowledge_outcome;
using procedure::step_context;
using procedure::step_outcome;

inline procedure::participant process_of(const std::string& node, std::uint64_t process) {
    return {model::node_name(node), model::incarnation(process)};
}

/// Does what the test's functions say; three steps otherwise.
class scripted final : public procedure::definition {
public:
    explicit scripted(std::string kind) : kind_(std::move(kind)) {}

    std::function<step_outcome(const step_context&)> on_step = [](const step_context& now) {
        return now.record.step < 2 ? step_outcome::go_on() : step_outcome::finish();
    };
    std::function<storage::transaction(const step_context&)> when_stopped =
        [](const step_context&) { return storage::transaction(); };
    std::function<awaitable<void>()> before_step;  // runs first
    procedure::restart_choice restart = procedure::restart_choice::resume;

    std::vector<step_context> steps;  // every call
    std::vector<step_context> stops;  // every call
    std::size_t running = 0;          // calls that have not ended
    std::size_t together_max = 0;     // most of them at once

    std::string_view kind() const noexcept override { return kind_; }
    awaitable<step_outcome> step(step_context now) override {
        const counter counted(*this);
        steps.push_back(now);
        if (before_step) co_await before_step();
        co_return on_step(now);
    }
    awaitable<storage::transaction> on_stop(step_context now) override {
        const counter counted(*this);
        stops.push_back(now);
        co_return when_stopped(now);
    }
    procedure::restart_choice on_restart(const model::procedure_record&) const override {
        return restart;
    }

private:
    struct counter {
        explicit counter(scripted& of) : of_(of) {
            of_.together_max = std::max(of_.together_max, ++of_.running);
        }
        ~counter() { --of_.running; }
        counter(const counter&) = delete;
        counter& operator=(const counter&) = delete;
        scripted& of_;
    };
    std::string kind_;
};

struct procedure_fixture : world {
    procedure_fixture() {
        options.retry.delay_min = std::chrono::milliseconds(1);
        options.retry.delay_max = std::chrono::milliseconds(4);
        options.deadline_look = std::chrono::milliseconds(2);
        begin();
    }
    ~procedure_fixture() { strand.shutdown(); }

    /// A new leader, with an engine that has loaded; it does not run yet.
    void begin() {
        if (engine) engine->cancel();
        settle();
        guard = lead(keys);
        load();
    }
    void load() {
        faulty.emplace(store);
        engine = make();
        loaded = run(engine->load(nullptr));
    }
    std::shared_ptr<procedure::engine> make() {
        return procedure::engine::make(strand, *faulty, keys, guard, {work, other}, options);
    }
    /// Lets it run; what ends it is kept.
    void go() {
        ended.reset();
        boost::asio::co_spawn(strand.executor(), engine->run(),
                              [this](std::exception_ptr why) { ended = why; });
        settle();
    }
    /// A new leader that runs.
    void restart() {
        begin();
        go();
    }
    /// The code of what ended `run`; errc{}: it ended by itself.
    errc end_of_run() {
        turn_until([this] { return ended.has_value(); });
        try {
            if (*ended) std::rethrow_exception(*ended);
        } catch (const error& failure) {
            return failure.code_value();
        }
        return errc{};
    }

    static procedure::start_request request(const std::string& key,
                                            const std::string& arguments = "") {
        procedure::start_request made;
        made.kind = "work";
        made.key = key;
        made.arguments = arguments;
        return made;
    }
    model::procedure_id start(const std::string& key, const std::string& arguments = "") {
        return run(engine->start(request(key, arguments))).id;
    }
    /// Waits until it is over, by the records.
    procedure_state end(model::procedure_id id) {
        turn_until([&] {
            const auto found = recorded(id);
            return found && model::has_ended(found->state);
        });
        return recorded(id)->state;
    }
    std::optional<model::procedure_record> recorded(model::procedure_id id) {
        const auto found = get(keys.procedure(id.value));
        if (!found) return std::nullopt;
        model::procedure_record read;
        catalog::decoder().decode(found->key, found->value, read);
        return read;
    }
    std::optional<model::procedure_part> part(model::procedure_id id, const std::string& node) {
        const auto found = get(keys.procedure_part(id.value, node));
        if (!found) return std::nullopt;
        model::procedure_part read;
        catalog::decoder().decode(found->key, found->value, read);
        return read;
    }
    /// What is recorded now, for code that runs on the strand.
    [[nodiscard]] storage::record dumped(const std::string& key) const {
        for (const auto& one : database->dump()) {
            if (one.key == key) return one;
        }
        return {};
    }
    [[nodiscard]] model::procedure_record dumped(model::procedure_id id) const {
        const auto found = dumped(keys.procedure(id.value));
        model::procedure_record read;
        catalog::decoder().decode(found.key, found.value, read);
        return read;
    }
    /// How many records of procedures there are, participants' included.
    std::size_t records() { return run(store.list(keys.procedures(), 10000)).records.size(); }
    procedure::procedure_view look(model::procedure_id id) {
        const auto found = engine->find(id);
        REQUIRE(found);
        return *found;
    }
    void until_missing(model::procedure_id id, std::size_t count) {
        turn_until([&] { return look(id).missing.size() == count; });
    }
    static procedure::acknowledgement from(model::procedure_id id, std::uint64_t step,
                                           const std::string& node, std::uint64_t process) {
        procedure::acknowledgement made;
        made.id = id;
        made.step = step;
        made.node = model::node_name(node);
        made.process = model::incarnation(process);
        made.outcome = "done";
        return made;
    }
    acknowledge_outcome tell(procedure::acknowledgement it) {
        return run(engine->acknowledge(std::move(it)));
    }
    /// Step 1 waits for these; the others go on.
    void wait_for(std::vector<procedure::participant> all) {
        work->on_step = [all](const step_context& now) {
            if (now.record.step == 1) return step_outcome::go_on().once_acknowledged_by(all);
            return now.record.step < 2 ? step_outcome::go_on() : step_outcome::finish();
        };
    }

    const catalog::key_layout keys{"r"};
    procedure::engine_options options;
    std::shared_ptr<scripted> work = std::make_shared<scripted>("work");
    std::shared_ptr<scripted> other = std::make_shared<scripted>("other");
    catalog::leader_guard guard;
    std::optional<faulty_store> faulty;
    std::shared_ptr<procedure::engine> engine;
    procedure::load_report loaded;
    std::optional<std::exception_ptr> ended;
};

}  // namespace reeve::support
