#include "reeve/segment/life_cycle.hpp"

#include "catch.hpp"

#include <set>
#include <utility>

using namespace reeve;
using model::segment_state;

namespace {

segment_state state(int number) { return static_cast<segment_state>(number); }

}  // namespace

TEST_CASE("a segment changes in the steps of its life cycle and in no others") {
    using enum segment_state;
    const std::set<std::pair<segment_state, segment_state>> legal{
        {growing, sealed},  {sealed, flushing},    {flushing, flushed},
        {flushed, dropped}, {dropped, collecting}, {collecting, collected},
        {growing, dropped}, {sealed, dropped},     {flushing, dropped},
    };
    for (int from = 0; from < 7; ++from) {
        for (int to = 0; to < 7; ++to) {
            INFO(model::name(state(from)) << " -> " << model::name(state(to)));
            const bool expected = legal.count({state(from), state(to)}) != 0;
            CHECK(segment::may_become(state(from), state(to)) == expected);
        }
    }
    CHECK_FALSE(segment::may_become(state(7), growing));
    CHECK_FALSE(segment::may_become(growing, state(7)));
    CHECK_FALSE(segment::may_become(state(255), state(255)));
}

TEST_CASE("no sequence of changes leads back, or from a tombstone to rows") {
    for (int from = 0; from < 7; ++from) {
        for (int to = 0; to < 7; ++to) {
            if (!segment::may_become(state(from), state(to))) continue;
            CHECK(from < to);
            CHECK(segment::may_follow(state(from), state(to)));
            if (model::is_dropped(state(from))) CHECK(model::is_dropped(state(to)));
        }
        CHECK(segment::may_follow(state(from), state(from)));
    }
    CHECK_FALSE(segment::may_follow(segment_state::dropped, segment_state::flushed));
    CHECK_FALSE(segment::may_follow(segment_state::sealed, segment_state::growing));
}

TEST_CASE("files come to a segment until it is flushed, and never to one that is dropped") {
    for (int number = 0; number < 7; ++number) {
        INFO(model::name(state(number)));
        CHECK(segment::may_be_flushed(state(number)) == (number < 3));
        const bool begins = number == 0 || number == 3;
        CHECK(segment::may_begin(state(number)) == begins);
    }
}
