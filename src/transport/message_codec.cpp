#include "reeve/transport/message_codec.hpp"

#include "transport/message_json.hpp"

#include <string_view>
#include <utility>

namespace reeve::transport {

std::string encode(const model::assign_request& it) {
    json body = begin();
    body["node"] = it.node.value;
    body["process"] = it.process.value;
    json& list = body["assignments"] = json::array();
    for (const auto& one : it.assignments) {
        json item = json::object();
        item["channel"] = one.channel.value;
        item["collection"] = one.collection.value;
        item["epoch"] = one.epoch.value;
        item["start"] = to_hex_digits(one.start.value);
        list.push_back(std::move(item));
    }
    return finish(body);
}

std::string encode(const model::release_request& it) {
    json body = begin();
    body["node"] = it.node.value;
    body["process"] = it.process.value;
    json& list = body["grants"] = json::array();
    for (const auto& [channel, epoch] : it.grants) {
        json item = json::object();
        item["channel"] = channel.value;
        item["epoch"] = epoch.value;
        list.push_back(std::move(item));
    }
    return finish(body);
}

std::string encode(const model::agent_reply& it) {
    json body = begin();
    json& list = body["answers"] = json::array();
    for (const auto& one : it.answers) {
        json item = json::object();
        item["channel"] = one.channel.value;
        item["outcome"] = name(one.outcome);
        item["why"] = one.why;
        list.push_back(std::move(item));
    }
    return finish(body);
}

std::string encode(const model::commit_request& it) {
    json body = begin();
    body["channel"] = it.channel.value;
    body["node"] = it.node.value;
    body["process"] = it.process.value;
    body["epoch"] = it.epoch.value;
    body["from"] = to_hex_digits(it.from.value);
    body["to"] = to_hex_digits(it.to.value);
    body["settled"] = it.settled;
    json& list = body["records"] = json::array();
    for (const auto& one : it.records) {
        json item = json::object();
        item["name"] = one.name;
        item["value"] = to_hex_digits(one.value);
        list.push_back(std::move(item));
    }
    return finish(body);
}

std::string encode(const model::commit_reply& it) {
    json body = begin();
    body["outcome"] = name(it.outcome);
    body["recorded"] = to_hex_digits(it.recorded.value);
    body["why"] = it.why;
    return finish(body);
}

void decode(std::string_view body, model::assign_request& into) {
    const reader all(kind::assign, body);
    into.node = model::node_name(all.name("node"));
    into.process = model::incarnation(all.number("process"));
    into.assignments.clear();
    for (const json& item : all.list("assignments")) {
        const reader one(kind::assign, item);
        model::assignment& add = into.assignments.emplace_back();
        add.channel = model::channel_name(one.name("channel"));
        add.collection = model::collection_id(one.number("collection"));
        add.epoch = model::epoch(one.number("epoch"));
        add.start = one.position("start");
    }
}

void decode(std::string_view body, model::release_request& into) {
    const reader all(kind::release, body);
    into.node = model::node_name(all.name("node"));
    into.process = model::incarnation(all.number("process"));
    into.grants.clear();
    for (const json& item : all.list("grants")) {
        const reader one(kind::release, item);
        into.grants.emplace_back(model::channel_name(one.name("channel")),
                                 model::epoch(one.number("epoch")));
    }
}

void decode(std::string_view body, model::agent_reply& into) {
    constexpr std::string_view message = "reply of an agent";
    const reader all(message, body);
    into.answers.clear();
    for (const json& item : all.list("answers")) {
        const reader one(message, item);
        model::agent_answer& add = into.answers.emplace_back();
        add.channel = model::channel_name(one.name("channel"));
        add.outcome = named(message, one.text("outcome"), model::agent_outcome::failed);
        add.why = one.text("why");
    }
}

void decode(std::string_view body, model::commit_request& into) {
    const reader all(kind::commit, body);
    into.channel = model::channel_name(all.name("channel"));
    into.node = model::node_name(all.name("node"));
    into.process = model::incarnation(all.number("process"));
    into.epoch = model::epoch(all.number("epoch"));
    into.from = all.position("from");
    into.to = all.position("to");
    into.settled = all.number("settled");
    into.records.clear();
    for (const json& item : all.list("records")) {
        const reader one(kind::commit, item);
        model::host_record& add = into.records.emplace_back();
        add.name = one.text("name");
        add.value = one.bytes("value");
    }
}

void decode(std::string_view body, model::commit_reply& into) {
    constexpr std::string_view message = "reply of a commit";
    const reader all(message, body);
    into.outcome = named(message, all.text("outcome"), model::commit_outcome::dropped);
    into.recorded = all.position("recorded");
    into.why = all.text("why");
}

}  // namespace reeve::transport
