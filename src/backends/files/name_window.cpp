#include "backends/files/name_window.hpp"

#include "reeve/core/error.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace reeve::backends::files {

namespace {

constexpr std::size_t names_max = 32768;  // in a remembered window; about 5 MB of usual ones
constexpr std::size_t names_min = 1000;   // smaller directories are read again as fast
constexpr std::size_t windows_max = 4;
// A time of change this far back is never given to a later change, however coarse the clock.
constexpr std::chrono::seconds settled_after(3);

bool by_bytes(const named_entry& left, const named_entry& right) {
    return left.entry.bytes < right.entry.bytes;
}

// Keeps the smallest of what it is shown, in a buffer of twice as many.
class smallest {
public:
    explicit smallest(std::size_t count) : count_(count) {}

    void show(entry_name entry, std::string_view name) {
        if (bound_ && entry.bytes > *bound_) return;
        kept_.push_back({std::move(entry), std::string(name)});
        if (kept_.size() >= 2 * count_) cut();
    }
    // In order; true: all that was shown is there.
    bool take(std::vector<named_entry>& out) {
        if (kept_.size() > count_) cut();
        std::sort(kept_.begin(), kept_.end(), by_bytes);
        // An entry that was replaced meanwhile may have been shown twice.
        const auto same = [](const named_entry& left, const named_entry& right) {
            return left.entry.bytes == right.entry.bytes;
        };
        kept_.erase(std::unique(kept_.begin(), kept_.end(), same), kept_.end());
        out = std::move(kept_);
        return !bound_;
    }

private:
    void cut() {
        const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(count_);
        std::nth_element(kept_.begin(), end - 1, kept_.end(), by_bytes);
        kept_.erase(end, kept_.end());
        bound_ = kept_.back().entry.bytes;
    }

    std::size_t count_;
    std::vector<named_entry> kept_;
    std::optional<std::string> bound_;  // greater ones were left out
};

entry_name parse(const std::string& directory, std::string_view name, file_kind kind) {
    auto parsed = parse_name(name);
    const bool object = parsed && parsed->what == entry_name::kind::object;
    if (!parsed || kind != (object ? file_kind::regular : file_kind::directory)) {
        throw error(errc::foreign,
                    "file " + directory + std::string(name) + " is no object of this store");
    }
    return std::move(*parsed);
}

}  // namespace

std::shared_ptr<const name_window> name_windows::remembered(file_system& files,
                                                            const std::string& directory,
                                                            const std::string& from) {
    std::shared_ptr<const name_window> found;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& window : known_) {
            if (window->directory == directory) found = window;
        }
    }
    if (!found || found->from > from) return nullptr;
    const bool reaches = found->complete || found->entries.back().entry.bytes >= from;
    if (!reaches || files.changed_at(directory.substr(0, directory.size() - 1)) != found->changed) {
        return nullptr;
    }
    return found;
}

void name_windows::remember(std::shared_ptr<const name_window> window) {
    const std::lock_guard lock(mutex_);
    std::erase_if(known_, [&](const auto& known) { return known->directory == window->directory; });
    if (known_.size() == windows_max) known_.erase(known_.begin());
    known_.push_back(std::move(window));
}

std::shared_ptr<const name_window> name_windows::read(file_system& files,
                                                      const std::string& directory,
                                                      const std::string& from, std::size_t least,
                                                      reach ahead) {
    auto window = std::make_shared<name_window>();
    window->directory = directory;
    window->from = from;
    const auto path = directory.substr(0, directory.size() - 1);
    try {
        if (auto known = remembered(files, directory, from)) return known;
        const auto now = files.now();
        window->changed = files.changed_at(path);
        const bool quiet = ahead == reach::far && now - window->changed > settled_after;
        smallest chosen(quiet ? std::max(least, names_max) : least);
        files.list(path, [&](std::string_view name, file_kind kind) {
            auto parsed = parse(directory, name, kind);
            if (parsed.bytes >= from) chosen.show(std::move(parsed), name);
        });
        window->complete = chosen.take(window->entries);
        const bool large = window->entries.size() >= names_min;
        if (quiet && large && files.changed_at(path) == window->changed) remember(window);
    } catch (const std::system_error& failure) {
        if (failure.code() != std::errc::no_such_file_or_directory) throw;
        window->entries.clear();
        window->complete = true;
    }
    return window;
}

}  // namespace reeve::backends::files
