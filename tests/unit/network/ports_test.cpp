#include "network/ports.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

using namespace berth;
using namespace berth::network;

TestSuite(network_ports, .timeout = 10);

namespace {

std::string parsed(std::string_view text) {
    const auto mapping = PortMapping::parse(text);
    return mapping.ok() ? mapping.value().str() : mapping.error().text();
}
PortMapping mapping(std::string_view text) { return PortMapping::parse(text).value(); }
PublishedPort open(std::string ip, std::uint16_t host, std::uint16_t inside, Protocol protocol = Protocol::tcp) {
    return {std::move(ip), {host, host}, {inside, inside}, protocol};
}

}  // namespace

Test(network_ports, the_short_form_reads_from_the_right) {
    EXPECT_TEXT(parsed("80"), "80/tcp");
    EXPECT_TEXT(parsed("8080:80"), "8080:80/tcp");
    EXPECT_TEXT(parsed("8080:80/UDP"), "8080:80/udp");
    EXPECT_TEXT(parsed("127.0.0.1:8080:80"), "127.0.0.1:8080:80/tcp");
    EXPECT_TEXT(parsed("127.0.0.1::80"), "127.0.0.1::80/tcp");
    EXPECT_TEXT(parsed("[::1]:8080:80/sctp"), "[::1]:8080:80/sctp");
    EXPECT_TEXT(parsed("::1:8080:80"), "[::1]:8080:80/tcp");
    EXPECT_TEXT(parsed("0:80"), "80/tcp");
}

Test(network_ports, ranges_pair_one_to_one) {
    EXPECT_TEXT(parsed("21100-21110:21100-21110"), "21100-21110:21100-21110/tcp");
    EXPECT_TEXT(parsed("8000-8010:80"), "8000-8010:80/tcp");
    EXPECT_TEXT(parsed("9000-9010"), "9000-9010/tcp");
    EXPECT_TEXT(parsed("8000-8002:9000-9001"),
                "publish '8000-8002:9000-9001': ranges differ in length: 8000-8002 has 3 ports, 9000-9001 has 2");
    EXPECT_TEXT(parsed("8000:9000-9001"), "publish '8000:9000-9001': ranges differ in length: 8000 has 1 ports, 9000-9001 has 2");
}

Test(network_ports, what_is_wrong_is_named) {
    EXPECT_TEXT(parsed(""), "publish '': '' is not a port number");
    EXPECT_TEXT(parsed("http"), "publish 'http': 'http' is not a port number");
    EXPECT_TEXT(parsed("70000:80"), "publish '70000:80': port 70000 is not between 1 and 65535");
    EXPECT_TEXT(parsed("8080:0"), "publish '8080:0': port 0 is not between 1 and 65535");
    EXPECT_TEXT(parsed("80/icmp"), "publish '80/icmp': protocol 'icmp' is not tcp, udp or sctp");
    EXPECT_TEXT(parsed("localhost:80:80"), "publish 'localhost:80:80': 'localhost' is not an IP address");
    EXPECT_TEXT(parsed("90-80:1-11"), "publish '90-80:1-11': range 90-80 ends before it begins");
    EXPECT_TEXT(parsed("99999999999:80"), "publish '99999999999:80': port 99999999999 is not between 1 and 65535");
}

Test(network_ports, the_long_form_is_a_list_of_members) {
    EXPECT_TEXT(parsed("published=8080,target=80"), "8080:80/tcp");
    EXPECT_TEXT(parsed("target=80,protocol=udp,mode=host"), "80/udp");
    EXPECT_TEXT(parsed("published=8080"), "publish 'published=8080': target is missing");
    EXPECT_TEXT(parsed("target=80,hots=1"), "publish 'target=80,hots=1': key 'hots' is not published, target, protocol or mode");
}

Test(network_ports, the_text_of_a_mapping_reads_back_as_the_same_mapping) {
    for (const char* text : {"80", "8080:80", "1-9:1-9/udp", "[fd00::1]:80:80", "1.2.3.4::80", "8000-8010:80"}) {
        const PortMapping before = mapping(text);
        cr_expect(mapping(before.str()) == before, "%s", text);
    }
}

Test(network_ports, expose_takes_ranges) {
    const auto ports = parse_expose("8000-8002/udp");
    cr_assert(ports.ok());
    cr_expect_eq(ports.value().size(), 3u);
    EXPECT_TEXT(ports.value()[2].str(), "8002/udp");
    EXPECT_TEXT(parse_expose("80/x").error().text(), "expose '80/x': protocol 'x' is not tcp, udp or sctp");
}

Test(network_ports, publish_all_leaves_out_what_is_published) {
    const std::vector<ContainerPort> exposed{{80, Protocol::tcp}, {80, Protocol::udp}, {443, Protocol::tcp}};
    const std::vector<PortMapping> published{mapping("8080:80")};
    const auto added = plan_publish_all(exposed, published);
    cr_assert_eq(added.size(), 2u);
    EXPECT_TEXT(added[0].str(), "80/udp");
    EXPECT_TEXT(added[1].str(), "443/tcp");
}

Test(network_ports, bindings_have_a_line_for_each_container_port) {
    const std::vector<PortMapping> mappings{mapping("8000-8001:80-81"), mapping("127.0.0.1:90:80"), mapping("53/udp")};
    EXPECT_TEXT(json_text(to_json(port_bindings(mappings))),
                R"({"53/udp":[{"HostIp":"","HostPort":""}],"80/tcp":[{"HostIp":"","HostPort":"8000"},{"HostIp":"127.0.0.1","HostPort":"90"}],"81/tcp":[{"HostIp":"","HostPort":"8001"}]})");
}

Test(network_ports, exposed_ports_without_a_binding_are_null) {
    const std::vector<PublishedPort> published{open("0.0.0.0", 8080, 80)};
    const std::vector<ContainerPort> exposed{{80, Protocol::tcp}, {443, Protocol::tcp}};
    EXPECT_TEXT(json_text(to_json(port_map(published, exposed))),
                R"({"443/tcp":null,"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"8080"}]})");
}

Test(network_ports, the_column_joins_neighbours) {
    const std::vector<PublishedPort> published{open("0.0.0.0", 8080, 80), open("::", 8080, 80),
                                               {"0.0.0.0", {21100, 21110}, {21100, 21110}, Protocol::tcp},
                                               {"::", {21100, 21110}, {21100, 21110}, Protocol::tcp}};
    const std::vector<ContainerPort> exposed{{21, Protocol::tcp}, {20, Protocol::tcp}, {80, Protocol::tcp}, {7, Protocol::udp}};
    EXPECT_TEXT(ports_column(published, exposed),
                "7/udp, 20-21/tcp, 0.0.0.0:21100-21110->21100-21110/tcp, [::]:21100-21110->21100-21110/tcp, "
                "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
}

Test(network_ports, single_ports_that_follow_each_other_are_shown_as_a_range) {
    const std::vector<PublishedPort> published{open("0.0.0.0", 9001, 81), open("0.0.0.0", 9000, 80), open("0.0.0.0", 9005, 82)};
    EXPECT_TEXT(ports_column(published, {}), "0.0.0.0:9000-9001->80-81/tcp, 0.0.0.0:9005->82/tcp");
}

Test(network_ports, port_lines_are_sorted_by_container_port_with_v4_first) {
    const std::vector<PublishedPort> published{open("::", 8080, 80), open("0.0.0.0", 8080, 80), open("0.0.0.0", 53, 53, Protocol::udp),
                                               {"0.0.0.0", {7000, 7001}, {70, 71}, Protocol::tcp}};
    const auto lines = port_lines(published);
    cr_assert_eq(lines.size(), 5u);
    EXPECT_TEXT(lines[0], "53/udp -> 0.0.0.0:53");
    EXPECT_TEXT(lines[1], "70/tcp -> 0.0.0.0:7000");
    EXPECT_TEXT(lines[2], "71/tcp -> 0.0.0.0:7001");
    EXPECT_TEXT(lines[3], "80/tcp -> 0.0.0.0:8080");
    EXPECT_TEXT(lines[4], "80/tcp -> [::]:8080");
}

Test(network_ports, addresses_of_a_port_inside_a_range_are_shifted) {
    const std::vector<PublishedPort> published{{"0.0.0.0", {7000, 7009}, {70, 79}, Protocol::tcp}};
    const auto shifted = addresses_of_port(published, {73, Protocol::tcp});
    cr_assert_eq(shifted.size(), 1u);
    EXPECT_TEXT(shifted[0], "0.0.0.0:7003");
    cr_expect(addresses_of_port(published, {73, Protocol::udp}).empty());
}

Test(network_ports, whatever_is_accepted_reads_back_as_itself, .timeout = 60) {
    constexpr std::string_view alphabet = "0123456789:-./[]tcpudsTCP=,publishedargetprotocolmode ";
    const char* const seeds[] = {"8080:80", "127.0.0.1:1-9:1-9/udp", "[::1]:8000-8010:80", "published=8080,target=80,protocol=udp", "0.0.0.0::53/sctp"};
    std::uint32_t state = 7;
    const auto next = [&](std::size_t below) { return ((state = state * 1664525 + 1013904223) >> 8) % below; };
    for (int round = 0; round < 300'000; ++round) {
        std::string text = seeds[next(std::size(seeds))];
        for (std::size_t changes = 1 + next(3); changes > 0; --changes) {
            const std::size_t at = next(text.size());
            if (next(3) == 0) text.erase(at, 1);
            else if (next(2) == 0) text.insert(at, 1, alphabet[next(alphabet.size())]);
            else text[at] = alphabet[next(alphabet.size())];
            if (text.empty()) break;
        }
        const auto first = PortMapping::parse(text);
        if (!first.ok()) continue;
        const std::string canonical = first.value().str();
        const auto second = PortMapping::parse(canonical);
        cr_assert(second.ok() && second.value() == first.value(), "%s -> %s", text.c_str(), canonical.c_str());
        cr_assert(first.value().container.first >= 1 && first.value().container.first <= first.value().container.last);
        cr_assert(first.value().host.first <= first.value().host.last);
    }
}
