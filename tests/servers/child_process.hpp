#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace reeve::tests {

/// Starts processes on a thread of its own: the kernel ends a child when the thread that forked it
/// ends (PR_SET_PDEATHSIG), so that must not be the thread of whoever happens to restart a server.
class spawner {
public:
    spawner();
    /// Children that still run are killed by the kernel.
    ~spawner();
    spawner(const spawner&) = delete;
    spawner& operator=(const spawner&) = delete;

    /// Runs `start` on the thread and returns what it returns; it must not throw.
    pid_t run(const std::function<pid_t()>& start);

private:
    void work();

    std::mutex mutex_;
    std::condition_variable changed_;
    const std::function<pid_t()>* wanted_ = nullptr;
    pid_t started_ = -1;
    bool done_ = false;
    bool ends_ = false;
    std::thread thread_;
};

/// What becomes of a child when its starter dies.
enum class orphaned { killed, goes_on };

/// How a child process is started.
struct child_options {
    std::vector<std::string> words;        ///< the program's path and its arguments
    std::vector<std::string> environment;  ///< all of it, NAME=value
    std::string log;                       ///< its output is appended here
    int input = -1;                        ///< its standard input; -1: none
    int inherits = -1;                     ///< one more descriptor that it keeps open; -1: none
    orphaned orphan = orphaned::killed;    ///< see there
};

/// A running process in a process group of its own, so that Ctrl-C on a terminal does not reach it.
/// Known by its descriptor: a signal never meets another process that got the same id.
class child_process {
public:
    /// Throws std::system_error if it cannot be started. A program that cannot be executed ends
    /// with exit code 127.
    child_process(spawner& by, const child_options& how);
    /// Kills it, and waits until it is gone.
    ~child_process();
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    /// Its id.
    [[nodiscard]] pid_t id() const noexcept { return id_; }
    /// Sends a signal; nothing happens if it has ended.
    void signal(int number) const;
    /// SIGSTOP; returns when all its threads have stopped, or when it has ended.
    void stop() const;
    /// Has it ended, or does it within this time?
    [[nodiscard]] bool ends_within(std::chrono::milliseconds time) const;
    /// Waits for its end, however long that takes; returns the status as waitpid() gives it.
    int wait();

private:
    pid_t id_ = -1;
    int descriptor_ = -1;
    bool waited_ = false;
    int status_ = 0;
};

}  // namespace reeve::tests
