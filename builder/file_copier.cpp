#include "builder/file_copier.h"

#include <algorithm>
#include <cerrno>
#include <thread>

#include <linux/fs.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/file.h"
#include "builder/file_digests.h"
#include "builder/text.h"

namespace berth::builder {
namespace {

constexpr unsigned most_threads = 4;
/// Starting a thread costs as much as copying a few files.
constexpr std::size_t least_files = 64;
/// What a file costs beside its bytes, in bytes that could have been copied meanwhile.
constexpr std::int64_t cost_of_a_file = 64 << 10;

bool is_same(const struct stat& before, const struct stat& after) {
    return before.st_size == after.st_size && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
           before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
}

/// Where each of `parts` begins, and the end: neighbours stay together, and all parts cost about the same.
std::vector<std::size_t> divide(const std::vector<FileCopy>& files, std::size_t parts) {
    std::int64_t total = 0, sum = 0;
    for (const FileCopy& file : files) total += file.status.st_size + cost_of_a_file;
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto have = static_cast<std::int64_t>(begins.size());
        if (begins.size() < parts && sum >= total / static_cast<std::int64_t>(parts) * have) begins.push_back(i);
        sum += files[i].status.st_size + cost_of_a_file;
    }
    begins.push_back(files.size());
    return begins;
}

/// Signals are the business of the thread that was there before.
class BlockedSignals {
public:
    BlockedSignals() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_BLOCK, &all, &before_);
    }
    ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

private:
    sigset_t before_;
};

}  // namespace

void copy_xattrs(const Fd& from, const Fd& to) {
    for (const std::string& name : kept_xattrs(from)) {
        char value[65536];
        const ssize_t size = ::fgetxattr(from.raw(), name.c_str(), value, sizeof value);
        if (size >= 0) ::fsetxattr(to.raw(), name.c_str(), value, static_cast<std::size_t>(size), 0);
    }
}

Result<const Fd*> FileCopier::folder_above(const std::string& path) {
    const std::string_view parent = parent_of(path);
    if (open_folder_.valid() && open_path_ == parent) return &open_folder_;
    open_path_ = parent;
    open_folder_ = TRY(upper_.open_beneath(open_path_, O_RDONLY | O_DIRECTORY));
    const struct stat status = TRY(sys::fstat(open_folder_));
    born_owner_ = {::geteuid(), (status.st_mode & S_ISGID) != 0 ? status.st_gid : ::getegid()};
    return &open_folder_;
}

Result<void> FileCopier::clear(const std::string& path) {
    const Fd* folder = TRY(folder_above(path));
    if (::unlinkat(folder->raw(), name_of(path).c_str(), 0) == 0 || errno == ENOENT) return {};
    if (errno == EISDIR || errno == EPERM) return Error(Kind::exists, cat("cannot copy a file over the directory /", path));
    return Error::of_errno(errno, "replace");
}

Result<Fd> FileCopier::create(const std::string& path) {
    const Fd* folder = TRY(folder_above(path));
    const auto make = [&] { return sys::openat(*folder, name_of(path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600); };
    auto made = make();
    if (made.ok() || made.error().code() != EEXIST) return made;
    TRY(clear(path));
    return make();
}

// A small content goes through our hands, since each way through the kernel's pipes costs more than two calls; else shared blocks
// where the file system can, else a copy in the kernel.
Result<void> FileCopier::copy_content(const Fd& from, const Fd& to, std::int64_t size) {
    constexpr std::size_t small = std::size_t{1} << 16, piece = std::size_t{1} << 30;
    if (size == 0) return {};
    if (static_cast<std::size_t>(size) < small) {
        buffer_.resize(small);
        std::size_t got = 0;
        do {
            got = TRY(sys::read(from, buffer_), "read");
            TRY(sys::write_all(to, std::string_view(buffer_).substr(0, got)), "write");
        } while (got == small);  // Less than there was room for: a regular file has ended.
        return {};
    }
    if (can_share_blocks_ && ::ioctl(to.raw(), FICLONE, from.raw()) == 0) return {};
    can_share_blocks_ = false;
    while (TRY(copy_piece(from, to, piece)) > 0) continue;
    return {};
}

// chown(2) clears set-id bits, so the mode comes after it; xattrs before it would lose security.capability to chown too.
Result<void> FileCopier::copy(const FileCopy& file) {
    const Fd from = TRY(file.tree->open_beneath(file.source, O_RDONLY | O_NOFOLLOW | O_NONBLOCK), file.source);
    const Fd to = TRY(create(file.path));
    TRY(copy_content(from, to, file.status.st_size));
    if (file.owner != born_owner_) TRY(sys::fchown(to, file.owner.uid, file.owner.gid));
    TRY(sys::fchmod(to, file.mode));
    copy_xattrs(from, to);
    const struct timespec times[2] = {file.status.st_mtim, file.status.st_mtim};
    if (::futimens(to.raw(), times) != 0) return Error::of_errno(errno, "set time");
    const struct stat after = TRY(sys::fstat(from));
    if (is_same(file.status, after)) return {};
    return Error(Kind::busy, cat(file.source, " changed while it was copied")).with_hint("build again when nothing writes there");
}

Result<void> copy_files(const Root& upper, const std::vector<FileCopy>& files) {
    const std::size_t threads = std::min<std::size_t>({std::max(std::thread::hardware_concurrency(), 1u), most_threads,
                                                       files.size() / least_files + 1});
    const std::vector<std::size_t> begins = divide(files, threads);
    std::vector<Result<void>> results(threads);
    const auto copy_part = [&](std::size_t part) -> Result<void> {
        if (part + 1 >= begins.size()) return {};
        FileCopier copier(upper);
        for (std::size_t i = begins[part]; i < begins[part + 1]; ++i) TRY(copier.copy(files[i]), "/", files[i].path);
        return {};
    };
    {
        const BlockedSignals blocked;
        std::vector<std::jthread> helpers;
        for (std::size_t part = 1; part < threads; ++part) helpers.emplace_back([&, part] { results[part] = copy_part(part); });
        results[0] = copy_part(0);
    }
    for (Result<void>& result : results) TRY(std::move(result));
    return {};
}

}  // namespace berth::builder
