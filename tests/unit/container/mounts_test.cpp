#include <criterion/criterion.h>

#include <sys/stat.h>

#include "container/mounts.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_mounts, .timeout = 10);

namespace {

Mount volume_of(const std::string& source, const std::string& target) {
    Mount mount;
    mount.source = source;
    mount.target = target;
    return mount;
}

Mount bind_of(const std::string& source, const std::string& target) {
    Mount mount = volume_of(source, target);
    mount.type = MountType::bind;
    return mount;
}

std::string targets(const std::vector<PlannedMount>& plan) {
    std::string text;
    for (const PlannedMount& planned : plan) text += cat(text.empty() ? "" : " ", planned.point.destination);
    return text;
}

MountPoint point_at(const std::string& destination, const std::string& source) {
    MountPoint point;
    point.type = MountType::bind;
    point.destination = destination;
    point.source = source;
    return point;
}

Result<Root> no_image() { return Error(Kind::not_found, "no image"); }

}  // namespace

Test(container_mounts, a_mount_comes_after_the_one_it_lies_in) {
    MountRequest request;
    request.mounts = {bind_of("/1", "/a/b/c"), bind_of("/2", "/a-b"), bind_of("/3", "/a"), bind_of("/4", "/a/b")};
    const std::string order = targets(plan_mounts(request).value());
    cr_expect_str_eq(order.c_str(), "/a /a/b /a/b/c /a-b");
}

Test(container_mounts, two_mounts_on_one_target_are_refused) {
    MountRequest request;
    request.mounts = {bind_of("/1", "/a"), volume_of("v", "/a/")};
    const auto plan = plan_mounts(request);
    cr_assert(!plan.ok());
    cr_expect_str_eq(plan.error().text().c_str(), "duplicate mount point: /a");
}

Test(container_mounts, explicit_mounts_go_over_inherited_ones_and_those_over_the_images) {
    MountRequest request;
    request.mounts = {bind_of("/mine", "/a")};
    request.inherited = {point_at("/a", "/theirs"), point_at("/b", "/first"), point_at("/b", "/last")};
    request.image_volumes = {"/a", "/b", "/c"};
    const auto plan = plan_mounts(request).value();
    cr_assert_eq(plan.size(), 3u);
    cr_expect_str_eq(plan[0].point.source.c_str(), "/mine");
    cr_expect_str_eq(plan[1].point.source.c_str(), "/last");
    cr_expect(plan[2].point.type == MountType::volume);
    cr_expect(plan[2].point.anonymous);
    cr_expect(plan[2].fill);
}

Test(container_mounts, nothing_is_mounted_on_the_root) {
    MountRequest request;
    request.image_volumes = {"/x/.."};
    const auto plan = plan_mounts(request);
    cr_assert(!plan.ok());
    cr_expect_str_eq(plan.error().text().c_str(), "nothing can be mounted on '/' of a container");
}

Test(container_mounts, inherited_mounts_are_volumes_and_binds_with_the_access_asked_for) {
    MountPoint tmpfs = point_at("/t", "");
    tmpfs.type = MountType::tmpfs;
    MountPoint bind = point_at("/b", "/src");
    bind.rw = true;
    const auto mine = inherited_mounts({tmpfs, bind}, VolumesFrom::Access::read_only);
    cr_assert_eq(mine.size(), 1u);
    cr_expect(!mine[0].rw);
}

Test(container_mounts, a_tmpfs_is_closed_unless_asked) {
    Mount mount;
    mount.type = MountType::tmpfs;
    mount.tmpfs_size = 4096;
    mount.tmpfs_mode = 0755;
    const std::string plain = tmpfs_option_text(mount);
    cr_expect_str_eq(plain.c_str(), "noexec,nosuid,nodev,size=4096,mode=755");
    Mount open;
    open.tmpfs_options = "exec,size=64m";
    const std::string with_exec = tmpfs_option_text(open);
    cr_expect_str_eq(with_exec.c_str(), "nosuid,nodev,exec,size=64m");
}

Test(container_mounts, create_makes_the_volumes_and_names_the_anonymous) {
    const auto volumes = Volumes::open(support::temporary_folder()).value();
    MountRequest request;
    request.mounts = {volume_of("data", "/data")};
    request.mounts[0].no_copy = true;
    request.image_volumes = {"/cache"};
    auto plan = plan_mounts(request).value();
    for (auto& planned : plan) planned.fill = false;
    const auto points = create_mounts(volumes, plan, no_image);
    cr_assert(points.ok());
    cr_expect_eq(points.value()[0].name.size(), 64u, "/cache is anonymous");
    cr_expect(volumes.get(points.value()[0].name).value().is_anonymous());
    cr_expect_str_eq(points.value()[1].name.c_str(), "data");
    cr_expect(support::exists(points.value()[1].source));
}

Test(container_mounts, a_failed_create_leaves_no_anonymous_volume) {
    const auto volumes = Volumes::open(support::temporary_folder()).value();
    MountRequest request;
    request.image_volumes = {"/cache"};
    const auto points = create_mounts(volumes, plan_mounts(request).value(), no_image);
    cr_assert(!points.ok());
    cr_expect_str_eq(points.error().text().c_str(), "mount /cache: no image");
    cr_expect_eq(volumes.list().value().size(), 0u);
}

Test(container_mounts, a_bind_whose_source_is_absent_is_refused_unless_it_may_be_made) {
    const std::string folder = support::temporary_folder();
    const auto volumes = Volumes::open(folder).value();
    MountRequest request;
    request.mounts = {bind_of(folder + "/absent", "/x")};
    const auto refused = create_mounts(volumes, plan_mounts(request).value(), no_image);
    cr_assert(!refused.ok());
    const std::string want = "bind source path does not exist: " + folder + "/absent";
    cr_expect_str_eq(refused.error().text().c_str(), want.c_str());
    request.mounts[0].create_source = true;
    const auto points = create_mounts(volumes, plan_mounts(request).value(), no_image).value();
    cr_expect(open_source(points[0]).ok());
    cr_expect(support::exists(folder + "/absent"));
}

Test(container_mounts, a_subpath_follows_no_link) {
    const std::string folder = support::temporary_folder();
    cr_assert_eq(mkdir((folder + "/real").c_str(), 0755), 0);
    cr_assert_eq(symlink("/etc", (folder + "/out").c_str()), 0);
    MountPoint point = point_at("/x", folder);
    point.type = MountType::volume;
    point.name = "v";
    point.subpath = "real";
    cr_expect(open_source(point).ok());
    point.subpath = "out";
    const auto opened = open_source(point);
    cr_assert(!opened.ok());
    const std::string text = opened.error().text();
    cr_expect_str_eq(text.c_str(), "volume v: subpath 'out': out: Too many levels of symbolic links");
}
