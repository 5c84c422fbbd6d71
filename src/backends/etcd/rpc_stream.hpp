#pragma once

#include "backends/etcd/rpc.hpp"

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

/// Streams over gRPC's callback interface. Included by rpc.cpp only.
namespace reeve::backends::etcd {

/// Answers that wait to be taken, at most, until reading pauses: flow control then slows the
/// server.
inline constexpr std::size_t read_ahead_responses = 64;
inline constexpr std::size_t read_ahead_bytes = 16U << 20U;

/// One stream as gRPC sees it: lives until OnDone. Reads as long as there is room, writes what is
/// queued one after the other. gRPC's operations are never started under the mutex. A hold lets
/// them be started from outside of reactions; it ends once, with `open_`.
///
/// Codec: types wire_request, wire_response, request, response; functions encode, decode.
template <class Codec>
class stream_reactor final
    : public grpc::ClientBidiReactor<typename Codec::wire_request, typename Codec::wire_response> {
public:
    explicit stream_reactor(std::function<void()> wake) : wake_(std::move(wake)) {}

    /// Begins; `self` owns this object until the end.
    void begin(std::shared_ptr<stream_reactor> self) {
        self_ = std::move(self);
        this->AddHold();
        this->StartRead(&incoming_);
        this->StartCall();
    }

    void send(const typename Codec::request& what) {
        {
            const std::lock_guard lock(mutex_);
            if (!open_) return;
            outbox_.push_back(Codec::encode(what));
            if (writing_) return;
            take_next();
            this->AddHold();
        }
        this->StartWrite(&outgoing_);
        this->RemoveHold();
    }

    [[nodiscard]] std::vector<typename Codec::response> take() {
        std::vector<typename Codec::response> taken;
        {
            const std::lock_guard lock(mutex_);
            taken.swap(inbox_);
            inbox_bytes_ = 0;
            woken_ = false;
            if (!paused_ || !open_) return taken;
            paused_ = false;
            this->AddHold();
        }
        this->StartRead(&incoming_);
        this->RemoveHold();
        return taken;
    }

    [[nodiscard]] std::optional<status> ended() const {
        const std::lock_guard lock(mutex_);
        return inbox_.empty() ? end_ : std::nullopt;
    }

    void close() noexcept {
        context.TryCancel();
        release();
    }

    void OnReadDone(bool ok) override {
        if (!ok) return release();
        const std::size_t bytes = incoming_.ByteSizeLong();
        auto response = Codec::decode(incoming_);
        bool read_on = false;
        bool wakes = false;
        {
            const std::lock_guard lock(mutex_);
            inbox_.push_back(std::move(response));
            inbox_bytes_ += bytes;
            read_on = inbox_.size() < read_ahead_responses && inbox_bytes_ < read_ahead_bytes;
            paused_ = !read_on;
            wakes = !std::exchange(woken_, true);
        }
        if (read_on) this->StartRead(&incoming_);
        if (wakes) wake_();
    }

    void OnWriteDone(bool ok) override {
        if (!ok) return;  // the read fails as well, and says so
        {
            const std::lock_guard lock(mutex_);
            writing_ = false;
            if (!open_ || outbox_.empty()) return;
            take_next();
        }
        this->StartWrite(&outgoing_);
    }

    void OnDone(const grpc::Status& how) override {
        const auto last = std::move(self_);
        {
            const std::lock_guard lock(mutex_);
            open_ = false;
            end_ = status{static_cast<int>(how.error_code()), how.error_message()};
        }
        wake_();
    }

    grpc::ClientContext context;

private:
    void take_next() {
        outgoing_ = std::move(outbox_.front());
        outbox_.pop_front();
        writing_ = true;
    }

    void release() {
        {
            const std::lock_guard lock(mutex_);
            if (!open_) return;
            open_ = false;
        }
        this->RemoveHold();
    }

    std::function<void()> wake_;
    std::shared_ptr<stream_reactor> self_;
    typename Codec::wire_response incoming_;
    typename Codec::wire_request outgoing_;

    mutable std::mutex mutex_;
    std::deque<typename Codec::wire_request> outbox_;
    std::vector<typename Codec::response> inbox_;
    std::size_t inbox_bytes_ = 0;
    std::optional<status> end_;
    bool open_ = true;
    bool writing_ = false;
    bool paused_ = false;
    bool woken_ = false;
};

/// The client's side of a stream_reactor.
template <class Codec>
class stream_over final : public stream<typename Codec::request, typename Codec::response> {
public:
    explicit stream_over(std::shared_ptr<stream_reactor<Codec>> reactor)
        : reactor_(std::move(reactor)) {}
    ~stream_over() override { reactor_->close(); }
    stream_over(const stream_over&) = delete;
    stream_over& operator=(const stream_over&) = delete;

    void send(const typename Codec::request& what) override { reactor_->send(what); }
    std::vector<typename Codec::response> take() override { return reactor_->take(); }
    [[nodiscard]] std::optional<status> ended() const override { return reactor_->ended(); }

private:
    std::shared_ptr<stream_reactor<Codec>> reactor_;
};

}  // namespace reeve::backends::etcd
