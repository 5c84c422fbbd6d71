#include "reeve/segment/flusher.hpp"

#include "reeve/core/error.hpp"
#include "reeve/core/guards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace reeve::segment {

/// The numbers of one grant: the next one, and the first number of each flush that may still be
/// committed.
struct flusher::numbers {
    model::epoch epoch;
    std::uint64_t next = 1;
    std::set<std::uint64_t> open;

    [[nodiscard]] std::uint64_t settled() const noexcept {
        return open.empty() ? next : *open.begin();
    }
};

/// A flush on its way. Its number stays open unless the outcome is known: then for as long as the
/// process runs.
class flusher::open_flush {
public:
    explicit open_flush(std::shared_ptr<numbers> of) : of_(std::move(of)), number_(of_->next++) {
        of_->open.insert(number_);
    }
    ~open_flush() {
        if (!sent_ || decided_) of_->open.erase(number_);
    }
    open_flush(const open_flush&) = delete;
    open_flush& operator=(const open_flush&) = delete;

    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
    /// From now on it may be committed at any time.
    void sent() noexcept { sent_ = true; }
    /// It is, or it never will be.
    void decided() noexcept { decided_ = true; }

private:
    std::shared_ptr<numbers> of_;
    std::uint64_t number_;
    bool sent_ = false;
    bool decided_ = false;
};

flusher::flusher(core::runtime& strand, storage::object_store& objects,
                 std::shared_ptr<const catalog::path_layout> names, flush_way leader,
                 flusher_options options)
    : strand_(strand),
      objects_(objects),
      names_(std::move(names)),
      leader_(std::move(leader)),
      options_(options) {}

flusher::~flusher() = default;

/// An epoch is granted once: a higher one begins with new numbers, a lower one is over.
std::shared_ptr<flusher::numbers> flusher::numbers_of(const channel::grant& granted) {
    const auto& what = granted.what();
    auto& found = channels_[what.channel];
    if (!found || found->epoch < what.epoch) {
        found = std::make_shared<numbers>();
        found->epoch = what.epoch;
    }
    if (found->epoch == what.epoch) return found;
    throw error(errc::fenced, fmt::format("flush of channel {} under epoch {}: {} was granted",
                                          what.channel, what.epoch, found->epoch));
}

std::uint64_t flusher::settled(const channel::grant& granted) const {
    const auto found = channels_.find(granted.what().channel);
    if (found == channels_.end() || found->second->epoch != granted.what().epoch) return 1;
    return found->second->settled();
}

awaitable<model::file_id> flusher::upload_one(std::shared_ptr<const channel::grant> granted,
                                              catalog::file_address where, std::string bytes,
                                              std::shared_ptr<numbers> of) {
    core::backoff retry(options_.retry, strand_.next_seed());
    where.file.epoch = of->epoch;
    for (bool first = true;; first = false) {
        // A fresh name for each try: what an earlier one may still write is nobody's.
        if (first || core::enforced(core::guard::fresh_names)) where.file.number = of->next++;
        try {
            (void)co_await objects_.put(names_->format(where), bytes);
            co_return where.file;
        } catch (const error& failure) {
            const bool may_pass = (failure.kind() == error_class::not_applied ||
                                   failure.kind() == error_class::unknown_outcome) &&
                                  failure.code_value() != errc::permission_denied;
            if (!may_pass) throw;
            core::log(strand_.log(), core::log_level::warning, "segment",
                      "upload for segment {} is tried under another name: {}", where.segment,
                      failure.what());
        }
        co_await strand_.sleep_for(retry.next());
        if (!granted->valid()) {
            throw error(errc::fenced, fmt::format("upload of channel {} under epoch {}",
                                                  granted->what().channel, of->epoch));
        }
    }
}

awaitable<model::segment_flush> flusher::upload(std::shared_ptr<const channel::grant> granted,
                                                flush_work work, std::shared_ptr<numbers> of,
                                                std::uint64_t number) {
    model::segment_flush what;
    what.segment = work.segment;
    what.number = number;
    what.from = std::move(work.from);
    what.to = std::move(work.to);
    what.rows = work.rows;
    std::map<std::pair<model::binlog_kind, model::field_id>, std::vector<model::binlog_file>> made;
    for (auto& one : work.files) {
        catalog::file_address where;
        where.collection = granted->what().collection;
        where.partition = work.partition;
        where.segment = work.segment;
        where.kind = one.kind;
        where.field = one.field;
        model::binlog_file file;
        file.bytes = one.bytes.size();
        file.rows = one.rows;
        file.id = co_await upload_one(granted, where, std::move(one.bytes), of);
        made[{one.kind, one.field}].push_back(std::move(file));
    }
    for (auto& [group, files] : made) {
        model::binlog_group& add = what.groups.emplace_back();
        add.kind = group.first;
        add.field = group.second;
        add.files = std::move(files);
    }
    co_return what;
}

awaitable<model::commit_reply> flusher::flush(std::shared_ptr<const channel::grant> granted,
                                              flush_work work, model::flush_effect effect,
                                              model::position checkpoint) {
    const auto of = numbers_of(*granted);
    open_flush mine(of);
    model::flush_request request;
    request.effect = effect;
    request.checkpoint = std::move(checkpoint);
    request.what = co_await upload(granted, std::move(work), of, mine.number());
    request.settled = of->settled();
    mine.sent();
    auto reply = co_await leader_.flush(granted, std::move(request));
    mine.decided();
    co_return reply;
}

awaitable<model::commit_reply> flusher::drop(std::shared_ptr<const channel::grant> granted,
                                             std::vector<flush_work> work,
                                             model::position checkpoint) {
    const auto of = numbers_of(*granted);
    open_flush mine(of);
    model::channel_drop_request request;
    request.checkpoint = std::move(checkpoint);
    for (auto& one : work) {
        const auto number = request.last.empty() ? mine.number() : of->next++;
        auto flushed = co_await upload(granted, std::move(one), of, number);
        request.last.push_back(std::move(flushed));
    }
    request.settled = of->settled();
    mine.sent();
    auto reply = co_await leader_.drop(granted, std::move(request));
    mine.decided();
    co_return reply;
}

}  // namespace reeve::segment
