#pragma once

#include "reeve/backends/file_system.hpp"
#include "reeve/core/clock.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace reeve::testing {

/// What changes a disk, or makes a change durable. Each call of one is an effect and is counted.
enum class disk_effect : std::uint8_t {
    create,            ///< a new file
    append,            ///< bytes at the end of a file
    sync,              ///< of a file
    link,              ///< a second name
    rename,            ///< a moved name
    remove,            ///< of a name
    make_directory,    ///< a new directory
    remove_directory,  ///< of a directory
    sync_directory,    ///< of a directory's entries
    count_             ///< how many kinds there are
};

/// The name of an effect, such as "append".
[[nodiscard]] std::string_view name(disk_effect what) noexcept;

/// Where in an effect the power goes.
enum class power_loss : std::uint8_t {
    before,  ///< the effect has not happened
    after,   ///< it has happened, and nobody was told
};

/// A disk in memory that keeps only what POSIX promises. At a crash, bytes that were not synced are
/// kept, lost, zero or garbage, sector by sector; a file's length is anything between the synced
/// one and the last; each directory entry that was not synced is any of its states since the last
/// sync, each independent of the others. Which, is drawn from a seed. What was synced survives.
///
/// A failed sync of a file behaves as on Linux: the bytes stay readable, later syncs of the file
/// succeed, and yet they make nothing durable. After a failed sync of a directory a later one may
/// succeed.
///
/// Threading: as file_system; the functions of this class too.
class simulated_disk final : public backends::file_system,
                             public std::enable_shared_from_this<simulated_disk> {
public:
    /// An empty disk. `seed` gives the values of `unique`; `clock` tells the time and must outlive
    /// the disk (nullptr: the machine's).
    [[nodiscard]] static std::shared_ptr<simulated_disk> make(std::uint64_t seed,
                                                              const core::clock* clock = nullptr);
    ~simulated_disk() override;

    [[nodiscard]] std::unique_ptr<backends::file> create(const std::string& path) override;
    [[nodiscard]] std::unique_ptr<backends::file> open(const std::string& path) override;
    void link(const std::string& from, const std::string& to) override;
    void rename(const std::string& from, const std::string& to) override;
    void remove(const std::string& path) override;
    void make_directory(const std::string& path) override;
    void remove_directory(const std::string& path) override;
    void sync_directory(const std::string& path) override;
    /// As file_system::list.
    void list(const std::string& path,
              const std::function<void(std::string_view, backends::file_kind)>& each) override;
    [[nodiscard]] std::unique_ptr<backends::file_lock> lock(const std::string& path,
                                                            backends::lock_wait wait) override;
    /// Now: the answer that allows nobody to remember anything.
    [[nodiscard]] core::wall_time changed_at(const std::string& path) override;
    [[nodiscard]] core::wall_time now() override;
    [[nodiscard]] std::uint64_t unique() override;

    /// Loss of power and return: unsynced changes are lost as `seed` draws it, locks are free, open
    /// files fail with EIO for ever, faults and a pending power cut are forgotten.
    void crash(std::uint64_t seed);
    /// Every call fails with EIO from here on, until `crash`.
    void cut_power();
    /// Cuts the power in the effect number `effect` from now on; 0 is the next one. That call and
    /// all later ones fail with EIO, until `crash`.
    void cut_power_at(std::uint64_t effect, power_loss when);
    /// The effect number `nth` of this kind from now on (0: the next) fails once with `number` of
    /// errno. An append then leaves half of its bytes; nothing else happens at all.
    void fail(disk_effect what, std::uint64_t nth, int number);
    /// Effects so far, failed ones included.
    [[nodiscard]] std::uint64_t effects() const;
    /// Effects of one kind so far.
    [[nodiscard]] std::uint64_t effects(disk_effect what) const;
    /// All files by path, as a program would read them now.
    [[nodiscard]] std::map<std::string, std::string> contents() const;
    /// Puts bytes into a file, made durable, whatever was there: what a stranger did. Directories
    /// on its way are made.
    void plant(const std::string& path, std::string bytes);

private:
    struct state;
    class open_file;
    class held_lock;
    explicit simulated_disk(std::unique_ptr<state> initial);

    std::unique_ptr<state> state_;
};

}  // namespace reeve::testing
