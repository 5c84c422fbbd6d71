#pragma once

#include "reeve/storage/object_store.hpp"
#include "reeve/testing/faults.hpp"
#include "reeve/testing/process.hpp"

#include <memory>

namespace reeve::testing {

namespace detail {
struct remote_link;
}

/// A simulated process's connection to any object store that lives in the world, with faults: see
/// object_faults. Requests are carried out on the world's runtime, so that they land even when the
/// process is dead. Writes pass the simulation's effect gate. A remove_many of unknown outcome says
/// so for each key.
class faulty_object_store final : public storage::object_store {
public:
    /// For the life that `caller` has now. `faults` is read at every call and must outlive the
    /// simulation's use of it; process::open_objects is the usual way here.
    faulty_object_store(process& caller, std::shared_ptr<storage::object_store> backing,
                        const object_faults& faults);
    ~faulty_object_store() override;

    [[nodiscard]] storage::object_capabilities capabilities() const noexcept override;
    [[nodiscard]] storage::object_limits limits() const noexcept override;
    awaitable<storage::object_version> put(std::string key, std::string bytes) override;
    awaitable<std::optional<storage::object_version>> put_if_absent(std::string key,
                                                                    std::string bytes) override;
    awaitable<std::optional<storage::object_version>> put_if_match(
        std::string key, std::string bytes, storage::object_version expected) override;
    awaitable<std::optional<storage::object>> get(std::string key,
                                                  storage::byte_range range) override;
    awaitable<std::optional<storage::object_meta>> head(std::string key) override;
    awaitable<void> remove(std::string key) override;
    awaitable<std::vector<storage::remove_result>> remove_many(
        std::vector<std::string> keys) override;
    awaitable<storage::object_page> list(std::string prefix, std::string after,
                                         std::size_t limit) override;
    awaitable<core::wall_time> server_time() override;

private:
    std::shared_ptr<detail::remote_link> link_;
    std::shared_ptr<storage::object_store> backing_;
    const object_faults* faults_;
};

}  // namespace reeve::testing
