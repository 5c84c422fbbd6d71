// What do segments cost in memory and time? Allocation of rows with 10,000 open segments (the
// allocator is given no store, so it cannot write); a tick for each of 1,000 channels with 100 open
// segments each, of which none, a few or all change (not measured: the tick at which a channel has
// too many bytes, the one that looks at everything that grows); and the bytes of segments that are
// flushed, or dropped. Times are those of this thread's processor. Baselines: the same choice by a
// scan of the same segments; a look at every open segment; a hash map of the records.
#include "bench.hpp"

#include "reeve/core/random.hpp"
#include "reeve/segment/seal_policy.hpp"
#include "segment/allocator.hpp"

#include <malloc.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <unordered_map>

namespace {

std::uint64_t heap_calls = 0;
std::int64_t heap_bytes = 0;

void* counted(std::size_t size, std::size_t alignment = alignof(std::max_align_t)) {
    const std::size_t whole = (size / alignment + 1) * alignment;
    void* const made = std::aligned_alloc(alignment, whole);
    if (made == nullptr) throw std::bad_alloc();
    ++heap_calls;
    heap_bytes += static_cast<std::int64_t>(::malloc_usable_size(made));
    return made;
}

void uncounted(void* made) noexcept {
    if (made == nullptr) return;
    heap_bytes -= static_cast<std::int64_t>(::malloc_usable_size(made));
    std::free(made);
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
    return counted(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* made) noexcept { uncounted(made); }
void operator delete[](void* made) noexcept { uncounted(made); }
void operator delete(void* made, std::size_t) noexcept { uncounted(made); }
void operator delete[](void* made, std::size_t) noexcept { uncounted(made); }
void operator delete(void* made, std::align_val_t) noexcept { uncounted(made); }
void operator delete[](void* made, std::align_val_t) noexcept { uncounted(made); }
void operator delete(void* made, std::size_t, std::align_val_t) noexcept { uncounted(made); }
void operator delete[](void* made, std::size_t, std::align_val_t) noexcept { uncounted(made); }

namespace {

using reeve::core::random;
using reeve::segment::allocation_options;
using reeve::segment::allocation_outcome;
using reeve::segment::allocation_request;
using reeve::segment::allocator;
using reeve::segment::learned;
using reeve::segment::segment_rows;
namespace model = reeve::model;

constexpr std::uint64_t ms = std::uint64_t{1} << 18U;
constexpr std::uint64_t start = 1'700'000'000'000 * ms;
constexpr model::collection_id collection(7);

void require(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(what);
}

// How long `work` keeps the processor, in seconds: it neither waits nor has threads.
template <class Work>
double time_of(Work&& work) {
    const auto now = [] {
        timespec at{};
        ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
        return static_cast<double>(at.tv_sec) + 1e-9 * static_cast<double>(at.tv_nsec);
    };
    const double before = now();
    std::forward<Work>(work)();
    return now() - before;
}

std::string channel_name(std::uint64_t number) { return fmt::format("channel-{:06}", number); }

model::segment_record growing(std::uint64_t channel, std::uint64_t rows) {
    model::segment_record record;
    record.channel = model::channel_name(channel_name(channel));
    record.limits = {rows, std::uint64_t{1} << 30U};
    record.created = model::timestamp(start);
    record.start = model::position("12345678");
    return record;
}

void create(allocator& all, std::uint64_t id, const model::segment_record& record) {
    const auto outcome =
        all.learn(collection, model::segment_id(id), record, reeve::storage::revision(id));
    require(outcome == learned::taken, "a segment was refused");
}

// --- allocation
// -----------------------------------------------------------------------------------

constexpr std::uint64_t open_segments = 10'000;
constexpr std::size_t calls_of_batch = 1000;

// The same choice without an index.
struct plain_segment {
    std::uint64_t free = 0;
    std::uint64_t id = 0;
};
std::uint64_t scan(std::vector<plain_segment>& all, std::uint64_t rows) {
    plain_segment* best = nullptr;
    for (auto& one : all) {
        if (one.free >= rows && (best == nullptr || one.free < best->free)) best = &one;
    }
    require(best != nullptr, "no room");
    best->free -= rows;
    return best->id;
}

// In nanoseconds for a call, and the heap calls of all of them.
struct allocation_cost {
    double ns = 0;
    std::uint64_t heap = 0;
};

allocation_cost measure_allocation(std::uint64_t channels, std::uint64_t parts,
                                   std::size_t batches) {
    // Four parts: requests just above what three full segments hold.
    const std::uint64_t limit = parts == 1 ? 1'000'000 : 100'000;
    allocation_options options;
    options.limits.rows = limit;
    allocator all(options);
    std::vector<std::string> names;
    for (std::uint64_t channel = 0; channel < channels; ++channel) {
        names.push_back(channel_name(channel));
    }
    for (std::uint64_t id = 1; id <= open_segments; ++id)
        create(all, id, growing(id % channels, limit));
    random choose(1);
    std::vector<double> times;
    times.reserve(batches);
    allocation_cost cost;
    std::uint64_t now = start;
    std::uint64_t allocated = 0;
    const auto calls = parts == 1 ? calls_of_batch : open_segments / parts / batches;
    for (std::size_t batch = 0; batch < batches; ++batch) {
        const auto before = heap_calls;
        times.push_back(time_of([&] {
                            for (std::size_t call = 0; call < calls; ++call) {
                                allocation_request request;
                                request.collection = collection;
                                request.channel = names[choose.below(channels)];
                                request.rows = parts == 1 ? choose.between(1, 100)
                                                          : (parts - 1) * limit + 1 + call % 99;
                                request.now = model::timestamp(now += ms / 1000);
                                request.expires_at = model::timestamp(now + 2000 * ms);
                                const auto answer = all.try_allocate(request);
                                allocated += answer.parts.size();
                            }
                        }) /
                        static_cast<double>(calls));
        cost.heap += heap_calls - before;
    }
    require(allocated == calls * batches * parts, "a request was not answered as expected");
    cost.ns = 1e9 * bench::median(times);
    return cost;
}

double measure_scan(std::size_t batches) {
    std::vector<plain_segment> all;
    for (std::uint64_t id = 1; id <= open_segments; ++id) all.push_back({1'000'000, id});
    random choose(1);
    std::vector<double> times;
    for (std::size_t batch = 0; batch < batches; ++batch) {
        times.push_back(time_of([&] {
                            for (int call = 0; call < 100; ++call)
                                bench::keep(scan(all, choose.between(1, 100)));
                        }) /
                        100);
    }
    return 1e9 * bench::median(times);
}

void measure_allocations(bool quick) {
    const std::size_t batches = quick ? 20 : 1000;
    const double plain = measure_scan(quick ? 10 : 100);
    const auto line = [&](const std::string& name, const allocation_cost& cost, double baseline) {
        const bool one = name != "try_allocate_in_four_parts";
        const std::string target = one ? "<=300ns" : "";
        const bool ok = !one || cost.ns <= 300;
        bench::print({name, cost.ns, "ns", baseline, cost.ns / baseline, target, ok});
        const auto calls = static_cast<double>(cost.heap);
        bench::print({name + "_heap", calls, "allocations", {}, {}, "=0", cost.heap == 0});
    };
    line("try_allocate_10000_open_in_one_channel", measure_allocation(1, 1, batches), plain);
    line("try_allocate_10000_open_in_1000_channels", measure_allocation(1000, 1, batches), plain);
    line("try_allocate_in_four_parts", measure_allocation(1, 4, 25), 4 * plain);
}

// --- ticks
// ----------------------------------------------------------------------------------------

constexpr std::uint64_t channels = 1000;
constexpr std::uint64_t of_channel = 100;

// A tick for each channel, in which so many segments of each have new rows.
class tick_world {
public:
    tick_world() : all_(allocation_options()) {
        std::vector<std::uint64_t> ids(channels * of_channel);
        for (std::uint64_t id = 1; id <= ids.size(); ++id) ids[id - 1] = id;
        std::shuffle(ids.begin(), ids.end(), random(1));  // as they come in the course of time
        for (const auto id : ids) create(all_, id, growing(id % channels, 1'000'000));
        for (std::uint64_t channel = 0; channel < channels; ++channel) {
            names_.push_back(channel_name(channel));
        }
        (void)seconds_of(0);
    }
    // Seconds for all channels.
    double seconds_of(std::uint64_t changes) {
        now_ += 200 * ms;
        std::vector<std::vector<segment_rows>> reports(channels);
        for (std::uint64_t channel = 0; channel < channels; ++channel) {
            for (std::uint64_t number = 0; number < changes; ++number) {
                // Others each time, so that few are no nearer in the caches than many.
                const auto id = (next_ + number) % of_channel * channels + channel;
                const model::segment_id changed(id == 0 ? channels * of_channel : id);
                reports[channel].push_back({changed, ++rows_ / channels, rows_ / channels});
            }
        }
        next_ += changes;
        std::size_t looked_at = 0;
        const double seconds = time_of([&] {
            for (std::uint64_t channel = 0; channel < channels; ++channel) {
                const auto result =
                    all_.tick(names_[channel], model::timestamp(now_), reports[channel],
                              model::timestamp(now_));
                looked_at += result.looked_at;
            }
        });
        require(now_ == start + 200 * ms || looked_at == changes * channels,
                "a wrong number of looks");
        return seconds;
    }
    // Seconds for asking the policies of every open segment.
    double seconds_of_a_scan() {
        std::uint64_t sealed = 0;
        const double seconds = time_of([&] {
            all_.table().each_in(model::segment_state::growing, [&](const auto& row) {
                reeve::segment::seal_facts facts;
                facts.segment = row.id;
                facts.limits = row.limits;
                facts.created = row.created;
                facts.written = facts.now = model::timestamp(now_);
                const auto answer = reeve::segment::decide_seal(facts, all_.options().seal);
                sealed += answer.reason != model::seal_reason::none ? 1 : 0;
            });
        });
        require(sealed == 0, "a segment would be sealed");
        return seconds;
    }

private:
    allocator all_;
    std::vector<std::string> names_;
    std::uint64_t now_ = start;
    std::uint64_t next_ = 0;
    std::uint64_t rows_ = 0;
};

void measure_ticks(bool quick) {
    const std::size_t rounds = quick ? 5 : 101;
    tick_world world;
    std::vector<double> none, few, many, scans;
    for (std::size_t round = 0; round < rounds; ++round) {
        none.push_back(world.seconds_of(0));
        few.push_back(world.seconds_of(1));
        many.push_back(world.seconds_of(10));
        scans.push_back(world.seconds_of_a_scan());
    }
    const double scanned = 1e6 * bench::median(scans);
    const double idle = 1e6 * bench::median(none);
    const double some = 1e6 * bench::median(few);
    const double more = 1e6 * bench::median(many);
    const auto line = [&](const std::string& name, double us) {
        bench::print({name, us, "us", scanned, us / scanned, "", true});
    };
    line("tick_1000_channels_100000_open_none_change", idle);
    line("tick_1000_channels_100000_open_1000_change", some);
    line("tick_1000_channels_100000_open_10000_change", more);
    bench::print_ratio("tick_cost_of_each_change_of_10000_to_1000", (more - idle) / 10'000 * 1000,
                       "ns", (some - idle) / 1000 * 1000, 1.5);
}

// --- memory
// ---------------------------------------------------------------------------------------

model::segment_record flushed(std::uint64_t id) {
    auto record = growing(id % 1000, 1'000'000);
    record.partition = model::partition_id(id % 10);
    record.state = model::segment_state::flushed;
    record.sealed = model::seal_reason::rows;
    record.last_expiry = model::timestamp(start + id);
    record.rows = record.limits.rows;
    record.end = model::position("23456789");
    return record;
}

// What the table says, and what the heap says; what a map of records needs is the baseline.
template <class Record>
void measure_memory(const std::string& name, std::uint64_t count, double most, Record record_of) {
    const auto each = [&](std::int64_t bytes) {
        return static_cast<double>(bytes) / static_cast<double>(count);
    };
    auto before = heap_bytes;
    double plain = 0;
    {
        std::unordered_map<std::uint64_t, model::segment_record> records;
        for (std::uint64_t id = 1; id <= count; ++id) records.emplace(id, record_of(id));
        plain = each(heap_bytes - before);
    }
    before = heap_bytes;
    allocator all{allocation_options()};
    for (std::uint64_t id = 1; id <= count; ++id) create(all, id, record_of(id));
    const double real = each(heap_bytes - before);
    const double said = each(static_cast<std::int64_t>(all.memory()));
    const auto target = fmt::format("<={:g}bytes", most);
    bench::print({name, real, "bytes", plain, real / plain, target, real <= most});
    bench::print(
        {name + "_as_memory_says", said, "bytes", real, said / real, target, said <= most});
}

void measure(bench::size size) {
    const bool quick = size == bench::size::quick;
    measure_allocations(quick);
    measure_ticks(quick);
    const std::uint64_t count = quick ? 100'000 : 1'000'000;
    measure_memory("memory_per_flushed_segment", count, 300, flushed);
    measure_memory("memory_per_dropped_tombstone", count, 64, [](std::uint64_t id) {
        return model::tombstone_of(flushed(id), model::segment_state::dropped,
                                   model::timestamp(start + id));
    });
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
