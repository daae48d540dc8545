#include "network/local_ports.h"

#include <charconv>

#include "base/file.h"
#include "network/tables.h"

namespace berth::network {

namespace {

constexpr std::string_view reserved_sysctl = "ipv4/ip_local_reserved_ports";

std::string_view without_newline(std::string_view text) {
    while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
    return text;
}

Result<PortSet> read_reserved() {
    // A list with every second port has 190 kB.
    const std::string text = TRY(read_file(cat("/proc/sys/net/", reserved_sysctl), 1u << 20), "sysctl");
    return parse_port_set(text);
}

Result<void> write_reserved(const PortSet& ports) {
    // Nothing is an empty line: a write of no bytes would change nothing.
    const std::string text = cat(port_set_text(ports), '\n');
    // proc_do_large_bitmap() takes less than a page at once.
    if (text.size() >= 4096) return Error(Kind::unsupported, "the list of reserved ports is too long for the kernel");
    const Fd file = TRY(sys::open(cat("/proc/sys/net/", reserved_sysctl), O_WRONLY), "sysctl");
    return sys::write_all(file, text);
}

/// "32768	60999"
Result<PortRange> read_local_range() {
    const std::string text = TRY(read_file("/proc/sys/net/ipv4/ip_local_port_range", 64), "sysctl");
    PortRange range;
    const char* const end = text.data() + text.size();
    const char* next = std::from_chars(text.data(), end, range.first).ptr;
    while (next != end && (*next == '\t' || *next == ' ')) ++next;
    std::from_chars(next, end, range.last);
    return range;
}

}  // namespace

Result<PortSet> parse_port_set(std::string_view text) {
    PortSet ports;
    for (std::string_view rest = without_newline(text); !rest.empty();) {
        const std::string_view item = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), item.size() + 1));
        const PortRange range = TRY(JsonText<PortRange>::parse(item), "reserved ports");
        for (unsigned port = range.first; port <= range.last; ++port) ports.set(port);
    }
    return ports;
}

std::string port_set_text(const PortSet& ports) {
    std::string text;
    for (unsigned first = 0; first < ports.size(); ++first) {
        if (!ports[first]) continue;
        unsigned last = first;
        while (last + 1 < ports.size() && ports[last + 1]) ++last;
        text += cat(text.empty() ? "" : ",", first);
        if (last != first) text += cat('-', last);
        first = last;
    }
    return text;
}

ReservedPorts plan_reserved_ports(const ReservedPorts& now, const PortSet& wanted) {
    const PortSet others = now.all & ~now.ours;
    return {others | wanted, wanted & ~others};
}

PortSet ranges_among(std::string_view port_table, PortRange local) {
    PortSet ports;
    for (const PortLease& lease : parse_port_leases(port_table)) {
        const PortRange& range = lease.port.host;
        if (range.size() == 1 || !range.overlaps(local)) continue;
        for (unsigned port = range.first; port <= range.last; ++port) ports.set(port);
    }
    return ports;
}

Result<void> reserve_local_ports(const State& state, std::string_view port_table) {
    const std::string recorded = TRY(state.reserved_ports());
    ReservedPorts now;
    now.ours = TRY(parse_port_set(recorded));
    const PortRange local = TRY(read_local_range());
    const PortSet wanted = ranges_among(port_table, local);
    if (wanted.none() && now.ours.none()) return {};
    now.all = TRY(read_reserved());
    const ReservedPorts next = plan_reserved_ports(now, wanted);
    TRY(state.store_reserved_ports(port_set_text(now.ours | next.ours)));
    TRY(write_reserved(next.all));
    return state.store_reserved_ports(port_set_text(next.ours));
}

}  // namespace berth::network
