// The main of all test programs. Exit code: 0 if tests ran and all of them passed; 77 if none
// failed and some were skipped; another for failures, and if no test has the names or tags that
// were asked for.
#define CATCH_CONFIG_RUNNER
#include "catch.hpp"
#include "skipped.hpp"

int main(int count, char** words) {
    Catch::Session session;
#if !__has_include(<catch2/catch_all.hpp>)
    session.configData().warnings = Catch::WarnAbout::NoTests;  // what Catch2 3 does by itself
#endif
    const int code = session.run(count, words);
    // Catch2 2 counts failures by its exit code.
    if (code == reeve::tests::skip_exit_code) return 1;
    if (code == 0 && reeve::tests::tests_skipped > 0) return reeve::tests::skip_exit_code;
    return code;
}
