// reeve-inspect: looks into a reeve metadata store, checks it, and moves it.
#include "options.hpp"
#include "reeve/backends/run_on.hpp"
#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/inspect.hpp"
#include "reeve/catalog/root.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/runtime.hpp"
#include "store_address.hpp"

#include <fmt/format.h>

#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace reeve;
using inspect_tool::options;

namespace {

void print(std::string_view line) {
    std::cout << line << '\n';
    if (!std::cout) throw std::runtime_error("standard output cannot be written");
}

// The roots of all stores in the file: whatever a root record says that it is.
awaitable<std::vector<std::string>> find_roots(storage::metadata_store& store) {
    std::vector<std::string> roots;
    constexpr std::string_view ending = "/root";
    auto rest = storage::key_range::prefix("");
    catalog::decoder reader;
    while (true) {
        const auto page = co_await store.list(rest, 1000);
        for (const auto& one : page.records) {
            if (!one.key.ends_with(ending)) continue;
            try {
                catalog::root_info info;
                reader.decode(one.key, one.value, info);
            } catch (const error&) {
                continue;  // a record of the host may be called so, too
            }
            roots.push_back(one.key.substr(0, one.key.size() - 4));
        }
        if (page.resume_at.empty()) co_return roots;
        rest = storage::key_range(page.resume_at, rest.last());
    }
}

awaitable<std::string> choose_root(storage::metadata_store& store, options chosen) {
    if (!chosen.root.empty()) co_return chosen.root;
    const auto roots = co_await find_roots(store);
    if (roots.size() == 1) co_return roots.front();
    std::string found = "the store has no root record";
    if (!roots.empty()) found = "the store has several roots:";
    for (const auto& one : roots) found += " " + catalog::escaped(one);
    throw error(errc::invalid_argument, found + "; say which with --root");
}

awaitable<int> print_records(storage::metadata_store& store, catalog::key_layout keys) {
    const auto seen = co_await catalog::inspect(store, keys, print);
    print(fmt::format("{} records, {} unreadable, revision {}", seen.records, seen.unreadable,
                      seen.last_at));
    co_return seen.unreadable == 0 ? 0 : 1;
}

awaitable<int> print_findings(storage::metadata_store& store, catalog::key_layout keys) {
    const auto report = co_await catalog::check(store, keys);
    for (const auto& one : report.findings) {
        print(
            fmt::format("{}: {}: {}", catalog::name(one.how), catalog::escaped(one.key), one.what));
    }
    if (report.omitted != 0) print(fmt::format("and {} more", report.omitted));
    print(fmt::format("{} records, {} findings, {} errors", report.walk.records,
                      report.findings.size() + report.omitted, report.errors));
    co_return report.errors == 0 ? 0 : 1;
}

awaitable<int> export_to(storage::metadata_store& store, catalog::key_layout keys) {
    const auto seen = co_await catalog::export_all(store, keys, print);
    if (seen.of_one_revision()) co_return 0;
    std::cerr << "reeve-inspect: the store changed while it was exported; export it again\n";
    co_return 1;
}

awaitable<int> import_from(storage::metadata_store& store, catalog::key_layout keys,
                           std::shared_ptr<std::istream> input) {
    catalog::line_source lines = [input]() -> std::optional<std::string> {
        std::string line;
        if (!std::getline(*input, line)) {
            if (input->bad()) throw std::runtime_error("the input cannot be read");
            return std::nullopt;
        }
        return line;
    };
    const auto made = co_await catalog::import_all(store, keys, std::move(lines));
    print(
        fmt::format("{} records written, {} of leases left out; now raise the lineage "
                    "(raise-lineage) before anything uses the store",
                    made.written, made.skipped));
    co_return 0;
}

awaitable<int> raise(storage::metadata_store& store, catalog::key_layout keys) {
    const auto root = co_await catalog::raise_lineage(store, keys);
    print(fmt::format("cluster {} is now of lineage {}", root.cluster, root.lineage));
    co_return 0;
}

std::shared_ptr<std::istream> open_input(const std::string& file) {
    if (file.empty() || file == "-") return {std::shared_ptr<void>(), &std::cin};
    auto input = std::make_shared<std::ifstream>(file, std::ios::binary);
    if (!*input) throw error(errc::not_found, file + ": cannot be opened");
    return input;
}

awaitable<int> carry_out(storage::metadata_store& store, options chosen) {
    const auto root = co_await choose_root(store, chosen);
    const catalog::key_layout keys(root);
    int code = 1;
    switch (chosen.what) {
        case inspect_tool::command::show:
            code = co_await print_records(store, keys);
            break;
        case inspect_tool::command::check:
            code = co_await print_findings(store, keys);
            break;
        case inspect_tool::command::export_all:
            code = co_await export_to(store, keys);
            break;
        case inspect_tool::command::import_all: {
            auto input = open_input(chosen.file);
            code = co_await import_from(store, keys, std::move(input));
            break;
        }
        case inspect_tool::command::raise_lineage:
            code = co_await raise(store, keys);
            break;
    }
    co_return code;
}

int run(const options& chosen) {
    const bool creates = chosen.what == inspect_tool::command::import_all;
    const bool is_file = chosen.store.what == example::store_address::kind::sqlite;
    if (is_file && !creates && !std::filesystem::exists(chosen.store.file)) {
        throw error(errc::not_found, chosen.store.file + ": no such file");
    }
    backends::event_loop loop;
    core::runtime strand(loop);
    // One thing at a time: blocking calls may run on the thread of the loop.
    core::blocking_executor here = [](core::task work) { work(); };
    const auto store = example::open_store(strand, here, chosen.store);
    const int code = backends::run_on(loop, strand, carry_out(*store, chosen));
    std::cout.flush();
    if (!std::cout) throw std::runtime_error("standard output cannot be written");
    return code;
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const auto chosen = inspect_tool::parse({arguments + 1, arguments + count});
        if (chosen.help) {
            std::cout << inspect_tool::help;
            return 0;
        }
        return run(chosen);
    } catch (const inspect_tool::bad_usage& bad) {
        std::cerr << "reeve-inspect: " << catalog::escaped(bad.what()) << "\n"
                  << "reeve-inspect --help tells how it is used\n";
        return 2;
    } catch (const std::exception& failure) {
        std::cerr << "reeve-inspect: " << catalog::escaped(failure.what()) << "\n";
        return 1;
    }
}
