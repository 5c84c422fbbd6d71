#include "reeve/testing/sqlite_crash_vfs.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/random.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

namespace reeve::testing {

namespace {

constexpr std::size_t sector_bytes = 512;

struct effect {
    enum class kind { write, truncate, sync, remove };
    kind what;
    std::string path;
    std::size_t offset = 0;  ///< of a truncation: the new size
    std::string bytes;
};

// A file while its log is replayed.
struct image {
    std::optional<std::string> synced;
    std::vector<const effect*> pending;
};

void write_at(std::string& file, std::size_t offset, std::string_view bytes) {
    if (file.size() < offset + bytes.size()) file.resize(offset + bytes.size(), '\0');
    std::copy(bytes.begin(), bytes.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
}

void apply(std::string& file, const effect& one) {
    if (one.what == effect::kind::truncate) file.resize(one.offset, '\0');
    if (one.what == effect::kind::write) write_at(file, one.offset, one.bytes);
}

// Sectors of the file, not of the write: a write that crosses a border is torn there.
void apply_torn(std::string& file, const effect& one, core::random& random) {
    if (one.what != effect::kind::write) return apply(file, one);
    for (std::size_t at = 0; at < one.bytes.size();) {
        const auto size =
            std::min(sector_bytes - (one.offset + at) % sector_bytes, one.bytes.size() - at);
        if (random.chance(1, 2)) {
            write_at(file, one.offset + at, std::string_view(one.bytes).substr(at, size));
        }
        at += size;
    }
}

std::optional<std::string> lose_power(const image& file, core::random random) {
    const auto mode = random.below(4);
    auto kept = mode == 0 ? 0 : file.pending.size();
    if (mode == 2) kept = random.below(file.pending.size() + 1);
    if (!file.synced && kept == 0) return std::nullopt;
    std::string bytes = file.synced.value_or("");
    for (std::size_t at = 0; at < kept; ++at) {
        const auto fate = mode == 3 ? random.below(3) : 0;
        if (fate == 0) apply(bytes, *file.pending[at]);
        if (fate == 1) apply_torn(bytes, *file.pending[at], random);
    }
    return bytes;
}

struct recorder {
    std::string name;
    sqlite3_vfs* real = nullptr;
    sqlite3_vfs vfs{};

    mutable std::mutex mutex;
    std::map<std::string, std::optional<std::string>> before;  ///< when first opened
    std::vector<effect> log;

    crash_vfs::fault what = crash_vfs::fault::write_io_error;
    std::string suffix;
    std::size_t skip = 0;
    std::size_t count = 0;
    std::size_t failures = 0;

    void record(effect one) {
        const std::lock_guard lock(mutex);
        log.push_back(std::move(one));
    }

    bool fails(const std::string& path, effect::kind doing) {
        const std::lock_guard lock(mutex);
        const bool of_syncs = what == crash_vfs::fault::sync_io_error;
        if (count == 0 || of_syncs != (doing == effect::kind::sync)) return false;
        if (!std::string_view(path).ends_with(suffix)) return false;
        if (skip > 0) {
            --skip;
            return false;
        }
        --count;
        ++failures;
        return true;
    }
};

// What SQLite takes for its file; the real one stands behind it.
struct shim_file {
    sqlite3_file base;
    recorder* log;
    std::string* path;
    sqlite3_file* real;
};

constexpr std::size_t shim_bytes = (sizeof(shim_file) + alignof(std::max_align_t) - 1) /
                                   alignof(std::max_align_t) * alignof(std::max_align_t);

shim_file& shim(sqlite3_file* file) { return *reinterpret_cast<shim_file*>(file); }
sqlite3_file* real(sqlite3_file* file) { return shim(file).real; }
recorder& recorder_of(sqlite3_vfs* vfs) { return *static_cast<recorder*>(vfs->pAppData); }

// --- files --------------------------------------------------------------------------------------

int file_close(sqlite3_file* file) {
    const int code = real(file)->pMethods->xClose(real(file));
    delete shim(file).path;
    shim(file).path = nullptr;
    return code;
}

int file_read(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
    return real(file)->pMethods->xRead(real(file), into, size, offset);
}

int file_write(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
    auto& mine = shim(file);
    int written = size;
    int result = SQLITE_OK;
    if (mine.log->fails(*mine.path, effect::kind::write)) {
        const bool full = mine.log->what == crash_vfs::fault::write_disk_full;
        written = full ? size / 2 : 0;
        result = full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }
    if (written > 0) {
        const int code = mine.real->pMethods->xWrite(mine.real, from, written, offset);
        if (code != SQLITE_OK) return code;
        mine.log->record(
            {effect::kind::write, *mine.path, static_cast<std::size_t>(offset),
             std::string(static_cast<const char*>(from), static_cast<std::size_t>(written))});
    }
    return result;
}

int file_truncate(sqlite3_file* file, sqlite3_int64 size) {
    const int code = real(file)->pMethods->xTruncate(real(file), size);
    if (code == SQLITE_OK) {
        shim(file).log->record(
            {effect::kind::truncate, *shim(file).path, static_cast<std::size_t>(size), {}});
    }
    return code;
}

int file_sync(sqlite3_file* file, int flags) {
    auto& mine = shim(file);
    if (mine.log->fails(*mine.path, effect::kind::sync)) return SQLITE_IOERR_FSYNC;
    const int code = mine.real->pMethods->xSync(mine.real, flags);
    if (code == SQLITE_OK) mine.log->record({effect::kind::sync, *mine.path, 0, {}});
    return code;
}

int file_size(sqlite3_file* file, sqlite3_int64* size) {
    return real(file)->pMethods->xFileSize(real(file), size);
}
int file_lock(sqlite3_file* file, int level) {
    return real(file)->pMethods->xLock(real(file), level);
}
int file_unlock(sqlite3_file* file, int level) {
    return real(file)->pMethods->xUnlock(real(file), level);
}
int file_check_lock(sqlite3_file* file, int* held) {
    return real(file)->pMethods->xCheckReservedLock(real(file), held);
}
int file_control(sqlite3_file* file, int what, void* value) {
    return real(file)->pMethods->xFileControl(real(file), what, value);
}
int file_sector(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int file_traits(sqlite3_file* file) {
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shared_map(sqlite3_file* file, int page, int size, int extend, void volatile** into) {
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, into);
}
int shared_lock(sqlite3_file* file, int offset, int count, int flags) {
    return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shared_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int shared_unmap(sqlite3_file* file, int remove) {
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

// Version 2: without memory-mapped reading, which would pass by.
constexpr sqlite3_io_methods file_methods{
    2,           file_close, file_read,   file_write,      file_truncate, file_sync,
    file_size,   file_lock,  file_unlock, file_check_lock, file_control,  file_sector,
    file_traits, shared_map, shared_lock, shared_barrier,  shared_unmap,  nullptr,
    nullptr};

// --- the file system ----------------------------------------------------------------------------

std::string read_all(sqlite3_file* file) {
    sqlite3_int64 size = 0;
    if (file->pMethods->xFileSize(file, &size) != SQLITE_OK || size == 0) return {};
    std::string bytes(static_cast<std::size_t>(size), '\0');
    const int code = file->pMethods->xRead(file, bytes.data(), static_cast<int>(size), 0);
    return code == SQLITE_OK ? bytes : std::string();
}

int open_file(sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* file, int flags, int* given) {
    auto& log = recorder_of(vfs);
    auto& mine = shim(file);
    mine.base.pMethods = nullptr;
    mine.log = &log;
    mine.path = nullptr;
    mine.real = reinterpret_cast<sqlite3_file*>(reinterpret_cast<char*>(file) + shim_bytes);
    int exists = 0;
    if (path != nullptr) log.real->xAccess(log.real, path, SQLITE_ACCESS_EXISTS, &exists);
    const int code = log.real->xOpen(log.real, path, mine.real, flags, given);
    if (code != SQLITE_OK) {
        if (mine.real->pMethods != nullptr) mine.real->pMethods->xClose(mine.real);
        return code;
    }
    mine.path = new std::string(path == nullptr ? "" : path);
    mine.base.pMethods = &file_methods;
    if (path == nullptr) return code;
    const std::lock_guard lock(log.mutex);
    const auto [at, fresh] = log.before.try_emplace(path);
    if (fresh && exists != 0) at->second = read_all(mine.real);
    return code;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_directory) {
    auto& log = recorder_of(vfs);
    const int code = log.real->xDelete(log.real, path, sync_directory);
    if (code == SQLITE_OK) log.record({effect::kind::remove, path, 0, {}});
    return code;
}

int access_file(sqlite3_vfs* vfs, const char* path, int flags, int* result) {
    auto* below = recorder_of(vfs).real;
    return below->xAccess(below, path, flags, result);
}
int full_path(sqlite3_vfs* vfs, const char* path, int size, char* into) {
    auto* below = recorder_of(vfs).real;
    return below->xFullPathname(below, path, size, into);
}
int randomness(sqlite3_vfs* vfs, int size, char* into) {
    auto* below = recorder_of(vfs).real;
    return below->xRandomness(below, size, into);
}
int pause(sqlite3_vfs* vfs, int microseconds) {
    auto* below = recorder_of(vfs).real;
    return below->xSleep(below, microseconds);
}
int current_time(sqlite3_vfs* vfs, double* days) {
    auto* below = recorder_of(vfs).real;
    return below->xCurrentTime(below, days);
}
int last_error(sqlite3_vfs* vfs, int size, char* into) {
    auto* below = recorder_of(vfs).real;
    return below->xGetLastError(below, size, into);
}

}  // namespace

struct crash_vfs::state : recorder {};

crash_vfs::crash_vfs(std::string name) : state_(std::make_unique<state>()) {
    auto& mine = *state_;
    mine.name = std::move(name);
    mine.real = sqlite3_vfs_find(nullptr);
    if (mine.real == nullptr || sqlite3_vfs_find(mine.name.c_str()) != nullptr) {
        throw error(errc::invalid_argument, "SQLite has no VFS, or one named " + mine.name);
    }
    mine.vfs.iVersion = 1;
    mine.vfs.szOsFile = static_cast<int>(shim_bytes) + mine.real->szOsFile;
    mine.vfs.mxPathname = mine.real->mxPathname;
    mine.vfs.zName = mine.name.c_str();
    mine.vfs.pAppData = static_cast<recorder*>(&mine);
    mine.vfs.xOpen = open_file;
    mine.vfs.xDelete = delete_file;
    mine.vfs.xAccess = access_file;
    mine.vfs.xFullPathname = full_path;
    mine.vfs.xRandomness = randomness;
    mine.vfs.xSleep = pause;
    mine.vfs.xCurrentTime = current_time;
    mine.vfs.xGetLastError = last_error;
    if (sqlite3_vfs_register(&mine.vfs, 0) != SQLITE_OK) {
        throw error(errc::unavailable, "SQLite does not accept VFS " + mine.name);
    }
}

crash_vfs::~crash_vfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& crash_vfs::name() const noexcept { return state_->name; }

std::size_t crash_vfs::position() const {
    const std::lock_guard lock(state_->mutex);
    return state_->log.size();
}

std::vector<std::size_t> crash_vfs::syncs() const {
    const std::lock_guard lock(state_->mutex);
    std::vector<std::size_t> result;
    for (std::size_t at = 0; at < state_->log.size(); ++at) {
        if (state_->log[at].what == effect::kind::sync) result.push_back(at);
    }
    return result;
}

std::map<std::string, std::string> crash_vfs::after_power_loss(std::size_t position,
                                                               std::uint64_t seed) const {
    const std::lock_guard lock(state_->mutex);
    std::map<std::string, image> files;
    for (const auto& [path, bytes] : state_->before) files[path].synced = bytes;
    for (std::size_t at = 0; at < std::min(position, state_->log.size()); ++at) {
        const effect& one = state_->log[at];
        image& file = files[one.path];
        if (one.what == effect::kind::remove) {
            file = {};
        } else if (one.what == effect::kind::sync) {
            if (!file.synced) file.synced.emplace();
            for (const auto* written : file.pending) apply(*file.synced, *written);
            file.pending.clear();
        } else {
            file.pending.push_back(&one);
        }
    }
    core::random random(seed);
    std::map<std::string, std::string> result;
    for (const auto& [path, file] : files) {
        auto left = lose_power(file, random.fork());
        if (left) result.emplace(path, std::move(*left));
    }
    return result;
}

void crash_vfs::inject(fault what, std::string_view suffix, std::size_t skip, std::size_t count) {
    const std::lock_guard lock(state_->mutex);
    state_->what = what;
    state_->suffix = suffix;
    state_->skip = skip;
    state_->count = count;
}

void crash_vfs::heal() {
    const std::lock_guard lock(state_->mutex);
    state_->count = 0;
}

std::size_t crash_vfs::failures() const {
    const std::lock_guard lock(state_->mutex);
    return state_->failures;
}

}  // namespace reeve::testing
