#pragma once

#include "reeve/channel/progress_change.hpp"
#include "reeve/segment/life_cycle.hpp"
#include "segment/manager_impl.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string_view>

namespace reeve::segment {

/// The record of a flush.
[[nodiscard]] model::binlog_record binlog_of(const model::segment_flush& what,
                                             const model::position& checkpoint);
/// Progress as it is with a flush: neither checkpoint nor settled go back, whatever a late copy of
/// a request says.
[[nodiscard]] model::channel_progress progress_after(const channel::channel_facts& known,
                                                     const model::holder& by,
                                                     const model::position& checkpoint,
                                                     std::uint64_t settled, std::uint64_t flush);
/// Throws errc::invalid_argument for names that can never be committed by this holder; adds the
/// numbers of the flush and its files.
void check_files(const model::holder& by, const model::segment_flush& what,
                 std::set<std::uint64_t>& numbers);
/// Throws errc::invalid_argument if one of the numbers is settled, or would be with `settled`.
void check_settled(const channel::channel_facts& known, const model::holder& by,
                   const std::set<std::uint64_t>& numbers, std::uint64_t settled);

/// One flush of one segment.
class manager_impl::flush_change final : public channel::progress_change,
                                         public std::enable_shared_from_this<flush_change> {
public:
    /// Throws errc::invalid_argument.
    flush_change(std::shared_ptr<manager_impl> in, model::flush_request request,
                 model::timestamp now, storage::transaction with);

    [[nodiscard]] const model::holder& by() const noexcept override { return request_.by; }
    [[nodiscard]] step prepare(const channel::channel_facts& known,
                               channel::progress_write& into) override;
    [[nodiscard]] awaitable<void> look() override;
    void committed(storage::revision at) override;
    void doubted() override;
    [[nodiscard]] model::commit_reply& reply() noexcept { return reply_; }
    /// When it was written; 0: it was not, by this change.
    [[nodiscard]] storage::revision written() const noexcept { return written_; }

private:
    [[nodiscard]] model::flush_id id() const noexcept {
        return {request_.by.epoch, request_.what.number};
    }
    step answer(model::commit_outcome outcome, model::position recorded);
    [[nodiscard]] std::optional<segment_info> segment() const;
    [[noreturn]] void refuse(std::string_view why) const;
    void fill(const channel::channel_facts& known, const segment_info& info,
              channel::progress_write& into);

    std::shared_ptr<manager_impl> in_;
    model::flush_request request_;
    model::timestamp now_;
    storage::transaction with_;  // what else is written with it
    storage::revision written_;
    std::set<std::uint64_t> numbers_;  // of the flush and its files
    model::collection_id collection_;
    compared compared_;
    model::segment_record next_;
    bool marks_ = false;  // the channel is dropped with it
    bool looked_ = false;
    bool found_ = false;
    bool other_ = false;  ///< what was found is another flush
    model::commit_reply reply_;
};

/// The last flushes of a channel that is to be dropped, all or nothing.
class manager_impl::last_flushes final : public channel::progress_change,
                                         public std::enable_shared_from_this<last_flushes> {
public:
    /// Throws errc::invalid_argument.
    last_flushes(std::shared_ptr<manager_impl> in,
                 std::shared_ptr<const model::channel_drop_request> request);

    [[nodiscard]] const model::holder& by() const noexcept override { return request_->by; }
    [[nodiscard]] step prepare(const channel::channel_facts& known,
                               channel::progress_write& into) override;
    [[nodiscard]] awaitable<void> look() override;
    void committed(storage::revision at) override;
    void doubted() override;
    /// The answer so far; nothing: they are recorded, the drop goes on.
    [[nodiscard]] std::optional<model::commit_reply>& reply() noexcept { return reply_; }

private:
    [[nodiscard]] model::flush_id id(const model::segment_flush& what) const noexcept {
        return {request_->by.epoch, what.number};
    }
    step answer(model::commit_outcome outcome, const channel::channel_facts& known);
    [[nodiscard]] bool continues(const model::segment_flush& what) const;

    std::shared_ptr<manager_impl> in_;
    std::shared_ptr<const model::channel_drop_request> request_;
    std::set<std::uint64_t> numbers_;
    compared compared_;
    model::collection_id collection_;
    bool looked_ = false;
    bool found_ = false;
    bool other_ = false;  ///< what was found is another flush
    std::optional<model::commit_reply> reply_;
};

/// The mark: one transaction makes the channel's entry `dropped` and writes its tombstone. It drops
/// all of the channel's segments at once; their records follow.
class manager_impl::drop_mark final : public channel::progress_change {
public:
    drop_mark(std::shared_ptr<manager_impl> in,
              std::shared_ptr<const model::channel_drop_request> request, model::timestamp now)
        : in_(std::move(in)), request_(std::move(request)), now_(now) {}

    [[nodiscard]] const model::holder& by() const noexcept override { return request_->by; }
    [[nodiscard]] step prepare(const channel::channel_facts& known,
                               channel::progress_write& into) override;
    [[nodiscard]] awaitable<void> look() override;
    void committed(storage::revision at) override;
    [[nodiscard]] model::commit_reply& reply() noexcept { return reply_; }

private:
    std::shared_ptr<manager_impl> in_;
    std::shared_ptr<const model::channel_drop_request> request_;
    model::timestamp now_;
    model::collection_id collection_;
    model::commit_reply reply_;
};

}  // namespace reeve::segment
