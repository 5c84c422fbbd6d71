#include "fixture.hpp"

#include "reeve/backends/event_loop.hpp"
#include "reeve/core/blocking.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <thread>

using namespace files_tests;

namespace {

// A loop on its own thread, and threads for what blocks.
class host {
public:
    host() : strand_(loop_), thread_([this] { loop_.run(); }) {}
    host(const host&) = delete;
    host& operator=(const host&) = delete;
    ~host() {
        workers_.join();
        loop_.stop();
        thread_.join();
    }
    [[nodiscard]] reeve::core::runtime& strand() noexcept { return strand_; }
    [[nodiscard]] reeve::core::blocking_executor workers() {
        return [this](reeve::core::task work) {
            boost::asio::post(
                workers_,
                [shared = std::make_shared<reeve::core::task>(std::move(work))] { (*shared)(); });
        };
    }

private:
    reeve::backends::event_loop loop_;
    reeve::core::runtime strand_;
    boost::asio::thread_pool workers_{2};
    std::thread thread_;
};

}  // namespace

TEST_CASE("the store works as an object_store of coroutines and passes its probe") {
    const temporary_directory directory;
    host machine;
    const auto store = reeve::backends::open_file_object_store(machine.strand(), machine.workers(),
                                                               {directory.string(), nullptr, {}});
    const auto can =
        reeve::blocking::wait(machine.strand(), reeve::storage::probe(*store, "probe/", "nonce"));
    CHECK(can.put_if_absent);
    CHECK(can.put_if_match);
    CHECK(can.exact_times);
    const auto version = reeve::blocking::wait(machine.strand(), store->put("a", "1"));
    const auto found = reeve::blocking::wait(machine.strand(), store->get("a", {}));
    REQUIRE(found);
    CHECK(found->bytes == "1");
    CHECK(found->meta.version == version);
    const auto page = reeve::blocking::wait(machine.strand(), store->list("", "", 10));
    REQUIRE(page.objects.size() == 1);
    CHECK(page.objects.front() == found->meta);
    CHECK(code_of([&] { return reeve::blocking::wait(machine.strand(), store->put("", "x")); }) ==
          errc::invalid_argument);
    CHECK(code_of([&] {
              return reeve::blocking::wait(machine.strand(), store->put(std::string("\0", 1), "x"));
          }) == errc::invalid_argument);
    CHECK(code_of([&] {
              return reeve::blocking::wait(machine.strand(),
                                           store->put(std::string(1025, 'x'), ""));
          }) == errc::too_large);
}
