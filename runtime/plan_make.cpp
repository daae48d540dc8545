#include "runtime/plan_make.h"

#include <algorithm>

#include <sched.h>

#include "runtime/process_attributes.h"
#include "runtime/validate.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

namespace berth::runtime {

namespace {

struct NamespaceName {
    std::string_view type;
    std::uint64_t flag;
};
constexpr NamespaceName namespace_names[] = {
    {"pid", CLONE_NEWPID}, {"network", CLONE_NEWNET}, {"mount", CLONE_NEWNS},   {"ipc", CLONE_NEWIPC},
    {"uts", CLONE_NEWUTS}, {"user", CLONE_NEWUSER},   {"cgroup", CLONE_NEWCGROUP}, {"time", CLONE_NEWTIME},
};

bool makes_namespace(const Spec& spec, std::string_view type) {
    const Namespace* space = spec.find_namespace(type);
    return space != nullptr && space->path.empty();
}

/// What every child does first: become a stranger to its parent, enter the groups that the container's limits are on.
void add_departure(PlanBuilder& out, const ProcessInputs& inputs) {
    if (inputs.parent_socket >= 0) out.add({.kind = StepKind::close_descriptor, .fd = inputs.parent_socket});
    out.add({.kind = StepKind::reset_signals});
    if (inputs.die_with_parent) out.add({.kind = StepKind::die_with_parent});
}

void add_affinity(PlanBuilder& out, const std::vector<unsigned long>& mask) {
    out.add({.kind = StepKind::set_affinity, .list = out.keep_array(mask), .count = static_cast<std::uint32_t>(mask.size())});
}

void add_groups(PlanBuilder& out, const ProcessInputs& inputs) {
    for (const auto& [controller, fd] : inputs.tasks)
        out.add({.kind = StepKind::write_zero, .fd = fd, .text = out.keep(controller)});
}

/// Not what the caller was pinned to but every CPU that the group's cpuset allows.
void reset_affinity(PlanBuilder& out) { add_affinity(out, std::vector<unsigned long>(128, ~0UL)); }

void add_hiding(PlanBuilder& out, const ProcessInputs& inputs) {
    out.add({.kind = StepKind::hide, .list = inputs.command_line.data(), .count = static_cast<std::uint32_t>(inputs.command_line.size())});
}

void add_joins(PlanBuilder& out, const ProcessInputs& inputs) {
    for (const JoinInput& join : inputs.joins)
        out.add({.kind = StepKind::join, .fd = join.fd, .flags = join.flags, .text = out.keep(join.name)});
}

void add_time_namespace(PlanBuilder& out, const Spec& spec, int host_proc) {
    if (!makes_namespace(spec, "time")) return;
    out.add({.kind = StepKind::unshare, .flags = CLONE_NEWTIME, .text = "time"});
    std::string lines;
    for (const auto& [clock, offset] : spec.linux->time_offsets)
        lines += cat(clock, " ", offset.secs, " ", offset.nanosecs, "\n");
    out.add({.kind = StepKind::set_time_offsets, .fd = host_proc, .text = out.keep(lines)});
}

void add_namespaces(PlanBuilder& out, const Spec& spec, const LaunchInputs& inputs) {
    if (makes_namespace(spec, "user")) {
        out.add({.kind = StepKind::meet_parent, .value = static_cast<std::uint64_t>(MessageType::prepared_ids)});
        out.add({.kind = StepKind::become_root});
    } else if (spec.find_namespace("user") != nullptr) {
        out.add({.kind = StepKind::become_root});
    }
    add_time_namespace(out, spec, inputs.host_proc);
    add_hiding(out, inputs.process);
    add_joins(out, inputs.process);
    // After the groups were entered: the namespace's root is where the process is when it is made (cgroup_namespaces(7)).
    if (makes_namespace(spec, "cgroup")) out.add({.kind = StepKind::unshare, .flags = CLONE_NEWCGROUP, .text = "cgroup"});
}

void add_names(PlanBuilder& out, const Spec& spec) {
    if (!spec.hostname.empty())
        out.add({.kind = StepKind::set_hostname, .text = out.keep(spec.hostname),
                 .count = static_cast<std::uint32_t>(spec.hostname.size())});
    if (!spec.domainname.empty())
        out.add({.kind = StepKind::set_domainname, .text = out.keep(spec.domainname),
                 .count = static_cast<std::uint32_t>(spec.domainname.size())});
    if (makes_namespace(spec, "network")) out.add({.kind = StepKind::loopback_up});
}

bool needs_procfs(const Spec& spec, const LaunchInputs& inputs) {
    const bool labels = spec.process && (!spec.process->apparmor_profile.empty() || !spec.process->selinux_label.empty());
    return inputs.fifo >= 0 || labels || (spec.linux && !spec.linux->sysctl.empty());
}

}  // namespace

Result<std::uint64_t> namespace_flag(const std::string& type) {
    for (const NamespaceName& name : namespace_names)
        if (name.type == type) return name.flag;
    return Error(Kind::invalid, cat("unknown namespace '", type, "'"));
}

Result<std::uint64_t> new_namespaces(const Spec& spec) {
    std::uint64_t flags = 0;
    if (!spec.linux) return flags;
    for (const Namespace& space : spec.linux->namespaces) {
        const std::uint64_t flag = TRY(namespace_flag(space.type), "linux.namespaces");
        if (space.path.empty()) flags |= flag;
    }
    // A spec may leave the mount namespace out, to share the runtime's. It gets a copy all the same: the container sees
    // what it would see, and none of its mounts is ever the host's.
    if (spec.find_namespace("mount") == nullptr) flags |= CLONE_NEWNS;
    return flags;
}

void plan_hooks(PlanBuilder& out, const std::vector<Hook>& hooks, const char* name, const LaunchInputs& inputs) {
    for (std::size_t i = 0; i < hooks.size(); ++i) {
        const Hook& hook = hooks[i];
        HookPlan plan{};
        plan.path = out.keep(hook.path);
        plan.argv = out.keep_strings(hook.args.empty() ? Strings{hook.path} : hook.args);
        plan.envp = out.keep_strings(hook.env);
        plan.state_before = out.keep(inputs.state_before);
        plan.state_behind = out.keep(inputs.state_behind);
        plan.timeout_seconds = hook.timeout.value_or(0);
        out.add({.kind = StepKind::run_hook, .value = i, .path = plan.path, .text = name, .list = out.keep_one(plan)});
    }
}

Result<PlanBuilder> make_launch_plan(const Spec& spec, const LaunchInputs& inputs) {
    TRY(validate_spec(spec));
    PlanBuilder out;
    add_departure(out, inputs.process);
    add_groups(out, inputs.process);
    reset_affinity(out);
    add_namespaces(out, spec, inputs);
    out.add({.kind = StepKind::new_session});
    if (!inputs.process.keyring.empty())
        out.add({.kind = StepKind::new_keyring, .text = out.keep(inputs.process.keyring)});
    if (needs_procfs(spec, inputs)) out.add({.kind = StepKind::open_procfs});
    TRY(plan_mounts(out, spec, inputs));
    add_names(out, spec);
    // enter_folder makes what is missing, but comes too late where the root is read-only by then.
    if (spec.root && spec.root->readonly) out.add({.kind = StepKind::make_folder, .flags = 0755, .path = out.keep(spec.process->cwd)});
    TRY(plan_protection(out, spec, inputs));
    const Hooks hooks = spec.hooks.value_or(Hooks{});
    ProcessPlanOptions options{.makes_folder = true, .has_fifo = inputs.fifo >= 0, .waits = true,
                               .start_hooks = &hooks.start_container, .launch = &inputs};
    options.has_cpuset = spec.linux && spec.linux->resources && spec.linux->resources->cpu && !spec.linux->resources->cpu->cpus.empty();
    if (spec.linux && spec.linux->personality) options.personality = &*spec.linux->personality;
    if (spec.linux && spec.linux->memory_policy) options.memory_policy = &*spec.linux->memory_policy;
    TRY(plan_process(out, *spec.process, inputs.process, options));
    out.plan().root = inputs.root;
    out.plan().fifo = inputs.fifo;
    return out;
}

Result<PlanBuilder> make_exec_plan(const ProcessSpec& process, const ExecInputs& inputs) {
    TRY(validate_process(process));
    PlanBuilder out;
    add_departure(out, inputs.process);
    add_hiding(out, inputs.process);
    const CpuAffinity affinity = process.exec_cpu_affinity.value_or(CpuAffinity{});
    if (!affinity.initial.empty()) {
        const auto mask = TRY(parse_list_mask(affinity.initial), "process.execCPUAffinity.initial");
        add_affinity(out, mask);
    }
    add_groups(out, inputs.process);
    // Before the joins: in a user namespace we could not enter a group that the container does not own.
    if (inputs.report >= 0)
        out.add({.kind = StepKind::fork_below_reaper, .fd = inputs.reaped_v2, .list = out.keep_array(inputs.reaped_tasks),
                 .count = static_cast<std::uint32_t>(inputs.reaped_tasks.size())});
    if (affinity.initial.empty()) reset_affinity(out);
    add_joins(out, inputs.process);
    if (inputs.joins_user) out.add({.kind = StepKind::become_root});
    if (inputs.joins_user) out.add({.kind = StepKind::hide});
    out.add({.kind = StepKind::open_root});
    out.add({.kind = StepKind::new_session});
    if (inputs.report >= 0) out.add({.kind = StepKind::stay_as_reaper, .fd = inputs.report});
    if (!inputs.process.keyring.empty())
        out.add({.kind = StepKind::new_keyring, .text = out.keep(inputs.process.keyring)});
    const bool labels = !process.apparmor_profile.empty() || !process.selinux_label.empty();
    if (labels) out.add({.kind = StepKind::open_procfs});
    if (process.terminal) {
        const Box size = process.console_size.value_or(Box{});
        out.add({.kind = StepKind::make_console, .value = static_cast<std::uint64_t>(size.height) << 16 | size.width,
                 .extra = inputs.process.plain_newlines ? 1u : 0u, .uid = process.user.uid});
    }
    if (!affinity.final.empty()) {
        const auto mask = TRY(parse_list_mask(affinity.final), "process.execCPUAffinity.final");
        add_affinity(out, mask);
    }
    TRY(plan_process(out, process, inputs.process, {.personality = inputs.personality, .memory_policy = inputs.memory_policy}));
    out.plan().root = -1;
    return out;
}

}  // namespace berth::runtime
