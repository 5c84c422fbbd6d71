#pragma once

#include "reeve/core/awaitable.hpp"
#include "reeve/core/runtime.hpp"
#include "reeve/storage/metadata_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Target reeve::etcd (component "etcd"), which is there if gRPC was found when reeve was built.
namespace reeve::backends {

/// How connections are encrypted, and who proves what. All but the name are PEM texts, not names of
/// files. A class with a user-declared constructor, so that it is safe beside `co_await` (gcc
/// 12.2).
struct etcd_tls {
    /// The authorities of this machine, no client certificate.
    etcd_tls() {}

    /// Certificates of the authorities one of which must have signed the server's; empty: those
    /// that this machine trusts.
    std::string authorities;
    /// The certificate chain by which the client proves who it is; empty: none is shown.
    std::string certificate;
    /// The private key of `certificate`.
    std::string key;
    /// The name that the server's certificate must hold; empty: the host of the endpoint.
    std::string server_name;
};

/// Which cluster, and how it is used. A class with a user-declared constructor, so that it is safe
/// beside `co_await` (gcc 12.2).
struct etcd_options {
    /// The members at `members`, everything else by default.
    explicit etcd_options(std::vector<std::string> members) : endpoints(std::move(members)) {}

    /// Members' client addresses, "host:port" or "[v6]:port". Any part of the cluster will do; with
    /// several, a member that does not answer is replaced by the next.
    std::vector<std::string> endpoints;
    /// Encryption; nothing: plain TCP.
    std::optional<etcd_tls> tls;
    /// With `password`: proves who we are by a token, which is renewed when it ends. Empty: no
    /// token. A cluster that has authentication switched off accepts everybody.
    std::string user;
    std::string password;  ///< of `user`
    /// Stands before every key and is taken off again, so that several stores share a cluster: no
    /// record outside of it is seen or changed. At most 256 bytes. Revisions and leases remain the
    /// cluster's.
    std::string key_prefix;
    /// How long a request tries, all members together. One member gets all of it for a commit,
    /// grant or revoke, and for reads and renewals half of it, at least `connect_patience`; a
    /// caller that cancels sooner, after half a second of silence, makes the store use another
    /// member from then on. A call that needs several requests (a watch that is opened or resumed,
    /// a lease that is said to have ended, a lack of space) may take several times as long.
    std::chrono::milliseconds request_patience{5000};
    /// How long one member may take to connect and to answer a first question, until the next one
    /// is asked.
    std::chrono::milliseconds connect_patience{1500};
    /// While a call, a watch or the renewal of leases is under way, a silent connection is probed
    /// this often. The server refuses clients that probe more often than its
    /// --grpc-keepalive-min-time (5 s).
    std::chrono::milliseconds keepalive_interval{10000};
    /// A probed connection that stays silent for this long is given up. With a single endpoint
    /// nothing else ends a silent connection: by default that takes 13 s, longer than a lease of
    /// lease_options is relied upon.
    std::chrono::milliseconds keepalive_patience{3000};
    /// While nothing in its range changes, a watch asks this often how far the store has come. To
    /// learn it takes a second watch for a moment, which the server answers within 0.1 s.
    std::chrono::milliseconds progress_interval{400};
    /// Conditions, and writes, in a transaction: at most the server's --max-txn-ops.
    std::size_t operations_max = 128;
    /// One request on the wire: at most the server's --max-request-bytes. From it follow the
    /// limits of bytes; see open_etcd_metadata_store.
    std::size_t request_bytes_max = 1536U * 1024;
    /// Records in a page.
    std::size_t page_records_max = 10'000;
    /// One answer on the wire, at least 4 MiB and twice `request_bytes_max`. A page that would be
    /// larger is asked for again with half the records, and so are the next ones.
    std::size_t response_bytes_max = 64U << 20U;
};

/// A metadata store on an etcd cluster.
class etcd_metadata_store : public storage::metadata_store {
public:
    /// The id of the cluster, which its members chose when it was first started: the same for as
    /// long as it exists, whoever asks. Never 0. Throws reeve::error: errc::unavailable,
    /// errc::permission_denied, errc::foreign (the endpoints belong to different clusters).
    virtual awaitable<std::uint64_t> cluster_id() = 0;

    /// What is known against the servers' versions, for people: each member that was greeted and
    /// has a flaw that concerns reeve, with what it means and where it is mended. Empty: nothing is
    /// known. Also a warning in the log of the strand, once a member. On the strand; asks nobody.
    ///
    /// The only one so far is etcd issue 15247 (before 3.4.31, and 3.5.0 to 3.5.12): leases may end
    /// early after a leader of etcd was stopped and goes on. Sessions and terms are then lost, and
    /// taken again; nothing is written under a lost one.
    [[nodiscard]] virtual std::string trouble() const = 0;
};

/// A metadata store on an etcd cluster, version 3.4 or newer, over gRPC. `strand` must outlive it.
/// Nothing is sent before the first call, so wrong addresses and credentials are errors of calls.
/// gRPC brings threads of its own; coroutines run on `strand` only.
///
/// Errors of calls, and what they say about a commit, grant or revoke:
/// - errc::unavailable: no member could be reached in time, or the one asked refused before it
///   proposed the change. Not applied. Reads are tried again at other members first.
/// - errc::outcome_unknown: it was sent, and then came a deadline, a broken connection or an error
///   that does not exclude it. It is never sent twice.
/// - errc::permission_denied: user, password, token, certificates or rights. Not applied.
/// - errc::resource_exhausted: the database has reached its quota (an operator compacts,
///   defragments and disarms the alarm). Not applied: etcd reports this also for changes that it
///   applied all the same, hence the history of written keys is read, and if that cannot prove
///   the change absent it is errc::outcome_unknown. Until the alarm is disarmed every commit that
///   puts something is refused, and one that only removes may be.
/// - errc::too_large: beyond the limits, which were set higher than the server's. Not applied.
/// - errc::foreign: a member belongs to another cluster than those before. No change was sent to
///   it; should it have taken the place of one behind the same address just before a change was
///   sent, that is errc::outcome_unknown.
/// - errc::corrupt: the cluster raised its alarm of corruption, or an answer makes no sense.
///
/// Limits: `conditions_max` and `operations_max` are `operations_max`; `bytes_max` and
/// `value_bytes_max` are `request_bytes_max` without a share for the encoding and for the keys of
/// the conditions, which are read back in the same transaction: 1,494,016 bytes by default. Should
/// those keys need more than their share (64 KiB), the whole request must keep to
/// `request_bytes_max`, or the commit throws errc::too_large.
///
/// Leases: whole seconds, and at least about two (1.5 election timeouts). All renewals go over one
/// stream, to one member, and to another as soon as any call has found that one silent. A lease has
/// ended when that was said twice, with a linearizable read between.
///
/// Watches: one stream each. It resumes after the last change delivered, at any member, and asks
/// first whether the history is still kept, from one revision before: etcd accepts a watch from the
/// revision of a compaction, although removals at that revision are lost. What `next` has not been
/// asked for is read ahead up to about 32 MiB. `up_to` relies only on messages that etcd sends in
/// order with the changes; progress that is requested by hand is not (before 3.4.25 and 3.5.8), so
/// it is only a hint to look.
///
/// Throws errc::invalid_argument, which names the option and what is accepted.
[[nodiscard]] std::unique_ptr<etcd_metadata_store> open_etcd_metadata_store(core::runtime& strand,
                                                                            etcd_options options);

}  // namespace reeve::backends
