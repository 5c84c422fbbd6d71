#pragma once

#include "reeve/catalog/codec.hpp"
#include "reeve/catalog/key_layout.hpp"
#include "reeve/catalog/path_layout.hpp"
#include "reeve/testing/simulation.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace simulated {

using namespace reeve;

/// Does the object store say when an object was written?
enum class object_times {
    told,
    unknown,  ///< zero, as some stores say
};

/// The invariants of docs/protocols/segments.md, checked at the effect: S1 to S5 and S8, of every
/// transaction that the metadata store has just committed and every object that the object store
/// has just written or removed.
class segment_ledger {
public:
    segment_ledger(testing::simulation& world, const catalog::key_layout& keys,
                   std::shared_ptr<const catalog::path_layout> names)
        : world_(world), keys_(keys), names_(std::move(names)) {}

    /// The writer has appended a row.
    void appended(const std::string& channel, std::uint64_t row, model::segment_id segment,
                  const model::position& at);
    /// What is wrong with the rows that readers find now: each exactly once, in channels that are
    /// not dropped. Empty: nothing.
    [[nodiscard]] std::string missing_rows() const;
    /// Objects that no record names, and none ever will: their epochs have ended. For S6.
    [[nodiscard]] std::vector<std::string> garbage() const;
    [[nodiscard]] bool dropped(const std::string& channel) const {
        return dropped_.contains(channel);
    }
    /// Transactions that wrote anything but sessions, the leader key, and what sweeps and the
    /// oracle write about themselves.
    [[nodiscard]] std::uint64_t writes() const noexcept { return writes_; }
    [[nodiscard]] const std::string& last_written() const noexcept { return last_written_; }

    void committed(const storage::transaction& change, storage::revision at);
    /// A node begins to write the object, which may come at any later time.
    void begins(const std::string& name);
    void written(const std::string& name, const std::string& bytes);
    void removed(const std::string& name);
    /// A page that was just listed, without times where nobody is told of them. What was never
    /// listed with its time, and never named by a record, must not be removed.
    void listed(storage::object_page& page);

    /// Uploads that take longer are counted.
    void set_retention(std::chrono::nanoseconds retention) { retention_ = retention; }
    void set_times(object_times how) { times_ = how; }
    [[nodiscard]] object_times times() const noexcept { return times_; }

    /// The metadata store is now this copy of what it once was. What the copy's records name must
    /// be there.
    void restored(const std::vector<storage::record>& all);
    /// From now on nothing may be removed, until the data root is claimed again.
    void await_claim() { claim_awaited_ = true; }
    void claimed() { claim_awaited_ = false; }

private:
    struct known_segment {
        model::collection_id collection;
        model::segment_record record;
        std::map<model::flush_id, model::binlog_record> flushes;
    };

    void look_at_segment(const catalog::key_layout::parsed& key, const storage::operation& write);
    void look_at_binlog(const catalog::key_layout::parsed& key, const storage::operation& write);
    void look_at_progress(const std::string& channel, const storage::operation& write);
    void look_at_entry(const std::string& channel, const storage::operation& write);
    [[nodiscard]] bool alive(const known_segment& it) const;
    /// Epochs under which something may still be committed.
    [[nodiscard]] std::set<model::epoch> living() const;
    [[nodiscard]] std::string name_of(model::segment_id segment, const known_segment& in,
                                      const model::binlog_group& group,
                                      const model::binlog_file& file) const;
    template <class Visit>
    void each_file(const Visit& visit) const;

    testing::simulation& world_;
    const catalog::key_layout& keys_;
    std::shared_ptr<const catalog::path_layout> names_;
    catalog::decoder decoder_;
    std::map<model::segment_id, known_segment> segments_;
    std::map<std::string, model::channel_progress> progress_;
    std::map<std::string, model::channel_entry> entries_;
    std::set<std::string> dropped_;                      // channels with the mark
    std::map<model::file_id, model::segment_id> files_;  // which record names each
    std::map<std::string, std::string> objects_;         // what is there
    std::map<std::uint64_t, model::job_record> jobs_;
    std::set<std::string> names_used_;
    std::map<std::string, core::time_point> begun_;  // uploads on their way
    std::set<std::string> dated_;                    // objects that were listed with their times
    object_times times_ = object_times::told;
    std::chrono::nanoseconds retention_{0};
    bool claim_awaited_ = false;
    /// A row that was appended.
    struct appended_row {
        model::segment_id segment;  // its tag
        model::position at;
    };
    std::map<std::string, std::vector<appended_row>> rows_;  // by channel, row 1 first
    std::uint64_t term_ = 0;
    std::uint64_t writes_ = 0;
    std::string last_written_;
};

}  // namespace simulated
