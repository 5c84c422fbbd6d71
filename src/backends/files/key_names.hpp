#pragma once

#include <optional>
#include <string>
#include <string_view>

// Keys as paths. `/` divides directories, so `logs/2024/a` is logs/2024/a%. Bytes that a name
// cannot or should not hold are written %XX. A `%` at the end tells what an entry is:
//
//   a%     the object whose key ends with the part "a" (% alone: the part is empty, as in "x/")
//   a      the directory of all keys that go on with "a/" (%%: with "/", as in "x//y")
//   a%~    the directory of all keys that go on with these 80 bytes and have no `/` in them:
//          a longer part is cut, since a name has at most 255 bytes
//
// So `a` and `a/b` coexist, every key has exactly one path, and the entries of a directory stand
// for disjoint ranges of keys, ordered by `entry_name::bytes`.
namespace reeve::backends::files {

/// What a name in the tree of objects stands for.
struct entry_name {
    /// An object, or a directory of keys.
    enum class kind { object, directory };
    kind what;          ///< an object or a directory
    std::string bytes;  ///< what the name adds to the key, a directory's `/` included
};

/// Where an object lives, relative to the tree's root.
struct object_place {
    std::string directory;  ///< "" is the root, else ends with "/"
    std::string name;       ///< of the file
    std::string rest;       ///< the bytes of the key that `name` stands for

    /// Directory and name.
    [[nodiscard]] std::string path() const { return directory + name; }
};

/// The place of `key`, any bytes. For a prefix of keys: the deepest directory that holds them all,
/// and in `rest` how their names in it begin.
[[nodiscard]] object_place place_of(std::string_view key);

/// What `name` stands for; nothing if no key has a path with this name.
[[nodiscard]] std::optional<entry_name> parse_name(std::string_view name);

}  // namespace reeve::backends::files
