#include "reeve/backends/file_object_store.hpp"

#include "backends/files/failure.hpp"
#include "backends/files/key_names.hpp"
#include "backends/files/listing.hpp"
#include "backends/files/object_file.hpp"
#include "backends/files/store_directory.hpp"
#include "reeve/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <system_error>
#include <utility>

namespace reeve::backends {

namespace {

using namespace files;

// Where one object lives, in the whole directory.
struct target {
    explicit target(const std::string& key) {
        const auto place = place_of(key);
        directory = store_directory::tree + place.directory;
        path = directory + place.name;
    }
    [[nodiscard]] std::string parent() const { return directory.substr(0, directory.size() - 1); }

    std::string directory;  // ends with "/"
    std::string path;
};

class file_object_store final : public storage::blocking_object_store {
public:
    explicit file_object_store(file_store_options options)
        : directory_(options.files ? options.files : machine_files(options.directory),
                     options.directory),
          files_(directory_.files()),
          limits_(options.limits) {}

    [[nodiscard]] storage::object_capabilities capabilities() const noexcept override {
        return {true, true, true};
    }
    [[nodiscard]] storage::object_limits limits() const noexcept override { return limits_; }

    storage::object_version put(const std::string& key, const std::string& bytes) override {
        const target to(key);
        storage::object_version version;
        const auto fresh = stage(to, key, bytes, version);
        {
            const auto lock = lock_key(to, key);
            (void)look(to, key);  // what is not ours is not replaced
            replace(to, *fresh);
        }
        settle(to, "put");
        return version;
    }

    std::optional<storage::object_version> put_if_absent(const std::string& key,
                                                         const std::string& bytes) override {
        const target to(key);
        if (look(to, key)) return rejected(to);
        storage::object_version version;
        const auto fresh = stage(to, key, bytes, version);
        const bool won = classified(effect::perhaps, "put_if_absent of " + to.path, [&] {
            try {
                files_.link(fresh->path(), to.path);
                return true;
            } catch (const std::system_error& failure) {
                if (failure.code() == std::errc::file_exists) return false;
                throw;
            }
        });
        if (!won) {
            (void)look(to, key);
            return rejected(to);
        }
        settle(to, "put_if_absent");
        return version;
    }

    std::optional<storage::object_version> put_if_match(
        const std::string& key, const std::string& bytes,
        const storage::object_version& expected) override {
        const target to(key);
        if (!matches(look(to, key), expected)) return rejected(to);
        storage::object_version version;
        const auto fresh = stage(to, key, bytes, version);
        {
            const auto lock = lock_key(to, key);
            if (!matches(look(to, key), expected)) return rejected(to);
            replace(to, *fresh);
        }
        settle(to, "put_if_match");
        return version;
    }

    std::optional<storage::object> get(const std::string& key, storage::byte_range range) override {
        const target from(key);
        return classified(effect::none, "get of " + from.path,
                          [&]() -> std::optional<storage::object> {
                              const auto source = files_.open(from.path);
                              if (!source) return std::nullopt;
                              auto meta = read_meta(*source, key, from.path);
                              auto bytes = read_content(*source, meta, range, from.path);
                              return storage::object{std::move(meta), std::move(bytes)};
                          });
    }

    std::optional<storage::object_meta> head(const std::string& key) override {
        return look(target(key), key);
    }

    void remove(const std::string& key) override {
        const target from(key);
        unlink(from, key);
        settle_absence(from, effect::done, "remove");
    }

    std::vector<storage::remove_result> remove_many(const std::vector<std::string>& keys) override {
        std::vector<storage::remove_result> results;
        std::map<std::string, std::vector<std::size_t>> removed;  // by directory: one sync for all
        for (const auto& key : keys) {
            storage::remove_result result{key, {}};
            const target from(key);
            try {
                unlink(from, key);
                removed[from.directory].push_back(results.size());
            } catch (const error& failure) {
                result.failure = failure.code();
            }
            results.push_back(std::move(result));
        }
        for (const auto& [directory, indexes] : removed) {
            try {
                settle_absence(target(keys[indexes.front()]), effect::done, "remove_many");
            } catch (const error& failure) {
                for (const auto index : indexes) results[index].failure = failure.code();
            }
        }
        return results;
    }

    storage::object_page list(const std::string& prefix, const std::string& after,
                              std::size_t limit) override {
        if (limit == 0) throw error(errc::invalid_argument, "list with a limit of 0");
        return classified(effect::none, "list", [&] {
            return list_objects(files_, names_, store_directory::tree, prefix, after,
                                std::min(limit, limits_.page_max));
        });
    }

    core::wall_time server_time() override { return files_.now(); }

private:
    static std::shared_ptr<file_system> machine_files(const std::string& directory) {
        return classified(effect::none, "object store " + directory,
                          [&] { return open_posix_file_system(directory); });
    }

    static bool matches(const std::optional<storage::object_meta>& found,
                        const storage::object_version& expected) {
        return found && found->version == expected;
    }

    // 1. Write the object under a name of our own and sync it. A crash leaves a file that the next
    //    opening removes.
    // 2. Make its directories, durably. A crash leaves empty directories.
    std::unique_ptr<staged_file> stage(const target& to, const std::string& key,
                                       const std::string& bytes, storage::object_version& version) {
        if (bytes.size() > limits_.object_bytes_max) {
            throw error(errc::too_large,
                        fmt::format("object {} has {} bytes, at most {} are accepted", to.path,
                                    bytes.size(), limits_.object_bytes_max));
        }
        return classified(effect::none, "put of " + to.path, [&] {
            storage::object_meta meta{key, bytes.size(), new_version(files_), files_.now()};
            version = meta.version;
            auto fresh = directory_.stage();
            write_object(fresh->content(), meta, bytes);
            sync(fresh->content());
            directory_.prepare(to.directory);
            return fresh;
        });
    }

    // 3. Give it the object's name. Readers see it from here on.
    void replace(const target& to, staged_file& fresh) {
        classified(effect::perhaps, "put of " + to.path, [&] {
            files_.rename(fresh.path(), to.path);
            fresh.moved();
        });
    }

    // 4. Sync the directory: only now is the change durable, and success may be reported.
    void settle(const target& where, const char* what) {
        classified(effect::done, std::string(what) + " of " + where.path,
                   [&] { sync_directory(files_, where.parent()); });
    }

    // The same for what may be an absence: in a directory that was never made nothing comes back.
    void settle_absence(const target& where, effect so_far, const char* what) {
        classified(so_far, std::string(what) + " of " + where.path, [&] {
            try {
                sync_directory(files_, where.parent());
            } catch (const std::system_error& failure) {
                if (failure.code() != std::errc::no_such_file_or_directory) throw;
            }
        });
    }

    // A rejection says what others did: that must not vanish after it was acted on.
    std::nullopt_t rejected(const target& where) {
        settle_absence(where, effect::none, "rejected put");
        return std::nullopt;
    }

    std::unique_ptr<file_lock> lock_key(const target& where, const std::string& key) {
        return classified(effect::none, "lock of " + where.path,
                          [&] { return directory_.lock_key(key); });
    }

    std::optional<storage::object_meta> look(const target& where, const std::string& key) {
        return classified(effect::none, "look at " + where.path,
                          [&]() -> std::optional<storage::object_meta> {
                              const auto source = files_.open(where.path);
                              if (!source) return std::nullopt;
                              return read_meta(*source, key, where.path);
                          });
    }

    void unlink(const target& from, const std::string& key) {
        const auto lock = lock_key(from, key);
        if (!look(from, key)) return;
        classified(effect::perhaps, "remove of " + from.path, [&] { files_.remove(from.path); });
    }

    store_directory directory_;
    file_system& files_;
    storage::object_limits limits_;
    name_windows names_;
};

}  // namespace

std::shared_ptr<storage::blocking_object_store> open_blocking_file_object_store(
    file_store_options options) {
    return std::make_shared<file_object_store>(std::move(options));
}

std::unique_ptr<storage::object_store> open_file_object_store(core::runtime& strand,
                                                              core::blocking_executor workers,
                                                              file_store_options options) {
    return storage::from_blocking(strand, open_blocking_file_object_store(std::move(options)),
                                  std::move(workers));
}

}  // namespace reeve::backends
