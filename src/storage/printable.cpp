#include "storage/printable.hpp"

#include <fmt/format.h>

#include <iterator>

namespace reeve::storage {

std::string printable(std::string_view bytes) {
    constexpr std::size_t shown_max = 80;
    std::string text = "\"";
    for (const char byte : bytes.substr(0, shown_max)) {
        if (byte == '"' || byte == '\\') {
            text += '\\';
            text += byte;
        } else if (byte >= ' ' && byte <= '~') {
            text += byte;
        } else {
            fmt::format_to(std::back_inserter(text), "\\x{:02x}",
                           static_cast<unsigned>(static_cast<unsigned char>(byte)));
        }
    }
    text += '"';
    if (bytes.size() > shown_max) {
        fmt::format_to(std::back_inserter(text), "... ({} bytes)", bytes.size());
    }
    return text;
}

}  // namespace reeve::storage
