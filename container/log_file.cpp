// The rotating file: NAME, NAME.1, NAME.2 … The newest old one is compressed by a child process, so that the container's
// output never waits for it; when the next rotation comes first, the child is ended and that part stays as it is.

#include <cerrno>
#include <csignal>
#include <ctime>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>

#include "base/sys.h"
#include "base/worker.h"
#include "container/log_drivers.h"

namespace berth::container {

namespace {

/// Where parts follow each other this fast, no compressor would come to its end: each is ended by the next rotation, so let
/// that be before it has begun. Afterwards it takes only what time is left over.
bool rest_a_while() {
    sleep_for(Duration::of_milliseconds(250));
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);
    return ::setpriority(PRIO_PROCESS, 0, 19) == 0;
}

/// The child's work. It has its own copy of everything and ends by _exit.
bool write_compressed(const Fd& folder, const std::string& from, const std::string& to) {
    auto in = sys::openat(folder, from, O_RDONLY);
    auto out = sys::openat(folder, to + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640);
    if (!in.ok() || !out.ok()) return false;
    gzFile compressed = ::gzdopen(out.value().release(), "wb1");
    if (compressed == nullptr) return false;
    static char buffer[64 * 1024];
    for (;;) {
        const auto got = sys::read(in.value(), buffer);
        if (!got.ok()) return false;
        if (got.value() == 0) break;
        if (::gzwrite(compressed, buffer, static_cast<unsigned>(got.value())) <= 0) return false;
    }
    if (::gzclose(compressed) != Z_OK) return false;
    return sys::renameat(folder, to + ".new", folder, to).ok() && sys::unlinkat(folder, from).ok();
}

}  // namespace

Result<RotatingFile> RotatingFile::open(const Fd& folder, std::string name, LogLimits limits) {
    RotatingFile file(TRY(folder.duplicate()), std::move(name), limits);
    // Docker's mode: readable for the group that is given the folder.
    file.file_ = TRY(sys::openat(file.folder_, file.name_, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0640));
    file.size_ = TRY(sys::fstat(file.file_)).st_size;
    return file;
}

bool RotatingFile::open_current() {
    auto opened = sys::openat(folder_, name_, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0640);
    if (!opened.ok()) return false;
    file_ = std::move(opened).value();
    size_ = 0;
    return true;
}

bool RotatingFile::append(std::string_view bytes) {
    if (limits_.max_size > 0 && size_ >= limits_.max_size) {
        // `logs --truncate` may have emptied it meanwhile.
        const auto status = sys::fstat(file_);
        size_ = status.ok() ? status.value().st_size : 0;
        if (size_ >= limits_.max_size) rotate();
    }
    if (!file_.valid() && !open_current()) return false;
    if (sys::write_all(file_, bytes).ok()) {
        size_ += static_cast<std::int64_t>(bytes.size());
        return true;
    }
    // A record that is cut in the middle would spoil the next one too: back to the last whole one.
    [[maybe_unused]] const int shortened = ::ftruncate(file_.raw(), size_);
    return false;
}

void RotatingFile::rotate() {
    stop_compressor();
    if (limits_.max_files <= 1) {
        if (::ftruncate(file_.raw(), 0) == 0) size_ = 0;
        return;
    }
    for (const std::string_view suffix : {"", ".gz"})
        ignore(sys::unlinkat(folder_, cat(name_, '.', limits_.max_files - 1, suffix)), "there may be none yet");
    for (std::int64_t i = limits_.max_files - 2; i >= 1; --i)
        for (const std::string_view suffix : {"", ".gz"})
            ignore(sys::renameat(folder_, cat(name_, '.', i, suffix), folder_, cat(name_, '.', i + 1, suffix)), "there may be none yet");
    if (!sys::renameat(folder_, name_, folder_, name_ + ".1").ok()) return;
    file_.reset();
    if (open_current() && limits_.compress) compress_first();
}

void RotatingFile::compress_first() {
    const int kept[] = {folder_.raw()};
    auto forked = fork_worker(kept, [this] { return rest_a_while() && write_compressed(folder_, name_ + ".1", name_ + ".1.gz"); });
    if (forked.ok()) compressor_.emplace(std::move(forked).value());
}

void RotatingFile::reap_background() {
    if (!compressor_) return;
    const auto ended = compressor_->try_wait();
    if (ended.ok() && !ended.value()) return;
    compressor_.reset();
}

void RotatingFile::stop_compressor() {
    if (!compressor_) return;
    ignore(compressor_->kill(Signal::of(SIGKILL)), "it may have ended");
    ignore(compressor_->wait(), "its work is not needed");
    compressor_.reset();
    ignore(sys::unlinkat(folder_, name_ + ".1.gz.new"), "there may be none");
}

}  // namespace berth::container
