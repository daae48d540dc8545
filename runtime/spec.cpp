// The field lists of config.json. Order follows runtime-spec's Go structs, so that what is written reads like other tools'.

#include "runtime/spec.h"

namespace berth::runtime {

template <class Io>
void fields(Io& io, Box& box) {
    io.optional("height", box.height);
    io.optional("width", box.width);
}
template <class Io>
void fields(Io& io, User& user) {
    io.optional("uid", user.uid);
    io.optional("gid", user.gid);
    if constexpr (!Io::reads) {
        // Readers of ours expect the ids of root to be there as well.
        if (user.uid == 0) io.required("uid", user.uid);
        if (user.gid == 0) io.required("gid", user.gid);
    }
    io.optional("umask", user.umask);
    io.optional("additionalGids", user.additional_gids);
}
template <class Io>
void fields(Io& io, Capabilities& caps) {
    io.optional("bounding", caps.bounding);
    io.optional("effective", caps.effective);
    io.optional("inheritable", caps.inheritable);
    io.optional("permitted", caps.permitted);
    io.optional("ambient", caps.ambient);
}
template <class Io>
void fields(Io& io, Rlimit& limit) {
    io.required("type", limit.type);
    io.required("hard", limit.hard);
    io.required("soft", limit.soft);
}
template <class Io>
void fields(Io& io, Scheduler& scheduler) {
    io.required("policy", scheduler.policy);
    io.optional("nice", scheduler.nice);
    io.optional("priority", scheduler.priority);
    io.optional("flags", scheduler.flags);
    io.optional("runtime", scheduler.runtime);
    io.optional("deadline", scheduler.deadline);
    io.optional("period", scheduler.period);
}
template <class Io>
void fields(Io& io, IoPriority& priority) {
    io.required("class", priority.io_class);
    io.optional("priority", priority.priority);
}
template <class Io>
void fields(Io& io, CpuAffinity& affinity) {
    io.optional("initial", affinity.initial);
    io.optional("final", affinity.final);
}
template <class Io>
void fields(Io& io, ProcessSpec& process) {
    io.optional("terminal", process.terminal);
    io.optional("consoleSize", process.console_size);
    if constexpr (Io::reads) io.optional("user", process.user);
    else io.required("user", process.user);
    io.optional("args", process.args);
    io.optional("env", process.env);
    if constexpr (Io::reads) io.optional("cwd", process.cwd);
    else io.required("cwd", process.cwd);
    io.optional("capabilities", process.capabilities);
    io.optional("rlimits", process.rlimits);
    io.optional("noNewPrivileges", process.no_new_privileges);
    io.optional("apparmorProfile", process.apparmor_profile);
    io.optional("oomScoreAdj", process.oom_score_adj);
    io.optional("scheduler", process.scheduler);
    io.optional("selinuxLabel", process.selinux_label);
    io.optional("ioPriority", process.io_priority);
    io.optional("execCPUAffinity", process.exec_cpu_affinity);
}
template <class Io>
void fields(Io& io, RootSpec& root) {
    io.required("path", root.path);
    io.optional("readonly", root.readonly);
}
template <class Io>
void fields(Io& io, IdMapping& mapping) {
    io.required("containerID", mapping.container_id);
    io.required("hostID", mapping.host_id);
    io.required("size", mapping.size);
}
template <class Io>
void fields(Io& io, Mount& mount) {
    io.required("destination", mount.destination);
    io.optional("type", mount.type);
    io.optional("source", mount.source);
    io.optional("options", mount.options);
    io.optional("uidMappings", mount.uid_mappings);
    io.optional("gidMappings", mount.gid_mappings);
}
template <class Io>
void fields(Io& io, Hook& hook) {
    io.required("path", hook.path);
    io.optional("args", hook.args);
    io.optional("env", hook.env);
    io.optional("timeout", hook.timeout);
}
template <class Io>
void fields(Io& io, Hooks& hooks) {
    io.optional("prestart", hooks.prestart);
    io.optional("createRuntime", hooks.create_runtime);
    io.optional("createContainer", hooks.create_container);
    io.optional("startContainer", hooks.start_container);
    io.optional("poststart", hooks.poststart);
    io.optional("poststop", hooks.poststop);
}
template <class Io>
void fields(Io& io, Namespace& space) {
    io.required("type", space.type);
    io.optional("path", space.path);
}
template <class Io>
void fields(Io& io, Device& device) {
    io.required("path", device.path);
    io.required("type", device.type);
    io.optional("major", device.major);
    io.optional("minor", device.minor);
    io.optional("fileMode", device.file_mode);
    io.optional("uid", device.uid);
    io.optional("gid", device.gid);
}
template <class Io>
void fields(Io& io, SeccompArg& arg) {
    io.required("index", arg.index);
    io.required("value", arg.value);
    io.optional("valueTwo", arg.value_two);
    io.required("op", arg.op);
}
template <class Io>
void fields(Io& io, SeccompRule& rule) {
    io.required("names", rule.names);
    io.required("action", rule.action);
    io.optional("errnoRet", rule.errno_ret);
    io.optional("args", rule.args);
}
template <class Io>
void fields(Io& io, Seccomp& seccomp) {
    io.required("defaultAction", seccomp.default_action);
    io.optional("defaultErrnoRet", seccomp.default_errno_ret);
    io.optional("architectures", seccomp.architectures);
    // A profile that says nothing about flags allows speculation, as all filters did before Linux 5.16 (runc).
    if constexpr (Io::reads) seccomp.flags = {"SECCOMP_FILTER_FLAG_SPEC_ALLOW"};
    io.optional("flags", seccomp.flags);
    io.optional("listenerPath", seccomp.listener_path);
    io.optional("listenerMetadata", seccomp.listener_metadata);
    io.optional("syscalls", seccomp.syscalls);
}
template <class Io>
void fields(Io& io, IntelRdt& rdt) {
    io.optional("closID", rdt.clos_id);
    io.optional("schemata", rdt.schemata);
    io.optional("l3CacheSchema", rdt.l3_cache_schema);
    io.optional("memBwSchema", rdt.mem_bw_schema);
    io.optional("enableMonitoring", rdt.enable_monitoring);
    io.optional("enableCMT", rdt.enable_cmt);
    io.optional("enableMBM", rdt.enable_mbm);
}
template <class Io>
void fields(Io& io, TimeOffset& offset) {
    io.optional("secs", offset.secs);
    io.optional("nanosecs", offset.nanosecs);
}
template <class Io>
void fields(Io& io, MemoryPolicy& policy) {
    io.optional("mode", policy.mode);
    io.optional("nodes", policy.nodes);
    io.optional("flags", policy.flags);
}
template <class Io>
void fields(Io& io, Personality& personality) {
    io.required("domain", personality.domain);
    io.optional("flags", personality.flags);
}
template <class Io>
void fields(Io& io, NetDevice& device) {
    io.optional("name", device.name);
}
template <class Io>
void fields(Io& io, LinuxSpec& spec) {
    io.optional("uidMappings", spec.uid_mappings);
    io.optional("gidMappings", spec.gid_mappings);
    io.optional("sysctl", spec.sysctl);
    io.optional("resources", spec.resources);
    io.optional("cgroupsPath", spec.cgroups_path);
    io.optional("namespaces", spec.namespaces);
    io.optional("devices", spec.devices);
    io.optional("netDevices", spec.net_devices);
    io.optional("seccomp", spec.seccomp);
    io.optional("rootfsPropagation", spec.rootfs_propagation);
    io.optional("maskedPaths", spec.masked_paths);
    io.optional("readonlyPaths", spec.readonly_paths);
    io.optional("mountLabel", spec.mount_label);
    io.optional("intelRdt", spec.intel_rdt);
    io.optional("memoryPolicy", spec.memory_policy);
    io.optional("personality", spec.personality);
    io.optional("timeOffsets", spec.time_offsets);
}
template <class Io>
void fields(Io& io, Spec& spec) {
    io.required("ociVersion", spec.oci_version);
    io.optional("process", spec.process);
    io.optional("root", spec.root);
    io.optional("hostname", spec.hostname);
    io.optional("domainname", spec.domainname);
    io.optional("mounts", spec.mounts);
    io.optional("hooks", spec.hooks);
    io.optional("annotations", spec.annotations);
    io.optional("linux", spec.linux);
}

namespace {

constexpr std::size_t largest_document = 16u << 20;

}  // namespace

const Namespace* Spec::find_namespace(std::string_view type) const {
    if (!linux) return nullptr;
    for (const Namespace& space : linux->namespaces)
        if (space.type == type) return &space;
    return nullptr;
}

Result<Spec> parse_spec(std::string_view text) {
    const Json document = TRY(parse_json(text, largest_document), "config.json");
    return TRY(from_json<Spec>(document), "config.json");
}

Result<ProcessSpec> parse_process(std::string_view text) {
    const Json document = TRY(parse_json(text, largest_document), "process.json");
    return TRY(from_json<ProcessSpec>(document), "process.json");
}

Json spec_json(const Spec& spec) { return to_json(spec); }
Json process_json(const ProcessSpec& process) { return to_json(process); }

}  // namespace berth::runtime
