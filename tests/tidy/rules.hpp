// The rules. Each looks at one file and reports what breaks it; none depends on another.
#pragma once

#include "source.hpp"

#include <string_view>
#include <vector>

namespace tidy {

using findings = std::vector<finding>;

// Form: lines of at most 100 columns, files of at most 500 lines, no tabs, no trailing blanks.
void check_form(const source_file& file, findings& out);
// Functions of at most 70 lines, from the opening to the closing brace.
void check_function_length(const source_file& file, findings& out);
// Includes go down the floors; the header list of include/ stays small; groups are in order.
void check_includes(const source_file& file, findings& out);
// Expressions around co_await that gcc 12 miscompiles.
void check_coroutines(const source_file& file, findings& out);
// Words and calls that do not belong: timers, threads, sleeps, leftovers, machine paths.
void check_banned_words(const source_file& file, findings& out);

// All of the above, without what the file allows with a reason.
findings check_file(const source_file& file);

}  // namespace tidy
