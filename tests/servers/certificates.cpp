#include "servers/certificates.hpp"

#include "skipped.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace reeve::tests {

std::string text_of_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string{std::istreambuf_iterator<char>(in), {}};
}

std::string find_program(const std::string& name) {
    const char* path = std::getenv("PATH");
    std::istringstream directories(path == nullptr ? "/usr/bin:/bin" : path);
    for (std::string directory; std::getline(directories, directory, ':');) {
        std::string candidate = directory + "/" + name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

void skips_without(const std::string& what) {
    if (std::getenv("REEVE_NEED_SERVERS") != nullptr) {
        throw std::runtime_error("there is no " + what + ", but REEVE_NEED_SERVERS is set");
    }
    fmt::print(stderr, "skipped: there is no {}\n", what);
    ++tests_skipped;
}

bool test_certificates::available() {
    if (!find_program("openssl").empty()) return true;
    skips_without("openssl in PATH");
    return false;
}

test_certificates::test_certificates() {
    const std::string key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 ";
    std::ofstream(file("server.ext")) << "subjectAltName=IP:127.0.0.1,DNS:localhost\n"
                                      << "extendedKeyUsage=serverAuth,clientAuth\n";
    std::ofstream(file("client.ext")) << "extendedKeyUsage=clientAuth\n";
    openssl("req -x509 " + key + "-subj /CN=reeve-test-ca -keyout ca.key -out ca.crt");
    openssl("req -x509 " + key + "-subj /CN=stranger -keyout stranger.key -out stranger.crt");
    for (const std::string who : {"server", "client"}) {
        openssl("req -new " + key + "-subj /CN=" + who + " -keyout " + who + ".key -out " + who +
                ".csr");
        openssl("x509 -req -days 2 -CA ca.crt -CAkey ca.key -CAcreateserial -in " + who +
                ".csr -extfile " + who + ".ext -out " + who + ".crt");
    }
}

std::string test_certificates::file(const char* name) const {
    return (directory_.path() / name).string();
}

void test_certificates::openssl(const std::string& arguments) {
    child_options how;
    how.words = {"/bin/sh", "-c", "cd \"$0\" && exec openssl " + arguments,
                 directory_.path().string()};
    const char* path = std::getenv("PATH");
    how.environment = {std::string("PATH=") + (path == nullptr ? "/usr/bin:/bin" : path)};
    how.log = file("log");
    how.inherits = directory_.held();
    child_process program(spawner_, how);
    if (program.wait() != 0) {
        throw std::runtime_error("openssl " + arguments + "\n" + text_of_file(how.log));
    }
}

}  // namespace reeve::tests
