#include "runtime/launch.h"

#include <cerrno>
#include <csignal>

#include <sched.h>
#include <unistd.h>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"
#include "runtime/clone.h"
#include "runtime/handshake.h"
#include "runtime/hooks.h"
#include "runtime/listener.h"
#include "runtime/net_devices.h"
#include "runtime/plan_make.h"
#include "runtime/seccomp.h"
#include "runtime/sources.h"
#include "runtime/user_namespace.h"
#include "runtime/users.h"

namespace berth::runtime {

/// What wait_ready() and release() need; the plan's memory stays until the child has executed.
struct Init::Running {
    PlanBuilder plan;
    Handshake handshake;
    Hooks hooks;
    std::string creating_state;
    std::string created_state;  ///< for the seccomp agent
    std::string listener_path, listener_metadata;
    std::vector<Sources::MountTree> mounts;  ///< for those whose ids the child asks for
    bool waits_for_go = true;
    bool asks_first = false;  ///< there are turns before the last one
};

namespace {

/// Descriptor numbers of the program, in order; /dev/null where the caller gave nothing.
Result<std::vector<int>> program_descriptors(const LaunchRequest& request, Fd& null) {
    std::vector<int> out;
    for (const Fd* fd : request.stdio) {
        if (request.spec.process->terminal) {
            out.push_back(-1);
            continue;
        }
        if (fd == nullptr && !null.valid()) null = TRY(sys::open("/dev/null", O_RDWR));
        out.push_back(fd == nullptr ? null.raw() : fd->raw());
    }
    for (const Fd* fd : request.extra) out.push_back(fd->raw());
    return out;
}

/// HOME comes from the container's passwd where the spec's environment has none.
std::string home_in(const Fd& root_fd, const ProcessSpec& process) {
    if (has_home(process.env)) return {};
    auto copy = root_fd.duplicate();
    if (!copy.ok()) return {};
    const auto root = Root::of(std::move(copy).value());
    if (!root.ok()) return {};
    const auto tables = UserTables::load(root.value());
    return tables.ok() ? home_of(tables.value(), process.user.uid) : "";
}

void split_state(const std::string& state, LaunchInputs& inputs) {
    constexpr std::string_view key = "\"pid\":";
    const std::size_t at = state.find(key) + key.size();
    inputs.state_before = state.substr(0, at);
    inputs.state_behind = state.substr(state.find_first_not_of("0123456789", at));
}

void take_sources(const Sources& sources, LaunchInputs& inputs) {
    inputs.root = sources.root.raw();
    inputs.root_target = sources.root_target;
    for (const Sources::MountTree& mount : sources.mounts) inputs.mount_trees.push_back(mount.input);
    for (const Sources::CgroupTree& tree : sources.cgroup_trees)
        inputs.cgroup_trees.push_back({tree.name, tree.links, tree.tree.raw()});
    for (const Fd& tree : sources.device_trees) inputs.device_trees.push_back(tree.raw());
    inputs.null_tree = sources.null_tree.raw();
    inputs.host_proc = sources.host_proc.raw();
    for (const Join& join : sources.joins) inputs.process.joins.push_back({join.space.raw(), join.flag, join.name});
}

/// Where the host has proc and sysfs, deepest first.
Result<std::vector<std::string>> kernel_mounts() {
    const std::string mounts = TRY(read_file("/proc/self/mountinfo"));
    std::vector<std::string> out;
    for (std::size_t at = 0; at < mounts.size();) {
        const std::size_t end = std::min(mounts.find('\n', at), mounts.size());
        const std::string line = mounts.substr(at, end - at);
        at = end + 1;
        if (line.find(" - proc ") == std::string::npos && line.find(" - sysfs ") == std::string::npos) continue;
        std::size_t field = 0;
        for (int skipped = 0; skipped < 4; ++skipped) field = line.find(' ', field) + 1;
        out.insert(out.begin(), line.substr(field, line.find(' ', field) - field));
    }
    return out;
}

Result<std::optional<SeccompProgram>> compile_filter(const Spec& spec) {
    if (!spec.linux || !spec.linux->seccomp) return std::optional<SeccompProgram>();
    SeccompProgram program = TRY(compile_seccomp(*spec.linux->seccomp), "linux.seccomp");
    return std::optional(std::move(program));
}

/// All but the control groups and the filter, whose owners live in create(). `null` is opened when the program needs it.
Result<LaunchInputs> make_inputs(const LaunchRequest& request, const Sources& sources, const Handshake& handshake, Fd& null) {
    LaunchInputs inputs;
    take_sources(sources, inputs);
    inputs.process.socket = handshake.child_end().raw();
    inputs.process.parent_socket = handshake.parent_end().raw();
    inputs.process.descriptors = TRY(program_descriptors(request, null));
    inputs.process.home = home_in(sources.root, *request.spec.process);
    if (!request.keep_keyring) inputs.process.keyring = cat("_ses.", request.id);
    inputs.process.command_line = own_command_line();
    inputs.process.die_with_parent = request.die_with_parent;
    inputs.process.keep_stdio_owners = request.keep_stdio_owners;
    inputs.no_pivot = request.no_pivot;
    if (request.no_pivot) inputs.hidden_mounts = TRY(kernel_mounts());
    inputs.fifo = request.start_fifo != nullptr ? request.start_fifo->raw() : -1;
    split_state(state_document(request.spec, request.id, request.bundle, "creating", 0), inputs);
    return inputs;
}

/// oom_score_adj is set from outside: the child cannot write its own once it is hidden.
Result<void> set_oom_score(pid_t pid, const ProcessSpec& process) {
    if (!process.oom_score_adj) return {};
    const Fd file = TRY(sys::open(cat("/proc/", pid, "/oom_score_adj"), O_WRONLY));
    TRY(sys::write(file, cat(*process.oom_score_adj)), "set oom_score_adj to ", *process.oom_score_adj);
    return {};
}

Result<void> finish_from_outside(const LaunchRequest& request, pid_t pid, const Handshake& handshake) {
    const Spec& spec = request.spec;
    const Namespace* user = spec.find_namespace("user");
    if (user != nullptr && user->path.empty()) {
        TRY(write_id_maps(pid, spec.linux->uid_mappings, spec.linux->gid_mappings));
        TRY(handshake.say_go());
    }
    TRY(set_oom_score(pid, *spec.process));
    if (!spec.linux->net_devices.empty()) {
        const Fd netns = TRY(sys::open(cat("/proc/", pid, "/ns/net"), O_RDONLY));
        TRY(move_net_devices(spec.linux->net_devices, netns));
    }
    return {};
}

Error died() {
    return Error(Kind::system, "the container's process died before it was ready")
        .with_hint("it may have been killed, for example by a memory limit that is too low to start in");
}

}  // namespace

Init::Init(Init&&) noexcept = default;

Init& Init::operator=(Init&& other) noexcept {
    if (this == &other) return *this;
    abort();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
    running_ = std::move(other.running_);
    console_ = std::move(other.console_);
    return *this;
}

Init::~Init() { abort(); }

Result<Init> Init::create(const LaunchRequest& request) {
    const Spec& spec = request.spec;
    if (!spec.process || !spec.linux) return Error(Kind::invalid, "the spec has no process or no linux section");
    Sources sources = TRY(open_sources(request));
    const auto filter = TRY(compile_filter(spec));
    Cgroup::Entrances entrances;
    if (request.cgroup != nullptr) entrances = TRY(request.cgroup->open_entrances());
    auto running = std::make_unique<Running>();
    running->handshake = TRY(Handshake::create());

    Fd null;
    LaunchInputs inputs = TRY(make_inputs(request, sources, running->handshake, null));
    for (const Fd& tasks : entrances.tasks) inputs.process.tasks.emplace_back("(v1)", tasks.raw());
    inputs.process.seccomp = filter ? &*filter : nullptr;
    running->plan = TRY(make_launch_plan(spec, inputs));
    running->hooks = spec.hooks.value_or(Hooks{});
    running->waits_for_go = request.start_fifo == nullptr;
    running->asks_first = !running->hooks.prestart.empty() || !running->hooks.create_runtime.empty() || (filter && filter->has_listener) ||
                          std::any_of(sources.mounts.begin(), sources.mounts.end(),
                                      [](const Sources::MountTree& mount) { return mount.id_space.valid(); });

    CloneRequest cloning;
    // The cgroup and time namespaces are made by the child: the first must follow entering the group, the second needs
    // its offsets written before anybody is in it.
    cloning.namespaces = TRY(new_namespaces(spec)) & ~static_cast<std::uint64_t>(CLONE_NEWCGROUP | 0x80 /* CLONE_NEWTIME */);
    cloning.v2_group = &entrances.v2;
    cloning.pid_namespace = &sources.pid_namespace;
    cloning.user_namespace = &sources.user_namespace;
    cloning.early_joins = sources.early_joins;
    Child child = TRY(clone_child(cloning, running->plan.finish()), "create the container's process");
    running->handshake.close_child_end();
    running->mounts = std::move(sources.mounts);
    for (Sources::MountTree& mount : running->mounts) mount.tree.reset();  // The child has its own.
    if (spec.linux->seccomp) {
        running->listener_path = spec.linux->seccomp->listener_path;
        running->listener_metadata = spec.linux->seccomp->listener_metadata;
    }
    running->creating_state = state_document(spec, request.id, request.bundle, "creating", child.pid());

    Init init;
    init.pid_ = child.pid();
    init.pidfd_ = std::move(child).release();
    init.running_ = std::move(running);
    TRY(finish_from_outside(request, init.pid_, init.running_->handshake));
    return init;
}

Result<Fd> Init::netns() const { return sys::open(cat("/proc/", pid_, "/ns/net"), O_RDONLY); }

Result<void> Init::wait_ready() {
    Running& running = *running_;
    for (;;) {
        auto heard = TRY(running.handshake.hear());
        if (!heard) return died();
        switch (heard->message.type) {
            case MessageType::prepared_ids: break;  // Answered when the maps were written.
            case MessageType::map_ids: {
                if (!heard->descriptor || heard->message.step >= running.mounts.size())
                    return Error(Kind::internal, "the tree of an idmapped mount did not arrive");
                const Sources::MountTree& mount = running.mounts[heard->message.step];
                TRY(map_tree_ids(*heard->descriptor, mount.id_space, mount.maps_all), "map the ids of ", mount.input.in_root);
                TRY(running.handshake.say_go());
                break;
            }
            case MessageType::prepared_root:
                TRY(run_hooks(running.hooks.prestart, "prestart", running.creating_state));
                TRY(run_hooks(running.hooks.create_runtime, "createRuntime", running.creating_state));
                TRY(running.handshake.say_go());
                break;
            case MessageType::console: console_ = std::move(heard->descriptor); break;
            case MessageType::listener: {
                if (!heard->descriptor) return Error(Kind::internal, "the seccomp listener did not arrive");
                const std::string document = process_state_document(running.creating_state, pid_, running.listener_metadata);
                TRY(send_to_socket(running.listener_path, document, *heard->descriptor),
                    "failed to connect with seccomp agent specified in the seccomp profile");
                TRY(running.handshake.say_go());
                break;
            }
            case MessageType::ready: return {};
            case MessageType::failed: return error_of_failure(heard->message, running.plan.finish());
            case MessageType::go: return Error(Kind::internal, "the container's process does not keep to the order");
        }
    }
}

std::optional<Fd> Init::take_console() { return std::exchange(console_, std::nullopt); }

Result<void> Init::release_ahead() {
    Running& running = *running_;
    if (running.asks_first || !running.waits_for_go) return {};
    running.waits_for_go = false;
    auto said = running.handshake.say_go();
    // A child that is gone already says why in what it sent before.
    if (!said.ok() && said.error().code() == EPIPE) return {};
    return said;
}

Result<void> Init::release() {
    Running& running = *running_;
    if (running.waits_for_go) TRY(running.handshake.say_go());
    const auto heard = TRY(running.handshake.hear());
    if (!heard) return {};
    return error_of_failure(heard->message, running.plan.finish());
}

void Init::abort() {
    if (pid_ <= 0 || !pidfd_.valid()) return;
    Child child(pid_, std::move(pidfd_));
    ignore(child.kill(Signal::of(SIGKILL)), "it may be dead already");
    ignore(child.wait(), "reaped, or not ours to reap");
    pid_ = -1;
}

Child Init::into_child() && {
    Child child(pid_, std::move(pidfd_));
    pid_ = -1;
    running_.reset();
    return child;
}

}  // namespace berth::runtime
