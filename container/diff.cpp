#include "container/diff.h"

#include <cerrno>
#include <set>

#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cat.h"
#include "base/file.h"
#include "container/changes.h"
#include "container/engine.h"
#include "container/registry.h"
#include "image/overlay.h"
#include "image/store.h"
#include "image/xattrs.h"

namespace berth::container {

namespace {

bool is_whiteout(const struct stat& status) { return S_ISCHR(status.st_mode) && status.st_rdev == 0; }

bool is_same_time(const struct stat& left, const struct stat& right) {
    return left.st_mtim.tv_sec == right.st_mtim.tv_sec && left.st_mtim.tv_nsec == right.st_mtim.tv_nsec;
}

bool is_same_owner_and_mode(const struct stat& left, const struct stat& right) {
    return left.st_mode == right.st_mode && left.st_uid == right.st_uid && left.st_gid == right.st_gid;
}

/// Walks the upper folder beside the image's tree.
class Differ {
public:
    explicit Differ(const Definition& definition) : definition_(definition) {}

    /// `below`: the image's folder of the same path, invalid where it has none.
    Result<void> walk(const Fd& upper, const Fd& below, const std::string& path);
    std::vector<Change> take() && { return std::move(changes_); }

private:
    Result<void> take_entry(const Fd& upper, const Fd& below, const std::string& path, const std::string& name);
    Result<void> take_folder(const Fd& upper, const Fd& below, const std::string& path, const std::string& name,
                             const std::optional<struct stat>& before);
    void add(ChangeKind kind, const std::string& path) { changes_.push_back(Change{kind, path}); }

    const Definition& definition_;
    std::vector<Change> changes_;
};

Result<void> Differ::walk(const Fd& upper, const Fd& below, const std::string& path) {
    const std::vector<std::string> mine = TRY(list_folder(upper), path);
    std::set<std::string> names(mine.begin(), mine.end());
    const image::FileXattrs marks = TRY(image::read_xattrs(upper), path);
    // Opaque: what the image has here is hidden, hence deleted where it has not come back.
    if (marks.is_opaque && below.valid()) {
        const std::vector<std::string> hidden = TRY(list_folder(below), path);
        names.insert(hidden.begin(), hidden.end());
    }
    for (const std::string& name : names) {
        const std::string full = cat(path, "/", name);
        if (is_mounted_over(definition_, full)) continue;
        TRY(take_entry(upper, below, full, name));
    }
    return {};
}

Result<void> Differ::take_entry(const Fd& upper, const Fd& below, const std::string& path, const std::string& name) {
    const auto now = sys::fstatat(upper, name);
    std::optional<struct stat> before;
    if (below.valid())
        if (const auto found = sys::fstatat(below, name); found.ok()) before = found.value();
    if (!now.ok() && now.error().code() != ENOENT) return Error::of_errno(now.error().code(), path);
    if (!now.ok() || is_whiteout(now.value())) {
        if (before) add(ChangeKind::deleted, path);
        return {};
    }
    if (S_ISDIR(now.value().st_mode)) return take_folder(upper, below, path, name, before);
    add(before ? ChangeKind::modified : ChangeKind::added, path);
    return {};
}

Result<void> Differ::take_folder(const Fd& upper, const Fd& below, const std::string& path, const std::string& name,
                                 const std::optional<struct stat>& before) {
    const Fd folder = TRY(sys::openat(upper, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path);
    Fd folder_below;
    if (before && S_ISDIR(before->st_mode))
        folder_below = TRY(sys::openat(below, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), path);

    // Listed before what is in it, once it is known whether there is anything: a folder is copied up for its children's
    // sake, and that alone is no change of its own.
    const std::size_t place = changes_.size();
    add(before ? ChangeKind::modified : ChangeKind::added, path);
    TRY(walk(folder, folder_below, path));
    const struct stat now = TRY(sys::fstat(folder), path);
    const bool is_alone = before && S_ISDIR(before->st_mode) && changes_.size() == place + 1;
    if (is_alone && is_same_owner_and_mode(*before, now) && (is_same_time(*before, now) || holds_mount_target(definition_, path)))
        changes_.pop_back();
    return {};
}

}  // namespace

Result<std::vector<Change>> diff(Engine& engine, const Record& record) {
    const Definition& definition = record.definition;
    if (!definition.rootfs.empty())
        return Error(Kind::unsupported, cat("container ", record.name(), " runs on a folder of the host: there is no image to compare with"));
    Registry* registry = TRY(engine.containers());
    image::Store* store = TRY(engine.images());
    image::OverlayRequest request;
    request.lowers = TRY(store->layer_folders(definition.layers));
    const Fd tree = TRY(image::mount_overlay(request), "open image");
    const Fd below = TRY(sys::openat(tree, ".", O_RDONLY | O_DIRECTORY));
    const Fd upper = TRY(sys::open(cat(registry->folder_path(record.id()), "/fs/upper"), O_RDONLY | O_DIRECTORY));
    Differ differ(definition);
    TRY(differ.walk(upper, below, ""));
    return std::move(differ).take();
}

}  // namespace berth::container
