#include "reeve/consensus/timestamp_oracle.hpp"

#include <functional>
#include <utility>

namespace reeve::consensus {

namespace {

class over_blocking final : public timestamp_oracle {
public:
    over_blocking(core::runtime& strand, std::shared_ptr<blocking_timestamp_oracle> oracle,
                  core::blocking_executor workers)
        : strand_(strand), oracle_(std::move(oracle)), workers_(std::move(workers)) {}

    awaitable<timestamp> next(std::uint64_t count) override {
        std::function<timestamp()> call = [oracle = oracle_, count] { return oracle->next(count); };
        auto first = co_await core::blocking_call<timestamp>(strand_, workers_, std::move(call));
        co_return first;
    }

private:
    core::runtime& strand_;
    std::shared_ptr<blocking_timestamp_oracle> oracle_;
    core::blocking_executor workers_;
};

}  // namespace

std::unique_ptr<timestamp_oracle> from_blocking(core::runtime& strand,
                                                std::shared_ptr<blocking_timestamp_oracle> oracle,
                                                core::blocking_executor workers) {
    return std::make_unique<over_blocking>(strand, std::move(oracle), std::move(workers));
}

}  // namespace reeve::consensus
