#include "reeve/backends/sqlite.hpp"
#include "conformance/workers.hpp"
#include "reeve/testing/conformance_catch.hpp"
#include "reeve/testing/conformance_metadata.hpp"
#include "reeve/testing/conformance_streams.hpp"

#include <memory>
#include <string>

using namespace reeve::testing;
namespace storage = reeve::storage;

namespace {

// One file per check; each handle opens it anew, as another process would.
class sqlite_metadata_factory final : public metadata_store_factory {
public:
    void reset() override { file_ = next_file(); }
    reeve::awaitable<std::unique_ptr<storage::metadata_store>> open(
        reeve::core::runtime& strand) override {
        co_return reeve::backends::open_sqlite_metadata_store(
            strand, workers_.executor(), reeve::backends::sqlite_options(file_));
    }
    // Another process that keeps less history, and forgets the rest with its first commit.
    reeve::awaitable<void> compact(storage::metadata_store& store,
                                   storage::revision first_kept) override {
        const storage::page now = co_await store.list(storage::key_range::prefix(""), 1);
        reeve::backends::sqlite_options options(file_);
        options.history_commits_max = now.at.value - first_kept.value + 1;
        const auto forgetful = reeve::backends::open_sqlite_metadata_file(options);
        storage::transaction nothing;
        nothing.remove("never written");
        const auto done = forgetful->commit(nothing);
        if (done.at != now.at) throw check_failure("compacting wrote something");
    }
    [[nodiscard]] std::chrono::milliseconds lease_ttl() const override {
        return std::chrono::milliseconds(250);
    }

private:
    std::string next_file() {
        return (directory_.path() / ("store" + std::to_string(++files_) + ".db")).string();
    }

    conformance::scratch_directory directory_;
    std::size_t files_ = 0;
    std::string file_;
    conformance::workers workers_{4};
};

class sqlite_stream_factory final : public message_stream_factory {
public:
    void reset() override {
        file_ = (directory_.path() / ("log" + std::to_string(++files_) + ".db")).string();
    }
    reeve::awaitable<std::unique_ptr<storage::message_stream>> open(
        reeve::core::runtime& strand) override {
        co_return reeve::backends::open_sqlite_message_stream(
            strand, workers_.executor(), reeve::backends::sqlite_options(file_));
    }

private:
    conformance::scratch_directory directory_;
    std::size_t files_ = 0;
    std::string file_;
    conformance::workers workers_{4};
};

}  // namespace

TEST_CASE("the SQLite metadata store keeps every rule") {
    const auto checks = metadata_store_checks(std::make_shared<sqlite_metadata_factory>());
    for (const auto& each : checks) {
        const check_report report = each.run();
        INFO(report.name << ": " << report.rule);
        INFO(report.why);
        CHECK(report.what == check_verdict::passed);
    }
}

TEST_CASE("the SQLite message stream keeps every rule") {
    run_catch(message_stream_checks(std::make_shared<sqlite_stream_factory>()));
}
