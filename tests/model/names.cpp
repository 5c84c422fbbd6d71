#include "catch.hpp"
#include "reeve/model/channel.hpp"
#include "reeve/model/ids.hpp"
#include "reeve/model/messages.hpp"
#include "reeve/model/node.hpp"
#include "reeve/model/segment.hpp"

#include <fmt/format.h>

#include <set>
#include <string>
#include <unordered_set>

using namespace reeve;
using model::channel_state;

TEST_CASE("a name has 1 to 200 printable ASCII bytes, and no slash") {
    CHECK(model::valid_name("a"));
    CHECK(model::valid_name("!~\"\\"));
    CHECK(model::valid_name(std::string(model::name_bytes_max, 'n')));
    CHECK_FALSE(model::valid_name(""));
    CHECK_FALSE(model::valid_name(std::string(model::name_bytes_max + 1, 'n')));
    for (int byte = 0; byte < 256; ++byte) {
        INFO(byte);
        const std::string name(1, static_cast<char>(byte));
        CHECK(model::valid_name(name) == (byte > ' ' && byte <= '~' && byte != '/'));
    }
}

TEST_CASE("every state and outcome has a name of its own") {
    std::set<std::string_view> states;
    for (const auto state :
         {channel_state::unassigned, channel_state::pending, channel_state::registered,
          channel_state::releasing, channel_state::dropped}) {
        CHECK(states.insert(model::name(state)).second);
    }
    CHECK(states.count("?") == 0);
    CHECK(model::name(model::drain_state::draining) == "draining");
    CHECK(model::name(model::drain_state::ended) == "ended");
    std::set<std::string_view> answers;
    for (const auto outcome : {model::agent_outcome::done, model::agent_outcome::wrong_process,
                               model::agent_outcome::stale, model::agent_outcome::failed}) {
        CHECK(answers.insert(model::name(outcome)).second);
    }
    CHECK(answers.count("?") == 0);
    std::set<std::string_view> commits;
    for (const auto outcome : {model::commit_outcome::committed, model::commit_outcome::stale,
                               model::commit_outcome::mismatch}) {
        CHECK(commits.insert(model::name(outcome)).second);
    }
    CHECK(commits.count("?") == 0);
}

TEST_CASE("a channel has a holder from the moment it is recorded until it is let go") {
    CHECK_FALSE(model::has_holder(channel_state::unassigned));
    CHECK(model::has_holder(channel_state::pending));
    CHECK(model::has_holder(channel_state::registered));
    CHECK(model::has_holder(channel_state::releasing));
    CHECK_FALSE(model::has_holder(channel_state::dropped));
}

TEST_CASE("ids compare, hash and print as what they hold, and 0 is none") {
    CHECK(model::epoch(3) < model::epoch(4));
    CHECK_FALSE(model::epoch());
    CHECK(model::epoch(1));
    CHECK(fmt::format("{}", model::epoch(17)) == "17");
    CHECK(fmt::format("{}", model::node_name("n1")) == "n1");
    const std::unordered_set<model::node_name> names{model::node_name("a"), model::node_name("a"),
                                                     model::node_name("b")};
    CHECK(names.size() == 2);
}

TEST_CASE("positions are ordered as bytes, and the empty one is before all others") {
    CHECK(model::position() < model::position(std::string("\0", 1)));
    CHECK(model::position("\x7f") < model::position("\x80"));
    CHECK(model::position("\xff") > model::position("\x01"));
    CHECK(model::position("a") < model::position("aa"));
}

TEST_CASE("every state, reason and kind of a segment has a name of its own") {
    const auto distinct = [](auto last) {
        std::set<std::string_view> names;
        for (unsigned value = 0; value <= static_cast<unsigned>(last); ++value) {
            names.insert(model::name(static_cast<decltype(last)>(value)));
        }
        CHECK(names.size() == static_cast<unsigned>(last) + 1);
        CHECK(names.count("?") == 0);
        CHECK(model::name(static_cast<decltype(last)>(static_cast<unsigned>(last) + 1)) == "?");
    };
    distinct(model::segment_state::collected);
    distinct(model::seal_reason::host);
    distinct(model::binlog_kind::delta);
    distinct(model::drop_state::dropped);
    distinct(model::job_state::ended);
    CHECK(model::binlog_kind_of("stats") == model::binlog_kind::stats);
    CHECK_FALSE(model::binlog_kind_of("").has_value());
    CHECK_FALSE(model::is_dropped(model::segment_state::flushed));
    CHECK(model::is_dropped(model::segment_state::dropped));
    CHECK(model::is_dropped(model::segment_state::collected));
}

TEST_CASE("a number that a holder gave out is written in one way") {
    const model::granted_number it{model::epoch(12), 7};
    CHECK(model::text(it) == "12-7");
    CHECK(model::granted_number_of("12-7") == it);
    CHECK(model::granted_number_of("0-0") == model::granted_number());
    for (const std::string_view bad : {"", "-", "1-", "-1", "1", "01-1", "1-01", "1-1-1", "1--1",
                                       "+1-1", "1-1 ", "1-18446744073709551616"}) {
        INFO(bad);
        CHECK_FALSE(model::granted_number_of(bad).has_value());
    }
}
