#include "reeve/backends/kv_machine.hpp"

#include <fmt/format.h>

#include <boost/crc.hpp>

#include <limits>

namespace reeve::backends {

namespace {

// magic, format, crc32 of what follows; then numbers as 8 bytes, low byte first, and strings as
// their length and their bytes.
constexpr std::string_view magic = "reeve-kv";
constexpr std::uint64_t format = 1;
constexpr std::size_t header_bytes = 24;

std::uint64_t checksum(std::string_view bytes) {
    boost::crc_32_type crc;
    crc.process_bytes(bytes.data(), bytes.size());
    return crc.checksum();
}

class writer {
public:
    void number(std::uint64_t value) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            bytes_.push_back(static_cast<char>(value >> shift & 0xffU));
        }
    }
    void text(std::string_view value) {
        number(value.size());
        bytes_.append(value);
    }
    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

private:
    std::string bytes_;
};

[[noreturn]] void corrupt(const std::string& what) {
    throw error(errc::corrupt, "snapshot of a kv_machine: " + what);
}

void require(bool holds, const char* what) {
    if (!holds) corrupt(what);
}

class reader {
public:
    explicit reader(std::string_view bytes) : left_(bytes) {}
    std::uint64_t number() {
        require(left_.size() >= 8, "ends early");
        std::uint64_t value = 0;
        for (std::size_t at = 0; at < 8; ++at) {
            value |= std::uint64_t{static_cast<unsigned char>(left_[at])} << (8 * at);
        }
        left_.remove_prefix(8);
        return value;
    }
    std::string_view text() {
        const std::uint64_t size = number();
        require(size <= left_.size(), "ends early");
        const auto value = left_.substr(0, static_cast<std::size_t>(size));
        left_.remove_prefix(value.size());
        return value;
    }
    [[nodiscard]] bool at_end() const noexcept { return left_.empty(); }

private:
    std::string_view left_;
};

void write_record(writer& out, const storage::record& one) {
    out.text(one.key);
    out.text(one.value);
    out.number(one.created.value);
    out.number(one.modified.value);
    out.number(one.version);
    out.number(one.lease.value);
}

std::shared_ptr<storage::record> read_record(reader& in) {
    auto one = std::make_shared<storage::record>();
    one->key = in.text();
    one->value = in.text();
    one->created = storage::revision(in.number());
    one->modified = storage::revision(in.number());
    one->version = in.number();
    one->lease = storage::lease_id(in.number());
    require(!one->key.empty(), "an empty key");
    return one;
}

}  // namespace

/// Reads and writes what a snapshot holds; a friend of the machine.
class kv_snapshot {
public:
    static void write(const kv_machine& from, writer& out) {
        out.number(from.revision_.value);
        out.number(from.compacted_.value);
        out.number(from.last_lease_);
        out.number(from.leases_.size());
        for (const auto& [id, lease] : from.leases_) {
            out.number(id.value);
            out.number(static_cast<std::uint64_t>(lease.ttl.count()));
        }
        out.number(from.records_.size());
        for (const auto& [key, one] : from.records_) write_record(out, *one);
        for (const auto& commit : from.history_) {
            out.number(commit.size());
            for (const auto& one : commit) {
                out.number(static_cast<std::uint64_t>(one.what));
                write_record(out, *one.now);
            }
        }
    }

    static kv_machine read(reader& in) {
        kv_machine into;
        into.revision_ = storage::revision(in.number());
        into.compacted_ = storage::revision(in.number());
        into.last_lease_ = in.number();
        require(into.compacted_ <= into.revision_, "compacted past its revision");
        read_leases(in, into);
        read_records(in, into);
        read_history(in, into);
        require(in.at_end(), "goes on after its end");
        return into;
    }

private:
    static void read_leases(reader& in, kv_machine& into) {
        std::uint64_t last = 0;
        for (std::uint64_t left = in.number(); left > 0; --left) {
            const std::uint64_t id = in.number();
            const std::uint64_t ttl = in.number();
            require(id > last && id <= into.last_lease_, "a lease out of order");
            require(ttl >= 1 && ttl <= std::numeric_limits<std::int64_t>::max(), "a wrong ttl");
            last = id;
            const std::chrono::milliseconds granted(static_cast<std::int64_t>(ttl));
            into.leases_.emplace_hint(into.leases_.end(), storage::lease_id(id),
                                      kv_machine::lease_state{granted, {}});
        }
    }

    static void read_records(reader& in, kv_machine& into) {
        std::string_view last;
        for (std::uint64_t left = in.number(); left > 0; --left) {
            auto one = read_record(in);
            require(one->key > last, "a key out of order");
            require(one->created && one->created <= one->modified &&
                        one->modified <= into.revision_ && one->version >= 1,
                    "a record with wrong revisions");
            last = one->key;
            if (one->lease) {
                const auto lease = into.leases_.find(one->lease);
                require(lease != into.leases_.end(), "a record of an unknown lease");
                lease->second.keys.emplace_hint(lease->second.keys.end(), one->key);
            }
            into.records_.emplace_hint(into.records_.end(), one->key, std::move(one));
        }
    }

    static void read_history(reader& in, kv_machine& into) {
        for (std::uint64_t at = into.compacted_.value + 1; at <= into.revision_.value; ++at) {
            kv_machine::logged_commit commit;
            for (std::uint64_t left = in.number(); left > 0; --left) {
                const std::uint64_t what = in.number();
                auto one = read_record(in);
                require(what <= 1 && one->modified.value == at, "a change of another commit");
                require(commit.empty() || commit.back().now->key < one->key,
                        "a change out of order");
                commit.push_back({static_cast<storage::change::kind>(what), std::move(one)});
            }
            require(!commit.empty(), "an empty commit");
            into.history_size_ += commit.size();
            into.history_.push_back(std::move(commit));
        }
    }
};

std::string kv_machine::snapshot() const {
    writer body;
    kv_snapshot::write(*this, body);
    writer whole;
    whole.number(format);
    whole.number(checksum(body.bytes()));
    return std::string(magic) + whole.bytes() + body.bytes();
}

void kv_machine::restore(std::string_view bytes) {
    require(bytes.size() >= header_bytes, "ends early");
    require(bytes.substr(0, magic.size()) == magic, "does not begin as one");
    reader header(bytes.substr(magic.size(), header_bytes - magic.size()));
    const std::uint64_t found = header.number();
    if (found > format) {
        throw error(errc::unsupported_format,
                    fmt::format("snapshot of a kv_machine: format {}, this release reads {}", found,
                                format));
    }
    require(found == format, "format 0");
    const std::string_view body = bytes.substr(header_bytes);
    require(header.number() == checksum(body), "the checksum is wrong");
    reader in(body);
    *this = kv_snapshot::read(in);
}

}  // namespace reeve::backends
