#pragma once

#include <string>
#include <string_view>

namespace reeve::storage {

/// `bytes` for an error text: quoted, what is not printable ASCII as \xNN, cut after 80 bytes.
[[nodiscard]] std::string printable(std::string_view bytes);

}  // namespace reeve::storage
