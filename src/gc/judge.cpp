#include "reeve/gc/judge.hpp"

#include "reeve/core/guards.hpp"

#include <chrono>
#include <cstddef>
#include <optional>

namespace reeve::gc {

namespace {

judgement judge_age(const storage::object_meta& object, const age_rule& age,
                    std::string_view garbage) {
    const bool checked = core::enforced(core::guard::object_age);
    if (checked && object.last_modified.time_since_epoch().count() <= 0) {
        return {verdict::suspicious, "the object store does not say when it was written"};
    }
    if (checked && object.last_modified > age.now) {
        return {verdict::suspicious, "the object store says that it was written in the future"};
    }
    // In the coarser unit: a retention of any length must not overflow.
    const auto old = std::chrono::floor<std::chrono::milliseconds>(age.now - object.last_modified);
    if (old < age.retention) {
        return {verdict::young, "garbage, but within the retention"};
    }
    return {verdict::garbage, garbage};
}

judgement judge_named(const storage::object_meta& object,
                      const std::optional<catalog::file_address>& name, const view& known,
                      const age_rule& age) {
    if (!name) return {verdict::unreadable, "not a name of this layout"};
    const catalog::file_address& file = *name;
    const epoch_facts facts = known.of(file.file.epoch);
    if (known.referenced(file.file)) return {verdict::referenced, "a record names it"};
    if (facts.is == standing::beyond && core::enforced(core::guard::unknown_epochs)) {
        return {verdict::suspicious, "its epoch was never given out: is the metadata restored?"};
    }
    const bool settled = file.file.number < facts.settled;
    if (facts.is == standing::living && !settled && core::enforced(core::guard::live_numbers)) {
        return {verdict::in_use, "its epoch lives and may still commit it"};
    }
    if (known.pinned(file)) return {verdict::pinned, "a pin holds it"};
    return judge_age(object, age,
                     settled ? "no record names it, and its number is settled"
                             : "no record names it, and its epoch has ended");
}

}  // namespace

std::string_view name(verdict of) noexcept {
    switch (of) {
        case verdict::referenced:
            return "referenced";
        case verdict::pinned:
            return "pinned";
        case verdict::in_use:
            return "in_use";
        case verdict::young:
            return "young";
        case verdict::unreadable:
            return "unreadable";
        case verdict::garbage:
            return "garbage";
        case verdict::suspicious:
            return "suspicious";
    }
    return "unknown";
}

judgement judge(const storage::object_meta& object, const catalog::path_layout& names,
                const view& known, const age_rule& age) {
    return judge_named(object, names.parse(object.key), known, age);
}

// Names are read some objects ahead: by the time a file is judged, what is known of it has reached
// the cache.
void judge_page(std::span<const storage::object_meta> page, const catalog::path_layout& names,
                const view& known, const age_rule& age, std::vector<judgement>& into) {
    into.clear();
    into.reserve(page.size());
    constexpr std::size_t ahead = 16;
    std::optional<catalog::file_address> window[ahead];
    std::size_t parsed = 0;
    const auto parse_next = [&] {
        auto& file = window[parsed % ahead];
        file = names.parse(page[parsed++].key);
        if (file) known.expect(file->file);
    };
    while (parsed < page.size() && parsed + 1 < ahead) parse_next();
    for (std::size_t at = 0; at < page.size(); ++at) {
        if (parsed < page.size()) parse_next();
        into.push_back(judge_named(page[at], window[at % ahead], known, age));
    }
}

}  // namespace reeve::gc
