#include "image/overlay.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include <sys/syscall.h>
#include <linux/mount.h>
#include <unistd.h>

#include "base/sys.h"

namespace berth::image {
namespace {

// Called by number: glibc 2.36 declares them in <sys/mount.h>, which cannot be included beside <linux/mount.h>.
int fs_config(int fs, unsigned command, const char* key, const char* value) {
    return static_cast<int>(::syscall(SYS_fsconfig, fs, command, key, value, 0));
}

/// What the kernel has to say about the last refusal: fsopen(2) keeps a log.
std::string kernel_message(int fs) {
    char text[512];
    const ssize_t size = ::read(fs, text, sizeof text - 1);
    if (size <= 2) return {};
    std::string message(text + 2, static_cast<std::size_t>(size - 2));
    while (message.ends_with('\n')) message.pop_back();
    return message;
}

Error refused(int fs, std::string_view what) {
    const int code = errno;
    const std::string message = kernel_message(fs);
    Error error = Error::of_errno(code, what);
    return message.empty() ? std::move(error) : std::move(error).with_hint(message);
}

Result<void> set(int fs, const char* key, const std::string& value) {
    if (fs_config(fs, FSCONFIG_SET_STRING, key, value.c_str()) == 0) return {};
    return refused(fs, cat("option ", key, "=", value));
}

/// Where relative paths start, put back at the end.
class WorkingFolder {
public:
    static Result<WorkingFolder> enter(const char* path) {
        Fd before = TRY(sys::open(".", O_PATH | O_DIRECTORY));
        if (::chdir(path) != 0) return Error::of_errno(errno, path);
        return WorkingFolder(std::move(before));
    }
    WorkingFolder(WorkingFolder&&) = default;
    WorkingFolder& operator=(WorkingFolder&&) = default;
    ~WorkingFolder() {
        if (before_.valid() && ::fchdir(before_.raw()) != 0) bug("the working folder is gone");
    }

private:
    explicit WorkingFolder(Fd before) : before_(std::move(before)) {}
    Fd before_;
};

/// What must last until the file system is created, which is when old kernels look the layers up.
struct Lowers {
    std::vector<Fd> opened;
    std::optional<WorkingFolder> folder;
};

/// Before Linux 6.8 all layers stand in one value, and a value has at most 255 bytes (fsconfig(2)). So the layers are named
/// by the numbers of open descriptors, relative to /proc/self/fd: some 80 of them fit.
Result<Lowers> set_lowers_in_one(int fs, const std::vector<std::string>& lowers) {
    constexpr std::size_t longest_value = 255;
    Lowers held;
    std::string list;
    for (const std::string& lower : lowers) {
        held.opened.push_back(TRY(sys::open(lower, O_PATH | O_DIRECTORY)));
        list += cat(list.empty() ? "" : ":", held.opened.back().raw());
    }
    if (list.size() > longest_value)
        return Error(Kind::unsupported, cat(lowers.size(), " layers are too many for this kernel"))
            .with_hint("Linux 6.8 and later take up to 500; fewer layers come from 'build --squash' or export and import");
    held.folder = TRY(WorkingFolder::enter("/proc/self/fd"));
    TRY(set(fs, "lowerdir", list));
    return held;
}

/// How the layers are told to the kernel: one a call since Linux 6.8 (`lowerdir+`), or all in one value.
enum class LowerForm { one_a_call, in_one };

Result<Lowers> set_lowers(int fs, const std::vector<std::string>& lowers, LowerForm form) {
    if (form == LowerForm::in_one) return set_lowers_in_one(fs, lowers);
    for (const std::string& lower : lowers)
        if (fs_config(fs, FSCONFIG_SET_STRING, "lowerdir+", lower.c_str()) != 0) return refused(fs, cat("layer ", lower));
    return Lowers{};
}

Result<Fd> create(const OverlayRequest& request, LowerForm form) {
    Fd fs(static_cast<int>(::syscall(SYS_fsopen, "overlay", FSOPEN_CLOEXEC)));
    if (!fs.valid()) return Error::of_errno(errno, "open file system type");
    TRY(set(fs.raw(), "source", request.source));
    const Lowers lowers = TRY(set_lowers(fs.raw(), request.lowers, form));
    if (!request.upper.empty()) {
        TRY(set(fs.raw(), "upperdir", request.upper));
        TRY(set(fs.raw(), "workdir", request.work));
    }
    // nofollow, not off: off still follows a redirect that was forged into a layer (kernel: filesystems/overlayfs.rst
    // "redirect_dir").
    constexpr std::pair<const char*, const char*> options[] = {
        {"redirect_dir", "nofollow"}, {"metacopy", "off"}, {"index", "off"}, {"xino", "off"}};
    for (const auto& [key, value] : options) TRY(set(fs.raw(), key, value));
    // An earlier volatile mount leaves this mark, and the kernel refuses the work folder as long as it is there (kernel:
    // filesystems/overlayfs.rst "Volatile mount"): a crash may have lost data. One step of a build mounts several times
    // within one process, so nothing can be lost behind it.
    if (request.is_volatile) ::rmdir(cat(request.work, "/work/incompat/volatile").c_str());
    if (request.is_volatile && fs_config(fs.raw(), FSCONFIG_SET_FLAG, "volatile", nullptr) != 0)
        return refused(fs.raw(), "option volatile");
    if (::geteuid() != 0) TRY(set(fs.raw(), "userxattr", ""));
    if (fs_config(fs.raw(), FSCONFIG_CMD_CREATE, nullptr, nullptr) != 0) return refused(fs.raw(), "create");
    Fd tree(static_cast<int>(::syscall(SYS_fsmount, fs.raw(), FSMOUNT_CLOEXEC, 0)));
    if (!tree.valid()) return refused(fs.raw(), "mount");
    return tree;
}

/// An image may hold one layer twice (two steps that changed nothing), which overlay refuses (ELOOP). The upper one decides
/// on every path of both, so the lower one can go.
OverlayRequest without_repeats(OverlayRequest request) {
    std::vector<std::string> kept;
    for (std::string& lower : request.lowers)
        if (std::find(kept.begin(), kept.end(), lower) == kept.end()) kept.push_back(std::move(lower));
    request.lowers = std::move(kept);
    return request;
}

}  // namespace

Result<Fd> mount_overlay(const OverlayRequest& wanted) {
    const OverlayRequest request = without_repeats(wanted);
    auto made = create(request, LowerForm::one_a_call);
    // Before 6.8 `lowerdir+` is unknown. Before 6.5 that shows at the very end only: overlay then gathered its options
    // unread, so every failure of that kind is worth the second form.
    if (!made.ok() && made.error().code() == EINVAL) {
        auto again = create(request, LowerForm::in_one);
        if (again.ok()) return again;
    }
    return TRY(std::move(made), "overlay of ", request.lowers.size(), " layers");
}

}  // namespace berth::image
