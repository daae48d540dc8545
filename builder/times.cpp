#include "builder/times.h"

#include <cerrno>

#include <sys/stat.h>

#include "base/file.h"

namespace berth::builder {
namespace {

bool is_newer(const struct timespec& time, Moment latest) {
    return time.tv_sec * 1'000'000'000 + time.tv_nsec > latest.nanoseconds;
}

}  // namespace

// Children first: setting a child's time does not change its folder's.
Result<void> clamp_times(const Fd& folder, Moment latest) {
    const struct timespec time = {latest.nanoseconds / 1'000'000'000, latest.nanoseconds % 1'000'000'000};
    const struct timespec times[2] = {time, time};
    const std::vector<std::string> names = TRY(list_folder(folder));
    for (const std::string& name : names) {
        const struct stat status = TRY(sys::fstatat(folder, name));
        if (S_ISDIR(status.st_mode)) {
            const Fd inner = TRY(sys::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
            TRY(clamp_times(inner, latest));
        } else if (is_newer(status.st_mtim, latest) && ::utimensat(folder.raw(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
            return Error::of_errno(errno, name);
        }
    }
    const struct stat own = TRY(sys::fstat(folder));
    if (is_newer(own.st_mtim, latest) && ::futimens(folder.raw(), times) != 0) return Error::of_errno(errno, "set time");
    return {};
}

}  // namespace berth::builder
