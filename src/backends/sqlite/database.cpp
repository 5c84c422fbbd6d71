#include "backends/sqlite/database.hpp"

#include "reeve/core/guards.hpp"

#include <fmt/format.h>

#include <string>

namespace reeve::backends::sqlite {

namespace {

constexpr std::size_t idle_readers_max = 16;
// SQLite's own default: 4 MB of log.
constexpr int checkpoint_frames = 1000;
// Readers who follow one another without a gap keep the log from being reused; past this size the
// checkpoint waits for them.
constexpr int checkpoint_frames_urgent = 16 * checkpoint_frames;

}  // namespace

database::database(const sqlite_options& options, const file_kind& kind,
                   std::function<bool(connection&)> overdue)
    : options_(options),
      kind_(kind),
      overdue_(std::move(overdue)),
      signal_(options.poll_interval, [this] { return poll(); }) {
    prepare_file(options_, kind_);
    auto first = connect();
    query format(*first, "SELECT user_version FROM pragma_user_version");
    const auto found = format.step() ? format.number(0) : 0;
    // The header may be newer in the log than in the file.
    if (found >> 16U > kind_.format) {
        throw error(errc::unsupported_format,
                    fmt::format("sqlite file {}: readable from release format {} on; this release "
                                "reads up to {}",
                                options_.path, found >> 16U, kind_.format));
    }
    query mode(*first, "SELECT journal_mode FROM pragma_journal_mode");
    if (!mode.step() || mode.text(0) != "wal") {
        throw error(errc::foreign,
                    fmt::format("sqlite file {}: not in write-ahead mode: somebody changed it",
                                options_.path));
    }
}

std::unique_ptr<connection> database::connect() const {
    auto made = std::make_unique<connection>(options_.path, access::read_write, options_.vfs,
                                             options_.busy_patience);
    // Closing must not write: a program that ends leaves what a killed one leaves.
    sqlite3_db_config(made->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_db_config(made->handle(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    made->run(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;"
        "PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 0;"
        "PRAGMA synchronous = FULL");
    return made;
}

// --- reading ------------------------------------------------------------------------------------

database::read_turn::read_turn(database& owner) : owner_(owner) {
    {
        const std::lock_guard lock(owner_.readers_mutex_);
        if (!owner_.readers_.empty()) {
            db_ = std::move(owner_.readers_.back());
            owner_.readers_.pop_back();
        }
    }
    if (!db_) db_ = owner_.connect();
    query(*db_, "BEGIN").run();
}

void database::read_turn::end() {
    query(*db_, "COMMIT").run();
    const std::lock_guard lock(owner_.readers_mutex_);
    if (owner_.readers_.size() < idle_readers_max) owner_.readers_.push_back(std::move(db_));
}

// --- writing ------------------------------------------------------------------------------------

database::write_turn::write_turn(database& owner, const char* doing)
    : owner_(owner), doing_(doing) {
    wait_for_turn();
    try {
        owner_.begin_write();
        changes_before_ = sqlite3_total_changes64(owner_.writer_->handle());
    } catch (...) {  // passed on after the turn was given up, as the destructor does not run
        give_up_turn();
        throw;
    }
}

database::write_turn::~write_turn() {
    if (!finished_) give_up_turn();
}

void database::write_turn::wait_for_turn() {
    std::unique_lock lock(owner_.turns_mutex_);
    const auto deadline = core::system_clock::instance().now() + owner_.options_.busy_patience;
    const auto free = [this] { return !owner_.writing_; };
    if (!owner_.turn_ended_.wait_until(lock, deadline, free)) {
        throw error(
            errc::unavailable,
            fmt::format("sqlite file {}: {}: others of this process wrote for {} ms",
                        owner_.options_.path, doing_, owner_.options_.busy_patience.count()));
    }
    owner_.writing_ = true;
}

// After a failure: closing the connection rolls back whatever is open, in any state.
void database::write_turn::give_up_turn() noexcept {
    owner_.writer_.reset();
    {
        const std::lock_guard lock(owner_.turns_mutex_);
        owner_.writing_ = false;
    }
    owner_.turn_ended_.notify_one();
}

void database::write_turn::commit() {
    const bool changed = sqlite3_total_changes64(db().handle()) != changes_before_;
    owner_.commit_write(doing_);
    if (changed) {
        owner_.signal_.committed();
        if (owner_.wal_frames_ >= checkpoint_frames) owner_.checkpoint();
    }
    finished_ = true;
    {
        const std::lock_guard lock(owner_.turns_mutex_);
        owner_.writing_ = false;
    }
    owner_.turn_ended_.notify_one();
}

void database::open_writer() {
    writer_ = connect();
    writer_syncs_ = true;
    wal_frames_ = 0;
    sqlite3_wal_hook(writer_->handle(), &database::on_wal, this);
}

int database::on_wal(void* self, sqlite3*, const char*, int frames) {
    static_cast<database*>(self)->wal_frames_ = frames;
    return SQLITE_OK;
}

void database::begin_write() {
    if (!writer_) open_writer();
    if (writer_syncs_ != core::enforced(core::guard::fsync)) {
        writer_syncs_ = core::enforced(core::guard::fsync);
        writer_->run(writer_syncs_ ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
    }
    if (checkpoint_failure_) checkpoint();
    if (checkpoint_failure_) throw error(*checkpoint_failure_);
    query(*writer_, "BEGIN IMMEDIATE").run();
}

// A failed COMMIT is rolled back by SQLite. A full disk means that the last part of the transaction
// was not written, so that it can never be found. After any other failure, above all of the sync,
// all of it may be in the log, where the next one to open the file after a crash would find it.
void database::commit_write(const char* doing) {
    sqlite3_stmt* commit = writer_->prepared("COMMIT");
    const int code = sqlite3_step(commit);
    if (code == SQLITE_DONE) {
        sqlite3_reset(commit);
        return;
    }
    const error failed = writer_->failure(code, doing);
    sqlite3_reset(commit);
    const int primary = code & 0xff;
    if (primary == SQLITE_FULL || primary == SQLITE_BUSY) throw error(failed);
    throw error(errc::outcome_unknown, failed.context());
}

// The commit that came before stands whatever happens here, so a failure is kept and refuses the
// next commit. Busy: another process copies the log already.
void database::checkpoint() noexcept {
    const bool urgent = wal_frames_ >= checkpoint_frames_urgent;
    const int mode = urgent ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
    const int code = sqlite3_wal_checkpoint_v2(writer_->handle(), "main", mode, nullptr, nullptr);
    checkpoint_failure_.reset();
    const int primary = code & 0xff;
    if (primary == SQLITE_OK || primary == SQLITE_BUSY || primary == SQLITE_LOCKED) return;
    checkpoint_failure_ = writer_->failure(
        code, "commits are refused because copying earlier ones from the log to the file fails");
}

// --- polling ------------------------------------------------------------------------------------

bool database::poll() {
    if (!poller_) {
        poller_ = connect();
        data_version_ = 0;
    }
    try {
        query version(*poller_, "PRAGMA data_version");
        const auto now = version.step() ? version.integer(0) : 0;
        const bool changed = now != data_version_;
        data_version_ = now;
        return changed || (overdue_ && overdue_(*poller_));
    } catch (...) {  // passed on; the next poll starts with a fresh connection
        poller_.reset();
        throw;
    }
}

}  // namespace reeve::backends::sqlite
