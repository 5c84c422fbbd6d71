#include "directory.hpp"

#include "checksum.hpp"
#include "reeve/core/error.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

namespace linedb {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int format = 1;
constexpr int format_with_store = 2;  // the metadata may be elsewhere

[[noreturn]] void fail(const std::string& what, int number) {
    const auto code = number == EACCES || number == EPERM || number == EROFS
                          ? reeve::errc::permission_denied
                      : number == ENOSPC || number == EDQUOT ? reeve::errc::resource_exhausted
                                                             : reeve::errc::unavailable;
    throw reeve::error(code, fmt::format("{}: {}", what, std::strerror(number)));
}

/// An open file, closed at the end.
class handle {
public:
    handle(const std::string& path, int flags) : path_(path) {
        file_ = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
        if (file_ < 0) fail(path, errno);
    }
    ~handle() {
        if (file_ >= 0) ::close(file_);
    }
    handle(const handle&) = delete;
    handle& operator=(const handle&) = delete;

    void write(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t done = ::write(file_, bytes.data(), bytes.size());
            if (done < 0 && errno == EINTR) continue;
            if (done < 0) fail(path_, errno);
            bytes.remove_prefix(static_cast<std::size_t>(done));
        }
    }
    void sync() const {
        if (::fsync(file_) != 0) fail(path_, errno);
    }
    [[nodiscard]] int get() const noexcept { return file_; }
    [[nodiscard]] int release() noexcept { return std::exchange(file_, -1); }

private:
    std::string path_;
    int file_ = -1;
};

json fields(const input_record& record) {
    json it;
    it["linedb"] = record.store.empty() ? format : format_with_store;
    it["input"] = record.path;
    it["bytes"] = record.identity.bytes;
    it["lines"] = record.identity.lines;
    it["hash"] = record.identity.hash;
    it["channels"] = record.channels;
    if (record.store.empty()) return it;
    it["store"] = record.store;
    it["token"] = record.token;
    return it;
}

std::string text_of(const json& it) {
    return it.dump(-1, ' ', false, json::error_handler_t::replace);  // paths may be no UTF-8
}

std::string encode(const input_record& record) {
    json it = fields(record);
    it["check"] = checksum::of(text_of(it));
    return text_of(it) + "\n";
}

input_record decode(const std::string& where, const std::string& text) {
    try {
        json it = json::parse(text);
        const int version = it.at("linedb").get<int>();
        if (version != format && version != format_with_store) {
            throw reeve::error(reeve::errc::unsupported_format,
                               fmt::format("{}: format {}, this program reads {} and {}", where,
                                           version, format, format_with_store));
        }
        const auto check = it.at("check").get<std::uint64_t>();
        it.erase("check");
        if (checksum::of(text_of(it)) != check) {
            throw reeve::error(reeve::errc::corrupt, where + ": its checksum does not match");
        }
        input_record record;
        record.path = it.at("input").get<std::string>();
        record.identity.bytes = it.at("bytes").get<std::uint64_t>();
        record.identity.lines = it.at("lines").get<std::uint64_t>();
        record.identity.hash = it.at("hash").get<std::uint64_t>();
        record.channels = it.at("channels").get<std::size_t>();
        if (version == format_with_store) {
            record.store = it.at("store").get<std::string>();
            record.token = it.at("token").get<std::string>();
        }
        return record;
    } catch (const json::exception& failure) {
        throw reeve::error(reeve::errc::corrupt,
                           fmt::format("{} is no record of linedb: {}", where, failure.what()));
    }
}

}  // namespace

directory_lock::~directory_lock() { ::close(file_); }

void data_directory::refuse_foreign() const {
    if (fs::exists(path_ + "/input")) return;
    for (const auto& entry : fs::directory_iterator(path_)) {
        const auto name = entry.path().filename().string();
        if (name == "lock" || name == "input.new") continue;
        throw reeve::error(
            reeve::errc::foreign,
            fmt::format("{} is not a directory of linedb: it holds {}", path_, name));
    }
}

std::unique_ptr<directory_lock> data_directory::lock() const try {
    if (fs::exists(path_) && !fs::is_directory(path_)) {
        throw reeve::error(reeve::errc::foreign, path_ + " is not a directory");
    }
    fs::create_directories(path_);
    refuse_foreign();
    handle file(path_ + "/lock", O_RDWR | O_CREAT);
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) fail(path_ + "/lock", errno);
        throw reeve::error(reeve::errc::locked,
                           fmt::format("another run works on {}; it holds {}/lock", path_, path_));
    }
    return std::make_unique<directory_lock>(file.release());
} catch (const fs::filesystem_error& failure) {
    fail(path_, failure.code().value());
}

std::optional<input_record> data_directory::input() const try {
    if (!fs::is_directory(path_)) {
        throw reeve::error(reeve::errc::not_found, path_ + ": there is no such directory");
    }
    refuse_foreign();
    return read("input");
} catch (const fs::filesystem_error& failure) {
    fail(path_, failure.code().value());
}

input_record data_directory::require_input() const {
    auto record = input();
    if (!record) throw reeve::error(reeve::errc::not_found, path_ + ": nothing was run here yet");
    return std::move(*record);
}

void data_directory::claim(const input_record& record) const { write("input", record); }

void data_directory::check_same(const input_record& record, const input_identity& identity,
                                const std::string& path) const {
    if (record.identity == identity) return;
    throw reeve::error(
        reeve::errc::foreign,
        fmt::format("{} belongs to another input: {} with {} bytes, {} lines, hash {:016x}; {} has "
                    "{} bytes, {} lines, hash {:016x}",
                    path_, record.path, record.identity.bytes, record.identity.lines,
                    record.identity.hash, path, identity.bytes, identity.lines, identity.hash));
}

void data_directory::check_store(const input_record& record, const std::string& identity) const {
    if (record.store == identity) return;
    const auto name = [this](const std::string& store) {
        return store.empty() ? "sqlite:" + metadata() : store;
    };
    throw reeve::error(
        reeve::errc::foreign,
        fmt::format("{} belongs to the metadata store {}; asked for was {} (--store)", path_,
                    name(record.store), name(identity)));
}

bool data_directory::finished(const input_record& record) const {
    const auto found = read("finished");
    if (!found) return false;
    check_same(*found, record.identity, record.path);
    return true;
}

void data_directory::finish(const input_record& record) const { write("finished", record); }

std::optional<input_record> data_directory::read(const char* name) const {
    const std::string where = fmt::format("{}/{}", path_, name);
    std::ifstream in(where, std::ios::binary);
    if (!in) {
        const int number = errno;
        if (number == ENOENT) return std::nullopt;
        fail(where, number);
    }
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (in.bad()) fail(where, EIO);
    return decode(where, text);
}

void data_directory::write(const char* name, const input_record& record) const {
    const std::string where = fmt::format("{}/{}", path_, name);
    const std::string fresh = where + ".new";
    {
        const handle file(fresh, O_WRONLY | O_CREAT | O_TRUNC);
        file.write(encode(record));
        file.sync();
    }
    if (::rename(fresh.c_str(), where.c_str()) != 0) fail(where, errno);
    handle(path_, O_RDONLY | O_DIRECTORY).sync();
}

std::string cluster_id(const input_record& record) {
    const auto id = fmt::format("linedb-{:016x}-{}", record.identity.hash, record.identity.bytes);
    return record.token.empty() ? id : id + "-" + record.token;
}

}  // namespace linedb
