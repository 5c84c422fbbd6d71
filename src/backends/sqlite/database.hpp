#pragma once

#include "backends/sqlite/change_signal.hpp"
#include "backends/sqlite/connection.hpp"
#include "backends/sqlite/file_kind.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace reeve::backends::sqlite {

/// An open file: one connection that writes, in turn, and some that read at once. From any thread.
class database {
public:
    /// Opens or creates it. `overdue` says on a reading connection whether something must be
    /// written because of the time; waiting threads ask it.
    database(const sqlite_options& options, const file_kind& kind,
             std::function<bool(connection&)> overdue);
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    /// Runs `body(connection&)` in a transaction that reads one state of the file.
    template <class Body>
    auto read(Body body) {
        read_turn turn(*this);
        auto result = body(turn.db());
        turn.end();
        return result;
    }

    /// Runs `body(connection&)` in a transaction that excludes all other writers, then commits
    /// durably. If anything fails nothing was applied, except that errc::outcome_unknown leaves it
    /// open. `doing` names the call in errors.
    template <class Body>
    auto write(const char* doing, Body body) {
        write_turn turn(*this, doing);
        auto result = body(turn.db());
        turn.commit();
        return result;
    }

    /// Tells of commits to the file, by anybody.
    [[nodiscard]] change_signal& signal() noexcept { return signal_; }

private:
    class read_turn {
    public:
        explicit read_turn(database& owner);
        [[nodiscard]] connection& db() const noexcept { return *db_; }
        /// Gives the connection back; dropping the turn without it closes the connection.
        void end();

    private:
        database& owner_;
        std::unique_ptr<connection> db_;
    };

    class write_turn {
    public:
        write_turn(database& owner, const char* doing);
        ~write_turn();
        write_turn(const write_turn&) = delete;
        write_turn& operator=(const write_turn&) = delete;
        [[nodiscard]] connection& db() const noexcept { return *owner_.writer_; }
        void commit();

    private:
        void wait_for_turn();
        void give_up_turn() noexcept;
        database& owner_;
        const char* doing_;
        std::int64_t changes_before_ = 0;
        bool finished_ = false;
    };

    [[nodiscard]] std::unique_ptr<connection> connect() const;
    void open_writer();
    void begin_write();
    void commit_write(const char* doing);
    void checkpoint() noexcept;
    bool poll();
    static int on_wal(void* self, sqlite3*, const char*, int frames);

    sqlite_options options_;
    file_kind kind_;
    std::function<bool(connection&)> overdue_;

    std::mutex turns_mutex_;
    std::condition_variable turn_ended_;
    bool writing_ = false;
    // Only by whoever has the turn to write:
    std::unique_ptr<connection> writer_;
    bool writer_syncs_ = true;
    int wal_frames_ = 0;
    std::optional<error> checkpoint_failure_;

    std::mutex readers_mutex_;
    std::vector<std::unique_ptr<connection>> readers_;

    // Only by whoever polls:
    std::unique_ptr<connection> poller_;
    std::int64_t data_version_ = 0;
    change_signal signal_;
};

}  // namespace reeve::backends::sqlite
