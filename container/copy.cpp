#include "container/copy.h"

#include <cerrno>

#include <unistd.h>

#include "base/cat.h"
#include "container/copy_place.h"
#include "container/engine.h"
#include "container/history.h"
#include "container/tree_copy.h"
#include "container/tree_view.h"
#include "image/archive.h"
#include "image/tar_writer.h"
#include "image/unpack.h"
#include "runtime/users.h"

namespace berth::container {

namespace {

/// Paths in a container are rooted, whether they are written so or not.
std::string rooted(const std::string& path) { return path.starts_with('/') ? path : cat("/", path); }

/// An absolute path of the host with its end as typed ("a/." and "a/" mean more than "a").
Result<std::string> absolute_host_path(const std::string& path) {
    if (path.empty()) return Error(Kind::invalid, "the host path is empty");
    if (path.starts_with('/')) return path;
    char folder[4096];
    if (::getcwd(folder, sizeof folder) == nullptr) return Error::of_errno(errno, "working folder");
    return cat(folder, "/", path);
}

/// Where users see a file is missing: docker's sentence for both "no such file" and "not below a file".
Error missing_in(const Record& record, const std::string& path, Error error) {
    if (error.code() == ENOENT)
        return Error(Kind::not_found, cat("could not find the file ", path, " in container ", record.name()));
    if (error.code() == ENOTDIR) return Error(Kind::invalid, cat(record.name(), ":", path, ": not a directory"));
    return std::move(error).context(record.name(), ":", path);
}

/// Says which part of the container is read-only, as docker does.
Error name_read_only(const Record& record, const std::string& path, Error error) {
    if (error.code() != EROFS) return error;
    const std::string clean = clean_path(path);
    const MountPoint* nearest = nullptr;
    for (const MountPoint& point : record.definition.mounts)
        if ((clean == point.destination || clean.starts_with(cat(point.destination, "/"))) &&
            (nearest == nullptr || nearest->destination.size() < point.destination.size()))
            nearest = &point;
    const std::string_view what = nearest != nullptr && (!nearest->rw || nearest->type == MountType::image) ? "mounted volume" : "container rootfs";
    return Error(Kind::denied, cat(record.name(), ":", path, ": ", what, " is marked read-only"));
}

Result<void> check_kind(const CopyEnd& end, const std::string& path) {
    if (!end.exists()) return {};
    if (is_kernel_file_system(end.item))
        return Error(Kind::unsupported, cat(path, " belongs to the kernel, not to the container's files"))
            .with_hint("read it by exec: berth exec CONTAINER cat FILE");
    return {};
}

Result<CopyEnd> look_up_in_container(const TreeView& view, const Record& record, const std::string& path, LastLink last) {
    auto end = look_up_end(view.root(), rooted(path), last);
    if (!end.ok()) return missing_in(record, path, std::move(end).error());
    TRY(check_kind(end.value(), cat(record.name(), ":", path)));
    return end;
}

Result<CopyEnd> source_in_container(const TreeView& view, const Record& record, const std::string& path, const CopyOptions& options) {
    CopyEnd end = TRY(look_up_in_container(view, record, path, options.follow_link ? LastLink::follow : LastLink::keep));
    if (!end.exists()) return missing_in(record, path, Error::of_errno(ENOENT, path));
    return end;
}

Result<CopyEnd> source_on_host(const Root& host, const std::string& path, const CopyOptions& options) {
    const std::string absolute = TRY(absolute_host_path(path));
    auto end = look_up_end(host, absolute, options.follow_link ? LastLink::follow : LastLink::keep);
    if (!end.ok()) return Error::of_errno(end.error().code(), path);
    if (!end.value().exists()) return Error::of_errno(ENOENT, path);
    return end;
}

Result<CopyEnd> target_on_host(const Root& host, const std::string& path) {
    const std::string absolute = TRY(absolute_host_path(path));
    auto end = look_up_end(host, absolute, LastLink::follow);
    if (!end.ok() && end.error().code() == ENOENT)
        return Error(Kind::not_found, cat("invalid output path: directory \"", clean_path(cat(path, "/..")), "\" does not exist"));
    if (!end.ok()) return Error::of_errno(end.error().code(), path);
    return end;
}

Result<void> check_target_kind(const CopyEnd& target, const std::string& path) {
    const mode_t type = target.status.st_mode & S_IFMT;
    if (!target.exists() || type == S_IFDIR || type == S_IFREG) return {};
    return Error(Kind::invalid, cat(path, ": must be a directory or a regular file"));
}

/// Does what plan_copy says.
Result<void> copy_between(const CopyEnd& source, const CopyEnd& target, TreeCopier& copier) {
    const CopyAction action = TRY(plan_copy({.source_is_folder = source.is_folder(),
                                             .contents_only = source.contents_only,
                                             .target_exists = target.exists(),
                                             .target_is_folder = target.is_folder(),
                                             .target_asserts_folder = target.asserts_folder}));
    switch (action) {
        case CopyAction::into_contents: return copier.copy_contents(source.item, target.item);
        case CopyAction::into_folder: return copier.copy_item(source.item, target.item, source.title);
        case CopyAction::as_name: return copier.copy_item(source.item, target.folder, target.name);
    }
    bug("copy action out of range");
}

/// docker: -a gives copies to the container's user, if it has one, and keeps the numbers otherwise; without -a they are kept.
Result<void> choose_owner(const TreeView& view, const Record& record, const CopyOptions& options, TreeCopyOptions& copy) {
    const std::string& user = record.definition.config.user;
    if (!options.archive || user.empty()) return {};
    const runtime::UserTables tables = TRY(runtime::UserTables::load(view.root()));
    const runtime::ResolvedUser resolved = TRY(runtime::resolve_user(tables, user));
    copy.owners = TreeCopyOptions::Owners::given;
    copy.uid = resolved.uid;
    copy.gid = resolved.gid;
    return {};
}

/// /dev of a running container: its nodes are the runtime's, not the container's files.
std::set<Inode> closed_folders_of(const TreeView& view) {
    const auto top = sys::fstat(view.root().fd());
    const auto devices = sys::fstatat(view.root().fd(), "dev");
    if (!top.ok() || !devices.ok() || top.value().st_dev == devices.value().st_dev) return {};
    return {Inode{devices.value().st_dev, devices.value().st_ino}};
}

/// Where an archive's entries go: below the folder that was looked up, inside the container's root, so that the links in
/// the container mean what they mean there.
struct UnpackPlace {
    Root root;
    std::string below;  ///< path of the folder under root, "" when root is that folder
};
Result<UnpackPlace> unpack_place(const TreeView& view, const CopyEnd& target) {
    const std::string top = TRY(sys::readlinkat(sys::here(), cat("/proc/self/fd/", view.root().fd().raw())));
    const std::string place = TRY(sys::readlinkat(sys::here(), cat("/proc/self/fd/", target.item.raw())));
    const std::string prefix = top == "/" ? top : cat(top, "/");
    Fd folder = TRY(target.item.duplicate());
    if (!place.starts_with(prefix) || place.ends_with(" (deleted)"))
        return UnpackPlace{TRY(Root::of(std::move(folder))), ""};
    Fd root = TRY(view.root().fd().duplicate());
    return UnpackPlace{TRY(Root::of(std::move(root))), place.substr(prefix.size())};
}

}  // namespace

Result<CopySummary> copy_in(Engine& engine, const Record& to, const std::string& host_path,
                            const std::string& container_path, const CopyOptions& options) {
    const Root host = TRY(Root::open("/"));
    const CopyEnd source = TRY(source_on_host(host, host_path, options));
    const TreeView view = TRY(TreeView::open(engine, to));
    const CopyEnd target = TRY(look_up_in_container(view, to, container_path, LastLink::follow));
    TRY(check_target_kind(target, cat(to.name(), ":", container_path)));
    TreeCopyOptions copy;
    copy.progress = options.progress;
    TRY(choose_owner(view, to, options, copy));
    TreeCopier copier(std::move(copy));
    auto copied = copy_between(source, target, copier);
    if (!copied.ok()) return name_read_only(to, rooted(container_path), std::move(copied).error());
    note(engine.paths().root, {container_event(to, "extract-to-dir")});
    return CopySummary{copier.bytes(), copier.entries()};
}

Result<CopySummary> copy_out(Engine& engine, const Record& from, const std::string& container_path,
                             const std::string& host_path, const CopyOptions& options) {
    const Root host = TRY(Root::open("/"));
    const TreeView view = TRY(TreeView::open(engine, from));
    const CopyEnd source = TRY(source_in_container(view, from, container_path, options));
    const CopyEnd target = TRY(target_on_host(host, host_path));
    TRY(check_target_kind(target, host_path));
    TreeCopyOptions copy;
    copy.owners = TreeCopyOptions::Owners::caller;
    copy.devices_for_owner_only = true;
    copy.closed_folders = closed_folders_of(view);
    copy.progress = options.progress;
    TreeCopier copier(std::move(copy));
    TRY(copy_between(source, target, copier), host_path);
    note(engine.paths().root, {container_event(from, "archive-path")});
    return CopySummary{copier.bytes(), copier.entries()};
}

Result<CopySummary> copy_archive_in(Engine& engine, const Record& to, const Fd& archive,
                                    const std::string& container_path, const CopyOptions& options) {
    const TreeView view = TRY(TreeView::open(engine, to));
    const CopyEnd target = TRY(look_up_in_container(view, to, container_path, LastLink::follow));
    if (!target.exists()) return missing_in(to, container_path, Error::of_errno(ENOENT, container_path));
    if (!target.is_folder())
        return Error(Kind::invalid, cat("destination ", to.name(), ":", container_path, " must be a directory"));

    TreeCopyOptions owner;
    TRY(choose_owner(view, to, options, owner));
    const UnpackPlace place = TRY(unpack_place(view, target));
    image::UnpackOptions unpacking;
    unpacking.existing = image::UnpackOptions::Existing::refuse_type_change;
    unpacking.keep_nanoseconds = true;
    if (owner.owners == TreeCopyOptions::Owners::given) {
        unpacking.uid = owner.uid;
        unpacking.gid = owner.gid;
    }
    if (!place.below.empty())
        unpacking.rename = [&](const std::string& path) { return path.empty() ? path : cat(place.below, "/", path); };
    // Decompressed on this side of the wall: nothing of the container's is looked up for it (CVE-2019-14271).
    const std::unique_ptr<image::ByteSource> plain = TRY(image::open_decompressed(archive), "archive on stdin");
    auto unpacked = image::unpack(*plain, place.root, unpacking);
    if (!unpacked.ok()) return name_read_only(to, rooted(container_path), std::move(unpacked).error());
    note(engine.paths().root, {container_event(to, "extract-to-dir")});
    return CopySummary{static_cast<std::uint64_t>(unpacked.value().content_bytes),
                       static_cast<std::uint64_t>(unpacked.value().entries)};
}

Result<CopySummary> copy_archive_out(Engine& engine, const Record& from, const std::string& container_path,
                                     const Fd& archive, const CopyOptions& options) {
    const TreeView view = TRY(TreeView::open(engine, from));
    const CopyEnd source = TRY(source_in_container(view, from, container_path, options));
    image::FdSink sink(archive);
    image::TarWriter writer(sink);
    CopySummary summary;
    image::TreeOptions tree;
    tree.crosses_mounts = true;
    tree.root_entry = image::TreeOptions::RootEntry::always;
    tree.edit = [&](const image::TarEntry& entry) {
        ++summary.entries;
        summary.bytes += static_cast<std::uint64_t>(entry.size);
        if (options.progress) options.progress(summary.bytes);
    };
    if (source.is_folder()) {
        tree.prefix = source.contents_only ? "./" : cat(source.title, "/");
        const bool is_top = source.name == "." && !closed_folders_of(view).empty();
        // What the runtime mounts there is no part of the container.
        if (is_top) tree.is_left_out = [](const std::string& path) { return path == "proc" || path == "sys" || path == "dev"; };
        const Fd folder = TRY(sys::openat(source.item, ".", O_RDONLY | O_DIRECTORY));
        TRY(image::write_tree(folder, writer, tree), from.name(), ":", container_path);
    } else {
        tree.prefix = source.title;
        TRY(image::write_one(source.folder, source.name, writer, tree), from.name(), ":", container_path);
    }
    TRY(writer.finish());
    TRY(sink.flush());
    note(engine.paths().root, {container_event(from, "archive-path")});
    return summary;
}

Result<CopySummary> copy_across(Engine& engine, const Record& from, const std::string& from_path, const Record& to,
                                const std::string& to_path, const CopyOptions& options) {
    const TreeView source_view = TRY(TreeView::open(engine, from));
    std::optional<TreeView> other;
    if (from.id() != to.id()) other = TRY(TreeView::open(engine, to));
    const TreeView& target_view = other ? *other : source_view;
    const CopyEnd source = TRY(source_in_container(source_view, from, from_path, options));
    const CopyEnd target = TRY(look_up_in_container(target_view, to, to_path, LastLink::follow));
    TRY(check_target_kind(target, cat(to.name(), ":", to_path)));
    TreeCopyOptions copy;
    copy.closed_folders = closed_folders_of(source_view);
    copy.progress = options.progress;
    TRY(choose_owner(target_view, to, options, copy));
    TreeCopier copier(std::move(copy));
    auto copied = copy_between(source, target, copier);
    if (!copied.ok()) return name_read_only(to, rooted(to_path), std::move(copied).error());
    note(engine.paths().root, {container_event(from, "archive-path"), container_event(to, "extract-to-dir")});
    return CopySummary{copier.bytes(), copier.entries()};
}

}  // namespace berth::container
