#include "reeve/catalog/path_layout.hpp"

#include "reeve/core/error.hpp"
#include "storage/printable.hpp"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <utility>

namespace reeve::catalog {

namespace {

constexpr std::size_t data_root_bytes_max = 500;
constexpr std::size_t parts = 6;

class standard_layout final : public path_layout {
public:
    explicit standard_layout(std::string root) : root_(std::move(root)) {}

    [[nodiscard]] std::string_view root() const noexcept override { return root_; }

    [[nodiscard]] std::string format(const file_address& of) const override {
        if (!of.segment || !of.file.epoch) {
            throw error(errc::invalid_argument,
                        fmt::format("file of segment {}, epoch {}: 0 means none", of.segment,
                                    of.file.epoch));
        }
        auto name = fmt::format("{}{}/{}/{}/{}/{}/", root_, of.collection, of.partition, of.segment,
                                model::name(of.kind), of.field);
        model::append(name, of.file);
        return name;
    }

    [[nodiscard]] std::optional<file_address> parse(std::string_view name) const noexcept override {
        if (!name.starts_with(root_)) return std::nullopt;
        std::array<std::string_view, parts> all;
        if (!split(name.substr(root_.size()), all)) return std::nullopt;
        const auto collection = model::number_of(all[0]);
        const auto partition = model::number_of(all[1]);
        const auto segment = model::number_of(all[2]);
        const auto content = model::binlog_kind_of(all[3]);
        const auto field = model::number_of(all[4]);
        const auto file = model::granted_number_of(all[5]);
        if (!collection || !partition || !segment || !content || !field || !file)
            return std::nullopt;
        if (*segment == 0 || !file->epoch) return std::nullopt;
        file_address it;
        it.collection = model::collection_id(*collection);
        it.partition = model::partition_id(*partition);
        it.segment = model::segment_id(*segment);
        it.kind = *content;
        it.field = model::field_id(*field);
        it.file = *file;
        return it;
    }

private:
    // Exactly so many parts between slashes.
    static bool split(std::string_view text, std::array<std::string_view, parts>& into) noexcept {
        for (std::size_t at = 0; at + 1 < parts; ++at) {
            const auto slash = text.find('/');
            if (slash == std::string_view::npos) return false;
            into[at] = text.substr(0, slash);
            text.remove_prefix(slash + 1);
        }
        into[parts - 1] = text;
        return text.find('/') == std::string_view::npos;
    }

    std::string root_;
};

}  // namespace

std::shared_ptr<const path_layout> standard_path_layout(std::string_view root) {
    std::string checked(root);
    if (!checked.empty() && checked.back() == '/') checked.pop_back();
    // A file below it must be valid, whatever its name.
    if (root.size() > data_root_bytes_max || !model::valid_file_name(checked + "/x")) {
        throw error(errc::invalid_argument,
                    fmt::format("data root {}: parts of printable ASCII between slashes, none of "
                                "them . or .., at most {} bytes in all, are accepted",
                                storage::printable(root), data_root_bytes_max));
    }
    return std::make_shared<standard_layout>(checked + '/');
}

}  // namespace reeve::catalog
