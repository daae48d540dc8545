#include "network/firewall.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

#include <sched.h>

using namespace berth;
using namespace berth::network;

TestSuite(network_firewall, .timeout = 20);

namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

}  // namespace

Test(network_firewall, a_single_port_is_one_element_with_both_ports) {
    const auto elements = port_elements({"0.0.0.0", {8080, 8080}, {80, 80}, Protocol::tcp}, ip("10.0.0.2"));
    cr_assert_eq(elements.size(), 1u);
    cr_expect(elements[0] == (nft::Element{"pub4", {6, 0, 0, 0, 0x1f, 0x90, 0, 0}, {}, {10, 0, 0, 2, 0, 80, 0, 0}}));
}

Test(network_firewall, ten_thousand_ports_are_one_element) {
    const auto elements = port_elements({"127.0.0.1", {20000, 29999}, {20000, 29999}, Protocol::udp}, ip("10.0.0.2"));
    cr_assert_eq(elements.size(), 1u);
    cr_expect(elements[0] == (nft::Element{"rng4a", {127, 0, 0, 1, 17, 0, 0, 0, 0x4e, 0x20, 0, 0}, {127, 0, 0, 1, 17, 0, 0, 0, 0x75, 0x2f, 0, 0}, {10, 0, 0, 2}}));
}

Test(network_firewall, a_range_that_moves_is_spelled_out) {
    cr_expect_eq(port_elements({"0.0.0.0", {8000, 8099}, {9000, 9099}, Protocol::tcp}, ip("10.0.0.2")).size(), 100u);
}

Test(network_firewall, nothing_translates_between_families) {
    cr_expect(port_elements({"::", {80, 80}, {80, 80}, Protocol::tcp}, ip("10.0.0.2")).empty());
    cr_expect_eq(port_elements({"::", {80, 80}, {80, 80}, Protocol::tcp}, ip("fd00::2")).size(), 1u);
}

Test(network_firewall, internal_bridges_are_not_masqueraded) {
    cr_expect_eq(bridge_elements({"br0", true, false}).size(), 3u);
    const auto internal = bridge_elements({"br0", true, true});
    cr_assert_eq(internal.size(), 3u);
    cr_expect(internal[2].set == "inside");
}

Test(network_firewall, the_kernel_takes_the_table_and_gives_elements_back) {
    support::needs_root();
    const std::string trouble = support::in_child([]() -> std::string {
        if (::unshare(CLONE_NEWNET) != 0) return "unshare";
        auto netfilter = Netlink::open(Netlink::Protocol::netfilter);
        if (!netfilter.ok()) return netfilter.error().text();
        Netlink& socket = netfilter.value();
        const auto bridge = bridge_elements({"br0", true, false});
        const auto port = port_elements({"0.0.0.0", {8080, 8080}, {80, 80}, Protocol::tcp}, ip("10.0.0.2"));
        const auto without_table = add_elements(socket, bridge, port);
        if (without_table.ok() || without_table.error().code() != ENOENT) return "an absent table was not told";
        if (const auto made = create_firewall(socket, bridge); !made.ok()) return made.error().text();
        if (const auto added = add_elements(socket, bridge, port); !added.ok()) return added.error().text();
        const auto again = add_elements(socket, bridge, port);
        if (again.ok() || again.error().text() != "nftables: add to pub4: File exists") return "a taken port was not told";
        if (const auto gone = remove_elements(socket, port); !gone.ok()) return gone.error().text();
        if (const auto gone = remove_elements(socket, port); !gone.ok()) return "absent elements are no error: " + gone.error().text();
        const auto many = port_elements({"0.0.0.0", {2000, 12000}, {3000, 13000}, Protocol::tcp}, ip("10.0.0.2"));
        if (const auto added = add_elements(socket, {}, many); !added.ok()) return added.error().text();
        if (const auto made = create_firewall(socket, bridge); !made.ok()) return "made anew: " + made.error().text();
        return "";
    });
    cr_expect_str_eq(trouble.c_str(), "");
}
