#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace reeve::testing {

/// One operation of a concurrent history, as its client saw it. Times are any numbers that order
/// what happened: virtual nanoseconds, or a counter that every event increases.
template <class Model>
struct history_operation {
    std::string key;            ///< operations on different keys are independent
    std::string client;         ///< who asked; only for the counterexample
    std::uint64_t invoked = 0;  ///< when it was begun
    /// When its result was there. Not used without a result: an operation whose outcome is unknown
    /// may take effect at any time after `invoked`, also much later, or never.
    std::uint64_t returned = 0;
    typename Model::argument argument;  ///< what was asked
    /// What came back; nothing: the outcome is unknown. An operation that certainly had no effect
    /// is left out of the history.
    std::optional<typename Model::result> result;
};

/// What was found about a history.
enum class history_verdict {
    linearizable,  ///< some order explains all results
    violated,      ///< no order does
    undecided,     ///< given up after history_options::steps_max
};

/// How much is tried.
struct history_options {
    std::size_t steps_max = 50'000'000;  ///< steps of the model per key
};

/// The verdict, and for a violation a text that shows it.
struct history_report {
    history_verdict what = history_verdict::linearizable;  ///< the worst of all keys
    std::string key;  ///< the first key that is not linearizable
    /// The longest order found, one operation per line with its times, then the operations that
    /// fit nowhere. Empty if linearizable.
    std::string counterexample;

    /// True if linearizable.
    explicit operator bool() const noexcept { return what == history_verdict::linearizable; }
};

namespace detail {

/// One key's operations with states replaced by numbers; 0 is the initial state.
struct history_problem {
    struct operation {
        std::uint64_t invoked = 0;
        std::uint64_t returned = 0;
        bool known = false;
    };
    std::vector<operation> operations;
    std::function<std::optional<std::size_t>(std::size_t state, std::size_t operation)> step;
    std::function<std::string(std::size_t operation)> describe;
    std::function<std::string(std::size_t state)> describe_state;
};

/// Decides one key.
[[nodiscard]] history_report decide(const history_problem& problem, const std::string& key,
                                    const history_options& options);

}  // namespace detail

/// Is there an order of the operations that respects their times (an operation that returned before
/// another was invoked comes first) and in which the model gives every result seen? Decided per key
/// in the manner of Wing and Gong (Testing and verifying concurrent objects, 1993) with the
/// memoisation of Lowe (Testing for linearizability, 2017). Exponential in the worst case, when
/// very many operations overlap; else about linear in steps.
///
/// A model has the types `state` (copyable, ordered by <), `argument` and `result`, and:
///
///     state initial() const;
///     // The next state, or nothing if `result` is impossible; no result: any is possible.
///     std::optional<state> step(const state&, const argument&, const std::optional<result>&)
///     const; std::string describe(const argument&, const std::optional<result>&) const;
///     std::string describe(const state&) const;
template <class Model>
[[nodiscard]] history_report check_history(const std::vector<history_operation<Model>>& history,
                                           const Model& model = {}, history_options options = {}) {
    std::map<std::string, std::vector<const history_operation<Model>*>> keys;
    for (const auto& each : history) keys[each.key].push_back(&each);
    history_report worst;
    for (const auto& [key, operations] : keys) {
        std::map<typename Model::state, std::size_t> numbers;
        std::vector<const typename Model::state*> states;
        const auto number_of = [&](typename Model::state state) {
            const auto [at, fresh] = numbers.emplace(std::move(state), states.size());
            if (fresh) states.push_back(&at->first);
            return at->second;
        };
        number_of(model.initial());
        detail::history_problem problem;
        for (const auto* each : operations) {
            problem.operations.push_back({each->invoked, each->returned, each->result.has_value()});
        }
        problem.step = [&](std::size_t state, std::size_t index) -> std::optional<std::size_t> {
            const auto& each = *operations[index];
            auto next = model.step(*states[state], each.argument, each.result);
            if (!next) return std::nullopt;
            return number_of(std::move(*next));
        };
        problem.describe = [&](std::size_t index) {
            const auto& each = *operations[index];
            return each.client + ": " + model.describe(each.argument, each.result);
        };
        problem.describe_state = [&](std::size_t state) { return model.describe(*states[state]); };
        history_report report = detail::decide(problem, key, options);
        if (report.what == history_verdict::violated) return report;
        if (report.what == history_verdict::undecided) worst = std::move(report);
    }
    return worst;
}

/// A register that is read, written and compared-and-set: what one key of a metadata store or an
/// object store is. Values should be unique, so that the order of writes shows.
struct register_model {
    /// The value; nothing: there is none.
    using state = std::optional<std::string>;

    /// What is done.
    enum class kind {
        read,             ///< result: the value seen
        write,            ///< writes `value`, whatever was there; nothing removes it
        compare_and_set,  ///< writes `value` if the register holds `expected`
    };
    /// What was asked.
    struct argument {
        kind what = kind::read;  ///< what is done
        state value;             ///< written
        state expected;          ///< compared
    };
    /// What came back.
    struct result {
        state value;       ///< of a read
        bool done = true;  ///< of compare_and_set: false if the comparison failed
    };

    state first;  ///< the value before the history

    /// The value before the history.
    [[nodiscard]] state initial() const { return first; }
    /// The value after the operation, or nothing if the result is impossible.
    [[nodiscard]] std::optional<state> step(const state& now, const argument& asked,
                                            const std::optional<result>& answer) const;
    /// One operation in words.
    [[nodiscard]] std::string describe(const argument& asked,
                                       const std::optional<result>& answer) const;
    /// One value in words.
    [[nodiscard]] std::string describe(const state& value) const;
};

}  // namespace reeve::testing
