#include "backends/etcd/rpc.hpp"

#include "backends/etcd/rpc_stream.hpp"

#include <etcd.pb.h>
#include <google/protobuf/arena.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <atomic>
#include <limits>
#include <utility>

namespace reeve::backends::etcd {

namespace {

header decode_header(const wire::ResponseHeader& from) {
    return header{from.cluster_id(), from.revision()};
}

storage::record decode(wire::KeyValue& from) {
    storage::record into;
    into.key = std::move(*from.mutable_key());
    into.value = std::move(*from.mutable_value());
    into.created = storage::revision(static_cast<std::uint64_t>(from.create_revision()));
    into.modified = storage::revision(static_cast<std::uint64_t>(from.mod_revision()));
    into.version = static_cast<std::uint64_t>(from.version());
    into.lease = storage::lease_id(static_cast<std::uint64_t>(from.lease()));
    return into;
}

void encode(const range_request& from, wire::RangeRequest& into) {
    into.set_key(from.key);
    into.set_range_end(from.end);
    into.set_limit(from.limit);
    into.set_revision(from.revision);
    into.set_keys_only(from.keys_only);
    into.set_count_only(from.count_only);
}

range_response decode(wire::RangeResponse& from) {
    range_response into;
    into.head = decode_header(from.header());
    into.records.reserve(static_cast<std::size_t>(from.kvs_size()));
    for (auto& each : *from.mutable_kvs()) into.records.push_back(decode(each));
    into.more = from.more();
    return into;
}

// A revision that no record has, for conditions that cannot hold.
constexpr std::int64_t never = -1;

std::int64_t encode(storage::revision expected) {
    const bool possible =
        expected &&
        expected.value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return possible ? static_cast<std::int64_t>(expected.value) : never;
}

// The number of the key that decides the condition, and its expected value; of a missing key all
// numbers are 0.
void encode_condition(const storage::condition& from, const key_space& keys, wire::Compare& into) {
    into.set_key(keys.outer(from.key));
    switch (from.what) {
        case storage::condition::kind::absent:
            into.set_target(wire::Compare::CREATE);
            into.set_create_revision(0);
            break;
        case storage::condition::kind::created_at:
            into.set_target(wire::Compare::CREATE);
            into.set_create_revision(encode(from.expected));
            break;
        case storage::condition::kind::modified_at:
            into.set_target(wire::Compare::MOD);
            into.set_mod_revision(encode(from.expected));
            break;
    }
}

void encode_write(const storage::operation& from, const key_space& keys, wire::RequestOp& into) {
    if (from.what == storage::operation::kind::remove) {
        into.mutable_request_delete_range()->set_key(keys.outer(from.key));
        return;
    }
    auto& put = *into.mutable_request_put();
    put.set_key(keys.outer(from.key));
    put.set_value(from.value);
    put.set_lease(static_cast<std::int64_t>(from.lease.value));
}

void encode_read(std::string key, wire::RequestOp& into) {
    auto& range = *into.mutable_request_range();
    range.set_key(std::move(key));
    range.set_keys_only(true);
}

void encode(const txn_request& from, wire::TxnRequest& into) {
    const auto& tests = from.change->conditions();
    const auto& writes = from.change->operations();
    into.mutable_compare()->Reserve(static_cast<int>(tests.size()));
    into.mutable_failure()->Reserve(static_cast<int>(tests.size()));
    into.mutable_success()->Reserve(static_cast<int>(writes.size()));
    for (const auto& each : tests) {
        encode_condition(each, *from.keys, *into.add_compare());
        encode_read(from.keys->outer(each.key), *into.add_failure());
    }
    for (const auto& each : writes) encode_write(each, *from.keys, *into.add_success());
    if (!from.touched.empty()) encode_read(from.touched, *into.add_success());
}

txn_response decode(wire::TxnResponse& from) {
    txn_response into;
    into.head = decode_header(from.header());
    into.succeeded = from.succeeded();
    for (auto& each : *from.mutable_responses()) {
        if (each.has_response_range()) into.reads.push_back(decode(*each.mutable_response_range()));
    }
    return into;
}

void encode(const grant_request& from, wire::LeaseGrantRequest& into) {
    into.set_ttl(from.ttl_seconds);
}

grant_response decode(wire::LeaseGrantResponse& from) {
    return grant_response{decode_header(from.header()), from.id(), from.ttl()};
}

void encode(const revoke_request& from, wire::LeaseRevokeRequest& into) { into.set_id(from.id); }

revoke_response decode(wire::LeaseRevokeResponse& from) {
    return revoke_response{decode_header(from.header())};
}

void encode(const authenticate_request& from, wire::AuthenticateRequest& into) {
    into.set_name(from.name_of_user);
    into.set_password(from.password);
}

authenticate_response decode(wire::AuthenticateResponse& from) {
    return authenticate_response{decode_header(from.header()), from.token()};
}

void encode(const member_request&, wire::StatusRequest&) {}

member_response decode(wire::StatusResponse& from) {
    return member_response{decode_header(from.header()), from.leader(),
                           std::move(*from.mutable_version())};
}

struct watch_codec {
    using wire_request = wire::WatchRequest;
    using wire_response = wire::WatchResponse;
    using request = watch_request;
    using response = watch_response;

    static wire_request encode(const request& from) {
        wire_request into;
        switch (from.what) {
            case watch_request::kind::create:
                encode_create(from, *into.mutable_create_request());
                break;
            case watch_request::kind::cancel:
                into.mutable_cancel_request()->set_watch_id(from.id);
                break;
            case watch_request::kind::progress:
                into.mutable_progress_request();
                break;
        }
        return into;
    }

    static void encode_create(const request& from, wire::WatchCreateRequest& into) {
        into.set_key(from.key);
        into.set_range_end(from.end);
        into.set_start_revision(from.from);
        into.set_progress_notify(true);
        into.set_watch_id(from.id);
        into.set_fragment(true);
        if (!from.nothing) return;
        into.add_filters(wire::WatchCreateRequest::NOPUT);
        into.add_filters(wire::WatchCreateRequest::NODELETE);
    }

    static response decode(wire_response& from) {
        response into;
        into.head = decode_header(from.header());
        into.id = from.watch_id();
        into.created = from.created();
        into.cancelled = from.canceled();
        into.fragment = from.fragment();
        into.compacted = from.compact_revision();
        into.reason = from.cancel_reason();
        into.changes.reserve(static_cast<std::size_t>(from.events_size()));
        for (auto& each : *from.mutable_events()) {
            const bool put = each.type() == wire::Event::PUT;
            const auto kind = put ? storage::change::kind::put : storage::change::kind::removed;
            into.changes.push_back({kind, etcd::decode(*each.mutable_kv())});
        }
        return into;
    }
};

struct renewal_codec {
    using wire_request = wire::LeaseKeepAliveRequest;
    using wire_response = wire::LeaseKeepAliveResponse;
    using request = renewal_request;
    using response = renewal_response;

    static wire_request encode(const request& from) {
        wire_request into;
        into.set_id(from.id);
        return into;
    }
    static response decode(wire_response& from) {
        return response{decode_header(from.header()), from.id(), from.ttl()};
    }
};

void prepare(grpc::ClientContext& context, const std::string& token) {
    // A member that has lost its leader answers at once, and ends its streams.
    context.AddMetadata("hasleader", "true");
    if (!token.empty()) context.AddMetadata("token", token);
}

template <class WireRequest, class WireResponse, class Response>
struct unary_call final : call {
    explicit unary_call(core::completion<reply<Response>> then)
        : request(google::protobuf::Arena::CreateMessage<WireRequest>(&messages)),
          response(google::protobuf::Arena::CreateMessage<WireResponse>(&messages)),
          done(std::move(then)) {}
    void cancel() noexcept override { context.TryCancel(); }

    void finish(const grpc::Status& how) {
        begun.load(std::memory_order_acquire);
        reply<Response> result;
        result.how = status{static_cast<int>(how.error_code()), how.error_message()};
        if (how.ok()) result.what = decode(*response);
        done(std::move(result));
    }

    grpc::ClientContext context;
    // The parts of a message lie together: a full transaction has some thousand of them.
    google::protobuf::Arena messages;
    WireRequest* request;
    WireResponse* response;
    core::completion<reply<Response>> done;
    std::atomic<bool> begun = false;  // orders the two threads where gRPC's own means do not show
};

grpc::ChannelArguments arguments_of(const etcd_options& options) {
    grpc::ChannelArguments arguments;
    const auto count = [](std::chrono::milliseconds duration) {
        return static_cast<int>(duration.count());
    };
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, count(options.keepalive_interval));
    arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, count(options.keepalive_patience));
    arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, count(options.connect_patience));
    arguments.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
                     static_cast<int>(options.response_bytes_max));
    arguments.SetInt(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1);
    // A request is sent once or not at all, whatever gRPC thinks of repeating it.
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    // A store has connections of its own, straight to the members that it was given.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
    arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
    if (options.tls && !options.tls->server_name.empty()) {
        arguments.SetSslTargetNameOverride(options.tls->server_name);
    }
    return arguments;
}

std::shared_ptr<grpc::ChannelCredentials> credentials_of(const etcd_options& options) {
    if (!options.tls) return grpc::InsecureChannelCredentials();
    grpc::SslCredentialsOptions from;
    from.pem_root_certs = options.tls->authorities;
    from.pem_cert_chain = options.tls->certificate;
    from.pem_private_key = options.tls->key;
    return grpc::SslCredentials(from);
}

// gRPC's threads end with the last channel that has made a call, and are joined by whoever drops
// it; since a call under way holds its channel, that may be one of these threads, which then waits
// for itself (gRPC 1.51). So they are kept once they are there: by a channel that leads nowhere and
// is never dropped.
const void* keep_threads() {
    static const auto* const kept = [] {
        auto* over = new std::shared_ptr<grpc::Channel>(
            grpc::CreateCustomChannel("nowhere", nullptr, grpc::ChannelArguments()));
        auto running = std::make_shared<grpc::ClientContext>();
        auto messages = std::make_shared<std::pair<wire::StatusRequest, wire::StatusResponse>>();
        grpc::TemplatedGenericStub<wire::StatusRequest, wire::StatusResponse> stub(*over);
        stub.UnaryCall(running.get(), "/nowhere/Nothing", {}, &messages->first, &messages->second,
                       [running, messages](const grpc::Status&) {});
        return over;
    }();
    return kept;
}

}  // namespace

struct channel::connection {
    template <class WireRequest, class WireResponse, class Request>
    std::shared_ptr<call> start(const char* method, const Request& what,
                                const call_options& options, done<Request> then) {
        using unary = unary_call<WireRequest, WireResponse, typename Request::response>;
        auto running = std::make_shared<unary>(std::move(then));
        encode(what, *running->request);
        prepare(running->context, options.token);
        const auto longest = gpr_time_from_millis(options.patience.count(), GPR_TIMESPAN);
        running->context.set_deadline(gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), longest));
        grpc::TemplatedGenericStub<WireRequest, WireResponse> stub(over);
        running->begun.store(true, std::memory_order_release);
        stub.UnaryCall(&running->context, method, {}, running->request, running->response,
                       [running](const grpc::Status& how) { running->finish(how); });
        return running;
    }

    template <class Codec>
    std::unique_ptr<stream_over<Codec>> open(const std::string& method, const std::string& token,
                                             std::function<void()> wake) {
        auto reactor = std::make_shared<stream_reactor<Codec>>(std::move(wake));
        prepare(reactor->context, token);
        grpc::TemplatedGenericStub<typename Codec::wire_request, typename Codec::wire_response>
            stub(over);
        stub.PrepareBidiStreamingCall(&reactor->context, method, {}, reactor.get());
        reactor->begin(reactor);
        return std::make_unique<stream_over<Codec>>(std::move(reactor));
    }

    const void* threads = keep_threads();
    std::shared_ptr<grpc::Channel> over;
};

channel::channel(const std::string& endpoint, const etcd_options& options)
    : connection_(std::make_unique<connection>()) {
    connection_->over = grpc::CreateCustomChannel("dns:///" + endpoint, credentials_of(options),
                                                  arguments_of(options));
}

channel::~channel() = default;

bool channel::ready() const { return connection_->over->GetState(false) == GRPC_CHANNEL_READY; }

std::shared_ptr<call> channel::start(const range_request& what, const call_options& options,
                                     done<range_request> then) {
    return connection_->start<wire::RangeRequest, wire::RangeResponse>(
        "/etcdserverpb.KV/Range", what, options, std::move(then));
}

std::shared_ptr<call> channel::start(const txn_request& what, const call_options& options,
                                     done<txn_request> then) {
    return connection_->start<wire::TxnRequest, wire::TxnResponse>("/etcdserverpb.KV/Txn", what,
                                                                   options, std::move(then));
}

std::shared_ptr<call> channel::start(const grant_request& what, const call_options& options,
                                     done<grant_request> then) {
    return connection_->start<wire::LeaseGrantRequest, wire::LeaseGrantResponse>(
        "/etcdserverpb.Lease/LeaseGrant", what, options, std::move(then));
}

std::shared_ptr<call> channel::start(const revoke_request& what, const call_options& options,
                                     done<revoke_request> then) {
    return connection_->start<wire::LeaseRevokeRequest, wire::LeaseRevokeResponse>(
        "/etcdserverpb.Lease/LeaseRevoke", what, options, std::move(then));
}

std::shared_ptr<call> channel::start(const authenticate_request& what, const call_options& options,
                                     done<authenticate_request> then) {
    return connection_->start<wire::AuthenticateRequest, wire::AuthenticateResponse>(
        "/etcdserverpb.Auth/Authenticate", what, options, std::move(then));
}

std::shared_ptr<call> channel::start(const member_request& what, const call_options& options,
                                     done<member_request> then) {
    return connection_->start<wire::StatusRequest, wire::StatusResponse>(
        "/etcdserverpb.Maintenance/Status", what, options, std::move(then));
}

std::unique_ptr<watch_stream> channel::watch(const std::string& token, std::function<void()> wake) {
    return connection_->open<watch_codec>("/etcdserverpb.Watch/Watch", token, std::move(wake));
}

std::unique_ptr<renewal_stream> channel::renewals(const std::string& token,
                                                  std::function<void()> wake) {
    return connection_->open<renewal_codec>("/etcdserverpb.Lease/LeaseKeepAlive", token,
                                            std::move(wake));
}

}  // namespace reeve::backends::etcd
