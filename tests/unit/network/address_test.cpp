#include "network/address.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

using namespace berth;
using namespace berth::network;

TestSuite(network_address, .timeout = 10);

namespace {

std::string canonical(std::string_view text) {
    const auto parsed = IpAddress::parse(text);
    return parsed.ok() ? parsed.value().str() : parsed.error().text();
}
std::string subnet(std::string_view text) {
    const auto parsed = Subnet::parse(text);
    return parsed.ok() ? parsed.value().str() : parsed.error().text();
}
Subnet net(std::string_view text) { return Subnet::parse(text).value(); }
IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

}  // namespace

Test(network_address, ipv4_is_four_decimal_numbers) {
    EXPECT_TEXT(canonical("10.0.0.1"), "10.0.0.1");
    EXPECT_TEXT(canonical("255.255.255.255"), "255.255.255.255");
    for (const char* wrong : {"10.0.0", "10.0.0.256", "10.0.0.1.2", "10.0.0.01", "", "a.b.c.d", "1.2.3.", "1.2.3.4 "}) {
        const std::string found = canonical(wrong), wanted = cat("'", wrong, "' is not an IP address");
        cr_expect_str_eq(found.c_str(), wanted.c_str());
    }
}

Test(network_address, ipv6_is_written_in_its_shortest_form) {
    EXPECT_TEXT(canonical("2001:0db8:0:0:0:0:0:0001"), "2001:db8::1");
    EXPECT_TEXT(canonical("::"), "::");
    EXPECT_TEXT(canonical("::1"), "::1");
    EXPECT_TEXT(canonical("fd00::"), "fd00::");
    EXPECT_TEXT(canonical("1:0:0:2:0:0:0:3"), "1:0:0:2::3");
    EXPECT_TEXT(canonical("1:0:2:3:4:5:6:7"), "1:0:2:3:4:5:6:7");
    EXPECT_TEXT(canonical("::ffff:10.0.0.1"), "::ffff:a00:1");
    EXPECT_TEXT(canonical("FE80::A"), "fe80::a");
}

Test(network_address, ipv6_with_a_wrong_number_of_groups_is_refused) {
    for (const char* wrong : {"1:2:3", "1:2:3:4:5:6:7:8:9", "1::2::3", ":1", "1:", "12345::", "::g", "1:2:3:4:5:6:7::8:9", "fe80::1%eth0"})
        cr_expect(!IpAddress::parse(wrong).ok(), "%s", wrong);
}

Test(network_address, an_ipv4_address_stands_at_the_end_of_ipv6_only) {
    EXPECT_TEXT(canonical("1::10.0.0.1"), "1::a00:1");
    EXPECT_TEXT(canonical("0:0:0:0:0:ffff:10.0.0.1"), "::ffff:a00:1");
    for (const char* wrong : {"127.0.0.1::1", "10.0.0.1::", "::10.0.0.1:1", "1:10.0.0.1::2"}) cr_expect(!IpAddress::parse(wrong).ok(), "%s", wrong);
}

Test(network_address, a_subnet_drops_the_bits_of_the_host) {
    EXPECT_TEXT(subnet("10.1.2.3/24"), "10.1.2.0/24");
    EXPECT_TEXT(subnet("10.1.2.3/0"), "0.0.0.0/0");
    EXPECT_TEXT(subnet("10.1.255.3/22"), "10.1.252.0/22");
    EXPECT_TEXT(subnet("fd00::1:2:3/64"), "fd00::/64");
    EXPECT_TEXT(subnet("10.0.0.0/33"), "'10.0.0.0/33' is not a subnet such as 10.1.0.0/24");
    EXPECT_TEXT(subnet("10.0.0.0"), "'10.0.0.0' is not a subnet such as 10.1.0.0/24");
    EXPECT_TEXT(subnet("10.0.0.0/"), "'10.0.0.0/' is not a subnet such as 10.1.0.0/24");
}

Test(network_address, subnets_overlap_when_one_lies_in_the_other) {
    cr_expect(net("10.0.0.0/8").overlaps(net("10.1.0.0/16")));
    cr_expect(net("10.1.0.0/16").overlaps(net("10.0.0.0/8")));
    cr_expect(!net("10.1.0.0/16").overlaps(net("10.2.0.0/16")));
    cr_expect(!net("::/0").overlaps(net("10.2.0.0/16")), "families are apart");
}

Test(network_address, an_index_and_its_address_are_inverse) {
    cr_expect(net("10.0.0.0/16").at(257) == ip("10.0.1.1"));
    cr_expect_eq(net("10.0.0.0/16").index_of(ip("10.0.1.1")), 257u);
    cr_expect(net("fd00::/64").at(0x10000) == ip("fd00::1:0"));
    cr_expect_eq(net("fd00::/64").index_of(ip("fd00::1:0")), 0x10000u);
    cr_expect(net("10.0.0.0/24").broadcast() == ip("10.0.0.255"));
    cr_expect(!net("10.0.0.0/31").broadcast().has_value());
}

Test(network_address, a_mac_address_is_unicast) {
    EXPECT_TEXT(MacAddress::parse("02:42:AC:11:00:02").value().str(), "02:42:ac:11:00:02");
    EXPECT_TEXT(MacAddress::parse("03:42:ac:11:00:02").error().text(), "MAC address '03:42:ac:11:00:02' is a multicast address");
    EXPECT_TEXT(MacAddress::parse("02:42:ac:11:00").error().text(), "'02:42:ac:11:00' is not a MAC address");
    const MacAddress made = MacAddress::make_random();
    cr_expect_eq(made.bytes()[0] & 3, 2, "locally administered, unicast");
}
