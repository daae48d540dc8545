// The second half of every plan, for the first process as for one of exec: from scheduling to execve.

#include "runtime/caps.h"
#include "runtime/plan_make.h"
#include "runtime/process_attributes.h"

namespace berth::runtime {

namespace {

Result<void> add_scheduling(PlanBuilder& out, const ProcessSpec& process, const ProcessPlanOptions& options) {
    if (process.scheduler) {
        const SchedulerAttributes attributes = TRY(scheduler_attributes(*process.scheduler), "process.scheduler");
        out.add({.kind = StepKind::set_scheduler, .text = options.has_cpuset ? "cpuset" : nullptr, .list = out.keep_one(attributes)});
    }
    if (process.io_priority) {
        const std::uint64_t value = TRY(io_priority_value(*process.io_priority), "process.ioPriority");
        out.add({.kind = StepKind::set_io_priority, .value = value});
    }
    if (options.personality != nullptr) {
        const std::uint64_t value = TRY(personality_value(*options.personality), "linux.personality");
        out.add({.kind = StepKind::set_personality, .value = value});
    }
    if (options.memory_policy != nullptr) {
        const MemoryPolicyValue policy = TRY(memory_policy_value(*options.memory_policy), "linux.memoryPolicy");
        out.add({.kind = StepKind::set_memory_policy, .value = policy.mode,
                 .list = policy.nodes.empty() ? nullptr : out.keep_array(policy.nodes),
                 .count = static_cast<std::uint32_t>(policy.nodes.size())});
    }
    return {};
}

bool needs_label(const ProcessSpec& process) { return !process.apparmor_profile.empty() || !process.selinux_label.empty(); }

void add_labels(PlanBuilder& out, const ProcessSpec& process) {
    if (!process.apparmor_profile.empty())
        out.add({.kind = StepKind::set_label, .path = "apparmor/exec", .text = out.keep(cat("exec ", process.apparmor_profile))});
    if (!process.selinux_label.empty())
        out.add({.kind = StepKind::set_label, .path = "exec", .text = out.keep(process.selinux_label)});
}

void add_seccomp(PlanBuilder& out, const SeccompProgram* program) {
    if (program == nullptr) return;
    out.add({.kind = StepKind::load_seccomp, .flags = program->flags, .list = out.keep_array(program->instructions),
             .count = static_cast<std::uint32_t>(program->instructions.size())});
}

Result<void> add_limits(PlanBuilder& out, const ProcessSpec& process) {
    for (const Rlimit& limit : process.rlimits) {
        const int type = TRY(parse_rlimit_type(limit.type), "process.rlimits");
        out.add({.kind = StepKind::set_rlimit, .flags = static_cast<std::uint64_t>(type), .value = limit.soft, .extra = limit.hard,
                 .text = out.keep(limit.type)});
    }
    return {};
}

Result<void> add_identity(PlanBuilder& out, const ProcessSpec& process) {
    const User& user = process.user;
    if (user.umask) out.add({.kind = StepKind::set_umask, .value = *user.umask & 0777});
    const Capabilities sets = process.capabilities.value_or(Capabilities{});
    const CapSet bounding = TRY(capability_set(sets.bounding), "process.capabilities.bounding");
    if (process.capabilities) out.add({.kind = StepKind::drop_bounding, .value = bounding});
    out.add({.kind = StepKind::set_groups, .list = out.keep_array(user.additional_gids),
             .count = static_cast<std::uint32_t>(user.additional_gids.size())});
    out.add({.kind = StepKind::set_ids, .uid = user.uid, .gid = user.gid});
    if (!process.capabilities) return {};
    CapabilityPlan plan{};
    plan.effective = TRY(capability_set(sets.effective), "process.capabilities.effective");
    plan.permitted = TRY(capability_set(sets.permitted), "process.capabilities.permitted");
    plan.inheritable = TRY(capability_set(sets.inheritable), "process.capabilities.inheritable");
    plan.ambient = TRY(capability_set(sets.ambient), "process.capabilities.ambient");
    out.add({.kind = StepKind::set_capabilities, .list = out.keep_one(plan)});
    return {};
}

void add_ending(PlanBuilder& out, const ProcessSpec& process, const ProcessPlanOptions& options) {
    // startContainer hooks run in the container's environment in every sense (runc).
    std::vector<Hook> start_hooks = options.start_hooks != nullptr ? *options.start_hooks : std::vector<Hook>();
    for (Hook& hook : start_hooks)
        if (hook.env.empty()) hook.env = process.env;
    out.add({.kind = StepKind::report_ready});
    if (options.has_fifo) out.add({.kind = StepKind::open_fifo});
    else if (options.waits) out.add({.kind = StepKind::await_release});
    if (options.start_hooks != nullptr) plan_hooks(out, start_hooks, "startContainer", *options.launch);
    out.add({.kind = StepKind::execute});
}

std::string search_path_of(const std::vector<std::string>& env) {
    std::string path;
    for (const std::string& entry : env)
        if (entry.starts_with("PATH=")) path = entry.substr(5);
    return path;
}

}  // namespace

Result<void> plan_process(PlanBuilder& out, const ProcessSpec& process, const ProcessInputs& inputs,
                          const ProcessPlanOptions& options) {
    TRY(add_scheduling(out, process, options));
    if (needs_label(process)) add_labels(out, process);
    out.add({.kind = StepKind::enter_folder, .value = options.makes_folder ? 1u : 0u, .path = out.keep(process.cwd)});
    out.add({.kind = StepKind::take_descriptors, .list = out.keep_array(inputs.descriptors),
             .count = static_cast<std::uint32_t>(inputs.descriptors.size())});
    if (!inputs.keep_stdio_owners) out.add({.kind = StepKind::own_descriptors, .uid = process.user.uid});
    TRY(add_limits(out, process));
    if (process.no_new_privileges) out.add({.kind = StepKind::no_new_privileges});
    // Without no_new_privs loading needs CAP_SYS_ADMIN, so it comes before that may go; with it as late as possible, so
    // that the profile need not allow what prepares the process.
    if (!process.no_new_privileges) add_seccomp(out, inputs.seccomp);
    TRY(add_identity(out, process));
    if (inputs.die_with_parent) out.add({.kind = StepKind::die_with_parent});
    out.add({.kind = StepKind::enter_folder, .value = 2, .path = out.keep(process.cwd)});
    out.add({.kind = StepKind::find_program, .text = out.keep(process.args[0])});
    if (process.no_new_privileges) add_seccomp(out, inputs.seccomp);
    const std::vector<std::string> env = plan_environment(process.env, inputs.home);
    ProcessSpec with_home = process;
    with_home.env = env;
    add_ending(out, with_home, options);
    Plan& plan = out.plan();
    plan.socket = inputs.socket;
    plan.program = out.keep(process.args[0]);
    plan.argv = out.keep_strings(process.args);
    plan.envp = out.keep_strings(env);
    plan.search_path = out.keep(search_path_of(env));
    return {};
}

bool has_home(const std::vector<std::string>& env) {
    bool known = false;
    for (const std::string& entry : env)
        if (entry.starts_with("HOME=")) known = entry.size() > 5;
    return known;
}

std::vector<std::string> plan_environment(const std::vector<std::string>& env, const std::string& home) {
    std::vector<std::string> out;
    std::map<std::string_view, std::size_t> places;
    for (const std::string& entry : env) {
        const std::size_t equals = entry.find('=');
        const std::string_view name = std::string_view(entry).substr(0, equals);
        const auto [place, fresh] = places.emplace(name, out.size());
        if (fresh) out.push_back(entry);
        else out[place->second] = entry;
    }
    const auto place = places.find("HOME");
    if (place == places.end()) out.push_back(cat("HOME=", home.empty() ? "/" : home));
    else if (out[place->second] == "HOME=") out[place->second] = cat("HOME=", home.empty() ? "/" : home);
    return out;
}

}  // namespace berth::runtime
