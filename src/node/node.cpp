#include "reeve/node/node.hpp"

#include "reeve/catalog/key_layout.hpp"
#include "reeve/cluster/leader_client.hpp"
#include "reeve/cluster/session.hpp"
#include "reeve/core/error.hpp"
#include "reeve/core/event.hpp"
#include "reeve/core/task_scope.hpp"
#include "reeve/transport/message_codec.hpp"

#include <utility>

namespace reeve {

namespace {

/// One session and what lives with it.
struct life {
    life(core::runtime& strand, storage::metadata_store& store, const catalog::key_layout& keys,
         cluster::leader_client& leader, channel::consumer& engine, const node_options& options)
        : session(strand, store, keys, options.self, options.lease),
          agent(strand, session, leader, engine, options.retry) {}
    cluster::session session;
    channel::agent agent;
};

}  // namespace

struct node::implementation : std::enable_shared_from_this<implementation> {
    implementation(core::runtime& on, storage::metadata_store& in, transport::transport& over,
                   transport::service& at, channel::consumer& what, node_options how)
        : strand(on),
          store(in),
          incoming(at),
          engine(what),
          options(std::move(how)),
          keys(options.root),
          leader(on, in, keys, over, options.request),
          changed(on),
          tasks(on) {
        (void)cluster::session(on, in, keys, options.self, options.lease);  // checks the options
    }

    core::runtime& strand;
    storage::metadata_store& store;
    transport::service& incoming;
    channel::consumer& engine;
    node_options options;
    catalog::key_layout keys;
    cluster::leader_client leader;
    std::shared_ptr<life> current;
    bool registered = false;
    std::string trouble;
    core::event changed;
    core::task_scope tasks;

    void receive();
    [[nodiscard]] static awaitable<void> run(std::shared_ptr<implementation> self);
    [[nodiscard]] static awaitable<void> reap(std::shared_ptr<life> of) {
        co_await of->agent.run();
    }
    [[nodiscard]] static awaitable<void> live(std::shared_ptr<implementation> self);
    /// The life that a grant belongs to.
    [[nodiscard]] std::shared_ptr<life> life_of(const channel::grant& granted) const {
        if (!current || current->session.process() != granted.process()) {
            throw error(errc::fenced, "the session of this grant is over");
        }
        return current;
    }
    [[nodiscard]] std::shared_ptr<life> living() const {
        if (!registered) throw error(errc::refused, "this node has no session");
        return current;
    }
};

namespace {

/// Handlers hold the node weakly: the service may outlive it.
template <class Implementation>
awaitable<std::string> handle_assign(std::weak_ptr<Implementation> weak, std::string body) {
    const auto self = weak.lock();
    if (!self) throw error(errc::refused, "this node has stopped");
    const auto current = self->living();
    model::assign_request request;
    transport::decode(body, request);
    const auto reply = co_await current->agent.assign(std::move(request));
    co_return transport::encode(reply);
}

template <class Implementation>
awaitable<std::string> handle_release(std::weak_ptr<Implementation> weak, std::string body) {
    const auto self = weak.lock();
    if (!self) throw error(errc::refused, "this node has stopped");
    const auto current = self->living();
    model::release_request request;
    transport::decode(body, request);
    const auto reply = co_await current->agent.release(std::move(request));
    co_return transport::encode(reply);
}

}  // namespace

void node::implementation::receive() {
    std::weak_ptr<implementation> weak = weak_from_this();
    incoming.on(std::string(transport::kind::assign),
                [weak](std::string body, transport::request_info) {
                    return handle_assign(weak, std::move(body));
                });
    incoming.on(std::string(transport::kind::release),
                [weak](std::string body, transport::request_info) {
                    return handle_release(weak, std::move(body));
                });
}

awaitable<void> node::implementation::run(std::shared_ptr<implementation> self) {
    core::backoff retry(self->options.retry, self->strand.next_seed());
    for (;;) {
        try {
            co_await live(self);
            self->trouble.clear();
            retry.reset();
        } catch (const error& failure) {
            self->trouble = failure.what();
            core::log(self->strand.log(), core::log_level::error, "node", "{}: {}",
                      self->options.self.name, self->trouble);
        }
        co_await self->strand.sleep_for(retry.next());
    }
}

/// One session, from its registration until all consumers have stopped.
awaitable<void> node::implementation::live(std::shared_ptr<implementation> self) {
    const auto now = std::make_shared<life>(self->strand, self->store, self->keys, self->leader,
                                            self->engine, self->options);
    self->current = now;
    co_await now->session.open();
    self->registered = true;
    self->changed.notify_all();
    core::task_scope reaper(self->strand);
    reaper.spawn(reap(now));
    co_await now->session.hold();
    self->registered = false;
    self->strand.metrics().count("reeve_node_sessions_lost_total", 1);
    core::log(self->strand.log(), core::log_level::warning, "node", "{} lost its session {}",
              self->options.self.name, now->session.process());
    co_await reaper.stop();
    co_await now->agent.stop_all();
    if (self->options.on_session_lost) self->options.on_session_lost();
}

node::node(core::runtime& strand, storage::metadata_store& store, transport::transport& carrier,
           transport::service& incoming, channel::consumer& engine, node_options options)
    : implementation_(std::make_shared<implementation>(strand, store, carrier, incoming, engine,
                                                       std::move(options))) {
    implementation_->receive();
}

node::~node() {
    implementation_->incoming.off(transport::kind::assign);
    implementation_->incoming.off(transport::kind::release);
    implementation_->tasks.cancel();
}

void node::start() { implementation_->tasks.spawn(implementation::run(implementation_)); }

awaitable<void> node::stop() {
    const auto self = implementation_;
    self->registered = false;
    co_await self->tasks.stop();
    const auto last = self->current;
    if (!last) co_return;
    co_await last->agent.stop_all();  // which may commit what they have
    co_await last->session.close();
    self->current = nullptr;
}

awaitable<void> node::until_registered() {
    const auto self = implementation_;
    while (!self->registered) co_await self->changed.wait();
}

model::incarnation node::process() const noexcept {
    return implementation_->registered ? implementation_->current->session.process()
                                       : model::incarnation();
}

awaitable<model::commit_reply> node::commit(std::shared_ptr<const channel::grant> granted,
                                            model::position from, model::position to,
                                            std::uint64_t settled,
                                            std::vector<model::host_record> records) {
    const auto now = implementation_->life_of(*granted);
    auto reply = co_await now->agent.commit(std::move(granted), std::move(from), std::move(to),
                                            settled, std::move(records));
    co_return reply;
}

namespace {

/// A request through the agent of the life that the grant belongs to, which stays until it ends.
template <class Implementation, class Reply, class Request>
awaitable<Reply> through(
    std::shared_ptr<Implementation> self, std::shared_ptr<const channel::grant> granted,
    Request request,
    awaitable<Reply> (channel::agent::*ask)(std::shared_ptr<const channel::grant>, Request)) {
    const auto now = self->life_of(*granted);
    auto reply = co_await (now->agent.*ask)(std::move(granted), std::move(request));
    co_return reply;
}

}  // namespace

awaitable<model::commit_reply> node::flush(std::shared_ptr<const channel::grant> granted,
                                           model::flush_request request) {
    return through(implementation_, std::move(granted), std::move(request), &channel::agent::flush);
}

awaitable<model::commit_reply> node::drop(std::shared_ptr<const channel::grant> granted,
                                          model::channel_drop_request request) {
    return through(implementation_, std::move(granted), std::move(request), &channel::agent::drop);
}

awaitable<model::tick_reply> node::tick(std::shared_ptr<const channel::grant> granted,
                                        model::tick_request request) {
    return through(implementation_, std::move(granted), std::move(request), &channel::agent::tick);
}

awaitable<model::segments_reply> node::segments(std::shared_ptr<const channel::grant> granted,
                                                model::segments_request request) {
    return through(implementation_, std::move(granted), std::move(request),
                   &channel::agent::segments);
}

awaitable<model::allocate_reply> node::allocate(model::allocate_request request) {
    const auto self = implementation_;
    std::string body = transport::encode(request);
    const std::string sent =
        co_await self->leader.call(std::string(transport::kind::allocate), std::move(body));
    model::allocate_reply reply;
    transport::decode(sent, reply);
    co_return reply;
}

awaitable<model::timestamp> node::timestamp() {
    const auto self = implementation_;
    const model::timestamp_request request;
    std::string body = transport::encode(request);
    const std::string sent =
        co_await self->leader.call(std::string(transport::kind::timestamp), std::move(body));
    model::timestamp_reply reply;
    transport::decode(sent, reply);
    co_return reply.now;
}

node_status node::status() const {
    node_status all;
    all.trouble = implementation_->trouble;
    if (!implementation_->current) return all;
    all.process = process();
    all.held = implementation_->registered && implementation_->current->session.held();
    all.channels = implementation_->current->agent.status();
    return all;
}

}  // namespace reeve
