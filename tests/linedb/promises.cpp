#include "catch.hpp"
#include "program.hpp"
#include "texts.hpp"

#include <sys/file.h>
#include <unistd.h>

#include <fcntl.h>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

using namespace linedb_test;

namespace {

namespace fs = std::filesystem;
constexpr std::size_t mebibyte = std::size_t{1} << 20U;

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

ended run(const std::string& data, const std::string& input) {
    return linedb({"run", "--data", data, "--input", input, "--nodes", "2", "--quiet"});
}

ended verify(const std::string& data, const std::string& input) {
    return linedb({"verify", "--data", data, "--input", input});
}

void check_stored(const std::string& text, const std::string& lines) {
    const scratch files;
    const auto input = files.file("input", text);
    const auto data = files.path("data");
    const std::string promise = "verified: " + lines + " lines, each exactly once\n";
    const auto first = run(data, input);
    INFO(first.errors);
    CHECK(first.code == 0);
    CHECK(contains(first.output, promise));
    const auto again = verify(data, input);
    INFO(again.errors);
    CHECK(again.code == 0);
    CHECK(again.output == promise);
}

/// Failed with exit code 1 and a message that contains `part`.
void check_failed(const ended& result, const std::string& part) {
    INFO(result.errors);
    INFO(part);
    CHECK(result.code == 1);
    CHECK(contains(result.errors, part));
}

/// A directory that a run has finished, made once.
const scratch& finished_once() {
    static const scratch files;
    if (!fs::exists(files.path("data"))) {
        const auto input = files.file("input", nasty_text(7, 500));
        const auto result = run(files.path("data"), input);
        INFO(result.errors);
        REQUIRE(result.code == 0);
    }
    return files;
}

/// A copy of it.
struct finished_database {
    finished_database() : input(files.path("input")), data(files.path("data")) {
        fs::copy(finished_once().path("input"), input);
        fs::copy(finished_once().path("data"), data, fs::copy_options::recursive);
    }
    scratch files;
    std::string input;
    std::string data;
};

std::string some_object(const std::string& data) {
    std::string largest;
    std::uintmax_t size = 0;
    for (const auto& entry : fs::recursive_directory_iterator(data + "/objects")) {
        if (!entry.is_regular_file() || entry.file_size() <= size) continue;
        largest = entry.path().string();
        size = entry.file_size();
    }
    return largest;
}

}  // namespace

TEST_CASE("an empty file has no lines") { check_stored("", "0"); }

TEST_CASE("a last line needs no newline") { check_stored("one\ntwo\nthree", "3"); }

TEST_CASE("empty and repeated lines each count") { check_stored("\n\nsame\nsame\nsame\n\n", "6"); }

TEST_CASE("lines may hold any bytes") {
    check_stored(std::string("a\0b\n\r\n\xff\xfe\n\0\n\xc3\n", 13), "5");
}

TEST_CASE("a line of 1 MiB is stored, with and without its newline") {
    const std::string longest(mebibyte, 'x');
    check_stored("before\n" + longest + "\nafter\n" + longest, "4");
}

TEST_CASE("a longer line is refused before anything is created") {
    const scratch files;
    for (const std::string& text : {"before\n" + std::string(mebibyte + 1, 'x') + "\nafter\n",
                                    std::string(3 * mebibyte, 0)}) {
        const auto input = files.file("input", text);
        const auto result = run(files.path("data"), input);
        check_failed(result, "is longer than 1048576 bytes");
        CHECK(contains(result.errors, text.front() == 'b' ? "at byte 7" : "at byte 0"));
        CHECK_FALSE(fs::exists(files.path("data")));
    }
}

TEST_CASE("a finished directory is finished: run ends at once, status and plan look at it") {
    const finished_database it;
    const auto again = run(it.data, it.input);
    CHECK(again.code == 0);
    CHECK(contains(again.output, "finished by an earlier run"));
    const auto status = linedb({"status", "--data", it.data});
    INFO(status.errors);
    CHECK(status.code == 0);
    CHECK(contains(status.output, "state     finished"));
    CHECK(contains(status.output, "stored    501 of 501 lines"));
    CHECK(contains(status.output, "rows-07"));
    const auto plan = linedb({"plan", "--data", it.data});
    INFO(plan.errors);
    CHECK(plan.code == 0);
    CHECK(contains(plan.output, "rows-00: "));
}

TEST_CASE("a directory belongs to one input, wherever it lies") {
    const finished_database it;
    const auto other = it.files.file("other", content(it.input) + "more\n");
    check_failed(run(it.data, other), "belongs to another input");
    check_failed(verify(it.data, other), "belongs to another input");
    const auto copy = it.files.file("copy", content(it.input));
    CHECK(verify(it.data, copy).code == 0);
    CHECK(run(it.data, copy).code == 0);
}

TEST_CASE("the metadata may be in a file elsewhere, and the directory belongs to that file") {
    const scratch files;
    const auto input = files.file("input", nasty_text(7, 200));
    const auto data = files.path("data");
    const auto store = "sqlite:" + files.path("elsewhere.db");
    const std::vector<std::string> at = {"--data", data, "--input", input};
    const auto with = [&at](const std::string& name, const std::string& where) {
        std::vector<std::string> words = at;
        words.insert(words.begin(), name);
        if (name == "run") words.insert(words.end(), {"--nodes", "2", "--quiet"});
        if (!where.empty()) words.insert(words.end(), {"--store", where});
        return linedb(words);
    };
    const auto first = with("run", store);
    INFO(first.errors);
    REQUIRE(first.code == 0);
    CHECK_FALSE(fs::exists(data + "/metadata.sqlite"));
    CHECK(with("verify", store).code == 0);
    const auto status = linedb({"status", "--data", data, "--store", store});
    CHECK(contains(status.output, "stored    201 of 201 lines"));
    for (const auto& wrong : {std::string(), "sqlite:" + files.path("other.db")}) {
        check_failed(with("run", wrong), "belongs to the metadata store " + store);
        check_failed(with("verify", wrong), "belongs to the metadata store " + store);
    }
    CHECK_FALSE(fs::exists(files.path("other.db")));
    // Another directory of the same input cannot share the file.
    check_failed(
        linedb({"run", "--data", files.path("second"), "--input", input, "--store", store}),
        "elsewhere.db belongs to linedb-");
    // The directory's own file, named: it is the same as naming none.
    const auto own = "sqlite:" + files.path("own") + "/metadata.sqlite";
    CHECK(linedb({"run", "--data", files.path("own"), "--input", input, "--store", own, "--quiet"})
              .code == 0);
    CHECK(linedb({"verify", "--data", files.path("own"), "--input", input}).code == 0);
}

TEST_CASE("a second run is refused while the first holds the lock; status is not") {
    const finished_database it;
    const int lock = ::open((it.data + "/lock").c_str(), O_RDWR | O_CLOEXEC);
    REQUIRE(::flock(lock, LOCK_EX | LOCK_NB) == 0);
    check_failed(run(it.data, it.input), "another run works on");
    CHECK(linedb({"status", "--data", it.data}).code == 0);
    CHECK(linedb({"plan", "--data", it.data}).code == 0);
    CHECK(verify(it.data, it.input).code == 0);
    ::close(lock);
    CHECK(run(it.data, it.input).code == 0);
}

TEST_CASE("a run that was killed is incomplete, until the same command has finished it") {
    const scratch files;
    const auto input = files.file("input", nasty_text(3, 100'000));
    const auto data = files.path("data");
    {
        program first({"run", "--data", data, "--input", input, "--quiet"});
        const auto begun = data + "/metadata.sqlite";
        while (!fs::exists(begun)) REQUIRE_FALSE(first.ends_within(std::chrono::milliseconds(2)));
        first.kill();
        REQUIRE(first.wait().code == -1);
    }
    check_failed(verify(data, input), "is missing");
    CHECK(linedb({"status", "--data", data}).code == 0);
    CHECK(run(data, input).code == 0);
    CHECK(verify(data, input).code == 0);
}

TEST_CASE("a directory that is not linedb's is refused and left alone") {
    const scratch files;
    const auto input = files.file("input", "a line\n");
    const auto data = files.path("data");
    fs::create_directory(data);
    (void)files.file("data/letters", "dear");
    for (const std::string command : {"run", "verify"}) {
        check_failed(linedb({command, "--data", data, "--input", input}), "holds letters");
    }
    check_failed(linedb({"status", "--data", data}), "holds letters");
    CHECK(fs::directory_iterator(data)->path().filename() == "letters");
    CHECK(std::distance(fs::directory_iterator(data), fs::directory_iterator()) == 1);
    check_failed(linedb({"run", "--data", input, "--input", input}), "not a directory");
    check_failed(verify(files.path("none"), input), "no such directory");
    check_failed(linedb({"status", "--data", files.path("none")}), "no such directory");
    CHECK_FALSE(fs::exists(files.path("none")));
}

TEST_CASE("damaged files are named, by every command that reads them") {
    const finished_database it;
    SECTION("the record of the input") {
        damage(it.data + "/input", 12);
        check_failed(run(it.data, it.input), "/input");
        check_failed(verify(it.data, it.input), "/input");
        check_failed(linedb({"status", "--data", it.data}), "/input");
    }
    SECTION("an empty record of the input") {
        fs::resize_file(it.data + "/input", 0);
        check_failed(run(it.data, it.input), "/input");
    }
    SECTION("the record of the end") {
        fs::resize_file(it.data + "/finished", 5);
        check_failed(run(it.data, it.input), "/finished");
    }
    SECTION("an object") {
        const auto object = some_object(it.data);
        damage(object, fs::file_size(object) / 2);
        check_failed(verify(it.data, it.input), "corrupt");
    }
    SECTION("a missing object") {
        fs::remove(some_object(it.data));
        check_failed(verify(it.data, it.input), "is committed, but missing");
    }
    for (const std::string name : {"metadata.sqlite", "streams.sqlite"}) {
        SECTION("no database in " + name) {
            fs::remove(it.data + "/finished");
            (void)it.files.file("data/" + name, "this is not a database, but it is long enough");
            check_failed(run(it.data, it.input), name);
            CHECK(contains(content(it.data + "/" + name), "this is not a database"));
            check_failed(linedb({"status", "--data", it.data}), name);
        }
    }
}

TEST_CASE("files of another database are not taken for ours") {
    const finished_database it;
    const auto other = it.files.file("other", "another\ntext\n");
    const auto data = it.files.path("second");
    REQUIRE(run(data, other).code == 0);
    fs::remove(data + "/finished");
    for (const std::string name :
         {"metadata.sqlite", "metadata.sqlite-wal", "metadata.sqlite-shm"}) {
        fs::remove(data + "/" + name);
        if (fs::exists(it.data + "/" + name)) fs::copy(it.data + "/" + name, data + "/" + name);
    }
    check_failed(run(data, other), "belongs to");
}
