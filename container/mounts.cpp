#include "container/mounts.h"

#include <algorithm>
#include <cerrno>

#include <unistd.h>

#include "base/cat.h"
#include "base/file.h"
#include "container/engine.h"
#include "container/mount_space.h"
#include "container/volume_mount.h"
#include "image/overlay.h"
#include "image/store.h"

namespace berth::container {

namespace {

MountPoint point_of(const Mount& mount) {
    MountPoint point;
    point.type = mount.type;
    point.destination = clean_path(mount.target);
    point.mode = mount.mode;
    point.rw = !mount.read_only;
    point.recursion = mount.recursion;
    point.subpath = mount.subpath;
    point.own = mount.own;
    point.id_map = mount.id_map;
    switch (mount.type) {
        case MountType::bind:
            point.source = mount.source;
            point.propagation = mount.propagation.empty() ? "rprivate" : mount.propagation;
            point.create_source = mount.create_source;
            break;
        case MountType::volume:
            point.name = mount.source;
            point.driver = mount.driver.empty() ? "local" : mount.driver;
            point.anonymous = mount.source.empty();
            break;
        case MountType::tmpfs:
            point.tmpfs_options = tmpfs_option_text(mount);
            point.create_source = mount.create_source;  // of --tmpfs: see parse_tmpfs_flag
            break;
        case MountType::image:
            point.name = mount.source;
            break;
    }
    return point;
}

PlannedMount planned(const Mount& mount) {
    PlannedMount plan{.point = point_of(mount)};
    if (mount.type != MountType::volume) return plan;
    plan.volume.name = mount.source;
    plan.volume.labels = mount.labels;
    plan.volume.driver = plan.point.driver;
    plan.volume.options = mount.driver_options;
    plan.fill = !mount.no_copy && mount.subpath.empty();
    return plan;
}

PlannedMount anonymous_volume(const std::string& target) {
    Mount mount;
    mount.target = target;
    return planned(mount);
}

Result<void> check_target(const std::string& target) {
    if (target.empty() || target[0] != '/')
        return Error(Kind::invalid, cat("mount target '", target, "' must be an absolute path"));
    if (clean_path(target) == "/") return Error(Kind::invalid, "nothing can be mounted on '/' of a container");
    return {};
}

auto same_target(const std::string& destination) {
    return [&destination](const PlannedMount& other) { return other.point.destination == destination; };
}

/// The components in order, so that "/a" comes before "/a/b" and both before "/a-b".
bool lies_before(const PlannedMount& left, const PlannedMount& right) {
    const std::string& a = left.point.destination;
    const std::string& b = right.point.destination;
    // '/' sorts below every other byte.
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
        const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
        return rank(x) < rank(y);
    });
}

Result<void> check_bind_source(const MountPoint& point) {
    const auto there = sys::open(point.source, O_PATH);
    if (there.ok() || point.create_source) return {};
    if (there.error().code() == ENOENT)
        return Error(Kind::not_found, cat("bind source path does not exist: ", point.source))
            .with_hint("make it first, or add bind-create-src to have it made");
    return Error::of_errno(there.error().code(), cat("bind source ", point.source));
}

Result<void> create_volume(const Volumes& volumes, const PlannedMount& plan, MountPoint& point,
                           const std::function<Result<Root>()>& image) {
    const Volume volume = TRY(volumes.create(plan.volume));
    point.name = volume.name;
    point.source = volume.mountpoint;
    const auto device = volume.options.find("device");
    if (is_bind_volume(volume) && device != volume.options.end()) {
        point.source = device->second;
        return {};
    }
    if (!plan.fill || has_file_system(volume)) return {};
    const Root root = TRY(image());
    return volumes.fill(volume, root, point.destination);
}

Result<MountSource> open_image_mount(Engine& engine, const MountPoint& point) {
    image::Store* store = TRY(engine.images());
    const image::ImageId id = TRY(store->resolve(point.name));
    const image::ImageRecord record = TRY(store->load_record(id));
    image::OverlayRequest request;
    request.lowers = TRY(store->layer_folders(record.layers));
    Fd tree = TRY(image::mount_overlay(request));
    if (!point.subpath.empty()) tree = TRY(mount_of_subfolder(tree, point.subpath), "subpath");
    return MountSource{std::move(tree), true};
}

}  // namespace

std::vector<MountPoint> inherited_mounts(const std::vector<MountPoint>& theirs, VolumesFrom::Access access) {
    std::vector<MountPoint> mine;
    for (MountPoint point : theirs) {
        if (point.type != MountType::volume && point.type != MountType::bind) continue;
        if (access == VolumesFrom::Access::read_only) point.rw = false;
        if (access == VolumesFrom::Access::read_write) point.rw = true;
        mine.push_back(std::move(point));
    }
    return mine;
}

Result<std::vector<PlannedMount>> plan_mounts(const MountRequest& request) {
    std::vector<PlannedMount> plan;
    for (const Mount& mount : request.mounts) {
        TRY(check_target(mount.target));
        PlannedMount wanted = planned(mount);
        if (std::any_of(plan.begin(), plan.end(), same_target(wanted.point.destination)))
            return Error(Kind::invalid, cat("duplicate mount point: ", wanted.point.destination))
                .with_hint("mount one thing on each path");
        plan.push_back(std::move(wanted));
    }
    // Of several --volumes-from the last one wins, as in docker.
    for (auto point = request.inherited.rbegin(); point != request.inherited.rend(); ++point)
        if (std::none_of(plan.begin(), plan.end(), same_target(point->destination)))
            plan.push_back(PlannedMount{.point = *point, .volume = {.name = point->name}});
    for (const std::string& written : request.image_volumes) {
        // docker: `VOLUME data` of an image is /data.
        const std::string target = clean_path("/" + written);
        TRY(check_target(target));
        PlannedMount wanted = anonymous_volume(target);
        if (std::none_of(plan.begin(), plan.end(), same_target(wanted.point.destination))) plan.push_back(std::move(wanted));
    }
    std::sort(plan.begin(), plan.end(), lies_before);
    return plan;
}

Result<std::vector<MountPoint>> create_mounts(const Volumes& volumes, const std::vector<PlannedMount>& plan,
                                              const std::function<Result<Root>()>& image) {
    std::vector<MountPoint> points;
    const auto create_all = [&]() -> Result<void> {
        for (const PlannedMount& planned_mount : plan) {
            MountPoint point = planned_mount.point;
            if (point.type == MountType::bind) TRY(check_bind_source(point));
            const bool is_new = point.anonymous && point.name.empty();
            if (point.type == MountType::volume && (is_new || planned_mount.point.source.empty())) {
                // Listed before it is filled, so that a failed fill takes an anonymous volume with it.
                points.push_back(point);
                TRY(create_volume(volumes, planned_mount, points.back(), image), "mount ", point.destination);
            } else {
                points.push_back(std::move(point));
            }
        }
        return {};
    };
    if (auto created = create_all(); !created.ok()) {
        for (std::size_t i = 0; i < points.size(); ++i)
            if (plan[i].point.anonymous && plan[i].point.name.empty() && !points[i].name.empty())
                ignore(volumes.remove(points[i].name), "the first error is what the user needs");
        return std::move(created).error();
    }
    return points;
}

Result<Fd> open_source(const MountPoint& point) {
    auto source = sys::open(point.source, O_PATH);
    if (!source.ok() && source.error().code() == ENOENT && point.create_source) {
        TRY(make_host_folders(point.source, 0755), "make bind source ", point.source);
        source = sys::open(point.source, O_PATH);
    }
    if (!source.ok() && source.error().code() == ENOENT && point.type == MountType::volume)
        return Error(Kind::not_found, cat("volume '", point.name, "' is gone: ", point.source));
    if (!source.ok()) return std::move(source).error().context("source of mount ", point.destination);
    if (point.subpath.empty()) return std::move(source).value();

    const Root volume = TRY(Root::of(std::move(source).value()), "volume ", point.name);
    // What a container put into its volume may be links: none is followed on the way (docker: CVE-2024-23651 is this race).
    return TRY(volume.open_beneath(point.subpath, O_PATH), "volume ", point.name, ": subpath '", point.subpath, "'");
}

Result<MountSource> open_mount(Engine& engine, const MountPoint& point) {
    if (point.type == MountType::image) return TRY(open_image_mount(engine, point), point.name);
    if (point.type == MountType::volume) {
        Volumes* volumes = TRY(engine.volumes());
        const auto volume = TRY(volumes->find(point.name));
        if (volume && has_file_system(*volume))
            return MountSource{TRY(mount_volume(*volume), "volume '", volume->name, "'"), true};
    }
    return MountSource{TRY(open_source(point), point.source), false};
}

std::string tmpfs_option_text(const Mount& mount) {
    const std::string given = cat(",", mount.tmpfs_options, ",");
    const auto is_given = [&](std::string_view word) { return given.find(cat(",", word, ",")) != std::string::npos; };
    std::string text;
    const auto add = [&](const std::string& word) { text += cat(text.empty() ? "" : ",", word); };
    for (const std::string_view word : {"exec", "suid", "dev"})
        if (!is_given(word)) add(cat("no", word));
    if (mount.read_only) add("ro");
    if (mount.tmpfs_size != 0) add(cat("size=", mount.tmpfs_size));
    if (mount.tmpfs_mode) {
        std::string octal;
        for (unsigned rest = *mount.tmpfs_mode; rest != 0 || octal.empty(); rest /= 8)
            octal.insert(octal.begin(), static_cast<char>('0' + rest % 8));
        add(cat("mode=", octal));
    }
    if (!mount.tmpfs_options.empty()) add(mount.tmpfs_options);
    return text;
}

Result<void> change_owner(const Fd& source, uid_t uid, gid_t gid) {
    const struct stat status = TRY(sys::fstat(source));
    if (status.st_uid == uid && status.st_gid == gid) return {};
    if (S_ISDIR(status.st_mode)) {
        const Fd folder = TRY(sys::openat(source, ".", O_RDONLY | O_DIRECTORY));
        const std::vector<std::string> names = TRY(list_folder(folder));
        for (const std::string& name : names) {
            const Fd below = TRY(sys::openat(folder, name, O_PATH | O_NOFOLLOW), name);
            TRY(change_owner(below, uid, gid), name);
        }
    }
    // Last, so that an interrupted change is seen and done again. By descriptor: a name may have become a link meanwhile.
    if (::fchownat(source.raw(), "", uid, gid, AT_EMPTY_PATH) != 0) return Error::of_errno(errno, "change owner");
    return {};
}

}  // namespace berth::container
