#include "builder/context_view.h"

#include <cerrno>

#include <sys/stat.h>

#include "base/file.h"
#include "image/overlay.h"

namespace berth::builder {
namespace {

class Masker {
public:
    explicit Masker(const IgnoreMatcher& ignored) : ignored_(ignored) {}

    /// Makes what hides the excluded entries of `folder` in `mask`, which stands for the same path.
    Result<void> hide(const Fd& folder, const Fd& mask, const std::string& path, const IgnoreMatcher::Parent& above) {
        const std::vector<std::string> names = TRY(list_folder(folder));
        for (const std::string& name : names) {
            const std::string inner = path.empty() ? name : cat(path, '/', name);
            IgnoreMatcher::Parent own;
            const bool is_excluded = ignored_.matches(inner, above, own);
            if (is_excluded && ignored_.may_prune(inner)) {
                if (::mknodat(mask.raw(), name.c_str(), S_IFCHR, 0) != 0) return Error::of_errno(errno, inner);
                continue;
            }
            const struct stat status = TRY(sys::fstatat(folder, name));
            if (S_ISDIR(status.st_mode)) TRY(hide_below(folder, mask, name, inner, own, status));
            else if (is_excluded && ::mknodat(mask.raw(), name.c_str(), S_IFCHR, 0) != 0) return Error::of_errno(errno, inner);
        }
        return {};
    }

private:
    Result<void> hide_below(const Fd& folder, const Fd& mask, const std::string& name, const std::string& path,
                            const IgnoreMatcher::Parent& own, const struct stat& status) {
        TRY(sys::mkdirat(mask, name, status.st_mode & 07777));
        const Fd inner_mask = TRY(sys::openat(mask, name, O_RDONLY | O_DIRECTORY));
        const Fd inner = TRY(sys::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        // A merged folder shows the attributes of its upper part.
        TRY(sys::fchown(inner_mask, status.st_uid, status.st_gid));
        TRY(sys::fchmod(inner_mask, status.st_mode & 07777));
        return hide(inner, inner_mask, path, own);
    }

    const IgnoreMatcher& ignored_;
};

}  // namespace

Result<Fd> open_context_view(const Root& folder, const IgnoreMatcher& ignored, image::Staging& mask) {
    const Fd top = TRY(folder.open_beneath("/", O_RDONLY | O_DIRECTORY));
    TRY(Masker(ignored).hide(top, mask.fs(), "", {}), "hide what .dockerignore excludes");
    image::OverlayRequest request;
    request.lowers = {mask.fs_path(), cat("/proc/self/fd/", top.raw())};
    return image::mount_overlay(request);
}

}  // namespace berth::builder
