#include "agent_fixture.hpp"

using namespace agent_test;

namespace {

/// A grant as an engine may wrap it.
class wrapped_grant final : public channel::grant {
public:
    explicit wrapped_grant(std::shared_ptr<const channel::grant> inner)
        : inner_(std::move(inner)) {}
    const model::assignment& what() const noexcept override { return inner_->what(); }
    model::incarnation process() const noexcept override { return inner_->process(); }
    bool valid() const noexcept override { return inner_->valid(); }

private:
    std::shared_ptr<const channel::grant> inner_;
};

}  // namespace

TEST_CASE("agent: a grant counts by what it says, so an engine may wrap it") {
    fixture all;
    REQUIRE(all.assign("c", 3) == agent_outcome::done);
    const auto wrapped = std::make_shared<wrapped_grant>(all.engine.running["c"]);
    CHECK(all.commit(wrapped, "", "1").outcome == commit_outcome::committed);
    REQUIRE(all.release("c", 3) == agent_outcome::done);
    CHECK(code_of([&] { (void)all.commit(wrapped, "1", "2"); }) == errc::fenced);
    REQUIRE(all.assign("c", 4) == agent_outcome::done);
    CHECK(code_of([&] { (void)all.commit(wrapped, "1", "2"); }) == errc::fenced);
}

TEST_CASE("agent: what a failed start left behind commits nothing under the same epoch") {
    fixture all;
    all.engine.start_failures["c"] = 1;
    REQUIRE(all.assign("c", 3) == agent_outcome::failed);
    const auto left_over = all.engine.last_given;
    REQUIRE(left_over);
    REQUIRE(all.assign("c", 3) == agent_outcome::done);
    CHECK(code_of([&] { (void)all.commit(left_over, "", "1"); }) == errc::fenced);
    CHECK(all.commit(all.engine.running["c"], "", "1").outcome == commit_outcome::committed);
}
