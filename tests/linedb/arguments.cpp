#include "catch.hpp"
#include "program.hpp"

#include <string>
#include <vector>

using namespace linedb_test;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Refused with exit code 2 and a message that contains `part`; nothing was printed otherwise.
void check_refused(const std::vector<std::string>& arguments, const std::string& part) {
    const auto result = linedb(arguments);
    INFO(result.errors);
    CHECK(result.code == 2);
    CHECK(contains(result.errors, part));
    CHECK(contains(result.errors, "--help"));
    CHECK(result.output.empty());
}

}  // namespace

TEST_CASE("help is printed on request, with exit code 0") {
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"--help"}, {"run", "--help"}, {"verify", "-h"}}) {
        const auto result = linedb(words);
        CHECK(result.code == 0);
        CHECK(contains(result.output, "linedb verify --data DIR --input FILE"));
        CHECK(result.errors.empty());
    }
}

TEST_CASE("bad arguments are named, with exit code 2") {
    const scratch files;
    const auto input = files.file("input", "a line\n");
    const auto data = files.path("data");
    check_refused({}, "a command is missing");
    check_refused({"fly"}, "\"fly\" is no command");
    check_refused({"run", "--data", data}, "--input is missing");
    check_refused({"run", "--input", input}, "--data is missing");
    check_refused({"verify", "--data", data}, "--input is missing");
    check_refused({"status"}, "--data is missing");
    check_refused({"run", "--data"}, "--data needs a value");
    check_refused({"run", "--data", ""}, "--data needs a value");
    check_refused({"run", "--data", data, "--data", data}, "--data is given twice");
    check_refused({"status", "--data", data, "--input", input}, "--input");
    check_refused({"run", "--data", data, "--input", input, "extra"}, "\"extra\"");
    for (const std::string nodes : {"0", "65", "-1", "3x", "", "99999999999999999999"}) {
        check_refused({"run", "--data", data, "--input", input, "--nodes", nodes},
                      "--nodes: \"" + nodes + "\" is not a number from 1 to 64");
    }
    check_refused({"run", "--data", data, "--input", input, "--seed", "x"}, "--seed");
    for (const std::string store :
         {"", "mysql:x", "sqlite:", "etcd:", "etcd:h", "etcd:h:", "etcd::1", "etcd:h:0",
          "etcd:h:65536", "etcd:h:1,", "etcd:h:1x", "etcd:a:b:1", "etcd:http://h:1"}) {
        check_refused({"status", "--data", data, "--store", store}, "--store");
    }
    check_refused({"status", "--data", data, "--store", "sqlite:a", "--store", "sqlite:a"},
                  "twice");
    CHECK_FALSE(std::filesystem::exists(data));
}

TEST_CASE("an input that cannot be read is a bad argument, and nothing is created") {
    const scratch files;
    const auto data = files.path("data");
    for (const std::string command : {"run", "verify"}) {
        check_refused({command, "--data", data, "--input", files.path("none")}, files.path("none"));
        check_refused({command, "--data", data, "--input", files.path("")}, "not a regular file");
    }
    CHECK_FALSE(std::filesystem::exists(data));
}
