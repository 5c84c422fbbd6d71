#pragma once

#include "reeve/model/channel.hpp"
#include "reeve/model/gc.hpp"
#include "reeve/model/node.hpp"
#include "reeve/model/procedure.hpp"
#include "reeve/model/segment.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace reeve::catalog {

/// The format that this release writes, and the highest `min_reader` that it can read.
inline constexpr std::uint64_t format_version = 1;

/// The record `root`.
struct root_info {
    std::string cluster;     ///< the cluster's id, chosen once
    model::lineage lineage;  ///< raised by an operator after a restore

    friend bool operator==(const root_info&, const root_info&) = default;
};

/// The record `ids`.
struct id_counter {
    std::uint64_t next = 1;  ///< the first number that is not reserved

    friend bool operator==(const id_counter&, const id_counter&) = default;
};

/// The record `oracle`.
struct oracle_mark {
    std::uint64_t high = 0;  ///< every timestamp below this one may have been given out
    /// How long after it a timestamp may be in use, in milliseconds of timestamps; 0..2^40.
    std::uint64_t lifetime_ms = 0;

    friend bool operator==(const oracle_mark&, const oracle_mark&) = default;
};

/// Where a slot of commit_large stands (docs/protocols/large_transactions.md).
enum class batch_state : std::uint8_t {
    idle,       ///< nobody's
    open,       ///< parts are being written
    committed,  ///< it took effect; marks are being cleared
    aborted,    ///< it never will; parts are being removed
};

/// The state's name, as stored.
[[nodiscard]] std::string_view name(batch_state state) noexcept;

/// The record `batches/<slot>`.
struct batch_slot {
    std::uint64_t id = 0;                   ///< of the batch; 0 when idle
    batch_state state = batch_state::idle;  ///< where it stands
    std::string first;                      ///< no part has a smaller key; empty when idle
    std::string last;                       ///< no part has a larger key; empty when idle

    friend bool operator==(const batch_slot&, const batch_slot&) = default;
};

/// Values as stored: JSON, one object, with "v" (format) and "min_reader", fields in the order of
/// the structs. Positions are written as lower-case hexadecimal digits. All throw
/// errc::invalid_argument, naming the field, for what a decoder would refuse: a name that is not
/// model::valid_name (an entry's node may be empty), a position above model::position_bytes_max,
/// text that is not UTF-8 or is outside the stated length; and those of segments, binlogs,
/// drops, jobs and garbage collection for a value that its enum does not have.
[[nodiscard]] std::string encode(const root_info& it);
[[nodiscard]] std::string encode(const id_counter& it);         ///< the record `ids`
[[nodiscard]] std::string encode(const model::node_info& it);   ///< without name and process
[[nodiscard]] std::string encode(const model::drain_info& it);  ///< the record `node_drains/<node>`
[[nodiscard]] std::string encode(const model::leader_info& it);  ///< without term
[[nodiscard]] std::string encode(
    const model::channel_entry& it);  ///< the record `channels/<channel>`
[[nodiscard]] std::string encode(
    const model::channel_progress& it);                   ///< the record `progress/<channel>`
[[nodiscard]] std::string encode(const oracle_mark& it);  ///< the record `oracle`
[[nodiscard]] std::string encode(const batch_slot& it);   ///< the record `batches/<slot>`
/// The record `segments/<collection>/<segment>`. Of one that is dropped only what
/// model::tombstone_of keeps is stored, and nothing else may be in it. One that grows has no reason
/// and no last expiry; one that is sealed or flushing has a reason; growing and sealed ones have
/// room for at least one row; none but dropped ones have a time of the drop.
[[nodiscard]] std::string encode(const model::segment_record& it);
/// The record `binlogs/<segment>/<flush>`. Groups ascend, each has files, flush_files_max in all;
/// imported names are model::valid_file_name, others have a number with an epoch; `to` is not
/// before `from`.
[[nodiscard]] std::string encode(const model::binlog_record& it);
[[nodiscard]] std::string encode(
    const model::collection_drop& it);  ///< the record `drops/<collection>`
[[nodiscard]] std::string encode(
    const model::channel_drop& it);  ///< the record `drops/<collection>/<channel>`
[[nodiscard]] std::string encode(const model::job_record& it);  ///< the record `jobs/<job>`
/// The record `pins/<number>`. Segments ascend; there are some, or there is a prefix.
[[nodiscard]] std::string encode(const model::pin_record& it);
[[nodiscard]] std::string encode(const model::pins_version& it);  ///< the record `pins/version`
/// The record `gc/cursor/<root>`. Names of objects are written as `catalog::escaped` does.
[[nodiscard]] std::string encode(const model::gc_cursor& it);
[[nodiscard]] std::string encode(const model::gc_pause& it);  ///< the record `gc/paused/<scope>`
/// The record `gc/journal/<slot>`. Names of objects are written as `catalog::escaped` does.
[[nodiscard]] std::string encode(const model::journal_entry& it);

/// The record `procedures/<id>`. One that stops has a reason, a running one has none; only one that
/// has ended has a time of it.
[[nodiscard]] std::string encode(const model::procedure_record& it);
[[nodiscard]] std::string encode(
    const model::procedure_part& it);  ///< the record `procedures/<id>/<participant>`

/// Reads values, with a parser and a buffer of its own (simdjson): one for each user of a strand;
/// bulk reading allocates nothing per record but what the result itself holds.
///
/// All throw errc::corrupt for bytes that are not such a record, and errc::unsupported_format for
/// one whose `min_reader` is above format_version; both name the key. Fields may stand in any
/// order; those that are not known are ignored, those that are known must be there, once. After a
/// throw `into` holds anything.
class decoder {
public:
    decoder();
    ~decoder();
    decoder(const decoder&) = delete;
    decoder& operator=(const decoder&) = delete;

    void decode(std::string_view key, std::string_view value, root_info& into);   ///< reads `root`
    void decode(std::string_view key, std::string_view value, id_counter& into);  ///< reads `ids`
    /// Reads `nodes/<node>`; leaves name and process.
    void decode(std::string_view key, std::string_view value, model::node_info& into);
    /// Reads `node_drains/<node>`.
    void decode(std::string_view key, std::string_view value, model::drain_info& into);
    /// Reads `leader`; leaves term.
    void decode(std::string_view key, std::string_view value, model::leader_info& into);
    /// Reads `channels/<channel>`.
    void decode(std::string_view key, std::string_view value, model::channel_entry& into);
    /// Reads `progress/<channel>`.
    void decode(std::string_view key, std::string_view value, model::channel_progress& into);
    /// Reads `oracle`.
    void decode(std::string_view key, std::string_view value, oracle_mark& into);
    /// Reads `batches/<slot>`.
    void decode(std::string_view key, std::string_view value, batch_slot& into);
    /// Reads `segments/<collection>/<segment>`, in either form.
    void decode(std::string_view key, std::string_view value, model::segment_record& into);
    /// Reads `binlogs/<segment>/<flush>`. Reuses what `into` holds.
    void decode(std::string_view key, std::string_view value, model::binlog_record& into);
    /// Reads `drops/<collection>`.
    void decode(std::string_view key, std::string_view value, model::collection_drop& into);
    /// Reads `drops/<collection>/<channel>`.
    void decode(std::string_view key, std::string_view value, model::channel_drop& into);
    /// Reads `jobs/<job>`.
    void decode(std::string_view key, std::string_view value, model::job_record& into);
    /// Reads `pins/<number>`.
    void decode(std::string_view key, std::string_view value, model::pin_record& into);
    /// Reads `pins/version`.
    void decode(std::string_view key, std::string_view value, model::pins_version& into);
    /// Reads `gc/cursor/<root>`.
    void decode(std::string_view key, std::string_view value, model::gc_cursor& into);
    /// Reads `gc/paused/<scope>`.
    void decode(std::string_view key, std::string_view value, model::gc_pause& into);
    /// Reads `gc/journal/<slot>`.
    void decode(std::string_view key, std::string_view value, model::journal_entry& into);
    /// Reads `procedures/<id>`.
    void decode(std::string_view key, std::string_view value, model::procedure_record& into);
    /// Reads `procedures/<id>/<participant>`.
    void decode(std::string_view key, std::string_view value, model::procedure_part& into);

private:
    struct implementation;
    std::unique_ptr<implementation> implementation_;
};

}  // namespace reeve::catalog
