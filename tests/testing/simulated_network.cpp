#include "reeve/testing/simulated_network.hpp"

#include "fixture.hpp"

#include <vector>

namespace tests {
namespace {

/// Two processes; "server" answers "echo" and keeps what it saw.
struct pair_of_processes : fixture {
    explicit pair_of_processes(std::uint64_t seed = 1) : fixture(seed) {
        client = &add("client");
        server = &world.add("server", [this](testing::process& self) -> std::shared_ptr<void> {
            self.service().on("echo", [this](std::string body, transport::request_info) {
                return receive(this, std::move(body));
            });
            return nullptr;
        });
        server->start();
    }
    static awaitable<std::string> receive(pair_of_processes* self, std::string body) {
        self->seen.push_back(body);
        co_return "re: " + body;
    }
    std::string call(const std::string& body, nanoseconds patience = seconds(5)) {
        auto outcome = std::make_shared<std::string>("nothing");
        client->spawn(ask(client, "server", body, patience, outcome));
        world.run_for(patience + milliseconds(10));
        return *outcome;
    }

    testing::process* client = nullptr;
    testing::process* server = nullptr;
    std::vector<std::string> seen;
};

TEST_CASE("a message reaches the service of its address, and the reply comes back") {
    pair_of_processes given;
    CHECK(given.call("hello") == "re: hello");
    CHECK(given.world.messages() == 1);
}

TEST_CASE("a lost request is of unknown outcome at the deadline") {
    pair_of_processes given;
    given.world.faults().network.lost.ppm = 1'000'000;
    CHECK(given.call("hello") == "outcome_unknown");
    CHECK(given.seen.empty());
}

TEST_CASE("a lost reply is of unknown outcome, too, but the message was handled") {
    pair_of_processes given;
    given.world.faults().network.reply_lost.ppm = 1'000'000;
    CHECK(given.call("hello") == "outcome_unknown");
    CHECK(given.seen.size() == 1);
}

TEST_CASE("a request that was not sent never arrives") {
    pair_of_processes given;
    given.world.faults().network.not_sent.ppm = 1'000'000;
    CHECK(given.call("hello") == "unavailable");
    given.world.run_for(hours(1));
    CHECK(given.seen.empty());
}

TEST_CASE("a duplicated request is handled twice and answered once") {
    pair_of_processes given;
    given.world.faults().network.duplicated.ppm = 1'000'000;
    CHECK(given.call("hello") == "re: hello");
    CHECK(given.seen == std::vector<std::string>{"hello", "hello"});
}

TEST_CASE("a cut works one way") {
    pair_of_processes given;
    given.world.network().cut("client", "server");
    CHECK(given.call("lost") == "outcome_unknown");
    CHECK(given.seen.empty());
    given.world.network().mend("client", "server");
    given.world.network().cut("server", "client");
    CHECK(given.call("heard") == "outcome_unknown");
    CHECK(given.seen == std::vector<std::string>{"heard"});
    given.world.heal();
    CHECK(given.call("again") == "re: again");
}

TEST_CASE("an old message arrives minutes later, at whoever then has the address") {
    pair_of_processes given;
    given.world.faults().network.old.ppm = 1'000'000;
    CHECK(given.call("hello") == "re: hello");
    given.world.faults().network.old.ppm = 0;
    given.server->restart();
    given.client->kill();
    given.world.run_for(minutes(11));
    CHECK(given.seen == std::vector<std::string>{"hello", "hello"});
    CHECK(given.world.counts().at("message arrived after its sender's death") == 1);
}

TEST_CASE("messages overtake each other") {
    pair_of_processes given;
    auto outcome = std::make_shared<std::string>();
    for (int i = 0; i < 20; ++i) {
        given.client->spawn(ask(given.client, "server", std::to_string(i), seconds(5), outcome));
    }
    given.world.run_for(seconds(5));
    REQUIRE(given.seen.size() == 20);
    CHECK_FALSE(std::is_sorted(given.seen.begin(), given.seen.end(),
                               [](auto& a, auto& b) { return std::stoi(a) < std::stoi(b); }));
}

TEST_CASE("a dead process refuses or stays silent, and says unavailable only when nothing comes") {
    int refused = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        pair_of_processes given(seed);
        given.server->kill();
        const std::string said = given.call("hello");
        CHECK((said == "unavailable" || said == "outcome_unknown"));
        refused += said == "unavailable" ? 1 : 0;
        given.server->start();
        given.world.run_for(hours(1));
        CHECK(given.seen.empty());
    }
    CHECK(refused > 0);
    CHECK(refused < 20);
}

TEST_CASE("a paused process handles its messages when it goes on") {
    pair_of_processes given;
    given.server->pause();
    CHECK(given.call("hello") == "outcome_unknown");
    CHECK(given.seen.empty());
    given.server->resume();
    given.world.run_for(seconds(1));
    CHECK(given.seen == std::vector<std::string>{"hello"});
}

TEST_CASE("a call whose deadline has passed is not sent") {
    pair_of_processes given;
    CHECK(given.call("hello", nanoseconds(0)) == "deadline_exceeded");
    CHECK(given.seen.empty());
}

TEST_CASE("what was sent lands although its sender is killed right afterwards") {
    pair_of_processes given;
    auto outcome = std::make_shared<std::string>("nothing");
    given.client->spawn(ask(given.client, "server", "last words", seconds(5), outcome));
    given.world.run_for(microseconds(50));  // less than the shortest way
    given.client->kill();
    given.world.run_for(seconds(5));
    CHECK(given.seen == std::vector<std::string>{"last words"});
    CHECK(*outcome == "nothing");
}

}  // namespace
}  // namespace tests
