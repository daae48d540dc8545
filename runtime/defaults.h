#pragma once
// What a container gets when nobody asks for anything else: docker's defaults, as a runtime spec.

#include <string>
#include <vector>

#include "runtime/spec.h"

namespace berth::runtime {

/// CAP_CHOWN … CAP_AUDIT_WRITE: docker's fourteen.
const std::vector<std::string>& default_capabilities();
const std::vector<std::string>& default_masked_paths();
const std::vector<std::string>& default_readonly_paths();
/// null zero full random urandom tty; the runtime makes them in every container (config-linux.md "Default Devices").
const std::vector<Device>& default_devices();
/// proc, dev, devpts, sysfs, mqueue, cgroup, shm; docker's order and options. `shm_bytes` is --shm-size.
std::vector<Mount> default_mounts(std::uint64_t shm_bytes = 64u << 20);
/// Device cgroup: deny all, then what a container may always use.
std::vector<DeviceRule> default_device_rules();
/// "PATH=…" as docker sets it when the image does not.
const std::string& default_path_env();

/// A complete spec of docker's defaults: new pid, network, ipc, uts, mount and cgroup namespaces, the mounts, paths,
/// devices and capabilities above (bounding, effective, permitted), default seccomp profile. root, args, user, hostname
/// and cgroupsPath are for the caller.
Spec default_spec();
/// Turns a spec into docker's --privileged: all capabilities, all devices of the host, no masks, writable sysfs and
/// cgroup, no seccomp.
Result<void> make_privileged(Spec& spec);
/// A host device (--device): type, numbers, mode and owner read from `host_path`; the rule that lets the container use it.
struct HostDevice {
    Device device;
    DeviceRule rule;
};
/// A folder gives every device below it. `permissions` of r, w, m.
Result<std::vector<HostDevice>> host_devices(const std::string& host_path, const std::string& container_path,
                                             const std::string& permissions);

}  // namespace berth::runtime
