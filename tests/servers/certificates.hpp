#pragma once

#include "servers/temporary_directory.hpp"

#include <string>

namespace reeve::tests {

/// Keys and certificates made for one test: an authority, a server at 127.0.0.1 and a client that
/// it vouches for, and a stranger's authority that vouches for nobody. All are files in PEM form,
/// removed at the end.
class test_certificates {
public:
    /// Is there an `openssl` to make them with? If not, `skips_without` says what becomes of the
    /// test.
    [[nodiscard]] static bool available();

    /// Makes them. Throws std::runtime_error with what openssl said.
    test_certificates();

    [[nodiscard]] std::string authority() const { return file("ca.crt"); }
    [[nodiscard]] std::string stranger() const { return file("stranger.crt"); }
    [[nodiscard]] std::string server() const { return file("server.crt"); }
    [[nodiscard]] std::string server_key() const { return file("server.key"); }
    [[nodiscard]] std::string client() const { return file("client.crt"); }
    [[nodiscard]] std::string client_key() const { return file("client.key"); }

private:
    [[nodiscard]] std::string file(const char* name) const;
    void openssl(const std::string& arguments);

    spawner spawner_;
    temporary_directory directory_{spawner_};
};

/// What a file holds; empty if it cannot be read.
[[nodiscard]] std::string text_of_file(const std::string& path);
/// A test that needs `what` cannot run: counts it as skipped and prints why; but where the
/// environment variable REEVE_NEED_SERVERS is set, as in CI, throws std::runtime_error, so that
/// nothing is skipped unnoticed. See skipped.hpp for how the program ends.
void skips_without(const std::string& what);
/// The full path of a program, searched for in PATH; empty: it is not there.
[[nodiscard]] std::string find_program(const std::string& name);

}  // namespace reeve::tests
