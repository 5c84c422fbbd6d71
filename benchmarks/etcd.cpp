// What does the etcd store cost? Against a real etcd of one member on this machine, and in turn
// with a bare gRPC client that does the same requests: guarded commits, one and 64 under way;
// registering 10,000 channels; recovering 100,000 records; 20,000 changes delivered by a watch. And
// how long nobody leads after a coordinator was killed.
#include "bare/bare_etcd.hpp"
#include "bench.hpp"
#include "recording_store.hpp"
#include "recovering.hpp"
#include "registering.hpp"
#include "servers/etcd_server.hpp"

#include "reeve/backends/etcd.hpp"
#include "reeve/core/task_scope.hpp"

#include <map>

namespace {

using reeve::awaitable;
using reeve::storage::key_range;
using reeve::storage::metadata_store;
using reeve::storage::revision;
using reeve::storage::transaction;
using namespace std::chrono_literals;

std::unique_ptr<metadata_store> open(const reeve::tests::etcd_cluster& cluster,
                                     reeve::core::runtime& strand, const std::string& prefix) {
    reeve::backends::etcd_options options(cluster.endpoints());
    options.key_prefix = prefix;
    return reeve::backends::open_etcd_metadata_store(strand, std::move(options));
}

// At least `ratio_min` times as fast as the baseline.
void print_rate(const std::string& name, const std::vector<double>& rates,
                const std::vector<double>& baselines, double ratio_min) {
    const double value = bench::median(rates);
    const double baseline = bench::median(baselines);
    const double ratio = value / baseline;
    bench::print({name, value, "per_s", baseline, ratio, fmt::format(">={:g}x", ratio_min),
                  ratio >= ratio_min});
}

// --- guarded commits

std::vector<transaction> guarded_commits(std::size_t count, revision term, const std::string& at) {
    std::vector<transaction> all(count);
    const std::string value(120, 'v');
    for (std::size_t index = 0; index < count; ++index) {
        const auto key = fmt::format("{}/{:06}", at, index);
        all[index].if_created_at("leader", term).if_absent(key).put(key, value);
    }
    return all;
}

awaitable<void> commit_some(metadata_store& store, std::vector<transaction>& all,
                            std::size_t& next) {
    while (next < all.size()) {
        const auto done = co_await store.commit(std::move(all[next++]));
        bench::require(bool(done), "a guarded commit was rejected");
    }
}

awaitable<void> commit_all(reeve::core::runtime& strand, metadata_store& store,
                           std::vector<transaction>& all, std::size_t in_flight) {
    std::size_t next = 0;
    std::exception_ptr failure;
    reeve::core::task_scope workers(strand);
    for (std::size_t index = 0; index < in_flight; ++index) {
        workers.spawn(commit_some(store, all, next),
                      [&failure](std::exception_ptr thrown) { failure = std::move(thrown); });
    }
    co_await workers.join();
    if (failure) std::rethrow_exception(failure);
}

awaitable<void> put_leader(metadata_store& store, revision& term) {
    transaction change;
    change.put("leader", "somebody");
    const auto done = co_await store.commit(std::move(change));
    term = done.at;
}

void measure_commits(const reeve::tests::etcd_cluster& cluster, std::size_t in_flight,
                     std::size_t commits, std::size_t rounds) {
    bench::host machine;
    const auto prefix = fmt::format("commits-{}/", in_flight);
    const auto store = open(cluster, machine.strand(), prefix);
    bench::bare_etcd bare(cluster.endpoint(0));
    revision term;
    machine.run(put_leader(*store, term));
    std::vector<double> rates;
    std::vector<double> baselines;
    const auto rate = [commits](double took) { return static_cast<double>(commits) / took; };
    for (std::size_t round = 0; round <= rounds; ++round) {
        const auto by_bare = guarded_commits(commits, term, fmt::format("bare-{}", round));
        auto by_store = guarded_commits(commits, term, fmt::format("store-{}", round));
        const double bare_took =
            bench::time_of([&] { bare.commit_all(by_bare, prefix, in_flight); });
        const double took = bench::time_of(
            [&] { machine.run(commit_all(machine.strand(), *store, by_store, in_flight)); });
        if (round == 0) continue;  // connects
        baselines.push_back(rate(bare_took));
        rates.push_back(rate(took));
    }
    print_rate(fmt::format("etcd_guarded_commits_{}_in_flight", in_flight), rates, baselines, 0.9);
}

// --- registering

// The same transactions again, elsewhere: what was compared is compared with the revisions there.
class replay {
public:
    explicit replay(bench::bare_etcd& with) : bare_(with) {}

    void all(const bench::recording_store& from) {
        const bench::translation translate = [this](revision expected) {
            return revisions_.at(expected.value);
        };
        for (std::size_t index = 0; index < from.written().size(); ++index) {
            revisions_[from.revisions()[index].value] =
                bare_.commit(from.written()[index], "bare/", translate);
        }
    }

private:
    bench::bare_etcd& bare_;
    std::map<std::uint64_t, std::uint64_t> revisions_{{0, 0}};
};

awaitable<void> register_all(reeve::core::runtime& strand, bench::recording_store& store,
                             std::size_t channels, replay& again, double& took) {
    std::function<void()> before = [&store, &again] {
        again.all(store);
        store.forget();
    };
    auto work = bench::registering(strand, store, channels, std::move(before));
    took = co_await std::move(work);
}

void measure_registering(std::size_t channels, std::size_t rounds) {
    std::vector<double> times;
    std::vector<double> baselines;
    std::size_t transactions = 0;
    std::size_t allowed = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
        const reeve::tests::etcd_cluster cluster;
        bench::host machine;
        const auto store = open(cluster, machine.strand(), "store/");
        bench::bare_etcd bare(cluster.endpoint(0));
        bench::recording_store recording(*store);
        replay again(bare);
        double took = 0;
        machine.run(register_all(machine.strand(), recording, channels, again, took));
        times.push_back(took);
        baselines.push_back(bench::time_of([&] { again.all(recording); }));
        transactions = std::max(transactions, recording.written().size());
        allowed = bench::transactions_allowed(store->limits(), channels);
    }
    bench::print({fmt::format("etcd_register_{}_channels_transactions", channels),
                  static_cast<double>(transactions), "transactions", static_cast<double>(allowed),
                  static_cast<double>(transactions) / static_cast<double>(allowed), "<=1x",
                  transactions <= allowed});
    bench::print_ratio(fmt::format("etcd_register_{}_channels", channels),
                       1e3 * bench::median(times), "ms", 1e3 * bench::median(baselines), 1.2);
}

// --- recovery

void measure_recovery(const reeve::tests::etcd_cluster& cluster, std::size_t channels,
                      std::size_t rounds) {
    bench::host machine;
    const std::string prefix = "recovery/";
    const auto store = open(cluster, machine.strand(), prefix);
    bench::bare_etcd bare(cluster.endpoint(0));
    recovering::cluster of;
    of.channels = channels;
    machine.run(recovering::fill(*store, of));
    std::vector<double> plain;
    std::vector<double> recovery;
    for (std::size_t round = 0; round <= rounds; ++round) {
        std::size_t records = 0;
        const double bare_took = bench::time_of([&] {
            for (const auto& range : {of.keys.channels(), of.keys.progresses()}) {
                records += bare.read(prefix + range.first(), prefix + range.last(),
                                     static_cast<std::int64_t>(recovering::page_size));
            }
        });
        bench::require(records == 2 * channels, "the bare read lost records");
        recovering::recovered last;
        machine.run(recovering::recovery_round(machine.strand(), *store, of, last));
        if (round == 0) continue;  // fills caches
        plain.push_back(bare_took);
        recovery.push_back(last.took);
    }
    bench::print_ratio(fmt::format("etcd_recover_{}_records", 2 * channels),
                       1e3 * bench::median(recovery), "ms", 1e3 * bench::median(plain), 1.2);
}

// --- watching

awaitable<void> watch_all(metadata_store& store, revision from, std::size_t changes) {
    auto range = key_range::prefix("");
    const auto watch = co_await store.watch(std::move(range), from);
    for (std::size_t seen = 0; seen < changes;) {
        const auto batch = co_await watch->next();
        seen += batch.changes.size();
    }
}

void measure_watching(const reeve::tests::etcd_cluster& cluster, std::size_t changes,
                      std::size_t rounds) {
    bench::host machine;
    const std::string prefix = "watch/";
    const auto store = open(cluster, machine.strand(), prefix);
    bench::bare_etcd bare(cluster.endpoint(0));
    const revision from(bare.revision() + 1);
    std::vector<transaction> writes(changes);
    for (std::size_t index = 0; index < changes; ++index) {
        writes[index].put(fmt::format("{:05}", index % 5000), std::string(120, 'v'));
    }
    bare.commit_all(writes, prefix, 64);
    std::vector<double> rates;
    std::vector<double> baselines;
    const auto rate = [changes](double took) { return static_cast<double>(changes) / took; };
    for (std::size_t round = 0; round <= rounds; ++round) {
        const auto all = key_range::prefix(prefix);
        const double bare_took =
            bench::time_of([&] { bare.watch(all.first(), all.last(), from.value, changes); });
        const double took = bench::time_of([&] { machine.run(watch_all(*store, from, changes)); });
        if (round == 0) continue;
        baselines.push_back(rate(bare_took));
        rates.push_back(rate(took));
    }
    print_rate(fmt::format("etcd_watch_{}_changes", changes), rates, baselines, 0.9);
}

// --- another leader

struct contender {
    contender(reeve::core::host_loop& loop, const reeve::tests::etcd_cluster& cluster,
              const std::string& name, std::chrono::milliseconds ttl)
        : strand(loop), store(open(cluster, strand, "leader/")) {
        reeve::coordinator_options options;
        options.cluster = "benchmark";
        options.leadership.coordinator = name;
        options.leadership.address = name;
        options.leadership.lease.ttl = ttl;
        options.leadership.lease.margin = ttl / 3;
        options.leadership.lease.request = ttl / 3;
        coordinator.emplace(strand, *store, carrier, incoming, options);
        coordinator->start();
    }
    // As a crash: nothing is sent any more.
    void kill() { strand.shutdown(); }

    reeve::core::runtime strand;
    std::unique_ptr<metadata_store> store;
    recovering::silent_transport carrier;
    reeve::transport::service incoming;
    std::optional<reeve::coordinator> coordinator;
};

void run_until_leading(reeve::backends::event_loop& loop, contender& who) {
    reeve::backends::run_on(loop, who.strand, who.coordinator->until_leading());
}

void measure_new_leader(const reeve::tests::etcd_cluster& cluster, std::size_t rounds) {
    constexpr auto ttl = 3s;
    std::vector<double> times;
    reeve::backends::event_loop loop;
    reeve::core::runtime strand(loop);
    for (std::size_t round = 0; round < rounds; ++round) {
        contender first(loop, cluster, fmt::format("first-{}", round), ttl);
        run_until_leading(loop, first);
        contender second(loop, cluster, fmt::format("second-{}", round), ttl);
        // The moment of the crash: between two renewals, while the other one waits for the office.
        reeve::backends::run_on(loop, strand, strand.sleep_for(ttl / 2));
        first.kill();
        times.push_back(bench::time_of([&] { run_until_leading(loop, second); }));
        second.kill();
    }
    bench::print_at_most("etcd_new_leader_serves_lease_3s", bench::median(times), "s",
                         std::chrono::duration<double>(ttl + 1s).count());
}

void measure(bench::size size) {
    if (!reeve::tests::etcd_available()) return;
    const bool quick = size == bench::size::quick;
    {
        const reeve::tests::etcd_cluster cluster;
        measure_commits(cluster, 1, quick ? 200 : 2000, quick ? 1 : 5);
        measure_commits(cluster, 64, quick ? 2000 : 10'000, quick ? 1 : 5);
    }
    measure_registering(quick ? 1000 : 10'000, quick ? 1 : 3);
    const reeve::tests::etcd_cluster cluster;
    measure_recovery(cluster, quick ? 5000 : 50'000, quick ? 1 : 5);
    measure_watching(cluster, quick ? 2000 : 20'000, quick ? 1 : 5);
    measure_new_leader(cluster, quick ? 1 : 3);
}

}  // namespace

int main(int argc, char** argv) { return bench::run_main(argc, argv, measure); }
