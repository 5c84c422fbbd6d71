#include "testing/disk_nodes.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace reeve::testing::disk {

namespace {

using backends::file_kind;

constexpr std::size_t sector_bytes = 512;

[[noreturn]] void fail(int number, const std::string& what) {
    throw std::system_error(number, std::generic_category(), what);
}

// The bytes of a file that was not synced: its length is anything up to the last one, and each
// sector beyond the synced bytes was written or not.
std::string torn(const node& file, core::random& random) {
    if (file.bytes == file.synced) return file.synced;
    const auto choice = random.below(4);
    if (choice == 0) return file.synced;
    if (choice == 1) return file.bytes;
    const auto kept = std::min(file.synced.size(), file.bytes.size());
    std::string result = file.bytes.substr(0, kept + random.below(file.bytes.size() - kept + 1));
    for (std::size_t at = kept; at < result.size();) {
        const auto end = std::min(result.size(), (at / sector_bytes + 1) * sector_bytes);
        const auto fate = random.below(3);
        for (; at < end; ++at) {
            if (fate == 1) result[at] = '\0';
            if (fate == 2) result[at] = static_cast<char>(random.next() & 0xFFU);
        }
    }
    return result;
}

class survivor {
public:
    explicit survivor(core::random& random) : random_(random) {}

    node_pointer copy(const node& old) {
        auto& made = copies_[&old];
        if (made) return made;
        made = std::make_shared<node>(old.kind);
        const auto result = made;  // the map may grow below
        if (old.kind == file_kind::regular) {
            result->bytes = result->synced = torn(old, random_);
            return result;
        }
        for (const auto& [name, child] : choose(old)) {
            const auto kept = copy(*child);
            result->entries.emplace(name, kept);
            result->synced_entries.emplace(name, kept);
        }
        return result;
    }

private:
    std::map<std::string, node_pointer> choose(const node& old) {
        auto entries = old.synced_entries;
        for (const auto& [name, states] : old.unsynced) {
            const auto which = random_.below(states.size() + 1);
            if (which == 0) continue;  // as it was synced
            if (states[which - 1]) {
                entries[name] = states[which - 1];
            } else {
                entries.erase(name);
            }
        }
        return entries;
    }

    core::random& random_;
    std::map<const node*, node_pointer> copies_;
};

}  // namespace

node_pointer node::find(const std::string& name) const {
    const auto found = entries.find(name);
    return found == entries.end() ? nullptr : found->second;
}

void node::add(const std::string& name, node_pointer child) {
    if (entries.contains(name)) fail(EEXIST, name);
    set(name, std::move(child));
}

void node::set(const std::string& name, node_pointer child) {
    unsynced[name].push_back(child);
    if (child) {
        entries[name] = std::move(child);
    } else {
        entries.erase(name);
    }
}

void node::sync_bytes() {
    if (!lost) synced = bytes;
}

void node::sync_entries() {
    synced_entries = entries;
    unsynced.clear();
}

node_pointer find(const node_pointer& root, const std::string& path) {
    auto at = root;
    for (std::size_t begin = 0; begin < path.size();) {
        if (at->kind != file_kind::directory) fail(ENOTDIR, path);
        const auto end = std::min(path.find('/', begin), path.size());
        at = at->find(path.substr(begin, end - begin));
        if (!at) return nullptr;
        begin = end + 1;
    }
    return at;
}

node_pointer require(const node_pointer& root, const std::string& path) {
    auto found = find(root, path);
    if (!found) fail(ENOENT, path);
    return found;
}

place find_parent(const node_pointer& root, const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return {root, path};
    auto directory = require(root, path.substr(0, slash));
    if (directory->kind != file_kind::directory) fail(ENOTDIR, path);
    return {std::move(directory), path.substr(slash + 1)};
}

node_pointer after_crash(const node& root, core::random& random) {
    return survivor(random).copy(root);
}

void collect(const node& directory, const std::string& head,
             std::map<std::string, std::string>& all) {
    for (const auto& [name, child] : directory.entries) {
        if (child->kind == file_kind::directory) {
            collect(*child, head + name + '/', all);
        } else {
            all.emplace(head + name, child->bytes);
        }
    }
}

void plant_file(const node_pointer& root, std::string_view path, std::string bytes) {
    auto at = root;
    for (;;) {
        const auto slash = path.find('/');
        const std::string name(path.substr(0, slash));
        auto& child = at->entries[name];
        const bool last = slash == std::string_view::npos;
        if (!child || last) {
            child = std::make_shared<node>(last ? file_kind::regular : file_kind::directory);
        }
        at->synced_entries[name] = child;
        at->unsynced.erase(name);
        at = child;
        if (last) break;
        path.remove_prefix(slash + 1);
    }
    at->bytes = at->synced = std::move(bytes);
}

}  // namespace reeve::testing::disk
