#include "reeve/transport/message_codec.hpp"

#include "core/hex.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <utility>

namespace reeve::transport {

namespace {

using json = nlohmann::json;

constexpr int message_version = 1;

[[noreturn]] void malformed(std::string_view message, std::string_view what) {
    throw error(errc::corrupt, fmt::format("message {}: {}", message, what));
}

std::string to_hex_digits(std::string_view bytes) {
    std::string text;
    core::append_hex(text, bytes);
    return text;
}

/// One received object: every access checks what is there and names it when it is not.
class reader {
public:
    reader(std::string_view message, std::string_view body)
        : message_(message), owned_(json::parse(body, nullptr, false)), at_(&owned_) {
        if (!at_->is_object()) malformed(message_, "not a JSON object");
        if (number("v") != message_version) malformed(message_, "another version than 1");
    }
    reader(std::string_view message, const json& at) : message_(message), at_(&at) {
        if (!at_->is_object()) malformed(message_, "an element is not an object");
    }
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    [[nodiscard]] std::uint64_t number(const char* field) const {
        const json& found = get(field);
        if (!found.is_number_unsigned()) malformed(message_, fmt::format("{} is no number", field));
        return found.get<std::uint64_t>();
    }
    [[nodiscard]] const std::string& text(const char* field) const {
        const json& found = get(field);
        if (!found.is_string()) malformed(message_, fmt::format("{} is no text", field));
        return found.get_ref<const std::string&>();
    }
    [[nodiscard]] std::string name(const char* field) const {
        const std::string& found = text(field);
        if (!model::valid_name(found)) malformed(message_, fmt::format("{} is no name", field));
        return found;
    }
    [[nodiscard]] std::string bytes(const char* field) const {
        std::string result;
        if (!core::read_hex(text(field), result)) {
            malformed(message_, fmt::format("{} is not hexadecimal", field));
        }
        return result;
    }
    [[nodiscard]] model::position position(const char* field) const {
        std::string found = bytes(field);
        if (found.size() > model::position_bytes_max) {
            malformed(message_, fmt::format("{} is longer than a position", field));
        }
        return model::position(std::move(found));
    }
    [[nodiscard]] const json& list(const char* field) const {
        const json& found = get(field);
        if (!found.is_array()) malformed(message_, fmt::format("{} is no list", field));
        return found;
    }

private:
    [[nodiscard]] const json& get(const char* field) const {
        const auto found = at_->find(field);
        if (found == at_->end()) malformed(message_, fmt::format("{} is missing", field));
        return *found;
    }
    std::string_view message_;
    json owned_;
    const json* at_;
};

template <class Enum>
Enum named(std::string_view message, std::string_view text, Enum last) {
    for (int value = 0; value <= static_cast<int>(last); ++value) {
        if (name(static_cast<Enum>(value)) == text) return static_cast<Enum>(value);
    }
    malformed(message, fmt::format("unknown outcome '{}'", text));
}

json begin() {
    json body = json::object();
    body["v"] = message_version;
    return body;
}

std::string finish(const json& body) {
    return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

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
    into.outcome = named(message, all.text("outcome"), model::commit_outcome::mismatch);
    into.recorded = all.position("recorded");
    into.why = all.text("why");
}

}  // namespace reeve::transport
