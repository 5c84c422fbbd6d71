#pragma once

#include "backends/files/key_names.hpp"
#include "reeve/backends/file_system.hpp"

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

// A directory has its names in no order, so a page of a listing must read them all. To keep a whole
// listing of n names from reading n names for each page, a window of the next names is remembered,
// as long as the directory's time of change proves that nothing has changed since.
namespace reeve::backends::files {

/// A name and what it stands for.
struct named_entry {
    entry_name entry;  ///< object or directory, and what it adds to the key
    std::string name;  ///< of the file
};

/// The smallest entries of a directory from some bytes on, in order.
struct name_window {
    std::string directory;             ///< ends with "/"
    std::string from;                  ///< entries below it are left out
    std::vector<named_entry> entries;  ///< ascending by entry.bytes
    bool complete = false;             ///< there are no greater ones
    core::wall_time changed;           ///< the directory's, when it was read
};

/// Reads windows and remembers the last few large ones that may be trusted. Calls may overlap, from
/// any thread.
class name_windows {
public:
    /// How much may be read ahead.
    enum class reach {
        far,   ///< tens of thousands of names, if the directory is quiet
        near,  ///< what was asked for
    };
    /// The entries of `directory` (ends with "/") from `from` on, at least the `least` smallest of
    /// them if there are so many. A missing directory is empty. Throws errc::foreign for an entry
    /// that no object or its directories could have, and what `files` throws.
    [[nodiscard]] std::shared_ptr<const name_window> read(file_system& files,
                                                          const std::string& directory,
                                                          const std::string& from,
                                                          std::size_t least, reach ahead);

private:
    [[nodiscard]] std::shared_ptr<const name_window> remembered(file_system& files,
                                                                const std::string& directory,
                                                                const std::string& from);

    void remember(std::shared_ptr<const name_window> window);

    std::mutex mutex_;
    std::vector<std::shared_ptr<const name_window>> known_;  // the latest last
};

}  // namespace reeve::backends::files
