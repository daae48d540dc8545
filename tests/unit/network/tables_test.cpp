#include "network/tables.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

using namespace berth;
using namespace berth::network;

TestSuite(network_tables, .timeout = 10);

namespace {

Subnet net(std::string_view text) { return Subnet::parse(text).value(); }
IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

const std::string table = member_line({"aaa", "02:42:0a:00:00:02", "10.0.0.2", "fd00::2", {"web", "WWW"}}) +
                          member_line({"bbb", "02:42:0a:00:00:03", "10.0.0.3", "", {"db", "www"}});

AddressSearch search(std::string_view range = "10.0.0.0/29") { return {net("10.0.0.0/29"), net(range), {ip("10.0.0.1")}}; }

PortLease lease(std::string ip, PortRange host, Protocol protocol = Protocol::tcp) { return {"aaa", "web", {std::move(ip), host, host, protocol}}; }
PublishedPort wanted(std::string ip, PortRange host, Protocol protocol = Protocol::tcp) { return {std::move(ip), host, host, protocol}; }

}  // namespace

Test(network_tables, a_line_reads_back_as_the_same_member) {
    EXPECT_TEXT(table, "aaa 02:42:0a:00:00:02 10.0.0.2 fd00::2 web www\nbbb 02:42:0a:00:00:03 10.0.0.3 - db www\n");
    const auto members = parse_members(table);
    cr_assert_eq(members.size(), 2u);
    cr_expect(members[1] == (Member{"bbb", "02:42:0a:00:00:03", "10.0.0.3", "", {"db", "www"}}));
}

Test(network_tables, the_lowest_free_address_is_given) {
    cr_expect(find_free_address(search(), table) == ip("10.0.0.4"));
    cr_expect(find_free_address(search(), without_container(table, "aaa")) == ip("10.0.0.2"));
    cr_expect(find_free_address(search("10.0.0.4/30"), table) == ip("10.0.0.4"), "a range narrows it");
}

Test(network_tables, a_full_subnet_has_no_free_address) {
    std::string full;
    for (int i = 2; i < 7; ++i) full += member_line({cat("c", i), "-", cat("10.0.0.", i), "", {"x"}});
    cr_expect(!find_free_address(search(), full).has_value());
}

Test(network_tables, names_are_found_without_regard_to_case) {
    cr_expect_eq(find_addresses(table, "Www", Family::v4).size(), 2u);
    cr_expect(find_addresses(table, "web", Family::v6) == std::vector<IpAddress>{ip("fd00::2")});
    cr_expect(find_addresses(table, "db", Family::v6).empty());
    cr_expect(knows_name(table, "db"));
    cr_expect(!knows_name(table, "d"));
    cr_expect(!knows_name(table, "aaa"), "a container's id is no name");
    EXPECT_TEXT(find_name(table, ip("10.0.0.3")).value_or(""), "db");
    EXPECT_TEXT(find_holder(table, ip("fd00::2")).value_or(""), "aaa");
}

Test(network_tables, a_table_of_rubbish_is_harmless) {
    for (const char* rubbish : {"\n\n", " ", "a\nb c\n", "aaa  -  \n", "x y z"}) {
        cr_expect(find_addresses(rubbish, "web", Family::v4).empty());
        cr_expect(parse_port_leases(rubbish).empty());
        cr_expect(find_free_address(search(), rubbish) == ip("10.0.0.2"));
    }
}

Test(network_tables, ports_clash_on_the_same_address_or_on_all) {
    const std::string ports = port_line(lease("0.0.0.0", {8080, 8090})) + port_line(lease("127.0.0.1", {53, 53}, Protocol::udp));
    cr_expect(find_conflict(ports, wanted("127.0.0.1", {8085, 8085})).has_value());
    cr_expect(find_conflict(ports, wanted("0.0.0.0", {8090, 8100})).has_value());
    cr_expect(find_conflict(ports, wanted("0.0.0.0", {53, 53}, Protocol::udp)).has_value());
    cr_expect(!find_conflict(ports, wanted("10.0.0.1", {53, 53}, Protocol::udp)).has_value());
    cr_expect(!find_conflict(ports, wanted("0.0.0.0", {53, 53})).has_value(), "another protocol");
    cr_expect(!find_conflict(ports, wanted("::", {8080, 8080})).has_value(), "another family");
    cr_expect(!find_conflict(ports, wanted("0.0.0.0", {8091, 8091})).has_value());
}
