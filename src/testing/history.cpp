#include "reeve/testing/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace reeve::testing {

namespace {

// Which operations have been put in order.
class chosen_set {
public:
    explicit chosen_set(std::size_t size) : words_((size + 63) / 64) {}
    void flip(std::size_t index) {
        words_[index / 64] ^= std::uint64_t{1} << (index % 64);
        hash_ ^= mixed(index);
    }
    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    friend bool operator==(const chosen_set& left, const chosen_set& right) {
        return left.hash_ == right.hash_ && left.words_ == right.words_;
    }

private:
    static std::uint64_t mixed(std::uint64_t value) {
        value = (value + 1) * 0x9e3779b97f4a7c15ULL;
        value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        return value ^ (value >> 31U);
    }
    std::vector<std::uint64_t> words_;
    std::uint64_t hash_ = 0;
};

constexpr std::size_t none = ~std::size_t{0};

// The events of a history in time order as a list from which operations are lifted out and put
// back in the reverse order.
class event_list {
public:
    struct event {
        std::size_t operation = none;
        bool is_return = false;
        std::size_t previous = none;
        std::size_t next = none;
    };

    explicit event_list(const detail::history_problem& problem) {
        struct moment {
            std::uint64_t time;
            bool is_return;
            std::size_t operation;
        };
        std::vector<moment> moments;
        const auto& all = problem.operations;
        for (std::size_t index = 0; index < all.size(); ++index) {
            moments.push_back({all[index].invoked, false, index});
            if (all[index].known) moments.push_back({all[index].returned, true, index});
        }
        // Calls before returns of the same moment: then the two overlap, which is the weaker claim.
        std::stable_sort(moments.begin(), moments.end(), [](const moment& a, const moment& b) {
            if (a.time != b.time) return a.time < b.time;
            return !a.is_return && b.is_return;
        });
        events_.resize(moments.size() + 1);  // 0 is the head
        call_.resize(all.size(), none);
        return_.resize(all.size(), none);
        for (std::size_t index = 0; index < moments.size(); ++index) {
            event& here = events_[index + 1];
            here.operation = moments[index].operation;
            here.is_return = moments[index].is_return;
            here.previous = index;
            events_[index].next = index + 1;
            (here.is_return ? return_ : call_)[here.operation] = index + 1;
        }
    }

    [[nodiscard]] std::size_t first() const { return events_[0].next; }
    [[nodiscard]] const event& at(std::size_t index) const { return events_[index]; }
    [[nodiscard]] std::size_t after_call(std::size_t operation) const {
        return events_[call_[operation]].next;
    }
    void lift(std::size_t operation) {
        unlink(call_[operation]);
        if (return_[operation] != none) unlink(return_[operation]);
    }
    void put_back(std::size_t operation) {
        if (return_[operation] != none) link(return_[operation]);
        link(call_[operation]);
    }

private:
    void unlink(std::size_t index) {
        const event& gone = events_[index];
        events_[gone.previous].next = gone.next;
        if (gone.next != none) events_[gone.next].previous = gone.previous;
    }
    void link(std::size_t index) {
        const event& back = events_[index];
        events_[back.previous].next = index;
        if (back.next != none) events_[back.next].previous = index;
    }

    std::vector<event> events_;
    std::vector<std::size_t> call_;
    std::vector<std::size_t> return_;
};

class search {
public:
    search(const detail::history_problem& problem, const history_options& options)
        : problem_(problem),
          steps_left_(options.steps_max),
          events_(problem),
          chosen_(problem.operations.size()) {
        for (const auto& each : problem.operations) known_left_ += each.known ? 1 : 0;
    }

    history_verdict run() {
        std::size_t at = events_.first();
        while (known_left_ > 0) {
            const auto& here = events_.at(at);
            if (here.is_return) {
                if (order_.empty()) return history_verdict::violated;
                at = take_back();
                continue;
            }
            if (steps_left_-- == 0) return history_verdict::undecided;
            at = place(here.operation) ? events_.first() : here.next;
        }
        return history_verdict::linearizable;
    }

    // The longest order found, and what could not follow it.
    [[nodiscard]] std::string story() const;

private:
    struct placed {
        std::size_t operation;
        std::size_t state_before;
    };
    struct memory {
        chosen_set chosen;
        std::size_t state;
    };

    bool place(std::size_t operation) {
        const auto next = problem_.step(state_, operation);
        const bool known = problem_.operations[operation].known;
        // An operation of unknown outcome that changes nothing here may as well never happen.
        if (!next || (!known && *next == state_)) return false;
        chosen_.flip(operation);
        if (!remember(*next)) {
            chosen_.flip(operation);
            return false;
        }
        order_.push_back({operation, state_});
        state_ = *next;
        known_left_ -= known ? 1 : 0;
        events_.lift(operation);
        if (order_.size() > longest_.size()) {
            longest_ = order_;
            longest_state_ = state_;
        }
        return true;
    }

    std::size_t take_back() {
        const placed last = order_.back();
        order_.pop_back();
        state_ = last.state_before;
        chosen_.flip(last.operation);
        known_left_ += problem_.operations[last.operation].known ? 1 : 0;
        events_.put_back(last.operation);
        return events_.after_call(last.operation);
    }

    bool remember(std::size_t state) {
        auto& same_hash = seen_[chosen_.hash() * 31 + state];
        for (const auto& each : same_hash) {
            if (each.state == state && each.chosen == chosen_) return false;
        }
        same_hash.push_back({chosen_, state});
        return true;
    }

    const detail::history_problem& problem_;
    std::size_t steps_left_;
    event_list events_;
    chosen_set chosen_;
    std::size_t known_left_ = 0;
    std::size_t state_ = 0;
    std::vector<placed> order_;
    std::vector<placed> longest_;
    std::size_t longest_state_ = 0;
    std::unordered_map<std::uint64_t, std::vector<memory>> seen_;
};

std::string line(const detail::history_problem& problem, std::size_t operation) {
    const auto& each = problem.operations[operation];
    const std::string end = each.known ? fmt::format("{}", each.returned) : "unknown";
    return fmt::format("  [{} .. {}] {}\n", each.invoked, end, problem.describe(operation));
}

std::string search::story() const {
    constexpr std::size_t lines_max = 40;
    std::string text = "the longest order that explains the results:\n";
    std::vector<bool> used(problem_.operations.size(), false);
    for (const auto& each : longest_) used[each.operation] = true;
    const std::size_t skipped = longest_.size() > lines_max ? longest_.size() - lines_max : 0;
    if (skipped > 0) text += fmt::format("  ({} operations before)\n", skipped);
    for (std::size_t index = skipped; index < longest_.size(); ++index) {
        text += line(problem_, longest_[index].operation);
    }
    text += fmt::format("gives the state {}, after which none of these fits:\n",
                        problem_.describe_state(longest_state_));
    std::uint64_t first_return = ~std::uint64_t{0};
    for (std::size_t index = 0; index < used.size(); ++index) {
        const auto& each = problem_.operations[index];
        if (!used[index] && each.known) first_return = std::min(first_return, each.returned);
    }
    std::size_t lines = 0;
    for (std::size_t index = 0; index < used.size() && lines < lines_max; ++index) {
        const auto& each = problem_.operations[index];
        if (used[index] || each.invoked > first_return) continue;
        text += line(problem_, index);
        ++lines;
    }
    return text;
}

std::string quoted(const register_model::state& value) {
    return value ? "\"" + *value + "\"" : "(none)";
}

}  // namespace

history_report detail::decide(const history_problem& problem, const std::string& key,
                              const history_options& options) {
    search searching(problem, options);
    history_report report;
    report.what = searching.run();
    if (report.what == history_verdict::linearizable) return report;
    report.key = key;
    const char* how = report.what == history_verdict::violated ? "not linearizable" : "undecided";
    report.counterexample = fmt::format("key \"{}\" is {}; {}", key, how, searching.story());
    return report;
}

std::optional<register_model::state> register_model::step(
    const state& now, const argument& asked, const std::optional<result>& answer) const {
    switch (asked.what) {
        case kind::read:
            if (answer && answer->value != now) return std::nullopt;
            return now;
        case kind::write:
            return asked.value;
        case kind::compare_and_set:
            break;
    }
    const bool holds = now == asked.expected;
    if (answer && answer->done != holds) return std::nullopt;
    return holds ? asked.value : now;
}

std::string register_model::describe(const argument& asked,
                                     const std::optional<result>& answer) const {
    switch (asked.what) {
        case kind::read:
            return "read -> " + (answer ? quoted(answer->value) : std::string("unknown"));
        case kind::write:
            return "write " + quoted(asked.value);
        case kind::compare_and_set:
            break;
    }
    const char* end = !answer ? "unknown" : answer->done ? "done" : "refused";
    return fmt::format("compare {} and set {} -> {}", quoted(asked.expected), quoted(asked.value),
                       end);
}

std::string register_model::describe(const state& value) const { return quoted(value); }

}  // namespace reeve::testing
