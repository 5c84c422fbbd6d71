#pragma once

#include "reeve/model/channel.hpp"
#include "reeve/model/segment.hpp"

#include <string_view>

namespace reeve::catalog {

// The records that are read by the hundred thousand, in exactly the form in which encode writes
// them, without a JSON parser. True: `value` is what encode(into) gives. False: it is something
// else, perhaps a record in another form, which the JSON parser must judge; `into` then holds
// anything.
[[nodiscard]] bool read_as_written(std::string_view value, model::channel_entry& into);
[[nodiscard]] bool read_as_written(std::string_view value, model::channel_progress& into);
[[nodiscard]] bool read_as_written(std::string_view value, model::segment_record& into);
[[nodiscard]] bool read_as_written(std::string_view value, model::binlog_record& into);

}  // namespace reeve::catalog
