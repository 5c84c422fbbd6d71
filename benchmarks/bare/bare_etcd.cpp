#include "bare/bare_etcd.hpp"

#include <etcd.pb.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <stdexcept>
#include <utility>

namespace bench {

namespace wire = reeve::backends::etcd::wire;
namespace storage = reeve::storage;

namespace {

constexpr int answer_bytes_max = 64 << 20;

void require(const grpc::Status& how) {
    if (!how.ok()) throw std::runtime_error("bare client: " + how.error_message());
}

grpc::ChannelArguments arguments() {
    grpc::ChannelArguments made;
    made.SetInt(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, answer_bytes_max);
    made.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return made;
}

wire::TxnRequest encode(const storage::transaction& from, const std::string& prefix,
                        const translation& translate) {
    using kind = storage::condition::kind;
    wire::TxnRequest into;
    for (const auto& each : from.conditions()) {
        auto& test = *into.add_compare();
        test.set_key(prefix + each.key);
        const auto expected =
            each.what == kind::absent ? 0 : static_cast<std::int64_t>(translate(each.expected));
        if (each.what == kind::modified_at) {
            test.set_target(wire::Compare::MOD);
            test.set_mod_revision(expected);
        } else {
            test.set_target(wire::Compare::CREATE);
            test.set_create_revision(expected);
        }
        auto& read = *into.add_failure()->mutable_request_range();
        read.set_key(prefix + each.key);
        read.set_keys_only(true);
    }
    for (const auto& each : from.operations()) {
        auto& write = *into.add_success();
        if (each.what == storage::operation::kind::remove) {
            write.mutable_request_delete_range()->set_key(prefix + each.key);
        } else {
            auto& put = *write.mutable_request_put();
            put.set_key(prefix + each.key);
            put.set_value(each.value);
        }
    }
    return into;
}

template <class Request, class Response>
struct unary {
    grpc::ClientContext context;
    Response response;
    grpc::Status how;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
};

}  // namespace

struct bare_etcd::connection {
    explicit connection(const std::string& endpoint)
        : channel(grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(),
                                            arguments())) {}

    template <class Request, class Response>
    std::unique_ptr<unary<Request, Response>> start(const char* method, const Request& what) {
        auto call = std::make_unique<unary<Request, Response>>();
        grpc::TemplatedGenericStub<Request, Response> stub(channel);
        call->reader = stub.PrepareUnaryCall(&call->context, method, what, &queue);
        call->reader->StartCall();
        call->reader->Finish(&call->response, &call->how, call.get());
        return call;
    }

    void* next() {
        void* tag = nullptr;
        bool ok = false;
        if (!queue.Next(&tag, &ok)) throw std::runtime_error("bare client: the queue has ended");
        if (!ok) throw std::runtime_error("bare client: the stream has ended");
        return tag;
    }

    template <class Request, class Response>
    Response ask(const char* method, const Request& what) {
        const auto call = start<Request, Response>(method, what);
        (void)next();
        require(call->how);
        return std::move(call->response);
    }

    std::shared_ptr<grpc::Channel> channel;
    grpc::CompletionQueue queue;
};

bare_etcd::bare_etcd(const std::string& endpoint)
    : connection_(std::make_unique<connection>(endpoint)) {}
bare_etcd::~bare_etcd() = default;

std::uint64_t bare_etcd::commit(const storage::transaction& change, const std::string& prefix,
                                const translation& translate) {
    const auto done = connection_->ask<wire::TxnRequest, wire::TxnResponse>(
        "/etcdserverpb.KV/Txn", encode(change, prefix, translate));
    if (!done.succeeded()) throw std::runtime_error("bare client: a transaction was rejected");
    return static_cast<std::uint64_t>(done.header().revision());
}

void bare_etcd::commit_all(const std::vector<storage::transaction>& changes,
                           const std::string& prefix, std::size_t in_flight) {
    using call = unary<wire::TxnRequest, wire::TxnResponse>;
    const translation same = [](storage::revision expected) { return expected.value; };
    std::size_t begun = 0;
    std::size_t running = 0;
    while (begun < changes.size() || running > 0) {
        while (begun < changes.size() && running < in_flight) {
            (void)connection_
                ->start<wire::TxnRequest, wire::TxnResponse>("/etcdserverpb.KV/Txn",
                                                             encode(changes[begun], prefix, same))
                .release();
            ++begun;
            ++running;
        }
        const std::unique_ptr<call> done(static_cast<call*>(connection_->next()));
        --running;
        require(done->how);
        if (!done->response.succeeded()) {
            throw std::runtime_error("bare client: a transaction was rejected");
        }
    }
}

std::size_t bare_etcd::read(const std::string& first, const std::string& last, std::int64_t page) {
    wire::RangeRequest question;
    question.set_key(first);
    question.set_range_end(last);
    question.set_limit(page);
    std::size_t records = 0;
    for (bool more = true; more;) {
        const auto answer = connection_->ask<wire::RangeRequest, wire::RangeResponse>(
            "/etcdserverpb.KV/Range", question);
        records += static_cast<std::size_t>(answer.kvs_size());
        more = answer.more();
        if (more) question.set_key(answer.kvs(answer.kvs_size() - 1).key() + '\0');
    }
    return records;
}

void bare_etcd::watch(const std::string& first, const std::string& last, std::uint64_t from,
                      std::size_t changes) {
    grpc::ClientContext context;
    grpc::TemplatedGenericStub<wire::WatchRequest, wire::WatchResponse> stub(connection_->channel);
    const auto stream =
        stub.PrepareCall(&context, "/etcdserverpb.Watch/Watch", &connection_->queue);
    stream->StartCall(nullptr);
    (void)connection_->next();
    wire::WatchRequest request;
    auto& create = *request.mutable_create_request();
    create.set_key(first);
    create.set_range_end(last);
    create.set_start_revision(static_cast<std::int64_t>(from));
    create.set_fragment(true);
    stream->Write(request, nullptr);
    (void)connection_->next();
    for (std::size_t seen = 0; seen < changes;) {
        wire::WatchResponse response;
        stream->Read(&response, nullptr);
        (void)connection_->next();
        seen += static_cast<std::size_t>(response.events_size());
    }
    context.TryCancel();
    grpc::Status how;
    stream->Finish(&how, nullptr);
    (void)connection_->next();
}

std::uint64_t bare_etcd::revision() {
    wire::RangeRequest question;
    question.set_key("nothing");
    const auto answer = connection_->ask<wire::RangeRequest, wire::RangeResponse>(
        "/etcdserverpb.KV/Range", question);
    return static_cast<std::uint64_t>(answer.header().revision());
}

}  // namespace bench
