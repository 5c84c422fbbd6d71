#include "catch.hpp"
#include "conformance/workers.hpp"
#include "reeve/backends/sqlite.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/testing/conformance_catch.hpp"
#include "reeve/testing/conformance_consumer.hpp"
#include "row_consumer.hpp"
#include "rows.hpp"
#include "site.hpp"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace reeve::testing;
namespace model = reeve::model;
namespace storage = reeve::storage;

namespace {

constexpr std::size_t threads = 24;  // each subscription that waits occupies one

/// A machine with one process on it, as `linedb run` makes them.
class linedb_machine final : public check_environment {
public:
    explicit linedb_machine(const std::string& directory)
        : machine_(linedb::data_directory(directory), linedb::input_record(), threads) {
        machine_.changed = [] {};
        machine_.failed = [](const std::exception_ptr& failure) {
            std::rethrow_exception(failure);  // out of `run`: the check fails
        };
        site_ = std::make_unique<linedb::site>(machine_, "n1", 1);
    }
    reeve::core::runtime& strand() override { return site_->strand; }
    void run(std::chrono::milliseconds patience) override {
        const auto end = site_->strand.now() + patience;
        machine_.loop.post_at(end, reeve::core::task([this] { machine_.loop.stop(); }));
        machine_.loop.run();
    }
    void finish() override { machine_.loop.stop(); }

    [[nodiscard]] linedb::site& site() { return *site_; }

private:
    linedb::machine machine_;
    std::unique_ptr<linedb::site> site_;
};

class linedb_factory final : public consumer_factory {
public:
    void reset() override {
        directory_ = (scratch_.path() / std::to_string(++directories_)).string();
        std::filesystem::create_directories(directory_ + "/objects");
    }
    std::unique_ptr<check_environment> make_environment() override {
        auto made = std::make_unique<linedb_machine>(directory_);
        machine_ = made.get();
        return made;
    }
    reeve::awaitable<std::unique_ptr<reeve::channel::consumer>> open(
        reeve::core::runtime&, reeve::node& commits) override {
        auto engine =
            std::make_unique<linedb::row_consumer>(machine_->site(), model::node_name("n1"));
        engine->commit_through(commits);
        co_return engine;
    }
    reeve::awaitable<model::position> append(model::channel_name channel,
                                             std::uint64_t number) override {
        linedb::line row;
        row.bytes = fmt::format("row {:06}\n", number);
        row.offset = (number - 1) * row.bytes.size();
        return machine_->site().data.streams->append(channel.value, linedb::encode_message(row));
    }
    reeve::awaitable<std::unique_ptr<storage::metadata_store>> open_metadata(
        reeve::core::runtime& strand) override {
        auto& host = machine_->site().host;
        reeve::backends::sqlite_options options(host.directory.metadata());
        co_return reeve::backends::open_sqlite_metadata_store(strand, host.workers.executor(),
                                                              options);
    }
    [[nodiscard]] std::string root() const override { return linedb::key_root; }

    // As `linedb verify` reads them: by the records, in the order of their checkpoints.
    reeve::awaitable<std::vector<std::uint64_t>> durable(model::channel_name channel) override {
        auto& data = machine_->site().data;
        const reeve::catalog::key_layout keys(linedb::key_root);
        auto range = keys.hosts(linedb::record_prefix(channel));
        const storage::page found = co_await data.metadata->list(std::move(range), 10'000);
        std::vector<std::uint64_t> numbers;
        for (const auto& each : found.records) {
            const auto record = linedb::decode_record(each.value, each.key);
            if (record.object.empty()) continue;
            const storage::byte_range whole;
            const auto object = co_await data.objects->get(record.object, whole);
            if (!object) throw check_failure("the object " + record.object + " is missing");
            linedb::object_reader rows(record.object, object->bytes);
            linedb::line row;
            while (rows.next(row)) numbers.push_back(std::stoull(row.bytes.substr(4)));
        }
        co_return numbers;
    }

private:
    conformance::scratch_directory scratch_;
    std::size_t directories_ = 0;
    std::string directory_;
    linedb_machine* machine_ = nullptr;  // of the present check
};

}  // namespace

TEST_CASE("linedb's consumer keeps every rule of a consumer") {
    run_catch(consumer_checks(std::make_shared<linedb_factory>()));
}
