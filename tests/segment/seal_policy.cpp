#include "reeve/segment/seal_policy.hpp"

#include "catch.hpp"

#include <limits>
#include <memory>
#include <set>
#include <vector>

using namespace reeve;
using namespace reeve::segment;
using model::seal_reason;
using std::chrono::milliseconds;

namespace {

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

seal_options options() {
    seal_options it;
    it.rows_percent = 90;
    it.bytes_percent = 80;
    it.age_max = milliseconds(1000);
    it.idle_max = milliseconds(100);
    it.binlogs_max = 4;
    it.timestamps_per_ms = 10;
    return it;
}

seal_facts facts() {
    seal_facts it;
    it.limits = {1000, 5000};
    it.created = model::timestamp(50'000);
    it.written = model::timestamp(52'000);
    it.now = model::timestamp(52'001);
    return it;
}

seal_reason reason(const seal_facts& it) { return decide_seal(it, options()).reason; }

struct fixed final : seal_policy {
    std::string_view name() const noexcept override { return "fixed"; }
    seal_answer decide(const seal_facts&) const noexcept override { return answer; }
    seal_answer answer;
};

}  // namespace

TEST_CASE("a segment is sealed at its share of rows") {
    auto it = facts();
    it.rows = 899;
    CHECK(reason(it) == seal_reason::none);
    it.rows = 900;
    CHECK(reason(it) == seal_reason::rows);
    it.rows = 0;
    it.reserved = 1000;
    CHECK(reason(it) == seal_reason::none);  // what is only reserved may never come
    it.limits.rows = 1;
    CHECK(reason(it) == seal_reason::none);
    it.rows = 1;
    CHECK(reason(it) == seal_reason::rows);
}

TEST_CASE("a segment is sealed at its share of bytes, unless bytes do not count") {
    auto it = facts();
    it.bytes = 3999;
    CHECK(reason(it) == seal_reason::none);
    it.bytes = 4000;
    CHECK(reason(it) == seal_reason::bytes);
    it.limits.bytes = 0;
    CHECK(reason(it) == seal_reason::none);
    it = facts();
    it.bytes = most;
    auto by = options();
    by.bytes_percent = 0;
    CHECK(decide_seal(it, by).reason == seal_reason::none);
}

TEST_CASE("a segment is sealed when it is old or idle, and looked at again only then") {
    auto it = facts();
    auto answer = decide_seal(it, options());
    CHECK(answer.reason == seal_reason::none);
    CHECK(answer.look_again == model::timestamp(53'000));
    it.now = model::timestamp(52'999);
    CHECK(reason(it) == seal_reason::none);
    it.now = model::timestamp(53'000);
    CHECK(reason(it) == seal_reason::idle);
    it.written = model::timestamp(59'500);
    it.now = model::timestamp(59'999);
    answer = decide_seal(it, options());
    CHECK(answer.reason == seal_reason::none);
    CHECK(answer.look_again == model::timestamp(60'000));
    it.now = model::timestamp(60'000);
    CHECK(reason(it) == seal_reason::age);
    auto by = options();
    by.age_max = milliseconds(0);
    by.idle_max = milliseconds(0);
    it.now = never;
    answer = decide_seal(it, by);
    CHECK(answer.reason == seal_reason::none);
    CHECK(answer.look_again == never);
}

TEST_CASE("a moment beyond all timestamps never comes") {
    CHECK(after(model::timestamp(5), milliseconds(2), 10) == model::timestamp(25));
    CHECK(after(model::timestamp(5), milliseconds(-2), 10) == model::timestamp(5));
    CHECK(after(model::timestamp(most - 5), milliseconds(1), 10) == never);
    CHECK(after(model::timestamp(1), milliseconds::max(), most) == never);
    CHECK(after(model::timestamp(1), milliseconds::max(), 0) == model::timestamp(1));
}

TEST_CASE("a segment is sealed when it has many binlog files") {
    auto it = facts();
    it.binlogs = 3;
    CHECK(reason(it) == seal_reason::none);
    it.binlogs = 4;
    CHECK(reason(it) == seal_reason::binlogs);
    auto by = options();
    by.binlogs_max = 0;
    CHECK(decide_seal(it, by).reason == seal_reason::none);
}

TEST_CASE("the host's policies are asked last, and count as the host's") {
    const auto mine = std::make_shared<fixed>();
    const std::vector<std::shared_ptr<const seal_policy>> host{mine};
    auto it = facts();
    mine->answer = {seal_reason::none, model::timestamp(52'500)};
    CHECK(decide_seal(it, options(), host).look_again == model::timestamp(52'500));
    mine->answer = {seal_reason::age, never};
    CHECK(decide_seal(it, options(), host).reason == seal_reason::host);
    it.rows = 1000;
    CHECK(decide_seal(it, options(), host).reason == seal_reason::rows);
}

TEST_CASE(
    "a channel with too many growing bytes gives up its largest segments, as few as it takes") {
    const std::vector<std::uint64_t> bytes{10, 40, 30, 40};
    CHECK(over_channel_bytes(bytes, 120).empty());
    CHECK(over_channel_bytes(bytes, 0).empty());
    CHECK(over_channel_bytes(bytes, 119) == std::vector<std::size_t>{1});
    CHECK(over_channel_bytes(bytes, 80) == std::vector<std::size_t>{1});
    CHECK(over_channel_bytes(bytes, 79) == std::vector<std::size_t>{1, 3});
    CHECK(over_channel_bytes(bytes, 9) == std::vector<std::size_t>{1, 3, 2, 0});
    CHECK(over_channel_bytes({}, 1).empty());
    // Sums beyond all numbers are no small ones.
    const std::vector<std::uint64_t> huge{5, most, 3, most - 1};
    CHECK(over_channel_bytes(huge, most) == std::vector<std::size_t>{1, 3});
    CHECK(over_channel_bytes(huge, 8) == std::vector<std::size_t>{1, 3});
    CHECK(over_channel_bytes(huge, 7) == std::vector<std::size_t>{1, 3, 0});
}

TEST_CASE("jitter takes up to its share, the same for the same segment, and leaves a row") {
    std::set<std::uint64_t> rows;
    for (std::uint64_t id = 1; id <= 1000; ++id) {
        const auto limits = with_jitter({10'000, 20'000}, model::segment_id(id), 10);
        CHECK(limits == with_jitter({10'000, 20'000}, model::segment_id(id), 10));
        CHECK(limits.rows >= 9000);
        CHECK(limits.rows <= 10'000);
        CHECK(limits.bytes == 2 * limits.rows);
        rows.insert(limits.rows);
    }
    CHECK(rows.size() > 500);
    CHECK(least_with_jitter({10'000, 20'000}, 10) == model::segment_limits{9000, 18'000});
    CHECK(least_with_jitter({10'000, 20'000}, 0) == model::segment_limits{10'000, 20'000});
    CHECK(least_with_jitter({99, 0}, 1000).rows == 49);
    CHECK(least_with_jitter({0, 0}, 10).rows == 1);
    const model::segment_limits base{most, 7};
    CHECK(with_jitter(base, model::segment_id(3), 0) == base);
    CHECK(with_jitter({1, 0}, model::segment_id(3), 50).rows == 1);
    CHECK(with_jitter({100, 0}, model::segment_id(3), 1000).rows >= 50);
}

TEST_CASE("a share is exact and does not overflow") {
    CHECK(share_of(1000, 95) == 950);
    CHECK(share_of(7, 95) == 7);
    CHECK(share_of(0, 95) == 0);
    CHECK(share_of(most, 100) == most);
    CHECK(share_of(1, 1) == 1);
}
