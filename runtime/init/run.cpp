// The child's walk through its plan. One table from kind to function; a step that fails is reported by its number and
// errno, from which the parent makes the line that the user reads.

#include <cerrno>
#include <fcntl.h>

#include "runtime/init/context.h"

namespace berth::runtime {

namespace {

using init::Context;

long run_plain_step(Context& context, const Step& step) {
    switch (step.kind) {
        case StepKind::close_descriptor: return raw::call(SYS_close, step.fd);
        case StepKind::die_with_parent: return raw::call(SYS_prctl, 1 /* PR_SET_PDEATHSIG */, 9 /* SIGKILL */, 0, 0, 0);
        case StepKind::join: return raw::call(SYS_setns, step.fd, step.flags);
        case StepKind::open_root:
            context.root = static_cast<int>(raw::call(SYS_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC));
            return context.root;
        case StepKind::meet_parent: return init::meet_parent(context, static_cast<MessageType>(step.value));
        case StepKind::unshare: return raw::call(SYS_unshare, step.flags);
        case StepKind::new_session: return raw::call(SYS_setsid);
        case StepKind::set_affinity: return raw::call(SYS_sched_setaffinity, 0, step.count * sizeof(long), step.list);
        case StepKind::set_hostname: return raw::call(SYS_sethostname, step.text, step.count);
        case StepKind::set_domainname: return raw::call(SYS_setdomainname, step.text, step.count);
        case StepKind::set_scheduler: return raw::call(SYS_sched_setattr, 0, step.list, 0);
        case StepKind::set_io_priority: return raw::call(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, step.value);
        case StepKind::set_personality: return raw::call(SYS_personality, step.value);
        case StepKind::set_memory_policy:
            // The kernel takes one bit less than it is told (set_mempolicy(2), NOTES of libnuma).
            return raw::call(SYS_set_mempolicy, step.value, step.list, step.count * 8 * sizeof(long) + 1);
        case StepKind::set_umask: return raw::call(SYS_umask, step.value) < 0 ? -EINVAL : 0;
        case StepKind::set_groups: return raw::call(SYS_setgroups, step.count, step.list);
        case StepKind::no_new_privileges: return raw::call(SYS_prctl, 38 /* PR_SET_NO_NEW_PRIVS */, 1, 0, 0, 0);
        case StepKind::await_release: return init::end_on_signals(), init::wait_for_go(context);
        default: return -ENOSYS;
    }
}

using StepFunction = long (*)(Context&, const Step&);

StepFunction function_of(StepKind kind) {
    switch (kind) {
        case StepKind::hide: return init::hide;
        case StepKind::reset_signals: return init::reset_signals;
        case StepKind::write_zero: return init::write_zero;
        case StepKind::fork_below_reaper: return init::fork_below_reaper;
        case StepKind::stay_as_reaper: return init::stay_as_reaper;
        case StepKind::become_root: return init::become_root;
        case StepKind::set_time_offsets: return init::set_time_offsets;
        case StepKind::new_keyring: return init::new_keyring;
        case StepKind::open_procfs: return init::open_procfs;
        case StepKind::leave_host_tree: return init::leave_host_tree;
        case StepKind::set_propagation: return init::set_propagation;
        case StepKind::drop_mount: return init::drop_mount;
        case StepKind::attach_root: return init::attach_root;
        case StepKind::mount_new: return init::mount_new;
        case StepKind::clone_in_root: return init::clone_in_root;
        case StepKind::attach_tree: return init::attach_tree;
        case StepKind::copy_up: return init::copy_up;
        case StepKind::set_attributes: return init::set_attributes;
        case StepKind::make_folder: return init::make_folder;
        case StepKind::make_device: return init::make_device;
        case StepKind::bind_device: return init::bind_device;
        case StepKind::make_link: return init::make_link;
        case StepKind::make_console: return init::make_console;
        case StepKind::bind_console: return init::bind_console;
        case StepKind::mask: return init::mask;
        case StepKind::make_readonly: return init::make_readonly;
        case StepKind::run_hook: return init::run_hook;
        case StepKind::pivot: return init::pivot;
        case StepKind::move_root: return init::move_root;
        case StepKind::make_root_readonly: return init::make_root_readonly;
        case StepKind::write_sysctl: return init::write_sysctl;
        case StepKind::loopback_up: return init::loopback_up;
        case StepKind::set_rlimit: return init::set_rlimit;
        case StepKind::set_label: return init::set_label;
        case StepKind::take_descriptors: return init::take_descriptors;
        case StepKind::own_descriptors: return init::own_descriptors;
        case StepKind::drop_bounding: return init::drop_bounding;
        case StepKind::set_ids: return init::set_ids;
        case StepKind::set_capabilities: return init::set_capabilities;
        case StepKind::load_seccomp: return init::load_seccomp;
        case StepKind::enter_folder: return init::enter_folder;
        case StepKind::find_program: return init::find_program;
        case StepKind::report_ready: return init::report_ready;
        case StepKind::open_fifo: return init::open_fifo;
        case StepKind::execute: return init::execute;
        default: return run_plain_step;
    }
}

void report_failure(const Context& context, std::uint32_t step, long result) {
    Message message{MessageType::failed, step, static_cast<std::int32_t>(-result), context.detail, {}};
    __builtin_memcpy(message.text, context.hook_words, sizeof message.text);
    init::send_message(context, message);
    // Whoever started the container through the FIFO reads the same record there (runtime/start_fifo.h).
    if (context.fifo >= 0) raw::call(SYS_write, context.fifo, &message, sizeof message);
}

}  // namespace

void run_init(const Plan& plan) noexcept {
    Context context{.plan = plan, .socket = plan.socket, .root = plan.root, .fifo = plan.fifo};
    for (std::uint32_t i = 0; i < plan.step_count; ++i) {
        const long result = function_of(plan.steps[i].kind)(context, plan.steps[i]);
        if (result >= 0) continue;
        if (context.reaped == 0) report_failure(context, i, result);
        break;
    }
    for (;;) raw::call(SYS_exit_group, 1);
}

}  // namespace berth::runtime
