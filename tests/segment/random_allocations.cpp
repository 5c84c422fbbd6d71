// Invariants S1 and S2 of docs/protocols/segments.md under random allocations, writes, ticks, seals
// and restarts: writers write what they were given, late and partly; nodes flush, and report all
// rows, or none, or, once everything is in binlog files, too few.
#include "reeve/core/random.hpp"
#include "segment/support.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

using namespace reeve;
using namespace reeve::segment;

namespace {

constexpr std::uint64_t lifetime = 50;  // the longest of small_segments()

struct grant {
    std::uint64_t rows = 0;
    std::uint64_t expires_at = 0;
    std::map<std::uint64_t, std::uint64_t> written;  // when, how many
};

struct truth {
    std::string channel;
    std::uint64_t limit = 0;
    bool closed = false;
    model::timestamp last_expiry;
    std::uint64_t recorded = 0;  // rows in binlog files
    std::vector<grant> grants;

    [[nodiscard]] std::uint64_t written_before(std::uint64_t at) const {
        std::uint64_t rows = 0;
        for (const auto& one : grants) {
            for (const auto& [when, count] : one.written) rows += when < at ? count : 0;
        }
        return rows;
    }
    // What it may hold in the end.
    [[nodiscard]] std::uint64_t rows_max(std::uint64_t now) const {
        std::uint64_t rows = 0;
        for (const auto& one : grants) {
            std::uint64_t written = 0;
            for (const auto& [when, count] : one.written) written += count;
            rows += one.expires_at > now ? one.rows : written;
        }
        return rows;
    }
};

class play {
public:
    explicit play(std::uint64_t seed) : random_(seed) {
        options_ = small_segments();
        options_.seal.rows_percent = static_cast<unsigned>(random_.between(50, 100));
        options_.seal.idle_max = std::chrono::milliseconds(random_.below(20));
        options_.seal.age_max = std::chrono::milliseconds(random_.below(50));
        it_ = std::make_unique<world>(options_);
    }

    void run(int steps) {
        for (int step = 0; step < steps; ++step) {
            now_ += random_.below(4);
            switch (random_.below(13)) {
                case 0:
                case 1:
                case 2:
                    allocate();
                    break;
                case 3:
                case 4:
                case 5:
                case 6:
                    write();
                    break;
                case 7:
                case 8:
                case 9:
                    tick();
                    break;
                case 10:
                    if (random_.chance(1, 4)) it_->all.seal(any(), model::seal_reason::requested);
                    if (random_.chance(1, 2)) it_->write_seals();
                    break;
                case 11:
                    flush();
                    break;
                default:
                    if (random_.chance(1, 10)) restart();
                    break;
            }
            look();
        }
    }
    [[nodiscard]] std::uint64_t flushed() const { return flushed_; }
    [[nodiscard]] std::uint64_t rows() const { return rows_; }
    [[nodiscard]] std::uint64_t low_reports() const { return low_reports_; }

private:
    std::string channel() { return random_.chance(1, 2) ? "a" : "b"; }
    model::segment_id any() { return s(random_.between(1, segments_.size() + 1)); }

    void create(const std::string& in) {
        const std::uint64_t id = segments_.size() + 1;
        auto record = world::growing(in, random_.between(20, 100), 0, now_);
        auto& made = segments_[id];
        made.channel = in;
        made.limit = record.limits.rows;
        REQUIRE(it_->show(id, record) == learned::taken);
    }

    void allocate() {
        const auto in = channel();
        const auto expires_at = now_ + random_.between(1, lifetime);
        const auto rows = random_.chance(1, 5) ? random_.between(1, 250) : random_.between(1, 30);
        for (int tries = 0; tries < 20; ++tries) {
            const auto answer =
                it_->all.try_allocate({c(1), p(0), in, rows, t(now_), t(expires_at)});
            if (answer.outcome == allocation_outcome::needs_segments) {
                for (auto left = answer.segments_needed; left > 0; --left) create(in);
                continue;
            }
            REQUIRE(answer.outcome == allocation_outcome::allocated);
            take(answer, in, rows, expires_at);
            return;
        }
        FAIL("new segments do not help");
    }

    void take(const allocation& answer, const std::string& in, std::uint64_t rows,
              std::uint64_t expires_at) {
        std::set<std::uint64_t> seen;
        std::uint64_t total = 0;
        for (const auto& part : answer.parts) {
            auto& of = segments_.at(part.segment.value);
            CHECK(seen.insert(part.segment.value).second);
            CHECK(of.channel == in);
            CHECK_FALSE(of.closed);  // S2
            CHECK(part.rows > 0);
            CHECK(part.expires_at.value >= expires_at);
            CHECK(part.expires_at >= of.last_expiry);  // S1
            total += part.rows;
            of.grants.push_back({part.rows, part.expires_at.value, {}});
        }
        CHECK(total == rows);
        rows_ += total;
    }

    void write() {
        if (segments_.empty()) return;
        auto& of = segments_.at(random_.between(1, segments_.size()));
        for (auto& one : of.grants) {
            if (one.expires_at <= now_ || random_.chance(1, 2)) continue;
            std::uint64_t written = 0;
            for (const auto& [when, count] : one.written) written += count;
            if (written < one.rows) one.written[now_] += random_.between(1, one.rows - written);
        }
    }

    // Everything that is written comes into binlog files, and its record says so.
    void flush() {
        const auto id = any().value;
        const auto found = segments_.find(id);
        if (found == segments_.end()) return;
        auto record = it_->record(id);
        record.rows = found->second.recorded = found->second.written_before(now_ + 1);
        REQUIRE(it_->show(id, record) == learned::taken);
    }

    // Rows as of `at`, or fewer, if the record has them.
    std::uint64_t reported(const truth& of, std::uint64_t at) {
        const auto rows = of.written_before(at);
        if (rows == 0 || of.recorded < rows || random_.chance(1, 2)) return rows;
        if (!of.closed) ++low_reports_;
        return random_.below(rows);
    }

    void tick() {
        const auto in = channel();
        const auto at = now_ - std::min(now_, random_.below(5));
        std::vector<segment_rows> reports;
        for (const auto& [id, of] : segments_) {
            if (of.channel != in || !random_.chance(1, 3)) continue;
            const auto rows = reported(of, at);
            reports.push_back({s(id), rows, rows});
        }
        const auto result = it_->tick(at, reports, in);
        for (const auto id : result.flushable) {
            const auto& of = segments_.at(id.value);
            CHECK(of.channel == in);
            CHECK(of.closed);
            for (const auto& one : of.grants) CHECK(one.expires_at <= at);  // nothing can follow
            ++flushed_;
            REQUIRE(it_->become(id.value, model::segment_state::flushing) == learned::taken);
        }
    }

    void restart() {
        auto before = std::move(it_);
        it_ = std::make_unique<world>(options_);
        it_->revision = before->revision;
        for (const auto& [id, of] : segments_) {
            const auto& row = before->all.table()[before->all.table().find(s(id))];
            REQUIRE(it_->all.recover(c(1), s(id), before->record(id), row.at, t(now_ + lifetime)) ==
                    learned::taken);
        }
    }

    void look() {
        for (auto& [id, of] : segments_) {
            INFO("segment " << id << " at " << now_);
            CHECK(of.rows_max(now_) <= of.limit);  // S1
            const auto state = it_->all.table().state_of(s(id));
            of.closed = state != model::segment_state::growing || is_sealing(id);
            const auto expiry = it_->all.last_expiry(s(id));
            CHECK(expiry >= of.last_expiry);  // S1
            of.last_expiry = expiry;
            CHECK(it_->all.free_rows(s(id)) + of.rows_max(now_) <= of.limit);
        }
    }
    // Decided by a leader that has ended, and not recorded: the next one may let it grow.
    [[nodiscard]] bool is_sealing(std::uint64_t id) const {
        bool found = false;
        it_->all.each_sealing([&](const sealing& one) { found |= one.segment.value == id; });
        return found;
    }

    core::random random_;
    allocation_options options_;
    std::unique_ptr<world> it_;
    std::map<std::uint64_t, truth> segments_;
    std::uint64_t now_ = 10;
    std::uint64_t flushed_ = 0;
    std::uint64_t rows_ = 0;
    std::uint64_t low_reports_ = 0;
};

}  // namespace

TEST_CASE("whatever happens, no segment gets more rows than it holds, or any once it is sealed") {
    std::uint64_t flushed = 0;
    std::uint64_t rows = 0;
    std::uint64_t low_reports = 0;
    for (std::uint64_t seed = 1; seed <= 150; ++seed) {
        INFO("seed " << seed);
        play one(seed);
        one.run(300);
        flushed += one.flushed();
        rows += one.rows();
        low_reports += one.low_reports();
    }
    CHECK(flushed > 500);
    CHECK(rows > 50'000);
    CHECK(low_reports > 200);
}

TEST_CASE("reservations that do not fit are held for longer, never for less, and none is lost") {
    core::random random(5);
    for (int round = 0; round < 2000; ++round) {
        reservations it;
        std::map<std::uint64_t, std::uint64_t> exact;
        std::uint64_t end = 1;
        std::uint64_t now = 0;
        std::uint64_t ended = 0;
        std::uint64_t added = 0;
        for (int step = 0; step < 30; ++step) {
            if (random.chance(2, 3)) {
                end = std::max(end, now + 1) + random.below(10);
                const auto rows = random.between(1, 9);
                it.add(rows, t(end));
                exact[end] += rows;
                added += rows;
            } else {
                now += random.below(15);
                ended += it.end_until(t(now));
            }
            std::uint64_t under_way = 0;
            for (const auto& [when, rows] : exact) under_way += when > now ? rows : 0;
            REQUIRE(it.rows() >= under_way);
            REQUIRE(it.rows() + ended == added);
            REQUIRE(it.first_end() > t(now));
        }
        REQUIRE(ended + it.end_until(t(end)) == added);
        REQUIRE(it.empty());
    }
}
