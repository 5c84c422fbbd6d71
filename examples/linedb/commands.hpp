#pragma once

#include "options.hpp"

namespace linedb {

/// Each returns the exit code and throws reeve::error for failures; see usage().
[[nodiscard]] int run(const options& what);
[[nodiscard]] int verify(const options& what);
[[nodiscard]] int status(const options& what);
[[nodiscard]] int plan(const options& what);

}  // namespace linedb
