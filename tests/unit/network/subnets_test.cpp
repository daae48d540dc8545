#include "network/subnets.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

using namespace berth;
using namespace berth::network;

TestSuite(network_subnets, .timeout = 10);

namespace {

Subnet net(std::string_view text) { return Subnet::parse(text).value(); }

CreateNetwork wanting(std::vector<std::string> subnets) {
    CreateNetwork options;
    options.name = "app";
    options.subnets = std::move(subnets);
    return options;
}

std::string refusal(const CreateNetwork& options, std::vector<Subnet> taken = {}) {
    const auto pools = plan_pools(options, {taken, taken});
    return pools.ok() ? "" : pools.error().text();
}

}  // namespace

Test(network_subnets, the_default_network_is_the_first_free_of_dockers) {
    const std::vector<Subnet> none;
    EXPECT_TEXT(plan_default_pool(none).value().subnet.str(), "172.17.0.0/16");
    const std::vector<Subnet> taken{net("172.17.5.0/24"), net("172.18.0.0/15")};
    EXPECT_TEXT(plan_default_pool(taken).value().subnet.str(), "172.20.0.0/16");
    const std::vector<Subnet> all_of_172{net("172.16.0.0/12")};
    EXPECT_TEXT(plan_default_pool(all_of_172).value().subnet.str(), "10.0.0.0/16");
    EXPECT_TEXT(plan_default_pool(all_of_172).value().gateway->str(), "10.0.0.1");
}

Test(network_subnets, no_free_default_is_an_error_with_a_way_out) {
    const std::vector<Subnet> all{net("172.16.0.0/12"), net("10.0.0.0/8")};
    const auto pool = plan_default_pool(all);
    cr_assert(!pool.ok());
    EXPECT_TEXT(pool.error().text(), "no free subnet: routes of this host and other networks cover all of berth's pools");
}

Test(network_subnets, a_network_without_wishes_gets_a_free_subnet) {
    const std::vector<Subnet> taken{net("10.89.0.0/24")};
    const auto pools = plan_pools(wanting({}), {taken, taken});
    cr_assert(pools.ok());
    cr_assert_eq(pools.value().size(), 1u);
    EXPECT_TEXT(pools.value()[0].subnet.str(), "10.89.4.0/22");
    EXPECT_TEXT(pools.value()[0].gateway->str(), "10.89.4.1");
}

Test(network_subnets, ipv6_without_a_subnet_is_a_unique_local_one) {
    CreateNetwork options = wanting({});
    options.ipv6 = true;
    const auto pools = plan_pools(options, {});
    cr_assert(pools.ok());
    cr_assert_eq(pools.value().size(), 2u);
    cr_expect(net("fd00::/8").contains(pools.value()[1].subnet));
    cr_expect_eq(pools.value()[1].subnet.prefix(), 64u);
}

Test(network_subnets, ranges_and_gateways_lie_in_their_subnet) {
    CreateNetwork options = wanting({"10.1.0.0/16"});
    options.ranges = {"10.1.5.0/24"};
    const auto pools = plan_pools(options, {});
    cr_assert(pools.ok());
    EXPECT_TEXT(pools.value()[0].gateway->str(), "10.1.5.0");
    options.ranges = {"10.2.5.0/24"};
    EXPECT_TEXT(refusal(options), "--ip-range: 10.2.5.0/24 lies in none of the network's subnets");
    options.ranges = {};
    options.gateways = {"10.2.0.1"};
    EXPECT_TEXT(refusal(options), "--gateway: 10.2.0.1 lies in none of the network's subnets");
    options.gateways = {"10.1.0.0"};
    EXPECT_TEXT(refusal(options), "--gateway: 10.1.0.0 is no host's address in 10.1.0.0/16");
}

Test(network_subnets, what_cannot_be_is_refused) {
    EXPECT_TEXT(refusal(wanting({"10.1.0.0/31"})), "--subnet: 10.1.0.0/31 has no room for a gateway and a container");
    EXPECT_TEXT(refusal(wanting({"10.1.0.0/16", "10.1.2.0/24"})), "--subnet: 10.1.2.0/24 and 10.1.0.0/16 overlap");
    EXPECT_TEXT(refusal(wanting({"10.1.0.0/16"}), {net("10.1.9.0/24")}),
                "--subnet: 10.1.0.0/16 overlaps 10.1.9.0/24, which this host or another network uses");
    EXPECT_TEXT(refusal(wanting({"fd00::/64"})), "--subnet: an IPv6 subnet needs --ipv6");
    EXPECT_TEXT(refusal(wanting({"10.1.0.0"})), "--subnet: '10.1.0.0' is not a subnet such as 10.1.0.0/24");
}

Test(network_subnets, a_wire_may_be_the_hosts_own_but_is_never_chosen_so) {
    const std::vector<Subnet> hosts{net("10.89.0.0/22")}, none;
    cr_expect(plan_pools(wanting({"10.89.0.0/24"}), {none, hosts}).ok());
    EXPECT_TEXT(plan_pools(wanting({}), {none, hosts}).value()[0].subnet.str(), "10.89.4.0/22");
}

Test(network_subnets, auxiliary_addresses_are_kept_by_name) {
    CreateNetwork options = wanting({"10.1.0.0/16"});
    options.reserved = {"router=10.1.0.9"};
    const auto pools = plan_pools(options, {});
    cr_assert(pools.ok());
    EXPECT_TEXT(pools.value()[0].reserved.at("router").str(), "10.1.0.9");
    options.reserved = {"10.1.0.9"};
    EXPECT_TEXT(refusal(options), "--aux-address: '10.1.0.9' is not NAME=ADDRESS");
}
