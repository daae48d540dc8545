#include "network/address.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <sys/random.h>

namespace berth::network {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

Error bad_address(std::string_view text) { return Error(Kind::invalid, cat("'", text, "' is not an IP address")); }

bool take_hex(std::string_view text, unsigned& value) {
    if (text.empty() || text.size() > 4) return false;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return code == std::errc() && end == text.data() + text.size();
}

bool parse_v4(std::string_view text, std::uint8_t* out) {
    for (int i = 0; i < 4; ++i) {
        const std::size_t dot = i < 3 ? text.find('.') : text.size();
        if (dot == std::string_view::npos || dot == 0 || dot > 3) return false;
        const std::string_view part = text.substr(0, dot);
        // "010" is octal to some programs and ten to others: refused, as Go and inet_pton(3) do.
        if (part.size() > 1 && part[0] == '0') return false;
        unsigned value = 0;
        const auto [end, code] = std::from_chars(part.data(), part.data() + part.size(), value);
        if (code != std::errc() || end != part.data() + part.size() || value > 255) return false;
        out[i] = static_cast<std::uint8_t>(value);
        if (i < 3) text.remove_prefix(dot + 1);
    }
    return true;
}

/// Groups of `text` (no "::" in it) into `out`; the count of bytes, or -1. The last may be an IPv4 address, where one may end
/// the whole (RFC 4291, 2.2).
enum class Tail { groups, may_be_v4 };
int parse_groups(std::string_view text, std::uint8_t* out, int room, Tail tail) {
    int used = 0;
    while (!text.empty()) {
        const std::size_t colon = text.find(':');
        const std::string_view group = text.substr(0, colon);
        if (tail == Tail::may_be_v4 && colon == std::string_view::npos && group.find('.') != std::string_view::npos) {
            if (used + 4 > room || !parse_v4(group, out + used)) return -1;
            return used + 4;
        }
        unsigned value = 0;
        if (used + 2 > room || !take_hex(group, value)) return -1;
        out[used++] = static_cast<std::uint8_t>(value >> 8);
        out[used++] = static_cast<std::uint8_t>(value);
        if (colon == std::string_view::npos) return used;
        text.remove_prefix(colon + 1);
        if (text.empty()) return -1;
    }
    return used;
}

bool parse_v6(std::string_view text, std::uint8_t* out) {
    const std::size_t gap = text.find("::");
    if (gap == std::string_view::npos) return !text.empty() && parse_groups(text, out, 16, Tail::may_be_v4) == 16;
    std::uint8_t tail[16];
    const int front = parse_groups(text.substr(0, gap), out, 14, Tail::groups);
    const int back = parse_groups(text.substr(gap + 2), tail, 14, Tail::may_be_v4);
    if (front < 0 || back < 0 || front + back > 14) return false;
    std::memset(out + front, 0, static_cast<std::size_t>(16 - front - back));
    std::memcpy(out + 16 - back, tail, static_cast<std::size_t>(back));
    return true;
}

std::string v6_text(std::span<const std::uint8_t> bytes) {
    unsigned groups[8];
    for (std::size_t i = 0; i < 8; ++i) groups[i] = static_cast<unsigned>(bytes[2 * i] << 8 | bytes[2 * i + 1]);
    // RFC 5952: the longest run of at least two zero groups, the first of equals, becomes "::".
    int best = -1, best_length = 1;
    for (int i = 0; i < 8; ++i) {
        int length = 0;
        while (i + length < 8 && groups[i + length] == 0) ++length;
        if (length > best_length) best = i, best_length = length;
        if (length > 0) i += length - 1;
    }
    std::string text;
    for (int i = 0; i < 8; ++i) {
        if (i == best) {
            text += "::";
            i += best_length - 1;
            continue;
        }
        if (!text.empty() && text.back() != ':') text += ':';
        char group[4];
        const auto end = std::to_chars(group, group + 4, groups[i], 16).ptr;
        text.append(group, static_cast<std::size_t>(end - group));
    }
    return text;
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
    IpAddress address;
    if (text.find(':') == std::string_view::npos) {
        if (!parse_v4(text, address.bytes_.data())) return bad_address(text);
        return address;
    }
    address.family_ = Family::v6;
    if (!parse_v6(text, address.bytes_.data())) return bad_address(text);
    return address;
}

IpAddress IpAddress::of_bytes(std::span<const std::uint8_t> bytes) {
    IpAddress address;
    if (bytes.size() != 4 && bytes.size() != 16) bug("an IP address has 4 or 16 bytes");
    address.family_ = bytes.size() == 16 ? Family::v6 : Family::v4;
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
    return address;
}

IpAddress IpAddress::of_v4(std::uint32_t host_order) {
    IpAddress address;
    for (std::size_t i = 0; i < 4; ++i) address.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    return address;
}

IpAddress IpAddress::any(Family family) {
    IpAddress address;
    address.family_ = family;
    return address;
}

bool IpAddress::is_any() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const {
    if (!is_v6()) return bytes_[0] == 127;
    return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.begin() + 15, [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_link_local() const {
    if (is_v6()) return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
    return bytes_[0] == 169 && bytes_[1] == 254;
}

std::uint32_t IpAddress::v4() const {
    return static_cast<std::uint32_t>(bytes_[0]) << 24 | static_cast<std::uint32_t>(bytes_[1]) << 16 |
           static_cast<std::uint32_t>(bytes_[2]) << 8 | bytes_[3];
}

std::string IpAddress::str() const {
    if (is_v6()) return v6_text(bytes());
    return cat(bytes_[0], '.', bytes_[1], '.', bytes_[2], '.', bytes_[3]);
}

std::string IpAddress::bracketed() const { return is_v6() ? cat('[', str(), ']') : str(); }

Result<Subnet> Subnet::parse(std::string_view text) {
    const auto refuse = [&] { return Error(Kind::invalid, cat("'", text, "' is not a subnet such as 10.1.0.0/24")); };
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return refuse();
    const auto address = IpAddress::parse(text.substr(0, slash));
    const std::string_view length = text.substr(slash + 1);
    unsigned prefix = 0;
    const auto [end, code] = std::from_chars(length.data(), length.data() + length.size(), prefix);
    if (!address.ok() || length.empty() || code != std::errc() || end != length.data() + length.size()) return refuse();
    if (prefix > (address.value().is_v6() ? 128u : 32u)) return refuse();
    return of(address.value(), prefix);
}

Subnet Subnet::of(const IpAddress& address, unsigned prefix) {
    std::array<std::uint8_t, 16> bytes{};
    const auto given = address.bytes();
    for (std::size_t i = 0; i < given.size(); ++i) {
        const unsigned before = static_cast<unsigned>(8 * i);
        const unsigned kept = prefix <= before ? 0 : std::min(8u, prefix - before);
        bytes[i] = static_cast<std::uint8_t>(given[i] & (0xff00u >> kept));
    }
    Subnet subnet;
    subnet.base_ = IpAddress::of_bytes(std::span(bytes).first(given.size()));
    subnet.prefix_ = prefix;
    return subnet;
}

bool Subnet::contains(const IpAddress& address) const {
    return address.family() == family() && Subnet::of(address, prefix_).base_ == base_;
}

bool Subnet::contains(const Subnet& other) const { return other.prefix_ >= prefix_ && contains(other.base_); }

bool Subnet::overlaps(const Subnet& other) const { return contains(other.base_) || other.contains(base_); }

std::uint64_t Subnet::size() const {
    const unsigned bits = (base_.is_v6() ? 128u : 32u) - prefix_;
    return std::uint64_t{1} << std::min(bits, 63u);
}

IpAddress Subnet::at(std::uint64_t index) const {
    std::array<std::uint8_t, 16> bytes{};
    const auto start = base_.bytes();
    std::copy(start.begin(), start.end(), bytes.begin());
    unsigned carry = 0;
    for (std::size_t i = start.size(); i-- > 0; index >>= 8) {
        const unsigned sum = bytes[i] + static_cast<unsigned>(index & 0xff) + carry;
        bytes[i] = static_cast<std::uint8_t>(sum);
        carry = sum >> 8;
    }
    return IpAddress::of_bytes(std::span(bytes).first(start.size()));
}

std::uint64_t Subnet::index_of(const IpAddress& address) const {
    std::uint64_t index = 0;
    const auto start = base_.bytes(), given = address.bytes();
    for (std::size_t i = 0; i < given.size(); ++i) index = index << 8 | static_cast<std::uint8_t>(given[i] - start[i]);
    return index;
}

std::optional<IpAddress> Subnet::broadcast() const {
    if (base_.is_v6() || prefix_ >= 31) return std::nullopt;
    return at(size() - 1);
}

std::string Subnet::str() const { return cat(base_.str(), '/', prefix_); }

Result<MacAddress> MacAddress::parse(std::string_view text) {
    const auto refuse = [&] { return Error(Kind::invalid, cat("'", text, "' is not a MAC address")); };
    MacAddress mac;
    if (text.size() != 17) return refuse();
    for (std::size_t i = 0; i < 6; ++i) {
        unsigned value = 0;
        if (!take_hex(text.substr(3 * i, 2), value)) return refuse();
        if (i < 5 && text[3 * i + 2] != ':' && text[3 * i + 2] != '-') return refuse();
        mac.bytes_[i] = static_cast<std::uint8_t>(value);
    }
    // Group addresses belong to no single link (IEEE 802): the kernel would refuse it with EADDRNOTAVAIL.
    if ((mac.bytes_[0] & 1) != 0) return Error(Kind::invalid, cat("MAC address '", text, "' is a multicast address"));
    return mac;
}

MacAddress MacAddress::of_bytes(std::span<const std::uint8_t, 6> bytes) {
    MacAddress mac;
    std::copy(bytes.begin(), bytes.end(), mac.bytes_.begin());
    return mac;
}

MacAddress MacAddress::make_random() {
    MacAddress mac;
    // Up to 256 bytes getrandom(2) neither fails nor stops short once the pool is ready.
    if (::getrandom(mac.bytes_.data(), mac.bytes_.size(), 0) != static_cast<ssize_t>(mac.bytes_.size())) bug("getrandom");
    mac.bytes_[0] = static_cast<std::uint8_t>((mac.bytes_[0] & 0xfc) | 2);
    return mac;
}

std::string MacAddress::str() const {
    std::string text;
    for (const std::uint8_t byte : bytes_) {
        if (!text.empty()) text += ':';
        text += digits[byte >> 4];
        text += digits[byte & 15];
    }
    return text;
}

}  // namespace berth::network
