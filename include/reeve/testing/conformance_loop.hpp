#pragma once

#include "reeve/core/host_loop.hpp"
#include "reeve/testing/conformance.hpp"

#include <chrono>
#include <memory>
#include <vector>

namespace reeve::testing {

/// A host's loop and the way to run it, made anew for each check.
class driven_loop {
public:
    virtual ~driven_loop() = default;

    /// The loop under test.
    [[nodiscard]] virtual core::host_loop& loop() = 0;
    /// Runs it (on the calling thread or its own) until `finish`, at most about `patience`.
    virtual void run(std::chrono::milliseconds patience) = 0;
    /// Ends `run` soon. From any thread.
    virtual void finish() = 0;
};

/// Makes loops. `reset` may do nothing; `make_environment` is not used.
class host_loop_factory : public check_factory {
public:
    void reset() override {}
    /// A fresh loop. Destroying it drops what has not run.
    [[nodiscard]] virtual std::unique_ptr<driven_loop> make_loop() = 0;
    /// The clock that `post_at` follows. The default is the machine's.
    [[nodiscard]] virtual const core::clock& clock() const;
};

/// All rules of core::host_loop and of its clock as named checks.
[[nodiscard]] std::vector<check> host_loop_checks(std::shared_ptr<host_loop_factory> factory);

}  // namespace reeve::testing
