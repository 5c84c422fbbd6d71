#pragma once

#include "store_address.hpp"

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace linedb {

/// What the program is asked to do.
enum class command : std::uint8_t { run, verify, status, plan, help };

/// The command line, checked.
struct options {
    command what = command::help;
    std::string data;                             ///< directory of the database
    std::string input;                            ///< the text file
    std::optional<example::store_address> store;  ///< of the metadata; nothing: in `data`
    std::size_t nodes = 3;                        ///< simulated nodes
    std::uint64_t seed = 1;                       ///< of the faults
    bool quiet = false;                           ///< no progress
};

/// A command line that cannot be understood: exit code 2.
class usage_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Reads the arguments after the program's name. Throws usage_error, which names what is wrong.
[[nodiscard]] options parse_options(const std::vector<std::string>& arguments);

/// What `--help` prints.
[[nodiscard]] std::string_view usage() noexcept;

}  // namespace linedb
