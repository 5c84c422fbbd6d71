#include "options.hpp"

#include <cstddef>
#include <optional>

namespace inspect_tool {

namespace {

std::optional<command> command_of(const std::string& word) {
    if (word == "show") return command::show;
    if (word == "check") return command::check;
    if (word == "export") return command::export_all;
    if (word == "import") return command::import_all;
    if (word == "raise-lineage") return command::raise_lineage;
    return std::nullopt;
}

example::store_address store_of(const std::string& text) try {
    return example::parse_store_address(text);
} catch (const std::invalid_argument& wrong) {
    throw bad_usage(std::string("--store ") + wrong.what());
}

}  // namespace

options parse(const std::vector<std::string>& arguments) {
    options chosen;
    std::optional<command> what;
    bool store_given = false;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const auto& word = arguments[at];
        if (word == "--help" || word == "-h") {
            chosen.help = true;
            return chosen;
        }
        if (word == "--store" || word == "--root") {
            if (at + 1 == arguments.size() || arguments[at + 1].empty()) {
                throw bad_usage(word + " needs a value");
            }
            const auto& value = arguments[++at];
            if (word == "--store") {
                chosen.store = store_of(value);
                store_given = true;
            } else {
                chosen.root = value;
            }
        } else if (word.size() > 1 && word.front() == '-') {
            throw bad_usage(word + ": no such option");
        } else if (!what) {
            what = command_of(word);
            if (!what) throw bad_usage(word + ": no such command");
        } else if (*what == command::import_all && chosen.file.empty() && !word.empty()) {
            chosen.file = word;
        } else {
            throw bad_usage(word + ": one argument too many");
        }
    }
    if (!what) throw bad_usage("a command is needed");
    if (!store_given) {
        throw bad_usage("--store is needed: " + std::string(example::store_addresses));
    }
    if (*what == command::import_all && chosen.root.empty()) {
        throw bad_usage("import needs --root");
    }
    chosen.what = *what;
    return chosen;
}

}  // namespace inspect_tool
