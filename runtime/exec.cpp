#include "runtime/exec.h"

#include <csignal>

#include <sched.h>
#include <sys/stat.h>

#include "base/root.h"
#include "base/sys.h"
#include "runtime/clone.h"
#include "runtime/handshake.h"
#include "runtime/listener.h"
#include "runtime/plan_make.h"
#include "runtime/user_namespace.h"
#include "runtime/users.h"

namespace berth::runtime {

namespace {

struct Opened {
    Fd null;
    Fd pid_namespace;
    Cgroup::Entrances entrances;
    Cgroup::Entrances reaped;
    std::optional<SeccompProgram> filter;
};

bool shares_namespace(pid_t pid, const char* name) {
    struct stat own{}, theirs{};
    return ::stat(cat("/proc/self/ns/", name).c_str(), &own) == 0 &&
           ::stat(cat("/proc/", pid, "/ns/", name).c_str(), &theirs) == 0 && own.st_ino == theirs.st_ino;
}

Result<std::vector<int>> program_descriptors(const ExecRequest& request, Fd& null) {
    std::vector<int> out;
    for (const Fd* fd : request.stdio) {
        if (request.process.terminal) {
            out.push_back(-1);
            continue;
        }
        if (fd == nullptr && !null.valid()) null = TRY(sys::open("/dev/null", O_RDWR));
        out.push_back(fd == nullptr ? null.raw() : fd->raw());
    }
    for (const Fd* fd : request.extra) out.push_back(fd->raw());
    return out;
}

std::string home_of_container(const ExecRequest& request) {
    if (has_home(request.process.env)) return {};
    const auto root = Root::open(cat("/proc/", request.pid, "/root"));
    if (!root.ok()) return {};
    const auto tables = UserTables::load(root.value());
    return tables.ok() ? home_of(tables.value(), request.process.user.uid) : "";
}

Result<Opened> open_all(const ExecRequest& request) {
    Opened out;
    if (request.cgroup != nullptr) out.entrances = TRY(request.cgroup->open_entrances());
    if (request.reaped_cgroup != nullptr) out.reaped = TRY(request.reaped_cgroup->open_entrances());
    if (request.seccomp != nullptr) out.filter = TRY(compile_seccomp(*request.seccomp), "linux.seccomp");
    if (!shares_namespace(request.pid, "pid"))
        out.pid_namespace = TRY(sys::open(cat("/proc/", request.pid, "/ns/pid"), O_RDONLY));
    return out;
}

struct Joins {
    std::uint64_t early = 0;  ///< with our own rights: what the container's user namespace has no power over
    std::uint64_t rest = 0;   ///< that user namespace and all others
};

/// One call joins all (setns(2) on a pidfd, Linux 5.8); the pid namespace came with the clone. setns refuses the user
/// namespace that one is in already.
Result<Joins> plan_joins(pid_t pid, bool joins_user) {
    constexpr std::uint64_t new_time = 0x80;  // CLONE_NEWTIME
    Joins out;
    out.rest = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    if (!shares_namespace(pid, "time")) out.rest |= new_time;
    if (!joins_user) return out;
    const Fd user = TRY(sys::open(cat("/proc/", pid, "/ns/user"), O_RDONLY));
    constexpr std::pair<const char*, std::uint64_t> spaces[] = {{"mnt", CLONE_NEWNS}, {"net", CLONE_NEWNET}, {"ipc", CLONE_NEWIPC},
                                                                {"uts", CLONE_NEWUTS}, {"cgroup", CLONE_NEWCGROUP}, {"time", new_time}};
    for (const auto& [name, flag] : spaces) {
        if ((out.rest & flag) == 0) continue;
        const Fd space = TRY(sys::open(cat("/proc/", pid, "/ns/", name), O_RDONLY));
        if (!TRY(rules_over(user, space))) out.early |= flag;
    }
    out.rest = (out.rest & ~out.early) | CLONE_NEWUSER;
    return out;
}

Result<PlanBuilder> plan_exec(const ExecRequest& request, Opened& opened, const Handshake& handshake) {
    ExecInputs inputs;
    inputs.process.socket = handshake.child_end().raw();
    inputs.process.parent_socket = handshake.parent_end().raw();
    for (const Fd& tasks : opened.entrances.tasks) inputs.process.tasks.emplace_back("(v1)", tasks.raw());
    inputs.process.descriptors = TRY(program_descriptors(request, opened.null));
    inputs.process.seccomp = opened.filter ? &*opened.filter : nullptr;
    inputs.process.home = home_of_container(request);
    inputs.process.command_line = own_command_line();
    inputs.process.keep_stdio_owners = request.keep_stdio_owners;
    inputs.process.plain_newlines = request.plain_newlines;
    if (request.report != nullptr) inputs.report = request.report->raw();
    if (opened.reaped.v2.valid()) inputs.reaped_v2 = opened.reaped.v2.raw();
    for (const Fd& tasks : opened.reaped.tasks) inputs.reaped_tasks.push_back(tasks.raw());
    inputs.joins_user = !shares_namespace(request.pid, "user");
    inputs.personality = request.personality;
    inputs.memory_policy = request.memory_policy;
    const Joins joins = TRY(plan_joins(request.pid, inputs.joins_user));
    if (joins.early != 0) inputs.process.joins.push_back({request.pidfd.raw(), joins.early, "the container's"});
    inputs.process.joins.push_back({request.pidfd.raw(), joins.rest, "the container's"});
    return make_exec_plan(request.process, inputs);
}

Result<void> converse(const ExecRequest& request, const Handshake& handshake, PlanBuilder& plan, ExecProcess& out) {
    for (;;) {
        auto heard = TRY(handshake.hear());
        if (!heard) return {};
        switch (heard->message.type) {
            case MessageType::console: out.console = std::move(heard->descriptor); break;
            case MessageType::listener:
                TRY(send_to_socket(request.seccomp->listener_path, request.listener_state.value_or("{}"), *heard->descriptor),
                    "failed to connect with seccomp agent specified in the seccomp profile");
                TRY(handshake.say_go());
                break;
            case MessageType::failed: return error_of_failure(heard->message, plan.finish());
            default: break;
        }
    }
}

}  // namespace

Result<ExecProcess> start_process(const ExecRequest& request) {
    Opened opened = TRY(open_all(request));
    Handshake handshake = TRY(Handshake::create());
    PlanBuilder plan = TRY(plan_exec(request, opened, handshake));
    CloneRequest cloning;
    cloning.v2_group = &opened.entrances.v2;
    cloning.pid_namespace = &opened.pid_namespace;
    Child child = TRY(clone_child(cloning, plan.finish()), "create the process");
    ExecProcess out{std::move(child), std::nullopt};
    handshake.close_child_end();
    auto conversed = converse(request, handshake, plan, out);
    if (conversed.ok()) return out;
    // A reaper ends by itself when the process has; killed before, it would leave that to the container's init.
    if (request.report == nullptr) ignore(out.child.kill(Signal::of(SIGKILL)), "it may be dead already");
    ignore(out.child.wait(), "reaped");
    return std::move(conversed).error();
}

}  // namespace berth::runtime
