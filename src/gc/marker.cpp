#include "reeve/gc/marker.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace reeve::gc {

namespace {

// Far more than any marker has.
constexpr std::uint64_t marker_bytes_max = 4096;

awaitable<std::optional<catalog::root_info>> read_marker(storage::object_store& objects,
                                                         std::string name) {
    storage::byte_range some;
    some.length = marker_bytes_max;
    const auto found = co_await objects.get(name, some);
    if (!found) co_return std::nullopt;
    if (found->meta.size > marker_bytes_max) {
        throw error(errc::corrupt,
                    fmt::format("marker {}: {} bytes, at most {} are accepted",
                                storage::printable(name), found->meta.size, marker_bytes_max));
    }
    catalog::root_info info;
    catalog::decoder().decode(name, found->bytes, info);
    co_return info;
}

[[noreturn]] void refuse_marker(const std::string& name, const catalog::root_info& there,
                                const catalog::root_info& mine) {
    throw error(errc::foreign,
                fmt::format("marker {}: of cluster {}, lineage {}, and not of cluster {}, lineage "
                            "{}",
                            storage::printable(name), storage::printable(there.cluster),
                            there.lineage, storage::printable(mine.cluster), mine.lineage));
}

awaitable<void> require_empty(storage::object_store& objects, std::string root) {
    const auto page = co_await objects.list(root, "", 1);
    if (page.objects.empty()) co_return;
    throw error(
        errc::refused,
        fmt::format("data root {}: not empty, {} lies there; claim::adopt takes it over",
                    storage::printable(root), storage::printable(page.objects.front().key)));
}

}  // namespace

std::string marker_name(const catalog::path_layout& names) {
    return std::string(names.root()) + "reeve-marker";
}

awaitable<void> claim_data_root(storage::object_store& objects, const catalog::path_layout& names,
                                catalog::root_info mine, claim how) {
    const auto name = marker_name(names);
    const auto there = co_await read_marker(objects, name);
    if (there == mine) co_return;
    if (there) {
        const bool older = there->cluster == mine.cluster && there->lineage < mine.lineage;
        if (!older || how != claim::adopt) refuse_marker(name, *there, mine);
    } else if (how == claim::empty) {
        co_await require_empty(objects, std::string(names.root()));
    }
    const auto bytes = catalog::encode(mine);
    if (!there && objects.capabilities().put_if_absent) {
        // Two that claim at once: one of them reads what the other has written.
        const auto put = co_await objects.put_if_absent(name, bytes);
        if (put) co_return;
    } else {
        co_await objects.put(name, bytes);
    }
    const auto now = co_await read_marker(objects, name);
    if (now == mine) co_return;
    refuse_marker(name, now.value_or(catalog::root_info()), mine);
}

awaitable<void> check_marker(storage::object_store& objects, const catalog::path_layout& names,
                             catalog::root_info mine) {
    if (!core::enforced(core::guard::data_marker)) co_return;
    const auto name = marker_name(names);
    const auto there = co_await read_marker(objects, name);
    if (!there) {
        throw error(errc::foreign,
                    fmt::format("marker {}: missing, so nothing says that these are files of "
                                "cluster {}",
                                storage::printable(name), storage::printable(mine.cluster)));
    }
    const bool lineage =
        there->lineage == mine.lineage || !core::enforced(core::guard::data_lineage);
    if (there->cluster != mine.cluster || !lineage) refuse_marker(name, *there, mine);
}

}  // namespace reeve::gc
