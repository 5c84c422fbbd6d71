#pragma once

#include "backends/etcd/key_space.hpp"
#include "reeve/backends/etcd.hpp"
#include "reeve/core/callback.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// etcd's protocol as plain structs: all of reeve that knows gRPC is rpc.cpp. Keys are those of the
/// server, but for txn_request. Numbers are as they were received: nothing here judges them.
namespace reeve::backends::etcd {

/// How a call ended: gRPC's code (0 = well) and text.
struct status {
    int code = 0;
    std::string text;
    [[nodiscard]] bool ok() const noexcept { return code == 0; }
};

/// gRPC's codes that are told apart here.
enum : int {
    code_cancelled = 1,
    code_deadline_exceeded = 4,
    code_permission_denied = 7,
    code_resource_exhausted = 8,
    code_unimplemented = 12,
    code_unavailable = 14,
    code_data_loss = 15,
    code_unauthenticated = 16,
};

/// A status, and what came with it if it is ok.
template <class Response>
struct reply {
    status how;
    Response what;
};

/// Of every answer: who speaks, and how far it knew the store.
struct header {
    std::uint64_t cluster = 0;
    std::int64_t revision = 0;
};

struct range_response {
    header head;
    std::vector<storage::record> records;
    bool more = false;
};

/// Keys in [key, end): an empty `end` means one key, "\0" means all from `key` on.
struct range_request {
    using response = range_response;
    static constexpr const char* name = "read";
    range_request(std::string first, std::string last)
        : key(std::move(first)), end(std::move(last)) {}
    std::string key;
    std::string end;
    std::int64_t limit = 0;
    std::int64_t revision = 0;
    bool keys_only = false;
    bool count_only = false;
};

struct txn_response {
    header head;
    bool succeeded = false;
    std::vector<range_response> reads;
};

/// A transaction of a store: if all conditions hold, its writes, and a read of `touched` if there
/// are none; else a read of the key of each condition, in order, without values. Copies share what
/// is large, so that a commit copies keys and values once: to where gRPC takes them.
struct txn_request {
    using response = txn_response;
    static constexpr const char* name = "commit";
    txn_request(std::shared_ptr<const storage::transaction> all,
                std::shared_ptr<const key_space> those)
        : change(std::move(all)), keys(std::move(those)) {}
    std::shared_ptr<const storage::transaction> change;  ///< its keys are the store's
    std::shared_ptr<const key_space> keys;               ///< makes them the server's
    std::string touched;                                 ///< of the server; empty: it writes
};

struct grant_response {
    header head;
    std::int64_t id = 0;
    std::int64_t ttl_seconds = 0;
};

struct grant_request {
    using response = grant_response;
    static constexpr const char* name = "grant";
    std::int64_t ttl_seconds = 0;
};

struct revoke_response {
    header head;
};

struct revoke_request {
    using response = revoke_response;
    static constexpr const char* name = "revocation";
    std::int64_t id = 0;
};

struct authenticate_response {
    header head;
    std::string token;
};

struct authenticate_request {
    using response = authenticate_response;
    static constexpr const char* name = "authentication";
    authenticate_request(std::string user, std::string secret)
        : name_of_user(std::move(user)), password(std::move(secret)) {}
    std::string name_of_user;
    std::string password;
};

struct member_response {
    header head;
    std::uint64_t leader = 0;  ///< 0: the member knows none
    std::string version;       ///< of the server's program
};

/// A member's view of itself and its cluster; needs no majority.
struct member_request {
    using response = member_response;
    static constexpr const char* name = "greeting";
};

struct watch_request {
    enum class kind : std::uint8_t { create, cancel, progress };
    explicit watch_request(kind wanted) : what(wanted) {}
    kind what;
    std::int64_t id = 0;  ///< chosen by the client, unique in the stream
    std::string key;      ///< as in range_request
    std::string end;
    std::int64_t from = 0;
    bool nothing = false;  ///< no change at all, only the rest
};

struct watch_response {
    header head;
    std::int64_t id = 0;
    bool created = false;
    bool cancelled = false;
    bool fragment = false;  ///< more of the same follows
    std::int64_t compacted = 0;
    std::string reason;
    std::vector<storage::change> changes;
};

struct renewal_request {
    std::int64_t id = 0;
};

struct renewal_response {
    header head;
    std::int64_t id = 0;
    std::int64_t ttl_seconds = 0;
};

/// A call under way.
class call {
public:
    virtual ~call() = default;
    /// Ends it soon. From any thread, also when it has ended.
    virtual void cancel() noexcept = 0;
};

/// Requests and answers without end. Functions are called by one thread at a time; `wake`, given
/// when it was opened, is called on gRPC's threads when there is something to take, once until it
/// is taken. Destroying it closes it.
template <class Request, class Response>
class stream {
public:
    virtual ~stream() = default;
    /// Queues a request.
    virtual void send(const Request& what) = 0;
    /// What has arrived. Until it is taken, a bounded amount is read ahead.
    [[nodiscard]] virtual std::vector<Response> take() = 0;
    /// Set when it has ended and everything was taken.
    [[nodiscard]] virtual std::optional<status> ended() const = 0;
};
using watch_stream = stream<watch_request, watch_response>;
using renewal_stream = stream<renewal_request, renewal_response>;

/// What accompanies a call. A class with a constructor, so that it is safe beside `co_await`.
struct call_options {
    call_options(std::string proof, std::chrono::milliseconds longest)
        : token(std::move(proof)), patience(longest) {}
    std::string token;                   ///< empty: none
    std::chrono::milliseconds patience;  ///< then it ends with code_deadline_exceeded
};

/// A connection to one member, made when it is needed and again when it breaks. From any thread.
class channel {
public:
    channel(const std::string& endpoint, const etcd_options& options);
    ~channel();
    channel(const channel&) = delete;
    channel& operator=(const channel&) = delete;

    /// True while it is connected.
    [[nodiscard]] bool ready() const;

    template <class Request>
    using done = core::completion<reply<typename Request::response>>;

    // Each sends its request at most once, and completes `then` on a thread of gRPC.
    std::shared_ptr<call> start(const range_request&, const call_options&, done<range_request>);
    std::shared_ptr<call> start(const txn_request&, const call_options&, done<txn_request>);
    std::shared_ptr<call> start(const grant_request&, const call_options&, done<grant_request>);
    std::shared_ptr<call> start(const revoke_request&, const call_options&, done<revoke_request>);
    std::shared_ptr<call> start(const authenticate_request&, const call_options&,
                                done<authenticate_request>);
    std::shared_ptr<call> start(const member_request&, const call_options&, done<member_request>);

    std::unique_ptr<watch_stream> watch(const std::string& token, std::function<void()> wake);
    std::unique_ptr<renewal_stream> renewals(const std::string& token, std::function<void()> wake);

private:
    struct connection;
    std::unique_ptr<connection> connection_;
};

}  // namespace reeve::backends::etcd
