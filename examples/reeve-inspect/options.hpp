#pragma once

#include "store_address.hpp"

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace inspect_tool {

enum class command { show, check, export_all, import_all, raise_lineage };

struct options {
    bool help = false;
    command what = command::show;
    example::store_address store;
    std::string root;  // empty: the only one that the store has
    std::string file;  // import: the input; empty or "-": standard input
};

// The command line is not one that is understood.
class bad_usage : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

inline constexpr std::string_view help =
    R"(usage: reeve-inspect --store STORE [--root PREFIX] COMMAND

Looks into a reeve metadata store.

  show            every record, one line each; values that cannot be read are shown as such
  check           every record, and what must be true between them
  export          everything as JSON lines, to standard output
  import [FILE]   what export wrote, into an empty root (needs --root); FILE - or none:
                  standard input
  raise-lineage   the operator's step after a restore or an import

  --store sqlite:FILE                      the store's file; only import creates one
  --store etcd:HOST:PORT[,HOST:PORT...]    the cluster's members
  --root PREFIX    the prefix of all keys; may be left out if the store has one root
  --help           this text

Stop the coordinators before import and raise-lineage. Exit code: 0 done, and nothing is wrong;
1 something is wrong or failed; 2 the command line is not understood.
)";

// Throws bad_usage.
options parse(const std::vector<std::string>& arguments);

}  // namespace inspect_tool
