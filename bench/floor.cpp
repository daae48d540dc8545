// The kernel's own share of starting a container and of a second program in one: the calls that bench/bundle's configuration
// cannot do without, in the cheapest order known, with nothing decided, checked or recorded. What a runtime takes beyond
// this is its own. bench/run builds it and measures it as "kernel".
//
// usage: floor run ROOTFS
//        floor exec PID

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr const char* controllers[] = {"cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd", "unified",
                                       "hugetlb", "perf_event", "net_cls", "net_prio", "rdma", "misc"};
constexpr int controller_count = sizeof controllers / sizeof *controllers;
char groups[controller_count][64];
int tasks[controller_count];

void must(long result, const char* what) {
    if (result >= 0) return;
    std::perror(what);
    ::_exit(1);
}

int open_file(const char* folder, const char* name, int flags) {
    char path[200];
    std::snprintf(path, sizeof path, "%.160s/%.32s", folder, name);
    const int file = ::open(path, flags | O_CLOEXEC);
    must(file, path);
    return file;
}

void write_lines(const char* folder, const char* name, std::initializer_list<const char*> lines) {
    const int file = open_file(folder, name, O_WRONLY);
    for (const char* line : lines) must(::write(file, line, std::strlen(line)), name);
    ::close(file);
}

/// A group of this hierarchy admits nobody before it has what its parent has.
void inherit(const char* parent, const char* group, const char* name) {
    char text[256]{};
    const int file = open_file(parent, name, O_RDONLY);
    must(::read(file, text, sizeof text - 1), name);
    ::close(file);
    write_lines(group, name, {text});
}

void make_v1_group(const char* controller, char (&group)[64], int& tasks_file) {
    char parent[64], probe[96];
    std::snprintf(parent, sizeof parent, "/sys/fs/cgroup/%.24s", controller);
    std::snprintf(probe, sizeof probe, "%s/cgroup.procs", parent);
    if (::access(probe, F_OK) != 0) return;
    std::snprintf(group, sizeof group, "/sys/fs/cgroup/%.24s/bench-floor-%d", controller, ::getpid());
    must(::mkdir(group, 0755), group);
    const auto is = [&](const char* name) { return std::strcmp(controller, name) == 0; };
    tasks_file = open_file(group, is("unified") ? "cgroup.procs" : "tasks", O_WRONLY);
    if (is("cpuset")) inherit(parent, group, "cpuset.cpus"), inherit(parent, group, "cpuset.mems");
    if (!is("devices")) return;
    write_lines(group, "devices.deny", {"a"});
    write_lines(group, "devices.allow", {"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm",
                                         "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"});
}

/// The group of v2 that the child is cloned into; -1 on v1, where it writes 0 to the files in `tasks`.
int make_groups() {
    if (::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
        std::snprintf(groups[0], sizeof groups[0], "/sys/fs/cgroup/bench-floor-%d", ::getpid());
        must(::mkdir(groups[0], 0755), groups[0]);
        return ::open(groups[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    for (int i = 0; i < controller_count; ++i) make_v1_group(controllers[i], groups[i], tasks[i] = -1);
    return -1;
}

void remove_groups() {
    for (const auto& group : groups)
        if (group[0] != '\0') ::rmdir(group);
}

void mount_all() {
    must(::mount("proc", "proc", "proc", 0, nullptr), "proc");
    must(::mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"), "dev");
    for (const char* folder : {"dev/pts", "dev/shm", "dev/mqueue"}) must(::mkdir(folder, 0755), folder);
    must(::mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"), "devpts");
    must(::mount("shm", "dev/shm", "tmpfs", MS_NOSUID | MS_NOEXEC | MS_NODEV, "mode=1777,size=65536k"), "shm");
    must(::mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr), "mqueue");
    must(::mount("sysfs", "sys", "sysfs", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, nullptr), "sysfs");
}

void make_devices() {
    const struct { const char* path; unsigned major, minor; } nodes[] = {
        {"dev/null", 1, 3}, {"dev/zero", 1, 5}, {"dev/full", 1, 7}, {"dev/random", 1, 8}, {"dev/urandom", 1, 9}, {"dev/tty", 5, 0}};
    for (const auto& node : nodes) must(::mknod(node.path, S_IFCHR | 0666, makedev(node.major, node.minor)), node.path);
    const struct { const char* target; const char* path; } links[] = {
        {"/proc/self/fd", "dev/fd"}, {"/proc/self/fd/0", "dev/stdin"}, {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
        {"pts/ptmx", "dev/ptmx"}};
    for (const auto& link : links) must(::symlink(link.target, link.path), link.path);
}

void hide_paths() {
    for (const char* path : {"proc/kcore", "proc/keys", "proc/timer_list"})
        if (::access(path, F_OK) == 0) must(::mount("dev/null", path, nullptr, MS_BIND, nullptr), path);
    if (::access("sys/firmware", F_OK) == 0)
        must(::mount("tmpfs", "sys/firmware", "tmpfs", MS_RDONLY, "size=0k"), "sys/firmware");
    for (const char* path : {"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"}) {
        if (::access(path, F_OK) != 0) continue;
        must(::mount(path, path, nullptr, MS_BIND | MS_REC, nullptr), path);
        must(::mount(nullptr, path, nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_NODEV, nullptr), path);
    }
}

void drop_rights() {
    // docker's 14.
    constexpr std::uint64_t kept = 0xa80425fb;
    for (int capability = 0; capability <= 40; ++capability)
        if ((kept >> capability & 1) == 0) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2]{{static_cast<std::uint32_t>(kept), static_cast<std::uint32_t>(kept), 0}, {0, 0, 0}};
    must(::syscall(SYS_capset, &header, data), "capset");
    must(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
}

[[noreturn]] void run_true() {
    drop_rights();
    char* arguments[] = {const_cast<char*>("/bin/true"), nullptr};
    char* environment[] = {const_cast<char*>("PATH=/bin"), nullptr};
    ::execve("/bin/true", arguments, environment);
    must(-1, "execve");
    ::_exit(1);
}

[[noreturn]] void run_child(const char* rootfs, bool on_v2) {
    for (int i = 0; !on_v2 && i < controller_count; ++i)
        if (tasks[i] >= 0) must(::write(tasks[i], "0", 1), groups[i]);
    ::setsid();
    must(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private");
    must(::mount(rootfs, rootfs, nullptr, MS_BIND | MS_REC, nullptr), rootfs);
    must(::chdir(rootfs), rootfs);
    mount_all();
    make_devices();
    hide_paths();
    must(::syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(::umount2(".", MNT_DETACH), "umount");
    must(::chdir("/"), "chdir");
    must(::sethostname("bench", 5), "hostname");
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ifreq loopback{};
    std::strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP;
    must(::ioctl(socket, SIOCSIFFLAGS, &loopback), "lo");
    run_true();
}

int wait_for(long pid) {
    int status = 0;
    must(::waitpid(static_cast<pid_t>(pid), &status, 0), "wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int run(const char* rootfs) {
    const int v2 = make_groups();
    clone_args args{};
    args.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS;
    args.exit_signal = SIGCHLD;
    if (v2 >= 0) args.flags |= CLONE_INTO_CGROUP, args.cgroup = static_cast<std::uint64_t>(v2);
    const long pid = ::syscall(SYS_clone3, &args, sizeof args);
    must(pid, "clone3");
    if (pid == 0) run_child(rootfs, v2 >= 0);
    const int code = wait_for(pid);
    remove_groups();
    return code;
}

/// The groups of a process, a line each: NUMBER:CONTROLLERS:PATH.
int open_groups(const char* pid) {
    char path[160], text[2048]{};
    std::snprintf(path, sizeof path, "/proc/%.16s", pid);
    const int file = open_file(path, "cgroup", O_RDONLY);
    must(::read(file, text, sizeof text - 1), path);
    ::close(file);
    int count = 0;
    for (char* line = std::strtok(text, "\n"); line != nullptr; line = std::strtok(nullptr, "\n")) {
        char* controllers = std::strchr(line, ':') + 1;
        char* group = std::strchr(controllers, ':');
        *group++ = '\0';
        if (std::strncmp(controllers, "name=", 5) == 0) controllers += 5;
        const bool is_v2 = *controllers == '\0';
        const bool is_pure = is_v2 && ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0;
        std::snprintf(path, sizeof path, "/sys/fs/cgroup/%.24s%.96s/%s", is_pure ? "" : is_v2 ? "unified" : controllers, group,
                      is_pure ? "" : is_v2 ? "cgroup.procs" : "tasks");
        const int opened = ::open(path, (is_pure ? O_RDONLY | O_DIRECTORY : O_WRONLY) | O_CLOEXEC);
        if (opened < 0) continue;  // A hierarchy that is not mounted.
        tasks[count++] = opened;
        if (is_pure) return -count;
    }
    return count;
}

int exec(const char* pid_text) {
    const int groups = open_groups(pid_text);
    const long pidfd = ::syscall(SYS_pidfd_open, std::atoi(pid_text), 0);
    must(pidfd, "pidfd_open");
    must(::setns(static_cast<int>(pidfd), CLONE_NEWPID), "pid namespace");
    clone_args args{};
    args.exit_signal = SIGCHLD;
    if (groups < 0) args.flags |= CLONE_INTO_CGROUP, args.cgroup = static_cast<std::uint64_t>(tasks[-groups - 1]);
    const long pid = ::syscall(SYS_clone3, &args, sizeof args);
    must(pid, "clone3");
    if (pid != 0) return wait_for(pid);
    for (int i = 0; i < groups; ++i) must(::write(tasks[i], "0", 1), "tasks");
    must(::setns(static_cast<int>(pidfd), CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS), "namespaces");
    ::setsid();
    run_true();
}

}  // namespace

int main(int count, char** words) {
    if (count == 3 && std::strcmp(words[1], "run") == 0) return run(words[2]);
    if (count == 3 && std::strcmp(words[1], "exec") == 0) return exec(words[2]);
    return std::fputs("usage: floor run ROOTFS | floor exec PID\n", stderr), 2;
}
