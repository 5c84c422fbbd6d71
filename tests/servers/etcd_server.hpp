#pragma once

#include "servers/certificates.hpp"
#include "servers/child_process.hpp"
#include "servers/ports.hpp"
#include "servers/temporary_directory.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace reeve::tests {

/// Must clients show a certificate?
enum class client_certificate { not_asked, required };

/// How the members of a cluster are started.
struct etcd_options {
    std::size_t members = 1;                 ///< on one machine
    std::uint64_t quota_bytes = 0;           ///< 0: etcd's default of 2 GB
    const test_certificates* tls = nullptr;  ///< clients speak TLS; must outlive the cluster
    client_certificate client = client_certificate::not_asked;  ///< with TLS only
    std::vector<std::string> arguments;  ///< added to each member's command line
};

/// Is there an etcd to start: in PATH, or the program that the environment variable REEVE_ETCD
/// names? If not, `skips_without` says what becomes of the test.
[[nodiscard]] bool etcd_available();

/// A real etcd cluster on free loopback ports, with its data in a temporary directory. It is gone
/// at the end of this object and also when this program is killed, and leaves nothing behind. The
/// members' logs are kept, and their place printed, if the object is destroyed by an exception
/// (such as a failed REQUIRE). Not for several threads at once.
class etcd_cluster {
public:
    /// Starts all members and waits until each of them serves. Throws std::runtime_error, with the
    /// end of a log, if they do not within two minutes.
    explicit etcd_cluster(std::size_t members = 1) : etcd_cluster(sized(members)) {}
    /// The same, with options.
    explicit etcd_cluster(etcd_options options);
    ~etcd_cluster();
    etcd_cluster(const etcd_cluster&) = delete;
    etcd_cluster& operator=(const etcd_cluster&) = delete;

    /// How many members there are.
    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
    /// Where a member's clients connect: 127.0.0.1:PORT.
    [[nodiscard]] std::string endpoint(std::size_t member) const;
    /// All of them.
    [[nodiscard]] std::vector<std::string> endpoints() const;

    /// SIGKILL; returns when the process is gone.
    void kill(std::size_t member);
    /// SIGSTOP: the process is there and does nothing. Returns when all of its threads have
    /// stopped.
    void pause(std::size_t member);
    /// SIGCONT.
    void resume(std::size_t member);
    /// Starts a killed member again, with its data and its ports. It serves some time later.
    void start(std::size_t member);
    /// kill, start, wait_ready.
    void restart(std::size_t member);
    /// The process of a member; -1: it was killed.
    [[nodiscard]] pid_t process(std::size_t member) const;

    /// Returns when every member that runs and is not paused serves; throws std::runtime_error
    /// after two minutes.
    void wait_ready();
    /// The member that leads now, if one that runs says so.
    [[nodiscard]] std::optional<std::size_t> leader() const;
    /// Returns the leader as soon as there is one; throws std::runtime_error after two
    /// minutes.
    [[nodiscard]] std::size_t wait_leader();

    /// A request to etcd's JSON interface, such as "/v3/kv/compaction", over the first member that
    /// runs (not with TLS). Throws std::runtime_error with the reply if it is not a success.
    std::string call(const std::string& path, const std::string& json);
    /// Forgets all changes before `revision`.
    void compact(std::uint64_t revision);
    /// Shrinks the database files of all members to what they hold (not with TLS).
    void defragment();
    /// Ends all alarms, such as the one of a full database.
    void disarm();
    /// The metrics of a member, as text; nothing: it does not answer.
    [[nodiscard]] std::optional<std::string> metrics(std::size_t member) const;
    /// The file that a member's output is written to.
    [[nodiscard]] std::string log(std::size_t member) const;

private:
    struct server {
        port_reservation client;
        port_reservation peer;
        port_reservation metrics;
        std::unique_ptr<child_process> process;
        bool paused = false;
    };

    [[nodiscard]] static etcd_options sized(std::size_t members);
    [[nodiscard]] std::vector<std::string> command(std::size_t member) const;
    [[nodiscard]] bool serves(std::size_t member) const;
    [[nodiscard]] bool port_was_taken() const;
    void check_runs(std::size_t member) const;
    void start_all();
    void keep_logs() const;

    etcd_options options_;
    int exceptions_;
    spawner spawner_;
    std::unique_ptr<temporary_directory> directory_;
    std::vector<server> members_;
};

}  // namespace reeve::tests
