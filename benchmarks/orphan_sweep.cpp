// How fast does an orphan sweep judge what an object store lists, and what does it keep in memory
// for that? 5,000,000 objects of a memory object store, 4,000,000 of them referenced, listed page
// by page and judged on one thread. Baseline: the same pages looked up by name in a hash set of the
// names of the referenced files.
#include "bench.hpp"

#include "reeve/backends/memory_object_store.hpp"
#include "reeve/gc/judge.hpp"
#include "reeve/gc/live_files.hpp"

#include <malloc.h>

#include <unordered_set>

namespace {

using namespace reeve;

constexpr std::uint64_t files_per_segment = 12;
constexpr std::uint64_t live_of_five = 4;

// File number `n` of the store: every fifth is an orphan of an epoch that has ended.
catalog::file_address address(std::uint64_t n) {
    catalog::file_address it;
    const std::uint64_t segment = n / files_per_segment;
    it.collection = model::collection_id(segment / 1000);
    it.partition = model::partition_id(segment % 7);
    it.segment = model::segment_id(450'000'000 + segment);
    it.field = model::field_id(n % files_per_segment);
    it.file = {model::epoch(1 + segment % 5000), n};
    return it;
}
bool live(std::uint64_t n) { return n % 5 < live_of_five; }

struct all_ended final : gc::view {
    explicit all_ended(const gc::live_files& of_records) : files(of_records) {}
    gc::epoch_facts of(model::epoch) const override { return {gc::standing::ended, 0}; }
    bool referenced(const model::file_id& file) const override { return files.contains(file); }
    bool pinned(const catalog::file_address&) const override { return false; }
    void expect(const model::file_id& file) const override { files.prefetch(file); }
    const gc::live_files& files;
};

template <class Judge>
std::size_t sweep(const backends::memory_bucket& bucket, const Judge& judge) {
    std::size_t garbage = 0;
    std::string after;
    do {
        const auto page = bucket.list("data/", after, bucket.options().limits.page_max);
        garbage += judge(page.objects);
        after = page.resume_after;
    } while (!after.empty());
    return garbage;
}

std::size_t heap() {
    const auto now = ::mallinfo2();
    return now.uordblks + now.hblkhd;
}

void measure(bench::size size) {
    const std::uint64_t objects = size == bench::size::quick ? 500'000 : 5'000'000;
    const std::uint64_t live_objects = objects / 5 * live_of_five;
    const auto names = catalog::standard_path_layout("data");
    backends::memory_bucket bucket;
    for (std::uint64_t n = 0; n < objects; ++n) bucket.put(names->format(address(n)), "");

    auto before = heap();
    gc::live_files files(1);
    for (std::uint64_t n = 0; n < objects; ++n) {
        if (live(n)) files.add(address(n).file);
    }
    const auto memory = static_cast<double>(heap() - before);
    before = heap();
    std::unordered_set<std::string> by_name;
    for (std::uint64_t n = 0; n < objects; ++n) {
        if (live(n)) by_name.insert(names->format(address(n)));
    }
    const auto baseline_memory = static_cast<double>(heap() - before);

    gc::age_rule age;
    age.now = core::system_clock::instance().wall_now() + std::chrono::hours(48);
    const all_ended known(files);
    std::vector<gc::judgement> verdicts;
    std::size_t found = 0;
    std::size_t baseline_found = 0;
    const auto times = bench::interleaved(
        3,
        [&] {
            found = sweep(bucket, [&](const std::vector<storage::object_meta>& page) {
                gc::judge_page(page, *names, known, age, verdicts);
                std::size_t garbage = 0;
                for (const auto& one : verdicts) garbage += one.is == gc::verdict::garbage;
                return garbage;
            });
        },
        [&] {
            baseline_found = sweep(bucket, [&](const std::vector<storage::object_meta>& page) {
                std::size_t garbage = 0;
                for (const auto& one : page) garbage += !by_name.contains(one.key);
                return garbage;
            });
        });
    if (found != objects - live_objects || baseline_found != found) {
        throw std::runtime_error("the orphans were not found");
    }
    const double rate = static_cast<double>(objects) / times.value;
    const double baseline_rate = static_cast<double>(objects) / times.baseline;
    bench::print({"orphan_sweep", rate, "objects/s", baseline_rate, rate / baseline_rate,
                  ">=1e6objects/s,>1x", rate >= 1e6 && rate > baseline_rate});
    const auto each = static_cast<double>(live_objects);
    bench::print({"orphan_sweep_memory", memory / each, "bytes/file", baseline_memory / each,
                  memory / baseline_memory, "<=16bytes,<=0.125x",
                  memory <= 16 * each && memory * 8 <= baseline_memory});
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
