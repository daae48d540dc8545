// The file system part of a plan: mounts in the spec's order, devices and links in /dev, then what is hidden.

#include <algorithm>

#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/root.h"
#include "runtime/defaults.h"
#include "runtime/mount_options.h"
#include "runtime/plan_make.h"
#include "runtime/sysctl.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace berth::runtime {

namespace {

/// The file system's own options as fsconfig(2) takes them.
std::vector<MountOption> file_system_options(PlanBuilder& out, const std::vector<std::string>& data) {
    std::vector<MountOption> options;
    for (const std::string& option : data) {
        const std::size_t equals = option.find('=');
        const char* value = equals == std::string::npos ? nullptr : out.keep(option.substr(equals + 1));
        options.push_back({out.keep(option.substr(0, equals)), value});
    }
    return options;
}

void add_attributes(PlanBuilder& out, const char* path, const MountAttributes& attributes) {
    if (attributes.set == 0 && attributes.clear == 0 && attributes.propagation == 0) return;
    out.add({.kind = StepKind::set_attributes, .path = path, .list = out.keep_one(attributes)});
}

/// Options that concern all mounts below, and propagation, come after the mount stands.
void add_later_attributes(PlanBuilder& out, const char* path, const MountOptions& options) {
    add_attributes(out, path, {options.recursive_set, options.recursive_clear, 0, true});
    add_attributes(out, path, {0, 0, options.propagation, options.propagation_recursive});
}

/// A read-only tmpfs is made writable first: mount points, devices and links below it have yet to be made.
bool becomes_readonly_later(const Mount& mount, const MountOptions& options) {
    return mount.type == "tmpfs" && !options.bind && !options.remount && (options.set & MOUNT_ATTR_RDONLY) != 0;
}

/// What the kernel shows of itself must stand where it is looked for, not where a link of the image leads: a faked /proc
/// would take the labels that are written through it (CVE-2019-19921).
bool needs_real_folder(const Mount& mount) { return mount.type == "proc" || mount.type == "sysfs"; }

/// A tmpfs over a folder of the image looks like it (runc): /tmp stays sticky.
bool takes_mode(const Mount& mount, const MountOptions& options) {
    return mount.type == "tmpfs" && std::none_of(options.data.begin(), options.data.end(),
                                                 [](const std::string& option) { return option.starts_with("mode="); });
}

void add_new_mount(PlanBuilder& out, const Mount& mount, const MountOptions& options) {
    const char* path = out.keep(mount.destination);
    const std::uint64_t attributes = becomes_readonly_later(mount, options) ? options.set & ~std::uint64_t{MOUNT_ATTR_RDONLY} : options.set;
    std::vector<MountOption> values = file_system_options(out, options.data);
    // `source` is a device or a label; the kernel shows it in mountinfo.
    if (!mount.source.empty()) values.push_back({"source", out.keep(mount.source)});
    if (options.copy_up) out.add({.kind = StepKind::copy_up, .path = path});
    out.add({.kind = StepKind::mount_new, .flags = attributes, .value = needs_real_folder(mount) ? 1u : 0u,
             .extra = takes_mode(mount, options) ? 1u : 0u, .path = path, .text = out.keep(mount.type),
             .list = out.keep_array(values), .count = static_cast<std::uint32_t>(values.size())});
    add_later_attributes(out, path, options);
}

/// v1: a tmpfs with a folder for each hierarchy, as the host has it; v2: the container's own group.
void add_cgroup_mount(PlanBuilder& out, const Mount& mount, const MountOptions& options, const LaunchInputs& inputs) {
    if (inputs.cgroup_trees.size() == 1 && inputs.cgroup_trees[0].name.empty()) {
        out.add({.kind = StepKind::attach_tree, .fd = inputs.cgroup_trees[0].fd, .path = out.keep(mount.destination),
                 .text = "cgroup2"});
        return;
    }
    const Mount top{mount.destination, "tmpfs", "tmpfs", {}, {}, {}};
    MountOptions top_options = options;
    top_options.data = {"mode=755"};
    add_new_mount(out, top, top_options);
    for (const CgroupTreeInput& tree : inputs.cgroup_trees) {
        const std::string path = join_path(mount.destination, tree.name);
        out.add({.kind = StepKind::attach_tree, .fd = tree.fd, .path = out.keep(path), .text = "cgroup"});
        for (const std::string& link : tree.links)
            out.add({.kind = StepKind::make_link, .path = out.keep(join_path(mount.destination, link)), .text = out.keep(tree.name)});
    }
    add_attributes(out, out.keep(mount.destination), {options.set & MOUNT_ATTR_RDONLY, 0, 0, false});
}

Result<void> add_mount(PlanBuilder& out, std::size_t index, const Mount& mount, const TreeInput& tree, const LaunchInputs& inputs) {
    const MountOptions options = parse_mount_options(mount.options);
    if (!tree.in_root.empty())
        out.add({.kind = StepKind::clone_in_root, .flags = tree.recursive ? AT_RECURSIVE : 0u, .value = tree.maps_ids ? index + 1 : 0,
                 .path = out.keep(mount.destination), .text = out.keep(tree.in_root), .list = out.keep_array(tree.attributes),
                 .count = static_cast<std::uint32_t>(tree.attributes.size())});
    if (tree.fd >= 0 || !tree.in_root.empty()) {
        out.add({.kind = StepKind::attach_tree, .fd = tree.fd, .value = static_cast<std::uint64_t>(tree.kind),
                 .path = out.keep(mount.destination), .text = out.keep(mount.source)});
        return {};
    }
    if (options.remount) {
        const char* path = out.keep(mount.destination);
        add_attributes(out, path, {options.set, options.clear, 0, false});
        add_later_attributes(out, path, options);
        return {};
    }
    if (mount.type == "cgroup" || mount.type == "cgroup2") {
        add_cgroup_mount(out, mount, options, inputs);
        return {};
    }
    if (mount.type.empty()) return Error(Kind::invalid, cat("mount on ", mount.destination, ": neither a type nor a bind"));
    add_new_mount(out, mount, options);
    return {};
}

Result<void> add_devices(PlanBuilder& out, const Spec& spec, const LaunchInputs& inputs) {
    const std::vector<Device> devices = plan_devices(spec);
    for (std::size_t i = 0; i < devices.size(); ++i) {
        const Device& device = devices[i];
        const char* path = out.keep(device.path);
        if (!inputs.device_trees.empty()) {
            out.add({.kind = StepKind::bind_device, .fd = inputs.device_trees[i], .path = path});
            continue;
        }
        const mode_t type = TRY(device_type(device));
        const auto number = makedev(static_cast<unsigned>(device.major), static_cast<unsigned>(device.minor));
        out.add({.kind = StepKind::make_device, .flags = type | device.file_mode.value_or(0666), .value = number, .path = path,
                 .uid = device.uid.value_or(0), .gid = device.gid.value_or(0)});
    }
    return {};
}

void add_readonly(PlanBuilder& out, const Spec& spec) {
    for (const Mount& mount : spec.mounts) {
        const MountOptions options = parse_mount_options(mount.options);
        if (becomes_readonly_later(mount, options))
            add_attributes(out, out.keep(mount.destination), {MOUNT_ATTR_RDONLY, 0, 0, false});
    }
}

/// Each path once, in order: masking twice would only stack mounts.
Strings distinct_paths(const Strings& paths) {
    Strings out;
    for (const std::string& path : paths) {
        const std::string clean = clean_path(path);
        if (std::find(out.begin(), out.end(), clean) == out.end()) out.push_back(clean);
    }
    return out;
}

bool mounts_over_dev(const Spec& spec) {
    for (const Mount& mount : spec.mounts)
        if (clean_path(mount.destination) == "/dev" && !parse_mount_options(mount.options).bind) return true;
    return false;
}

void add_links(PlanBuilder& out) {
    // runtime-spec config-linux.md "Default Devices"; /dev/core as docker and runc have it.
    constexpr std::pair<const char*, const char*> links[] = {
        {"/dev/fd", "/proc/self/fd"}, {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
        {"/dev/stderr", "/proc/self/fd/2"}, {"/dev/core", "/proc/kcore"}, {"/dev/ptmx", "pts/ptmx"}};
    for (const auto& [path, target] : links) out.add({.kind = StepKind::make_link, .path = path, .text = target});
}

void add_console(PlanBuilder& out, const ProcessSpec& process) {
    const Box size = process.console_size.value_or(Box{});
    out.add({.kind = StepKind::make_console, .value = static_cast<std::uint64_t>(size.height) << 16 | size.width,
             .uid = process.user.uid});
    out.add({.kind = StepKind::bind_console});
}

}  // namespace

Result<mode_t> device_type(const Device& device) {
    if (device.type == "c" || device.type == "u") return static_cast<mode_t>(S_IFCHR);
    if (device.type == "b") return static_cast<mode_t>(S_IFBLK);
    if (device.type == "p") return static_cast<mode_t>(S_IFIFO);
    return Error(Kind::invalid, cat("device ", device.path, ": unknown type '", device.type, "'"));
}

std::vector<Device> plan_devices(const Spec& spec) {
    std::vector<Device> devices = default_devices();
    if (!spec.linux) return devices;
    for (const Device& device : spec.linux->devices) {
        std::erase_if(devices, [&](const Device& known) { return known.path == device.path; });
        devices.push_back(device);
    }
    return devices;
}

Result<void> plan_mounts(PlanBuilder& out, const Spec& spec, const LaunchInputs& inputs) {
    out.add({.kind = StepKind::leave_host_tree});
    for (const std::string& path : inputs.hidden_mounts) out.add({.kind = StepKind::drop_mount, .path = out.keep(path)});
    out.add({.kind = StepKind::attach_root, .fd = inputs.root, .path = out.keep(inputs.root_target)});
    for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
        const TreeInput tree = i < inputs.mount_trees.size() ? inputs.mount_trees[i] : TreeInput{};
        TRY(add_mount(out, i, spec.mounts[i], tree, inputs));
    }
    // A /dev bound from the host has its devices, and must not get ours.
    const bool own_dev = mounts_over_dev(spec);
    if (own_dev) {
        TRY(add_devices(out, spec, inputs));
        add_links(out);
    }
    if (spec.process && spec.process->terminal) add_console(out, *spec.process);
    add_readonly(out, spec);
    const Hooks hooks = spec.hooks.value_or(Hooks{});
    if (!hooks.prestart.empty() || !hooks.create_runtime.empty())
        out.add({.kind = StepKind::meet_parent, .value = static_cast<std::uint64_t>(MessageType::prepared_root)});
    plan_hooks(out, hooks.create_container, "createContainer", inputs);
    out.add({.kind = inputs.no_pivot ? StepKind::move_root : StepKind::pivot});
    return {};
}

Result<void> plan_protection(PlanBuilder& out, const Spec& spec, const LaunchInputs& inputs) {
    const LinuxSpec linux_part = spec.linux.value_or(LinuxSpec{});
    for (const auto& [key, value] : linux_part.sysctl) {
        const std::string path = TRY(sysctl_path(key, value, spec), "sysctl ", key);
        out.add({.kind = StepKind::write_sysctl, .path = out.keep(path), .text = out.keep(value)});
    }
    for (const std::string& path : distinct_paths(linux_part.readonly_paths))
        out.add({.kind = StepKind::make_readonly, .path = out.keep(path)});
    for (const std::string& path : distinct_paths(linux_part.masked_paths))
        out.add({.kind = StepKind::mask, .fd = inputs.null_tree, .path = out.keep(path)});
    if (!linux_part.rootfs_propagation.empty()) {
        const Propagation propagation = TRY(parse_propagation(linux_part.rootfs_propagation), "linux.rootfsPropagation");
        out.add({.kind = StepKind::set_propagation, .flags = propagation.flag, .value = propagation.recursive ? 1u : 0u,
                 .path = "/"});
    }
    if (spec.root && spec.root->readonly) out.add({.kind = StepKind::make_root_readonly});
    return {};
}

}  // namespace berth::runtime
