#include "network/tables.h"

#include <algorithm>
#include <charconv>

namespace berth::network {

namespace {

std::string_view take_word(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view word = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return word;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

/// Calls `each` with every line until it returns false.
template <class Each>
void each_line(std::string_view table, Each each) {
    while (!table.empty())
        if (const std::string_view line = take_word(table, '\n'); !line.empty() && !each(line)) return;
}

/// Words of a member's line without copies: a query must not cost an allocation for each of a thousand members.
struct MemberView {
    std::string_view container, mac, ip, ip6, names;
    explicit MemberView(std::string_view line) {
        container = take_word(line, ' ');
        mac = take_word(line, ' ');
        ip = take_word(line, ' ');
        ip6 = take_word(line, ' ');
        names = line;
    }
    std::string_view address(Family family) const { return family == Family::v6 ? ip6 : ip; }
    bool has_name(std::string_view wanted) const {
        for (std::string_view rest = names; !rest.empty();)
            if (same_name(take_word(rest, ' '), wanted)) return true;
        return false;
    }
};

std::vector<std::uint64_t> used_indexes(const AddressSearch& search, std::string_view table) {
    std::vector<std::uint64_t> used;
    const auto take = [&](const IpAddress& address) {
        if (search.range.contains(address)) used.push_back(search.range.index_of(address));
    };
    each_line(table, [&](std::string_view line) {
        const auto address = IpAddress::parse(MemberView(line).address(search.subnet.family()));
        if (address.ok()) take(address.value());
        return true;
    });
    for (const IpAddress& address : search.reserved) take(address);
    take(search.subnet.base());
    if (const auto broadcast = search.subnet.broadcast()) take(*broadcast);
    std::sort(used.begin(), used.end());
    return used;
}

bool addresses_clash(std::string_view a, std::string_view b) {
    if (a == b) return true;
    const bool same_family = (a.find(':') == std::string_view::npos) == (b.find(':') == std::string_view::npos);
    const auto is_any = [](std::string_view ip) { return ip == "0.0.0.0" || ip == "::"; };
    return same_family && (is_any(a) || is_any(b));
}

}  // namespace

std::string member_line(const Member& member) {
    const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : text; };
    std::string line = cat(member.container, ' ', or_dash(member.mac), ' ', or_dash(member.ip), ' ', or_dash(member.ip6));
    for (const std::string& name : member.names) {
        line += ' ';
        for (const char c : name) line += lower(c);
    }
    return line += '\n';
}

std::optional<Member> parse_member(std::string_view line) {
    const MemberView view(line);
    if (view.container.empty() || view.ip.empty() || view.ip6.empty()) return std::nullopt;
    Member member;
    member.container = view.container;
    if (view.mac != "-") member.mac = view.mac;
    if (view.ip != "-") member.ip = view.ip;
    if (view.ip6 != "-") member.ip6 = view.ip6;
    for (std::string_view rest = view.names; !rest.empty();) member.names.emplace_back(take_word(rest, ' '));
    return member;
}

std::string without_container(std::string_view table, std::string_view container) {
    std::string kept;
    each_line(table, [&](std::string_view line) {
        std::string_view rest = line;
        if (take_word(rest, ' ') != container) kept += cat(line, '\n');
        return true;
    });
    return kept;
}

std::vector<Member> parse_members(std::string_view table) {
    std::vector<Member> members;
    each_line(table, [&](std::string_view line) {
        if (auto member = parse_member(line)) members.push_back(std::move(*member));
        return true;
    });
    return members;
}

std::optional<IpAddress> find_free_address(const AddressSearch& search, std::string_view table) {
    std::uint64_t free = 0;
    for (const std::uint64_t used : used_indexes(search, table)) {
        if (used > free) break;
        if (used == free) ++free;
    }
    if (free >= search.range.size()) return std::nullopt;
    return search.range.at(free);
}

std::optional<std::string> find_holder(std::string_view table, const IpAddress& address) {
    std::optional<std::string> holder;
    const std::string text = address.str();
    each_line(table, [&](std::string_view line) {
        const MemberView view(line);
        if (view.address(address.family()) != text) return true;
        holder = view.container;
        return false;
    });
    return holder;
}

std::vector<IpAddress> find_addresses(std::string_view table, std::string_view name, Family family) {
    std::vector<IpAddress> found;
    each_line(table, [&](std::string_view line) {
        const MemberView view(line);
        if (view.address(family) == "-" || !view.has_name(name)) return true;
        if (const auto address = IpAddress::parse(view.address(family)); address.ok()) found.push_back(address.value());
        return true;
    });
    return found;
}

bool knows_name(std::string_view table, std::string_view name) {
    bool known = false;
    each_line(table, [&](std::string_view line) { return !(known = MemberView(line).has_name(name)); });
    return known;
}

std::optional<std::string> find_name(std::string_view table, const IpAddress& address) {
    std::optional<std::string> name;
    const std::string text = address.str();
    each_line(table, [&](std::string_view line) {
        const MemberView view(line);
        if (view.address(address.family()) != text) return true;
        std::string_view names = view.names;
        name = take_word(names, ' ');
        return false;
    });
    return name;
}

std::string port_line(const PortLease& lease) {
    const PublishedPort& port = lease.port;
    return cat(lease.container, ' ', protocol_text(port.protocol), ' ', port.host_ip, ' ', port.host.first, '-', port.host.last,
               ' ', port.container.first, ' ', lease.name, '\n');
}

std::vector<PortLease> parse_port_leases(std::string_view table) {
    std::vector<PortLease> leases;
    each_line(table, [&](std::string_view line) {
        PortLease lease;
        lease.container = take_word(line, ' ');
        const auto protocol = JsonText<Protocol>::parse(take_word(line, ' '));
        lease.port.host_ip = take_word(line, ' ');
        const auto host = JsonText<PortRange>::parse(take_word(line, ' '));
        const auto inside = JsonText<PortRange>::parse(take_word(line, ' '));
        lease.name = line;
        if (!protocol.ok() || !host.ok() || !inside.ok()) return true;
        lease.port.protocol = protocol.value();
        lease.port.host = host.value();
        const unsigned last = inside.value().first + host.value().size() - 1;
        lease.port.container = {inside.value().first, static_cast<std::uint16_t>(std::min(last, 65535u))};
        leases.push_back(std::move(lease));
        return true;
    });
    return leases;
}

std::optional<PortLease> find_conflict(std::string_view table, const PublishedPort& wanted) {
    for (PortLease& lease : parse_port_leases(table)) {
        const bool clash = lease.port.protocol == wanted.protocol && lease.port.host.overlaps(wanted.host) &&
                           addresses_clash(lease.port.host_ip, wanted.host_ip);
        if (clash) return std::move(lease);
    }
    return std::nullopt;
}

}  // namespace berth::network
