#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace reeve::testing {

/// An SQLite VFS for tests: it passes everything on to the default one and keeps a log of what
/// reached the files, from which it rebuilds them as a power loss at any moment may have left
/// them. It can also make writes and syncs fail.
///
/// Give its name to `sqlite_options::vfs`. Functions may be called from any thread. It must outlive
/// the connections that use it.
class crash_vfs {
public:
    /// Registers itself with SQLite under `name`, which must not be in use.
    explicit crash_vfs(std::string name);
    /// Takes itself out again.
    ~crash_vfs();
    crash_vfs(const crash_vfs&) = delete;
    crash_vfs& operator=(const crash_vfs&) = delete;

    /// As given.
    [[nodiscard]] const std::string& name() const noexcept;

    /// Effects on files so far: writes, truncations, syncs, removals.
    [[nodiscard]] std::size_t position() const;
    /// The positions of the syncs so far: a power loss at the position finds the sync not yet
    /// done, one later it is done.
    [[nodiscard]] std::vector<std::size_t> syncs() const;

    /// The files, by path, as a power loss after the first `position` effects may leave them: all
    /// that was synced, and of the rest what `seed` picks: nothing, everything, the first so many
    /// effects, or any of them, where a write may be torn at sectors of 512 bytes. Equal arguments
    /// give equal files. What a file held when it was first opened counts as synced. A file that is
    /// missing does not exist. SQLite's shared memory is not part of it.
    [[nodiscard]] std::map<std::string, std::string> after_power_loss(std::size_t position,
                                                                      std::uint64_t seed) const;

    /// What can fail.
    enum class fault {
        write_disk_full,  ///< half of the bytes are written, then the disk is full (ENOSPC)
        write_io_error,   ///< nothing is written (EIO)
        sync_io_error,    ///< it is open what of the unsynced data is on disk (EIO)
    };
    /// Of the next writes or syncs of files whose path ends with `suffix`, the first `skip`
    /// succeed, then `count` fail. Replaces what was injected before.
    void inject(fault what, std::string_view suffix, std::size_t skip, std::size_t count);
    /// Everything succeeds again.
    void heal();
    /// How often something was made to fail.
    [[nodiscard]] std::size_t failures() const;

private:
    struct state;
    std::unique_ptr<state> state_;
};

}  // namespace reeve::testing
