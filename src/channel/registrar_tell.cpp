#include "channel/registrar_impl.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "reeve/transport/message_codec.hpp"
#include "reeve/transport/service.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace reeve::channel {

void registrar_impl::tell_later(row_number row) {
    const model::node_name& node = table_.node_name(table_[row].node);
    auto found = links_.find(node);
    if (found == links_.end()) {
        found = links_.try_emplace(node, options_.retry, strand_.next_seed()).first;
    }
    found->second.rows.insert(row);
}

/// Starts a call to each node that has something to be told, unless one is running or a failed one
/// was just now.
void registrar_impl::start_calls() {
    if (over_) return;
    const auto now = strand_.now();
    for (auto& [name, one] : links_) {
        if (one.calling || one.rows.empty() || one.not_before > now) continue;
        const auto alive = members_->alive().find(name);
        if (alive == members_->alive().end()) {
            one.rows.clear();  // the rows are looked at again when membership changes
            one.trouble.clear();
            continue;
        }
        one.calling = true;
        auto self = std::static_pointer_cast<registrar_impl>(shared_from_this());
        tasks_.spawn(call_node(std::move(self), alive->second));
    }
}

/// Is there something of this channel that this process of the node has to be told?
bool registrar_impl::is_for(row_number number, const model::node_info& node) const {
    const channel_row& row = table_[number];
    if (row.node == channel_table::none || row.uncertain || row.answer == told::done) return false;
    if (table_.node_name(row.node) != node.name) return false;
    return row.process == node.process || !core::enforced(core::guard::pending_incarnation);
}

awaitable<void> registrar_impl::call_node(std::shared_ptr<registrar_impl> self,
                                          model::node_info node) {
    link& to = self->links_.at(node.name);
    std::vector<row_number> assigns;
    std::vector<row_number> releases;
    const std::set<row_number> all = std::exchange(to.rows, {});
    for (const row_number number : all) {
        if (!self->is_for(number, node)) continue;
        const channel_row& row = self->table_[number];
        if (assigns.size() + releases.size() >= self->options_.tell_channels_max) {
            to.rows.insert(number);
            continue;
        }
        if (row.state == model::channel_state::pending) assigns.push_back(number);
        if (row.state == model::channel_state::releasing) releases.push_back(number);
    }
    bool failed = false;
    std::string trouble;
    try {
        if (!releases.empty()) trouble = co_await self->tell_release(node, releases);
        // What is told is what the table says now: meanwhile one may have gone elsewhere.
        std::erase_if(assigns, [&](row_number number) {
            return !self->is_for(number, node) ||
                   self->table_[number].state != model::channel_state::pending;
        });
        std::string other;
        if (!assigns.empty()) other = co_await self->tell_assign(node, assigns);
        if (trouble.empty()) trouble = std::move(other);
    } catch (const error& failure) {
        failed = true;
        trouble = failure.what();
    }
    to.trouble.set(std::move(trouble), self->strand_.now());
    for (const auto* rows : {&releases, &assigns}) {
        for (const row_number number : *rows) {
            channel_row& row = self->table_[number];
            const bool again = core::enforced(core::guard::retell);
            if (row.answer == told::in_flight && again) row.answer = told::nothing;
            self->look_at(number);
            if (row.answer == told::nothing) failed = true;
        }
    }
    to.calling = false;
    if (failed) {
        to.not_before = self->strand_.now() + to.pause.next();
    } else {
        to.pause.reset();
    }
    self->start_calls();  // the loop may be waiting for the store
    self->work_.notify_all();
}

awaitable<std::string> registrar_impl::tell_assign(model::node_info node,
                                                   std::vector<row_number> rows) {
    model::assign_request request;
    request.node = node.name;
    request.process = node.process;
    std::vector<std::pair<row_number, model::epoch>> asked;
    for (const row_number number : rows) {
        channel_row& row = table_[number];
        row.answer = told::in_flight;
        model::assignment& one = request.assignments.emplace_back();
        one.channel = model::channel_name(std::string(row.name));
        one.collection = row.collection;
        one.epoch = row.epoch;
        one.start = row.start.get();
        asked.emplace_back(number, row.epoch);
    }
    const std::string sent =
        co_await transport::call(carrier_, node.address, std::string(transport::kind::assign),
                                 transport::encode(request), strand_.now() + options_.tell_timeout);
    model::agent_reply reply;
    transport::decode(sent, reply);
    co_return hear(asked, reply, model::channel_state::pending);
}

awaitable<std::string> registrar_impl::tell_release(model::node_info node,
                                                    std::vector<row_number> rows) {
    model::release_request request;
    request.node = node.name;
    request.process = node.process;
    std::vector<std::pair<row_number, model::epoch>> asked;
    for (const row_number number : rows) {
        channel_row& row = table_[number];
        row.answer = told::in_flight;
        request.grants.emplace_back(model::channel_name(std::string(row.name)), row.epoch);
        asked.emplace_back(number, row.epoch);
    }
    const std::string sent =
        co_await transport::call(carrier_, node.address, std::string(transport::kind::release),
                                 transport::encode(request), strand_.now() + options_.tell_timeout);
    model::agent_reply reply;
    transport::decode(sent, reply);
    co_return hear(asked, reply, model::channel_state::releasing);
}

/// Notes each answer, if the channel still is where it was when the node was asked.
std::string registrar_impl::hear(const std::vector<std::pair<row_number, model::epoch>>& asked,
                                 const model::agent_reply& reply, model::channel_state state) {
    if (reply.answers.size() != asked.size()) {
        throw error(errc::corrupt,
                    fmt::format("{} answers to {} channels", reply.answers.size(), asked.size()));
    }
    std::string trouble;
    for (std::size_t at = 0; at < asked.size(); ++at) {
        const auto& [number, epoch] = asked[at];
        channel_row& row = table_[number];
        const model::agent_answer& said = reply.answers[at];
        if (row.state != state || row.epoch != epoch || said.channel.value != row.name) continue;
        if (row.answer != told::in_flight) continue;
        switch (said.outcome) {
            case model::agent_outcome::done:
                row.answer = told::done;
                break;
            case model::agent_outcome::stale:
                row.answer = told::refused;
                break;
            case model::agent_outcome::wrong_process:
            case model::agent_outcome::failed:
                row.answer = told::nothing;
                if (trouble.empty()) trouble = fmt::format("channel {}: {}", row.name, said.why);
                break;
        }
    }
    return trouble;
}

void registrar_impl::ask_schema(model::collection_id id) {
    collection& known = collections_[id];
    if (known.asked || over_) return;
    known.asked = true;
    auto self = std::static_pointer_cast<registrar_impl>(shared_from_this());
    tasks_.spawn(fetch_schema(std::move(self), id));
}

awaitable<void> registrar_impl::fetch_schema(std::shared_ptr<registrar_impl> self,
                                             model::collection_id id) {
    core::backoff retry(self->options_.retry, self->strand_.next_seed());
    for (;;) {
        try {
            auto constraint = co_await self->schemas_->constraint_of(id);
            collection& known = self->collections_[id];
            known.constraint = std::move(constraint);
            known.trouble.clear();
            break;
        } catch (const error& failure) {
            self->collections_[id].trouble.set(failure.what(), self->strand_.now());
        }
        co_await self->strand_.sleep_for(retry.next());
    }
    self->look_at_unplaced();
}

}  // namespace reeve::channel
