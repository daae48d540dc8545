#include "container/foreign_end.h"

#include <cerrno>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sys.h"

namespace berth::container {

namespace {

/// linux/pidfd.h of 6.15; Debian 12's headers are older.
struct PidfdInfo {
    std::uint64_t mask;
    std::uint64_t cgroupid;
    std::uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
    std::int32_t exit_code;
};
constexpr std::uint64_t pidfd_info_exit = 1u << 3;

Result<std::optional<ExitStatus>> status_from(const Fd& pidfd) {
    PidfdInfo info{};
    // PIDFD_GET_INFO, _IOWR(0xFF, 11, struct pidfd_info).
    const auto ask = [&] {
        info.mask = pidfd_info_exit;
        return ::ioctl(pidfd.raw(), _IOWR(0xFF, 11, PidfdInfo), &info) == 0;
    };
    // The kernel looks for the status first and for the process next: while that is just being reaped it has neither.
    bool is_answered = ask();
    for (int pauses = 0; !is_answered && errno == ESRCH && pauses < 20; ++pauses) {
        sleep_for(Duration::of_milliseconds(1));
        is_answered = ask();
    }
    if (!is_answered) return Error::of_errno(errno, "exit status of another's child").with_kind(Kind::unsupported);
    if ((info.mask & pidfd_info_exit) == 0) return std::optional<ExitStatus>();
    return std::optional(exit_status_of_wait(info.exit_code));
}

/// Where a message's parts stand.
constexpr std::size_t event_offset = NLMSG_HDRLEN + sizeof(cn_msg);
constexpr std::size_t what_offset = event_offset + offsetof(proc_event, what);
constexpr std::size_t pid_offset = event_offset + offsetof(proc_event, event_data.exit.process_pid);
constexpr std::size_t code_offset = event_offset + offsetof(proc_event, event_data.exit.exit_code);

/// Lets the answer to our own subscription pass and the end of one process: whatever else ends on this machine wakes nobody.
Result<void> let_pass_only(const Fd& socket, pid_t pid) {
    const auto load = [](std::size_t offset) { return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); };
    // The program reads in network order what the kernel wrote in the machine's.
    const auto is = [](std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
        return sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(value), yes, no);
    };
    sock_filter program[] = {
        load(what_offset),
        is(proc_event::PROC_EVENT_NONE, 3, 0),
        is(proc_event::PROC_EVENT_EXIT, 0, 3),
        load(pid_offset),
        is(static_cast<std::uint32_t>(pid), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, ~0u),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const sock_fprog filter{std::size(program), program};
    if (::setsockopt(socket.raw(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
        return Error::of_errno(errno, "filter of process events");
    return {};
}

Result<void> order(const Fd& socket, proc_cn_mcast_op op) {
    nlmsghdr header{};
    header.nlmsg_len = event_offset + sizeof op;
    header.nlmsg_type = NLMSG_DONE;
    cn_msg message{};
    message.id = {CN_IDX_PROC, CN_VAL_PROC};
    message.len = sizeof op;
    char bytes[event_offset + sizeof op]{};
    std::memcpy(bytes, &header, sizeof header);
    std::memcpy(bytes + NLMSG_HDRLEN, &message, sizeof message);
    std::memcpy(bytes + event_offset, &op, sizeof op);
    if (::send(socket.raw(), bytes, sizeof bytes, 0) < 0) return Error::of_errno(errno, "process events");
    return {};
}

/// Of the next message within `milliseconds`: a field of the event; nothing when none comes.
Result<std::optional<std::uint32_t>> receive_field(const Fd& socket, std::size_t offset, int milliseconds) {
    pollfd poll{socket.raw(), POLLIN, 0};
    if (::poll(&poll, 1, milliseconds) <= 0) return std::optional<std::uint32_t>();
    char bytes[NLMSG_HDRLEN + sizeof(cn_msg) + sizeof(proc_event)];
    const std::size_t size = TRY(sys::read(socket, bytes));
    std::uint32_t field = 0;
    if (size < offset + sizeof field) return Error(Kind::corrupt, "process event");
    std::memcpy(&field, bytes + offset, sizeof field);
    return std::optional(field);
}

Result<Fd> open_events(pid_t pid) {
    Fd socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_CONNECTOR));
    if (!socket.valid()) return Error::of_errno(errno, "process events");
    TRY(let_pass_only(socket, pid));
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = CN_IDX_PROC;
    if (::bind(socket.raw(), static_cast<sockaddr*>(static_cast<void*>(&address)), sizeof address) != 0)
        return Error::of_errno(errno, "process events");
    TRY(order(socket, PROC_CN_MCAST_LISTEN));
    // Another namespace's order is passed over in silence.
    if (!TRY(receive_field(socket, what_offset, 0))) return Error(Kind::unsupported, "process events are not told here");
    return socket;
}

}  // namespace

ForeignEnd ForeignEnd::watch(pid_t pid, const Fd& pidfd) {
    if (status_from(pidfd).ok()) return {};
    auto end = watch_events(pid);
    if (!end.ok()) log::debug("end of process ", pid, ": ", end.error().text());
    return std::move(end).value_or({});
}

Result<ForeignEnd> ForeignEnd::watch_events(pid_t pid) {
    ForeignEnd end;
    end.events_ = TRY(open_events(pid));
    return end;
}

ForeignEnd::~ForeignEnd() {
    // Before Linux 6.6 the kernel would go on to write events for a listener that just closes.
    if (events_.valid()) ignore(order(events_, PROC_CN_MCAST_IGNORE), "costs the machine some time");
}

Result<std::optional<ExitStatus>> ForeignEnd::status(const Fd& pidfd) const {
    if (!events_.valid()) return status_from(pidfd);
    // Sent by the process itself right after its pidfd told that it ended.
    const auto code = TRY(receive_field(events_, code_offset, 200));
    if (!code) return Error(Kind::unsupported, "its end was not told");
    return std::optional(exit_status_of_wait(static_cast<int>(*code)));
}

std::optional<ExitStatus> late_status(const Fd& pidfd) {
    constexpr int pauses = 200;
    for (int i = 0; i < pauses; ++i) {
        const auto status = status_from(pidfd);
        if (!status.ok()) return {};
        if (status.value()) return status.value();
        sleep_for(Duration::of_milliseconds(10));
    }
    return {};
}

}  // namespace berth::container
