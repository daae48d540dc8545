#include "base/fd.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace berth {

Result<void> Fd::close() {
    // EINTR closes all the same on Linux (close(2), NOTES): never retried.
    if (const int raw = std::exchange(raw_, -1); raw >= 0 && ::close(raw) != 0 && errno != EINTR)
        return Error::of_errno(errno, "close");
    return {};
}

void Fd::reset() {
    if (raw_ >= 0) ::close(std::exchange(raw_, -1));
}

Result<Fd> Fd::duplicate() const {
    const int copy = ::fcntl(raw_, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) return Error::of_errno(errno, "duplicate descriptor");
    return Fd(copy);
}

}  // namespace berth
