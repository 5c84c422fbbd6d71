#include "servers/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace reeve::tests {

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::vector<char*> raw(const std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

struct prepared {
    std::vector<char*> words;
    std::vector<char*> environment;
    const char* log;
    int input;
    int inherits;
    orphaned orphan;
    pid_t parent;
};

// Between fork and exec, in a program with threads: async-signal-safe calls only.
[[noreturn]] void become(const prepared& how) {
    ::setpgid(0, 0);
    if (how.orphan == orphaned::killed) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != how.parent) ::_exit(126);
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    const int input = how.input >= 0 ? how.input : ::open("/dev/null", O_RDONLY);
    const int output = ::open(how.log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (input < 0 || output < 0 || ::dup2(input, 0) < 0 || ::dup2(output, 1) < 0 ||
        ::dup2(output, 2) < 0) {
        ::_exit(126);
    }
    // Nothing else of the parent stays open: neither sockets nor what others wait for the end of.
    int first = 3;
    if (how.inherits >= 0) {
        if (::dup2(how.inherits, 3) < 0) ::_exit(126);
        if (how.inherits == 3) ::fcntl(3, F_SETFD, 0);
        first = 4;
    }
    ::syscall(SYS_close_range, first, ~0U, 0);
    ::execve(how.words[0], how.words.data(), how.environment.data());
    ::_exit(127);
}

}  // namespace

spawner::spawner() : thread_([this] { work(); }) {}

spawner::~spawner() {
    {
        const std::lock_guard lock(mutex_);
        ends_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

pid_t spawner::run(const std::function<pid_t()>& start) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return wanted_ == nullptr && !done_; });
    wanted_ = &start;
    changed_.notify_all();
    changed_.wait(lock, [this] { return done_; });
    done_ = false;
    const pid_t result = started_;
    changed_.notify_all();
    return result;
}

void spawner::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        changed_.wait(lock, [this] { return ends_ || (wanted_ != nullptr && !done_); });
        if (wanted_ == nullptr) return;
        started_ = (*wanted_)();
        wanted_ = nullptr;
        done_ = true;
        changed_.notify_all();
    }
}

child_process::child_process(spawner& by, const child_options& how) {
    const prepared ready{raw(how.words), raw(how.environment), how.log.c_str(), how.input,
                         how.inherits,   how.orphan,           ::getpid()};
    int failure = 0;
    id_ = by.run([&ready, &failure] {
        const pid_t id = ::fork();
        if (id == 0) become(ready);
        failure = errno;
        return id;
    });
    errno = failure;
    if (id_ < 0) fail("fork");
    descriptor_ = static_cast<int>(::syscall(SYS_pidfd_open, id_, 0));
    if (descriptor_ < 0) {
        const int reason = errno;
        ::kill(id_, SIGKILL);
        ::waitpid(id_, nullptr, 0);
        errno = reason;
        fail("pidfd_open");
    }
}

child_process::~child_process() {
    if (!waited_) {
        ::syscall(SYS_pidfd_send_signal, descriptor_, SIGKILL, nullptr, 0);
        ::waitpid(id_, &status_, 0);
    }
    ::close(descriptor_);
}

void child_process::signal(int number) const {
    if (waited_) return;
    if (::syscall(SYS_pidfd_send_signal, descriptor_, number, nullptr, 0) != 0 && errno != ESRCH) {
        fail("pidfd_send_signal");
    }
}

void child_process::stop() const {
    signal(SIGSTOP);
    if (waited_) return;
    // The kernel tells a parent of a stop when the last thread has stopped. An end is left for
    // wait().
    siginfo_t news;
    while (::waitid(P_PID, static_cast<id_t>(id_), &news, WSTOPPED | WEXITED | WNOWAIT) != 0) {
        if (errno != EINTR) fail("waitid");
    }
}

bool child_process::ends_within(std::chrono::milliseconds time) const {
    if (waited_) return true;
    const auto until = std::chrono::steady_clock::now() + time;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now());
        struct pollfd watched {};
        watched.fd = descriptor_;
        watched.events = POLLIN;
        const int ready =
            ::poll(&watched, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
        if (ready >= 0) return ready == 1;
        if (errno != EINTR) fail("poll");
    }
}

int child_process::wait() {
    while (!waited_) {
        if (::waitpid(id_, &status_, 0) == id_) {
            waited_ = true;
        } else if (errno != EINTR) {
            fail("waitpid");
        }
    }
    return status_;
}

}  // namespace reeve::tests
