#include "channel/registrar_impl.hpp"
#include "reeve/catalog/commit_large.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"

#include <fmt/format.h>

#include <utility>

namespace reeve::channel {

namespace {

model::commit_reply reply_of(model::commit_outcome outcome, std::string_view recorded,
                             std::string why = {}) {
    model::commit_reply reply;
    reply.outcome = outcome;
    reply.recorded = model::position(std::string(recorded));
    reply.why = std::move(why);
    return reply;
}

// The number of the last flush is that of the grant: a new one begins without.
std::uint64_t last_flush(const channel_row& row, model::epoch epoch) noexcept {
    return row.progress_epoch == epoch ? row.flush : 0;
}

}  // namespace

/// The answer that needs no write: stale, repeated or continuing from the wrong point. Nothing: go
/// on and write.
std::optional<model::commit_reply> registrar_impl::refuse(
    row_number number, const model::commit_request& request) const {
    using model::commit_outcome;
    const channel_row& row = table_[number];
    const std::string_view recorded = table_.checkpoint(number);
    // A repetition of what is recorded already is a success before any refusal.
    if (row.progress_at && row.progress_epoch == request.epoch && recorded == request.to.value) {
        return reply_of(commit_outcome::committed, recorded);
    }
    const bool held = row.node != channel_table::none && model::has_holder(row.state);
    const bool epoch_ends = !held || row.epoch != request.epoch;
    const bool process_ends =
        !held || row.process != request.process || table_.node_name(row.node) != request.node;
    const bool compares_process = core::enforced(core::guard::commit_incarnation);
    if (core::enforced(core::guard::commit_epoch) &&
        (epoch_ends || (process_ends && compares_process))) {
        return reply_of(commit_outcome::stale, recorded,
                        fmt::format("channel {}: {}/{} epoch {} is not the holder, but {}/{} epoch "
                                    "{} ({})",
                                    row.name, request.node, request.process, request.epoch,
                                    held ? table_.node_name(row.node).value : std::string("nobody"),
                                    row.process, row.epoch, model::name(row.state)));
    }
    const bool other_point = recorded != request.from.value;
    if ((other_point && core::enforced(core::guard::continuation)) ||
        request.to.value <= recorded) {
        return reply_of(commit_outcome::mismatch, recorded);
    }
    return std::nullopt;
}

storage::transaction registrar_impl::transaction_of(row_number number,
                                                    const model::commit_request& request) const {
    const channel_row& row = table_[number];
    const model::channel_name& name = request.channel;
    model::channel_progress progress;
    progress.checkpoint = request.to;
    progress.epoch = request.epoch;
    progress.settled = request.settled;
    progress.flush = last_flush(row, request.epoch);
    storage::transaction body = guard_.begin();
    if (core::enforced(core::guard::commit_epoch)) {
        body.if_modified_at(keys_.channel(name), row.entry_at);
    }
    if (core::enforced(core::guard::continuation)) {
        body.if_modified_at(keys_.progress(name), row.progress_at);
    }
    body.put(keys_.progress(name), catalog::encode(progress));
    for (const auto& one : request.records) {
        const std::string key = keys_.host(one.name);
        body.if_absent(key);
        body.put(key, one.value);
    }
    return body;
}

/// C7: a grant that this leader has not heard of is a successor's, and only that one may judge it.
/// Whoever does not know it yet has something to read, once for however many ask.
void registrar_impl::require_known_epoch(row_number number, const model::commit_request& request) {
    channel_row& row = table_[number];
    if (request.epoch <= row.epoch || !core::enforced(core::guard::commit_epoch)) return;
    if (!row.uncertain) row.doubt();
    look_at(number);
    throw error(errc::unavailable, fmt::format("channel {}: epoch {} is of a later leader",
                                               request.channel, request.epoch));
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
    if (!model::valid_name(request.channel.value)) {  // C4: never "skip the check"
        throw error(errc::invalid_argument,
                    fmt::format("a commit that names the channel '{}'", request.channel));
    }
    const row_number number = table_.find(request.channel.value);
    if (number == channel_table::none) {
        throw error(errc::unavailable,
                    fmt::format("channel {} is not known to this leader", request.channel));
    }
    for (;;) {
        if (table_[number].uncertain) {
            const bool known = co_await reread(number);
            if (!known) throw error(errc::unavailable, "the metadata store is away");
        }
        require_known_epoch(number, request);
        auto refused = refuse(number, request);
        if (refused) {
            count_refusal(refused->outcome);
            co_return std::move(*refused);
        }
        if (request.settled < table_[number].settled &&
            request.epoch == table_[number].progress_epoch) {
            throw error(errc::invalid_argument,
                        fmt::format("channel {}: settled {} is below the recorded {}",
                                    request.channel, request.settled, table_[number].settled));
        }
        // As compared: while the store answers, another try of this request may change the row.
        const storage::revision before = table_[number].progress_at;
        const storage::revision entry_before = table_[number].entry_at;
        const std::uint64_t flush = last_flush(table_[number], request.epoch);
        storage::transaction body = transaction_of(number, request);
        catalog::refuse_marked(body);
        storage::commit_result result;
        try {
            result = co_await store_.commit(std::move(body));
        } catch (const error& failure) {
            // It may still land: the row is read again before anything else is said of it, and a
            // repetition of this request decides, since it compares the same progress record.
            if (is_outcome_unknown(failure)) {
                table_[number].doubt();
                look_at(number);
            }
            throw;
        }
        guard_.check(result);
        if (result) {
            ++commits_;
            strand_.metrics().count("reeve_channel_commits_total", 1);
            model::channel_progress progress;
            progress.checkpoint = request.to;
            progress.epoch = request.epoch;
            progress.settled = request.settled;
            progress.flush = flush;
            if (result.at > table_[number].progress_at) {
                table_.set_progress(number, progress, result.at);
            }
            co_return reply_of(model::commit_outcome::committed, request.to.value);
        }
        table_[number].doubt();
        const bool known = co_await reread(number);
        if (!known) throw error(errc::unavailable, "the metadata store is away");
        // Neither record has changed: what failed is a record of the host.
        if (table_[number].progress_at == before && table_[number].entry_at == entry_before) {
            throw error(
                errc::invalid_argument,
                fmt::format("channel {}: a record of the host exists already", request.channel));
        }
    }
}

}  // namespace reeve::channel
