#include "runtime/plan_builder.h"

#include "base/cat.h"

namespace berth::runtime {

namespace {

std::string text_of(const char* text) { return text == nullptr ? "" : text; }

std::string describe_file_system(const Step& step) {
    const std::string path = text_of(step.path);
    switch (step.kind) {
        case StepKind::open_procfs: return "mount a procfs of the container's";
        case StepKind::leave_host_tree: return "leave the host's tree of mounts";
        case StepKind::set_propagation: return cat("set the propagation of ", path);
        case StepKind::drop_mount: return cat("take away the host's ", path);
        case StepKind::attach_root: return cat("attach the root file system on ", path);
        case StepKind::mount_new: return cat("mount ", text_of(step.text), " on ", path);
        case StepKind::clone_in_root: case StepKind::attach_tree: return cat("mount ", text_of(step.text), " on ", path);
        case StepKind::copy_up: return cat("copy up ", path);
        case StepKind::set_attributes: return cat("remount ", path);
        case StepKind::make_folder: return cat("make folder ", path);
        case StepKind::make_device: case StepKind::bind_device: return cat("make device ", path);
        case StepKind::make_link: return cat("make link ", path);
        case StepKind::make_console: return "open a terminal";
        case StepKind::bind_console: return "mount the terminal on /dev/console";
        case StepKind::mask: return cat("mask ", path);
        case StepKind::make_readonly: return cat("make ", path, " read-only");
        case StepKind::pivot: case StepKind::move_root: return "change the root";
        case StepKind::make_root_readonly: return "make the root read-only";
        case StepKind::write_sysctl: return cat("write '", text_of(step.text), "' to /proc/", path);
        default: return {};
    }
}

std::string describe_process(const Step& step) {
    switch (step.kind) {
        case StepKind::set_hostname: return cat("set host name '", text_of(step.text), "'");
        case StepKind::set_domainname: return cat("set domain name '", text_of(step.text), "'");
        case StepKind::loopback_up: return "bring up the loopback interface";
        case StepKind::set_rlimit: return cat("set ", text_of(step.text), " to ", step.value, ":", step.extra);
        case StepKind::set_scheduler: return "set scheduler";
        case StepKind::set_io_priority: return "set I/O priority";
        case StepKind::set_personality: return "set personality";
        case StepKind::set_memory_policy: return "set memory policy";
        case StepKind::set_label: return cat("write label '", text_of(step.text), "' to attr/", text_of(step.path));
        case StepKind::take_descriptors: return "pass descriptors";
        case StepKind::own_descriptors: return cat("give descriptors to user ", step.uid);
        case StepKind::set_groups: return "set additional groups";
        case StepKind::drop_bounding: return "drop capabilities";
        case StepKind::set_ids: return cat("become user ", step.uid, ":", step.gid);
        case StepKind::set_capabilities: return "set capabilities";
        case StepKind::no_new_privileges: return "set no_new_privs";
        case StepKind::load_seccomp: return "load the seccomp filter";
        case StepKind::enter_folder: return cat("chdir to ", text_of(step.path));
        case StepKind::open_fifo: return "open exec.fifo";
        default: return {};
    }
}

}  // namespace

const char* const* PlanBuilder::keep_strings(const std::vector<std::string>& strings) {
    std::vector<const char*> pointers;
    for (const std::string& text : strings) pointers.push_back(keep(text));
    pointers.push_back(nullptr);
    return keep_array(pointers);
}

std::string describe(const Step& step) {
    if (std::string text = describe_file_system(step); !text.empty()) return text;
    if (std::string text = describe_process(step); !text.empty()) return text;
    switch (step.kind) {
        case StepKind::write_zero: return cat("enter cgroup ", text_of(step.text));
        case StepKind::fork_below_reaper: return "clone below the reaper";
        case StepKind::join: return cat("join ", text_of(step.text), " namespace");
        case StepKind::unshare: return cat("make ", text_of(step.text), " namespace");
        case StepKind::become_root: return "become root of the user namespace";
        case StepKind::set_time_offsets: return "set time offsets";
        case StepKind::new_session: return "make session";
        case StepKind::new_keyring: return "make session keyring";
        case StepKind::set_affinity: return "set CPU affinity";
        case StepKind::meet_parent: case StepKind::await_release: return "wait for the runtime";
        default: return "prepare the container";
    }
}

}  // namespace berth::runtime
