#include "channel/registrar_impl.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"

#include <fmt/format.h>

#include <utility>

namespace reeve::channel {

namespace {

// A checkpoint with small records of the host.
class checkpoint_change final : public progress_change {
public:
    checkpoint_change(const catalog::key_layout& keys, model::commit_request request)
        : keys_(keys), request_(std::move(request)) {
        by_.channel = request_.channel;
        by_.node = request_.node;
        by_.process = request_.process;
        by_.epoch = request_.epoch;
    }

    [[nodiscard]] const model::holder& by() const noexcept override { return by_; }
    [[nodiscard]] model::commit_reply& reply() noexcept { return reply_; }

    [[nodiscard]] step prepare(const channel_facts& known, progress_write& into) override {
        using model::commit_outcome;
        const auto& recorded = known.progress.checkpoint;
        // A repetition of what is recorded already is a success before any refusal.
        const bool same_epoch = known.recorded && known.progress.epoch == request_.epoch;
        if (same_epoch && recorded == request_.to) {
            return answer(commit_outcome::committed, recorded);
        }
        if (!known.held) {
            reply_.why = known.why;
            return answer(commit_outcome::stale, recorded);
        }
        const bool other_point = recorded != request_.from;
        if ((other_point && core::enforced(core::guard::continuation)) || request_.to <= recorded) {
            return answer(commit_outcome::mismatch, recorded);
        }
        if (same_epoch && request_.settled < known.progress.settled) {
            throw error(errc::invalid_argument,
                        fmt::format("channel {}: settled {} is below the recorded {}",
                                    request_.channel, request_.settled, known.progress.settled));
        }
        into.progress.checkpoint = request_.to;
        into.progress.epoch = request_.epoch;
        into.progress.settled = request_.settled;
        // The number of the last flush is that of the grant: a new one begins without.
        into.progress.flush = same_epoch ? known.progress.flush : 0;
        for (const auto& one : request_.records) {
            into.created.push_back({keys_.host(one.name), one.value});
        }
        return step::write;
    }

    // Neither entry nor progress has changed: what failed is a record of the host.
    [[nodiscard]] awaitable<void> look() override {
        throw error(
            errc::invalid_argument,
            fmt::format("channel {}: a record of the host exists already", request_.channel));
        co_return;
    }

    void committed(storage::revision) override {
        (void)answer(model::commit_outcome::committed, request_.to);
    }

private:
    step answer(model::commit_outcome outcome, const model::position& recorded) {
        reply_.outcome = outcome;
        reply_.recorded = recorded;
        return step::answered;
    }

    const catalog::key_layout& keys_;
    model::commit_request request_;
    model::holder by_;
    model::commit_reply reply_;
};

}  // namespace

/// The turn of one change in its channel.
class registrar_impl::channel_turn {
public:
    channel_turn(std::shared_ptr<registrar_impl> in, row_number row, model::epoch epoch)
        : in_(std::move(in)), row_(row) {
        in_->changing_.emplace(row_, epoch);
    }
    ~channel_turn() {
        in_->changing_.erase(row_);
        in_->change_ended_.notify_all();
    }
    channel_turn(const channel_turn&) = delete;
    channel_turn& operator=(const channel_turn&) = delete;

private:
    std::shared_ptr<registrar_impl> in_;
    row_number row_;
};

channel_facts registrar_impl::facts(row_number number, const model::holder& by) const {
    const channel_row& row = table_[number];
    channel_facts known;
    known.entry = table_.entry(number);
    known.recorded = static_cast<bool>(row.progress_at);
    known.progress.checkpoint = model::position(std::string(table_.checkpoint(number)));
    known.progress.epoch = row.progress_epoch;
    known.progress.settled = row.settled;
    known.progress.flush = row.flush;
    const bool held = row.node != channel_table::none && model::has_holder(row.state);
    const bool epoch_ends = !held || row.epoch != by.epoch;
    const bool process_ends =
        !held || row.process != by.process || table_.node_name(row.node) != by.node;
    const bool compares_process = core::enforced(core::guard::commit_incarnation);
    known.held = !core::enforced(core::guard::commit_epoch) ||
                 (!epoch_ends && (!process_ends || !compares_process));
    if (known.held) return known;
    known.why = fmt::format("channel {}: {}/{} epoch {} is not the holder, but {}/{} epoch {} ({})",
                            row.name, by.node, by.process, by.epoch,
                            held ? table_.node_name(row.node).value : std::string("nobody"),
                            row.process, row.epoch, model::name(row.state));
    return known;
}

storage::transaction registrar_impl::comparisons(row_number number) const {
    const channel_row& row = table_[number];
    const model::channel_name name{std::string(row.name)};
    storage::transaction body;
    if (core::enforced(core::guard::commit_epoch)) {
        body.if_modified_at(keys_.channel(name), row.entry_at);
    }
    if (core::enforced(core::guard::continuation)) {
        body.if_modified_at(keys_.progress(name), row.progress_at);
    }
    return body;
}

/// C7: a grant that this leader has not heard of is a successor's, and only that one may judge it.
/// Whoever does not know it yet has something to read, once for however many ask.
void registrar_impl::require_known_epoch(row_number number, const model::holder& by) {
    channel_row& row = table_[number];
    if (by.epoch <= row.epoch || !core::enforced(core::guard::commit_epoch)) return;
    if (!row.uncertain) row.doubt();
    look_at(number);
    throw error(errc::unavailable,
                fmt::format("channel {}: epoch {} is of a later leader", by.channel, by.epoch));
}

registrar_impl::row_number registrar_impl::known_row(const model::holder& by) const {
    if (!model::valid_name(by.channel.value)) {  // C4: never "skip the check"
        throw error(errc::invalid_argument,
                    fmt::format("a message that names the channel '{}'", by.channel));
    }
    const row_number number = table_.find(by.channel.value);
    if (number == channel_table::none) {
        throw error(errc::unavailable,
                    fmt::format("channel {} is not known to this leader", by.channel));
    }
    return number;
}

/// What was prepared, under the comparisons of entry and progress: one transaction if it fits.
catalog::large_change registrar_impl::change_of(row_number number, progress_write& what) const {
    const model::channel_name name{std::string(table_[number].name)};
    catalog::large_change change;
    change.last = comparisons(number);
    change.last.put(keys_.progress(name), catalog::encode(what.progress));
    if (what.entry) change.last.put(keys_.channel(name), catalog::encode(*what.entry));
    change.last.append(what.more);
    change.parts = std::exchange(what.created, {});
    return change;
}

void registrar_impl::take_over(row_number number, const progress_write& what,
                               storage::revision at) {
    if (at > table_[number].progress_at) table_.set_progress(number, what.progress, at);
    if (!what.entry || at <= table_[number].entry_at) return;
    table_.set_entry(number, *what.entry, at);
    look_at(number);
    changed_.notify_all();
}

awaitable<void> registrar_impl::apply(std::shared_ptr<progress_change> change) {
    const row_number number = known_row(change->by());
    const auto self = std::static_pointer_cast<registrar_impl>(shared_from_this());
    while (changing_.contains(number)) co_await change_ended_.wait();
    const channel_turn turn(self, number, change->by().epoch);
    for (;;) {
        if (table_[number].uncertain) {
            const bool known = co_await reread(number);
            if (!known) throw error(errc::unavailable, "the metadata store is away");
        }
        require_known_epoch(number, change->by());
        progress_write what;
        const auto next = change->prepare(facts(number, change->by()), what);
        if (next == progress_change::step::answered) co_return;
        if (next == progress_change::step::look) {
            co_await change->look();
            continue;
        }
        // As compared: while the store answers, the loop of the registrar may change the row.
        const storage::revision before = table_[number].progress_at;
        const storage::revision entry_before = table_[number].entry_at;
        catalog::large_change sent = change_of(number, what);
        catalog::large_result result;
        try {
            result = co_await large_.commit_large(std::move(sent));
        } catch (const error& failure) {
            // It may still land: the row is read again before anything else is said of it, and a
            // repetition of this request decides, since it compares the same progress record.
            if (is_outcome_unknown(failure)) {
                table_[number].doubt();
                look_at(number);
                change->doubted();
            }
            throw;
        }
        if (result) {
            ++commits_;
            strand_.metrics().count("reeve_channel_commits_total", 1);
            take_over(number, what, result.at);
            change->committed(result.at);
            co_return;
        }
        table_[number].doubt();
        const bool known = co_await reread(number);
        if (!known) throw error(errc::unavailable, "the metadata store is away");
        if (table_[number].progress_at == before && table_[number].entry_at == entry_before) {
            co_await change->look();
        }
    }
}

channel_facts registrar_impl::facts_of(const model::holder& by) {
    const row_number number = known_row(by);
    if (table_[number].uncertain) {
        look_at(number);
        throw error(errc::unavailable, fmt::format("channel {} is being read again", by.channel));
    }
    require_known_epoch(number, by);
    return facts(number, by);
}

void registrar_impl::count_refusal(model::commit_outcome outcome) {
    if (outcome == model::commit_outcome::stale) {
        ++stale_;
        strand_.metrics().count("reeve_channel_commits_stale_total", 1);
    } else if (outcome == model::commit_outcome::mismatch) {
        ++mismatches_;
        strand_.metrics().count("reeve_channel_commits_mismatched_total", 1);
    }
}

awaitable<model::commit_reply> registrar_impl::commit(model::commit_request request) {
    const auto change = std::make_shared<checkpoint_change>(keys_, std::move(request));
    co_await apply(change);
    count_refusal(change->reply().outcome);
    co_return std::move(change->reply());
}

}  // namespace reeve::channel
