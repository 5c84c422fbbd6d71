#pragma once

#include "reeve/storage/metadata_store.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bench {

/// The revision that an expected revision stands for.
using translation = std::function<std::uint64_t(reeve::storage::revision)>;

/// A client of etcd that is gRPC and nothing else: a channel and a completion queue on the calling
/// thread. It sends the requests that the store sends and decodes the answers, without a loop, a
/// member to choose, a failure to judge or a record to build. Throws std::runtime_error for
/// everything that is no success.
class bare_etcd {
public:
    explicit bare_etcd(const std::string& endpoint);
    ~bare_etcd();
    bare_etcd(const bare_etcd&) = delete;
    bare_etcd& operator=(const bare_etcd&) = delete;

    /// Commits one transaction, with every key below `prefix` and without its leases; returns its
    /// revision.
    std::uint64_t commit(const reeve::storage::transaction& change, const std::string& prefix,
                         const translation& translate);
    /// Commits all, so many under way at a time.
    void commit_all(const std::vector<reeve::storage::transaction>& changes,
                    const std::string& prefix, std::size_t in_flight);
    /// Reads [first, last) in pages; returns how many records it has.
    [[nodiscard]] std::size_t read(const std::string& first, const std::string& last,
                                   std::int64_t page);
    /// Watches [first, last) from `from` until so many changes have come.
    void watch(const std::string& first, const std::string& last, std::uint64_t from,
               std::size_t changes);
    /// The store's revision.
    [[nodiscard]] std::uint64_t revision();

private:
    struct connection;
    std::unique_ptr<connection> connection_;
};

}  // namespace bench
