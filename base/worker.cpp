#include "base/worker.h"

#include <algorithm>
#include <cerrno>
#include <vector>

#include <sys/syscall.h>
#include <unistd.h>

namespace berth {

namespace {

void close_others(std::span<const int> kept) {
    std::vector<int> numbers(kept.begin(), kept.end());
    std::sort(numbers.begin(), numbers.end());
    int first = 3;
    for (const int number : numbers) {
        if (number > first) ::close_range(static_cast<unsigned>(first), static_cast<unsigned>(number - 1), 0);
        first = std::max(first, number + 1);
    }
    ::close_range(static_cast<unsigned>(first), ~0u, 0);
}

}  // namespace

Result<Child> fork_worker(std::span<const int> kept, const std::function<bool()>& work) {
    const pid_t pid = ::fork();
    if (pid < 0) return Error::of_errno(errno, "fork");
    if (pid == 0) {
        close_others(kept);
        ::_exit(work() ? 0 : 1);
    }
    // Not reaped by anybody else, so the number is still its own.
    Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    return Child(pid, std::move(pidfd));
}

}  // namespace berth
