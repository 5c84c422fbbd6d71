#pragma once

#include "backends/files/name_window.hpp"
#include "reeve/backends/file_system.hpp"
#include "reeve/storage/object_store.hpp"

#include <cstddef>
#include <string>

namespace reeve::backends::files {

/// A page of the objects below the directory `tree`, see object_store::list. Holds a window of the
/// names of each directory on its way. Throws errc::foreign for an entry that no object or its
/// directories could have, errc::corrupt for a damaged object, and what `files` throws.
[[nodiscard]] storage::object_page list_objects(file_system& files, name_windows& names,
                                                const std::string& tree, const std::string& prefix,
                                                const std::string& after, std::size_t limit);

}  // namespace reeve::backends::files
