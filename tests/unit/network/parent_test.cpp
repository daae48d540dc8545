#include "network/parent.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

using namespace berth;
using namespace berth::network;

TestSuite(network_parent, .timeout = 10);

namespace {

std::string vlan(std::string_view name) {
    const auto parsed = parse_vlan_name(name);
    if (!parsed.ok()) return parsed.error().text();
    return parsed.value() ? cat(parsed.value()->link, " ", parsed.value()->id) : "none";
}

Network wire(std::string name, std::string driver, std::string parent, std::string mode = "") {
    Network network;
    network.id = std::string(64, name[0]);
    network.name = std::move(name);
    network.driver = std::move(driver);
    network.link = std::move(parent);
    if (!mode.empty()) network.options[network.driver + "_mode"] = std::move(mode);
    return network;
}

std::string beside(const Network& network, const std::vector<Network>& others) {
    const auto checked = check_parent_is_shared_well(network, others);
    return checked.ok() ? "" : checked.error().text();
}

}  // namespace

Test(network_parent, a_vlans_number_stands_behind_the_last_dot) {
    EXPECT_TEXT(vlan("eth0.10"), "eth0 10");
    EXPECT_TEXT(vlan("eth0.4094"), "eth0 4094");
    EXPECT_TEXT(vlan("eth0.10.20"), "eth0.10 20");
    EXPECT_TEXT(vlan("eth0"), "none");
}

Test(network_parent, a_number_that_no_vlan_has_is_refused) {
    for (const char* name : {"eth0.0", "eth0.4095", "eth0.ten", "eth0.", ".10", "eth0.1x", "eth0.-1", "eth0.99999999999"})
        cr_expect(vlan(name) == cat("--opt parent: '", name, "' is not LINK.NUMBER with a VLAN's number between 1 and 4094"), "%s", name);
}

Test(network_parent, a_dummy_is_named_after_its_network) {
    EXPECT_TEXT(dummy_name(wire("a", "macvlan", "")), "dm-aaaaaaaaaaaa");
    EXPECT_TEXT(dummy_name(wire("a", "ipvlan", "")), "di-aaaaaaaaaaaa");
}

Test(network_parent, macvlans_share_a_link_and_nothing_else_does) {
    const Network first = wire("first", "macvlan", "eth0");
    EXPECT_TEXT(beside(wire("other", "macvlan", "eth0", "private"), {first}), "");
    EXPECT_TEXT(beside(wire("other", "ipvlan", "eth1"), {first}), "");
    EXPECT_TEXT(beside(first, {first}), "");
    const char* refusal = "network first is already using parent interface eth0";
    EXPECT_TEXT(beside(wire("other", "macvlan", "eth0", "passthru"), {first}), refusal);
    EXPECT_TEXT(beside(wire("other", "macvlan", "eth0"), {wire("first", "macvlan", "eth0", "passthru")}), refusal);
    EXPECT_TEXT(beside(wire("other", "ipvlan", "eth0"), {first}), refusal);
    EXPECT_TEXT(beside(wire("other", "ipvlan", "eth0"), {wire("first", "ipvlan", "eth0")}), refusal);
}
