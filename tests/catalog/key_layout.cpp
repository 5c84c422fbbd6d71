#include "reeve/catalog/key_layout.hpp"

#include "catch.hpp"
#include "reeve/core/error.hpp"

#include <string>
#include <vector>

using namespace reeve;
using catalog::key_layout;
using kind = key_layout::kind;

namespace {

template <class Call>
errc refusal(Call call) {
    try {
        call();
    } catch (const error& failure) {
        return failure.code_value();
    }
    return errc{};
}

const std::string longest(model::name_bytes_max, 'x');

}  // namespace

TEST_CASE("every key that the layout makes is taken apart into what it was made of") {
    const key_layout keys("db/prod");
    const auto back = [&](const std::string& key, kind what, std::string_view name) {
        INFO(key);
        CHECK(key.starts_with("db/prod/"));
        CHECK(keys.all().contains(key));
        CHECK(keys.parse(key).what == what);
        CHECK(keys.parse(key).name == name);
    };
    back(keys.root_record(), kind::root, "");
    back(keys.leader(), kind::leader, "");
    back(keys.ids(), kind::ids, "");
    back(keys.oracle(), kind::oracle, "");
    for (const std::string& name : {std::string("n1"), std::string("a\"b\\c"), longest}) {
        back(keys.node(model::node_name(name)), kind::node, name);
        back(keys.drain(model::node_name(name)), kind::drain, name);
        back(keys.channel(model::channel_name(name)), kind::channel, name);
        back(keys.progress(model::channel_name(name)), kind::progress, name);
    }
    for (std::uint32_t slot = 0; slot < catalog::batch_slots; ++slot) {
        back(keys.batch(slot), kind::batch, std::to_string(slot));
    }
    back(keys.host("files/c1/000"), kind::host, "files/c1/000");
    back(keys.host(std::string(catalog::host_name_bytes_max, 'h')), kind::host,
         std::string(catalog::host_name_bytes_max, 'h'));
}

TEST_CASE("a root ends with one slash and is printable ASCII") {
    CHECK(key_layout("a").root() == "a/");
    CHECK(key_layout("a/").root() == "a/");
    CHECK(key_layout("/").root() == "/");
    const std::string most(catalog::root_bytes_max, 'r');
    CHECK(key_layout(most).root() == most + "/");
    for (const std::string& bad : {std::string(), std::string("a b"), std::string("\xC3\xA4"),
                                   std::string("a\0", 2), std::string("\x7f"), most + "r"}) {
        CHECK(refusal([&] { key_layout keys(bad); }) == errc::invalid_argument);
    }
}

TEST_CASE("names outside the stated range are refused by every key that has one") {
    const key_layout keys("r");
    for (const std::string& bad :
         {std::string(), std::string("a/b"), std::string("a b"), std::string("a\n"),
          std::string("\xff"), std::string("a\0b", 3), longest + "x"}) {
        const model::node_name node(bad);
        const model::channel_name channel(bad);
        CHECK(refusal([&] { (void)keys.node(node); }) == errc::invalid_argument);
        CHECK(refusal([&] { (void)keys.drain(node); }) == errc::invalid_argument);
        CHECK(refusal([&] { (void)keys.channel(channel); }) == errc::invalid_argument);
        CHECK(refusal([&] { (void)keys.progress(channel); }) == errc::invalid_argument);
    }
    CHECK(refusal([&] { (void)keys.batch(catalog::batch_slots); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.host(""); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.host("a b"); }) == errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.host(std::string(catalog::host_name_bytes_max + 1, 'h')); }) ==
          errc::invalid_argument);
    CHECK(refusal([&] { (void)keys.hosts("a\t"); }) == errc::invalid_argument);
}

TEST_CASE("foreign and malformed keys are unknown") {
    const key_layout keys("r");
    for (const std::string key : {"",
                                  "r",
                                  "r/",
                                  "q/root",
                                  "r/nodes/",
                                  "r/nodes/a/b",
                                  "r/nodes",
                                  "r/channels/a b",
                                  "r/batches/8",
                                  "r/batches/00",
                                  "r/batches/",
                                  "r/batches/-1",
                                  "r/batches/1x",
                                  "r/batches/99999999999999999999",
                                  "r/roots",
                                  "r/root/",
                                  "r/records/",
                                  "r/streams/a",
                                  "r/idsx",
                                  "r/drain/\xff"}) {
        INFO(key);
        CHECK(keys.parse(key).what == kind::unknown);
    }
}

TEST_CASE("each range holds its own records and no others") {
    const key_layout keys("r");
    const model::node_name node("n");
    const model::channel_name channel("c");
    struct one {
        std::string key;
        bool membership, channel, progress, batch, host;
    };
    const std::vector<one> table{
        {keys.root_record(), false, false, false, false, false},
        {keys.oracle(), false, false, false, false, false},
        {keys.leader(), true, false, false, false, false},
        {keys.ids(), true, false, false, false, false},
        {keys.node(node), true, false, false, false, false},
        {keys.drain(node), true, false, false, false, false},
        {keys.channel(channel), false, true, false, false, false},
        {keys.progress(channel), false, false, true, false, false},
        {keys.batch(7), false, false, false, true, false},
        {keys.host("a/b"), false, false, false, false, true},
        {keys.host("~"), false, false, false, false, true},
    };
    for (const auto& [key, membership, in_channels, progress, batch, host] : table) {
        INFO(key);
        CHECK(keys.membership().contains(key) == membership);
        CHECK(keys.channels().contains(key) == in_channels);
        CHECK(keys.progresses().contains(key) == progress);
        CHECK(keys.batches().contains(key) == batch);
        CHECK(keys.hosts("").contains(key) == host);
    }
    CHECK(keys.hosts("a/").contains(keys.host("a/b")));
    CHECK_FALSE(keys.hosts("a/").contains(keys.host("ab")));
}

TEST_CASE("roots do not mix unless one lies in the other") {
    const key_layout one("a");
    const key_layout other("ab");
    CHECK_FALSE(one.all().contains(other.leader()));
    CHECK(one.parse(other.leader()).what == kind::unknown);
}
