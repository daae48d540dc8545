#include "runtime/net_devices.h"

#include <cerrno>
#include <cstring>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/sys.h"

namespace berth::runtime {

namespace {

/// One netlink message, built front to back; lengths are patched in as attributes come.
class Request {
public:
    template <class Header>
    Request(std::uint16_t type, std::uint16_t flags, const Header& header) {
        nlmsghdr top{};
        top.nlmsg_type = type;
        top.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
        append(&top, sizeof top);
        append(&header, sizeof header);
    }
    void attribute(std::uint16_t type, const void* data, std::size_t size) {
        rtattr head{static_cast<std::uint16_t>(sizeof(rtattr) + size), type};
        append(&head, sizeof head);
        append(data, size);
    }
    const std::string& finish() {
        const auto length = static_cast<std::uint32_t>(bytes_.size());
        std::memcpy(bytes_.data(), &length, sizeof length);
        return bytes_;
    }

private:
    void append(const void* data, std::size_t size) {
        bytes_.append(static_cast<const char*>(data), size);
        bytes_.resize((bytes_.size() + NLMSG_ALIGNTO - 1) & ~std::size_t{NLMSG_ALIGNTO - 1});
    }
    std::string bytes_;
};

Result<Fd> open_netlink() {
    Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!socket.valid()) return Error::of_errno(errno, "netlink");
    return socket;
}

/// What lies `offset` bytes behind `start`. The kernel's macros for this are casts of the old style.
template <class T>
const T* behind(const void* start, std::size_t offset) {
    return static_cast<const T*>(static_cast<const void*>(static_cast<const char*>(start) + offset));
}

/// Sends, and hands every message of the answer to `take` until the acknowledgement.
template <class Take>
Result<void> ask(const Fd& socket, Request& request, Take take) {
    TRY(sys::write(socket, request.finish()));
    alignas(nlmsghdr) char buffer[16384];
    for (;;) {
        const std::size_t got = TRY(sys::read(socket, buffer));
        for (std::size_t at = 0; at + sizeof(nlmsghdr) <= got;) {
            const auto* message = behind<nlmsghdr>(buffer, at);
            if (message->nlmsg_len < sizeof(nlmsghdr) || message->nlmsg_len > got - at) break;
            if (message->nlmsg_type == NLMSG_DONE) return {};
            if (message->nlmsg_type == NLMSG_ERROR) {
                const auto* error = behind<nlmsgerr>(message, NLMSG_HDRLEN);
                if (error->error != 0) return Error::of_errno(-error->error, "netlink");
                return {};
            }
            take(*message);
            at += NLMSG_ALIGN(message->nlmsg_len);
        }
    }
}
Result<void> tell(const Fd& socket, Request& request) {
    return ask(socket, request, [](const nlmsghdr&) {});
}

Result<int> index_of(const std::string& name) {
    const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    if (name.size() >= IFNAMSIZ) return Error(Kind::invalid, cat("'", name, "' is too long for a device"));
    std::memcpy(request.ifr_name, name.c_str(), name.size());
    if (::ioctl(socket.raw(), SIOCGIFINDEX, &request) != 0) return Error::of_errno(errno, name);
    return request.ifr_ifindex;
}

/// The device's addresses that have a meaning beyond the link, as the kernel wrote them.
struct Address {
    ifaddrmsg header;
    std::vector<std::pair<std::uint16_t, std::string>> attributes;
};

Result<std::vector<Address>> addresses_of(const Fd& socket, int index) {
    std::vector<Address> out;
    Request request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
    TRY(ask(socket, request, [&](const nlmsghdr& message) {
        const auto* header = behind<ifaddrmsg>(&message, NLMSG_HDRLEN);
        const bool wanted = static_cast<int>(header->ifa_index) == index && header->ifa_scope == RT_SCOPE_UNIVERSE &&
                            (header->ifa_flags & IFA_F_PERMANENT) != 0;
        if (!wanted) return;
        Address address{*header, {}};
        std::size_t at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(ifaddrmsg));
        while (at + sizeof(rtattr) <= message.nlmsg_len) {
            const auto* part = behind<rtattr>(&message, at);
            if (part->rta_len < sizeof(rtattr) || part->rta_len > message.nlmsg_len - at) break;
            if (part->rta_type == IFA_ADDRESS || part->rta_type == IFA_LOCAL || part->rta_type == IFA_BROADCAST)
                address.attributes.emplace_back(part->rta_type, std::string(behind<char>(part, sizeof(rtattr)), part->rta_len - sizeof(rtattr)));
            at += RTA_ALIGN(part->rta_len);
        }
        out.push_back(std::move(address));
    }));
    return out;
}

ifinfomsg link_header(int index) {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    return header;
}

Result<void> push_into(const Fd& socket, int index, const std::string& name, const Fd& netns) {
    Request move(RTM_NEWLINK, NLM_F_ACK, link_header(index));
    const int fd = netns.raw();
    move.attribute(IFLA_NET_NS_FD, &fd, sizeof fd);
    move.attribute(IFLA_IFNAME, name.c_str(), name.size() + 1);
    return tell(socket, move);
}

/// In the container's namespace: addresses again (a move drops them), and up.
Result<void> set_up_inside(const std::string& name, const std::vector<Address>& addresses) {
    const Fd socket = TRY(open_netlink());
    const int index = TRY(index_of(name));
    for (Address address : addresses) {
        address.header.ifa_index = static_cast<std::uint32_t>(index);
        Request add(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, address.header);
        for (const auto& [type, data] : address.attributes) add.attribute(type, data.data(), data.size());
        TRY(tell(socket, add), "address");
    }
    ifinfomsg header = link_header(index);
    header.ifi_flags = header.ifi_change = IFF_UP;
    Request up(RTM_NEWLINK, NLM_F_ACK, header);
    return tell(socket, up);
}

Result<void> move_device(const Fd& socket, const std::string& device, const std::string& name, const Fd& netns) {
    const int index = TRY(index_of(device));
    const auto addresses = TRY(addresses_of(socket, index));
    TRY(push_into(socket, index, name, netns));
    const Fd own = TRY(sys::open("/proc/self/ns/net", O_RDONLY));
    if (::setns(netns.raw(), CLONE_NEWNET) != 0) return Error::of_errno(errno, "join network namespace");
    auto done = set_up_inside(name, addresses);
    if (::setns(own.raw(), CLONE_NEWNET) != 0) bug("own network namespace cannot be put back");
    return done;
}

}  // namespace

Result<void> move_net_devices(const std::map<std::string, NetDevice>& devices, const Fd& netns) {
    const Fd socket = TRY(open_netlink());
    for (const auto& [device, wanted] : devices)
        TRY(move_device(socket, device, wanted.name.empty() ? device : wanted.name, netns), "network device ", device);
    return {};
}

}  // namespace berth::runtime
