#pragma once

#include "site.hpp"

#include <cstddef>
#include <string>

namespace linedb {

/// The live line of a run, on the standard error stream: rewritten in place on a terminal, a line
/// now and then elsewhere.
class progress {
public:
    /// `shown` false: prints nothing.
    progress(bool shown, const machine& host);
    ~progress();
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;

    /// Prints the counts, unless that was done a moment ago.
    void show(reeve::core::time_point now, std::size_t alive, std::size_t nodes);

private:
    [[nodiscard]] std::string text(reeve::core::time_point now, std::size_t alive,
                                   std::size_t nodes);

    bool shown_;
    bool terminal_;
    bool dirty_ = false;
    const machine& host_;
    reeve::core::time_point last_{};
    std::uint64_t rows_before_ = 0;
};

/// The table at the end of a run.
[[nodiscard]] std::string summary(const machine& host, double seconds);

}  // namespace linedb
