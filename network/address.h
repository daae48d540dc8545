#pragma once
// Addresses as values: IPv4 and IPv6, the subnets they lie in, and MAC addresses. Text comes in once, through parse, and
// is refused with the reason; what comes out is the canonical form (RFC 5952 for IPv6).

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace berth::network {

enum class Family { v4, v6 };

class IpAddress {
public:
    /// 0.0.0.0
    IpAddress() = default;
    /// "10.0.0.1", "fd00::1"; no brackets, no zone, no leading zeros in IPv4.
    static Result<IpAddress> parse(std::string_view text);
    /// From network byte order: 4 or 16 bytes.
    static IpAddress of_bytes(std::span<const std::uint8_t> bytes);
    static IpAddress of_v4(std::uint32_t host_order);
    static IpAddress any(Family family);

    Family family() const { return family_; }
    bool is_v6() const { return family_ == Family::v6; }
    bool is_any() const;
    bool is_loopback() const;
    bool is_link_local() const;
    /// Network byte order, 4 or 16 bytes.
    std::span<const std::uint8_t> bytes() const { return std::span(bytes_).first(is_v6() ? 16 : 4); }
    std::uint32_t v4() const;
    std::string str() const;
    /// "[fd00::1]" for IPv6, else as str(): what stands before ":port".
    std::string bracketed() const;
    auto operator<=>(const IpAddress&) const = default;

private:
    Family family_ = Family::v4;
    std::array<std::uint8_t, 16> bytes_{};
};

/// A subnet such as 10.0.0.0/24; host bits are zero.
class Subnet {
public:
    Subnet() = default;
    /// Host bits are dropped as docker does ("10.0.0.5/24" is 10.0.0.0/24).
    static Result<Subnet> parse(std::string_view text);
    static Subnet of(const IpAddress& address, unsigned prefix);

    const IpAddress& base() const { return base_; }
    unsigned prefix() const { return prefix_; }
    Family family() const { return base_.family(); }
    bool contains(const IpAddress& address) const;
    bool contains(const Subnet& other) const;
    bool overlaps(const Subnet& other) const;
    /// How many addresses it has, at most 2^63.
    std::uint64_t size() const;
    /// base + index.
    IpAddress at(std::uint64_t index) const;
    /// The inverse of at(); `address` lies inside.
    std::uint64_t index_of(const IpAddress& address) const;
    /// The last address of an IPv4 subnet of more than two; it is never given to a container.
    std::optional<IpAddress> broadcast() const;
    std::string str() const;
    auto operator<=>(const Subnet&) const = default;

private:
    IpAddress base_;
    unsigned prefix_ = 0;
};

class MacAddress {
public:
    MacAddress() = default;
    /// Six pairs of hexadecimal digits with ':' or '-' between.
    static Result<MacAddress> parse(std::string_view text);
    static MacAddress of_bytes(std::span<const std::uint8_t, 6> bytes);
    /// Locally administered, unicast.
    static MacAddress make_random();
    std::span<const std::uint8_t, 6> bytes() const { return bytes_; }
    std::string str() const;
    auto operator<=>(const MacAddress&) const = default;

private:
    std::array<std::uint8_t, 6> bytes_{};
};

}  // namespace berth::network

namespace berth {

template <>
struct JsonText<network::IpAddress> {
    static Result<network::IpAddress> parse(std::string_view text) { return network::IpAddress::parse(text); }
    static std::string text(const network::IpAddress& address) { return address.str(); }
};
template <>
struct JsonText<network::Subnet> {
    static Result<network::Subnet> parse(std::string_view text) { return network::Subnet::parse(text); }
    static std::string text(const network::Subnet& subnet) { return subnet.str(); }
};
template <>
struct JsonText<network::MacAddress> {
    static Result<network::MacAddress> parse(std::string_view text) { return network::MacAddress::parse(text); }
    static std::string text(const network::MacAddress& mac) { return mac.str(); }
};

}  // namespace berth
