#include "sqlite_fixture.hpp"

#include <sqlite3.h>

#include <string>

using namespace sqlite_test;
using reeve::backends::open_sqlite_metadata_file;
using reeve::backends::open_sqlite_stream_file;

namespace {

// A store with records, all of it in the database file itself.
void make_store(const std::string& path, int records) {
    {
        const auto store = open_sqlite_metadata_file(sqlite_options(path));
        for (int at = 0; at < records; ++at) {
            put(*store, "key " + std::to_string(at), std::string(200, 'v'));
        }
    }
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    // The first statement finds out that there is a log.
    REQUIRE(sqlite3_exec(db, "SELECT count(*) FROM records", nullptr, nullptr, nullptr) ==
            SQLITE_OK);
    REQUIRE(sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr) ==
            SQLITE_OK);
    sqlite3_close(db);
    REQUIRE_FALSE(std::filesystem::exists(path + "-wal"));
}

// What opening says of the file, which must be left as it was.
std::optional<errc> opening(const std::string& path) {
    const auto before = contents(path);
    const auto code = code_of([&] { return open_sqlite_metadata_file(sqlite_options(path)); });
    if (code) REQUIRE(contents(path) == before);
    return code;
}

std::size_t files_in(const scratch& dir) {
    std::size_t count = 0;
    for (const auto& one : std::filesystem::directory_iterator(dir.path())) {
        if (one.path().filename().string().find(".new-") != std::string::npos) ++count;
    }
    return count;
}

}  // namespace

TEST_CASE("sqlite: a file of another program is refused and left untouched") {
    const scratch dir;
    write_file(dir.file(), "not a database at all, but somebody's precious text\n");
    REQUIRE(opening(dir.file()) == errc::foreign);
    write_file(dir.file(), std::string(8192, '\0'));
    REQUIRE(opening(dir.file()) == errc::foreign);
    write_file(dir.file(), "x");
    REQUIRE(opening(dir.file()) == errc::foreign);

    const auto other = dir.file("other.db");
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(other.c_str(), &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, "CREATE TABLE records (a)", nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
    REQUIRE(opening(other) == errc::foreign);
    REQUIRE(files_in(dir) == 0);
}

TEST_CASE("sqlite: a message stream is no metadata store, nor the other way round") {
    const scratch dir;
    { const auto made = open_sqlite_stream_file(sqlite_options(dir.file("streams.db"))); }
    REQUIRE(opening(dir.file("streams.db")) == errc::foreign);
    { const auto made = open_sqlite_metadata_file(sqlite_options(dir.file())); }
    REQUIRE(code_of([&] { return open_sqlite_stream_file(sqlite_options(dir.file())); }) ==
            errc::foreign);
}

TEST_CASE("sqlite: a file of a newer release is opened if that release says so") {
    const scratch dir;
    make_store(dir.file(), 1);
    auto bytes = contents(dir.file());
    bytes[63] = 7;  // written by format 7, readable from 1
    write_file(dir.file(), bytes);
    REQUIRE_FALSE(opening(dir.file()));
    bytes = contents(dir.file());
    bytes[61] = 7;  // readable from 7
    write_file(dir.file(), bytes);
    REQUIRE(opening(dir.file()) == errc::unsupported_format);
    bytes[61] = 8;  // from a later one than it was written by
    write_file(dir.file(), bytes);
    REQUIRE(opening(dir.file()) == errc::corrupt);
}

TEST_CASE("sqlite: a file cut off anywhere is refused as damaged and left untouched") {
    const scratch dir;
    make_store(dir.file(), 100);
    const auto whole = contents(dir.file());
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{15}, std::size_t{16}, std::size_t{99}, std::size_t{100},
          std::size_t{4096}, whole.size() / 2, whole.size() - 1}) {
        std::filesystem::remove(dir.file() + "-wal");
        std::filesystem::remove(dir.file() + "-shm");
        write_file(dir.file(), whole.substr(0, size));
        INFO("cut to " << size << " of " << whole.size());
        REQUIRE(opening(dir.file()) == errc::corrupt);
    }
    write_file(dir.file(), whole);
    REQUIRE_FALSE(opening(dir.file()));
}

TEST_CASE("sqlite: damaged pages are an error of the call that meets them") {
    const scratch dir;
    make_store(dir.file(), 500);
    auto bytes = contents(dir.file());
    REQUIRE(bytes.size() > std::size_t{40} * 4096);
    for (std::size_t at = std::size_t{12} * 4096; at < bytes.size(); ++at) bytes[at] = '\x5a';
    write_file(dir.file(), bytes);
    const auto all = [&] {
        const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
        store->list(key_range::prefix(""), 1000);
    };
    REQUIRE(code_of(all) == errc::corrupt);
    const auto write = [&] {
        const auto store = open_sqlite_metadata_file(sqlite_options(dir.file()));
        for (int at = 0; at < 500; ++at) put(*store, "key " + std::to_string(at), "");
    };
    REQUIRE(code_of(write) == errc::corrupt);
}

TEST_CASE("sqlite: an empty file is a new store") {
    const scratch dir;
    write_file(dir.file(), "");
    REQUIRE(put(*open_sqlite_metadata_file(sqlite_options(dir.file())), "k", "v") == revision(1));
    REQUIRE(open_sqlite_metadata_file(sqlite_options(dir.file()))->get("k"));
    REQUIRE(files_in(dir) == 0);
}

TEST_CASE("sqlite: what cannot be a store is a clear error") {
    const scratch dir;
    REQUIRE(code_of([&] {
                return open_sqlite_metadata_file(sqlite_options(dir.path().string()));
            }) == errc::invalid_argument);
    REQUIRE(code_of([&] {
                return open_sqlite_metadata_file(sqlite_options(dir.file("no/dir")));
            }) == errc::not_found);
    REQUIRE(code_of([] { return open_sqlite_metadata_file(sqlite_options("")); }) ==
            errc::invalid_argument);
    sqlite_options bad(dir.file());
    bad.limits.operations_max = (std::size_t{1} << 20U) + 1;
    REQUIRE(code_of([&] { return open_sqlite_metadata_file(bad); }) == errc::invalid_argument);
    sqlite_options unknown(dir.file());
    unknown.vfs = "no such vfs";
    REQUIRE(code_of([&] { return open_sqlite_metadata_file(unknown); }));
    REQUIRE_FALSE(std::filesystem::exists(dir.file()));
}

TEST_CASE("sqlite: while another writes for long, commits give up unapplied and reads go on") {
    const scratch dir;
    sqlite_options options(dir.file());
    options.busy_patience = 20ms;
    const auto store = open_sqlite_metadata_file(options);
    put(*store, "k", "v");
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(dir.file().c_str(), &db) == SQLITE_OK);
    REQUIRE(sqlite3_exec(db, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
    REQUIRE(code_of([&] { put(*store, "k", "w"); }) == errc::unavailable);
    REQUIRE(store->get("k")->value == "v");
    sqlite3_close(db);
    REQUIRE(put(*store, "k", "w") == revision(2));
}
