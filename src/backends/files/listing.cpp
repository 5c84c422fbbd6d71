#include "backends/files/listing.hpp"

#include "backends/files/key_names.hpp"
#include "backends/files/object_file.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace reeve::backends::files {

namespace {

// Bounds of what a very deep tree makes us hold.
constexpr std::size_t depth_of_far_reach = 4;
constexpr std::size_t depth_of_full_pages = 8;
constexpr std::size_t names_when_deep = 16;

// What the entry adds to a key that is, contains or precedes `rest`: nothing that matters for
// `rest` is smaller than this.
std::string_view first_entry(std::string_view rest) {
    const auto place = place_of(rest);
    if (place.directory.empty()) return rest;
    const auto name = place.directory.substr(0, place.directory.find('/'));
    return rest.substr(0, parse_name(name)->bytes.size());
}

// The part of `key` behind `head`; empty if it has another head.
std::string_view behind(std::string_view key, std::string_view head) {
    return key.starts_with(head) ? key.substr(head.size()) : std::string_view();
}

class lister {
public:
    lister(file_system& files, name_windows& names, const std::string& prefix,
           const std::string& after, std::size_t limit)
        : files_(files), names_(names), prefix_(prefix), after_(after), limit_(limit) {}

    // Adds the directory's objects; false: the page is full. `head` is what its keys begin with.
    bool walk(const std::string& directory, const std::string& head, std::size_t depth) {
        const auto least = depth < depth_of_full_pages ? limit_ : std::min(limit_, names_when_deep);
        const auto ahead =
            depth < depth_of_far_reach ? name_windows::reach::far : name_windows::reach::near;
        std::string from(
            std::max(first_entry(behind(prefix_, head)), first_entry(behind(after_, head))));
        for (;;) {
            const auto window = names_.read(files_, directory, from, least, ahead);
            for (auto it = begin_of(*window, from); it != window->entries.end(); ++it) {
                if (is_past_prefix(head + it->entry.bytes)) return true;
                if (!visit(directory, head, *it, depth)) return false;
            }
            if (window->complete) return true;
            from = window->entries.back().entry.bytes + '\0';  // the next bytes there are
        }
    }

    [[nodiscard]] storage::object_page take() { return std::move(page_); }

private:
    static std::vector<named_entry>::const_iterator begin_of(const name_window& window,
                                                             const std::string& from) {
        return std::lower_bound(window.entries.begin(), window.entries.end(), from,
                                [](const named_entry& entry, const std::string& bytes) {
                                    return entry.entry.bytes < bytes;
                                });
    }

    [[nodiscard]] bool is_past_prefix(const std::string& key) const {
        return key > prefix_ && !key.starts_with(prefix_);
    }

    bool visit(const std::string& directory, const std::string& head, const named_entry& it,
               std::size_t depth) {
        const auto key = head + it.entry.bytes;
        if (it.entry.what == entry_name::kind::object) {
            return key <= after_ || !key.starts_with(prefix_) || add(directory + it.name, key);
        }
        const bool matters = (key > after_ || after_.starts_with(key)) &&
                             (key.starts_with(prefix_) || prefix_.starts_with(key));
        return !matters || walk(directory + it.name + '/', key, depth + 1);
    }

    // False once the page is full.
    bool add(const std::string& path, const std::string& key) {
        const auto source = files_.open(path);
        if (!source) return true;  // removed since its name was read
        page_.objects.push_back(read_meta(*source, key, path));
        if (page_.objects.size() < limit_) return true;
        page_.resume_after = key;
        return false;
    }

    file_system& files_;
    name_windows& names_;
    const std::string& prefix_;
    const std::string& after_;
    std::size_t limit_;
    storage::object_page page_;
};

}  // namespace

storage::object_page list_objects(file_system& files, name_windows& names, const std::string& tree,
                                  const std::string& prefix, const std::string& after,
                                  std::size_t limit) {
    const auto start = place_of(prefix);
    lister listing(files, names, prefix, after, limit);
    listing.walk(tree + start.directory, prefix.substr(0, prefix.size() - start.rest.size()), 0);
    return listing.take();
}

}  // namespace reeve::backends::files
