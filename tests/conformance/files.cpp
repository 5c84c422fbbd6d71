#include "conformance/workers.hpp"
#include "reeve/backends/file_object_store.hpp"
#include "reeve/testing/conformance_catch.hpp"
#include "reeve/testing/conformance_objects.hpp"

#include <memory>
#include <string>

using namespace reeve::testing;
namespace storage = reeve::storage;

namespace {

// One directory per check; each handle opens it anew, as another process would.
class file_factory final : public object_store_factory {
public:
    void reset() override {
        directory_ = (scratch_.path() / ("objects" + std::to_string(++checks_))).string();
    }
    reeve::awaitable<std::unique_ptr<storage::object_store>> open(
        reeve::core::runtime& strand) override {
        reeve::backends::file_store_options options;
        options.directory = directory_;
        co_return reeve::backends::open_file_object_store(strand, workers_.executor(), options);
    }

private:
    conformance::scratch_directory scratch_;
    std::size_t checks_ = 0;
    std::string directory_;
    conformance::workers workers_{4};
};

}  // namespace

TEST_CASE("the object store of local files keeps every rule") {
    run_catch(object_store_checks(std::make_shared<file_factory>()));
}
