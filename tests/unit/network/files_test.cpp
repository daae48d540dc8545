#include "network/files.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

using namespace berth;
using namespace berth::network;

TestSuite(network_files, .timeout = 10);

Test(network_files, hosts_has_localhost_added_hosts_and_the_container) {
    HostsRequest request;
    request.hostname = "web";
    request.domainname = "example.org";
    request.extra = {ExtraHost::parse("db:10.0.0.9").value(), ExtraHost::parse("up=host-gateway").value()};
    request.host_gateway = {"172.17.0.1"};
    request.addresses = {"172.17.0.2"};
    EXPECT_TEXT(hosts_text(request),
                "127.0.0.1\tlocalhost\n"
                "::1\tlocalhost ip6-localhost ip6-loopback\n"
                "fe00::\tip6-localnet\n"
                "ff00::\tip6-mcastprefix\n"
                "ff02::1\tip6-allnodes\n"
                "ff02::2\tip6-allrouters\n"
                "10.0.0.9\tdb\n"
                "172.17.0.1\tup\n"
                "172.17.0.2\tweb.example.org web\n");
}

Test(network_files, an_added_host_is_a_name_and_an_address) {
    EXPECT_TEXT(ExtraHost::parse("v6:[fd00::1]").value().address, "fd00::1");
    EXPECT_TEXT(ExtraHost::parse("v6:fd00::1").value().address, "fd00::1");
    EXPECT_TEXT(ExtraHost::parse("db").error().text(), "host 'db': expected NAME:IP or NAME=IP");
    EXPECT_TEXT(ExtraHost::parse(":1.2.3.4").error().text(), "host ':1.2.3.4': expected NAME:IP or NAME=IP");
    EXPECT_TEXT(ExtraHost::parse("db:elsewhere").error().text(), "host 'db:elsewhere': 'elsewhere' is not an IP address");
}

Test(network_files, the_hosts_own_file_keeps_its_text_with_added_hosts_behind) {
    HostsRequest request;
    request.extra = {ExtraHost::parse("db:10.0.0.9").value()};
    EXPECT_TEXT(host_mode_hosts_text("127.0.0.1 localhost # mine", request), "127.0.0.1 localhost # mine\n10.0.0.9\tdb\n");
}

Test(network_files, resolv_conf_is_read_as_the_resolver_reads_it) {
    const ResolvConf conf = parse_resolv_conf("# c\nnameserver 1.1.1.1\n;x\ndomain a.org\nsearch b.org c.org\nnameserver\t9.9.9.9 \noptions ndots:2\noptions rotate");
    cr_expect(conf == (ResolvConf{{"1.1.1.1", "9.9.9.9"}, {"b.org", "c.org"}, {"ndots:2", "rotate"}}));
}

Test(network_files, servers_on_the_hosts_loopback_are_left_out) {
    EXPECT_TEXT(container_resolv_conf("nameserver 127.0.0.1\nnameserver ::1\nnameserver 192.0.2.1\nsearch lan\n", {}, ResolvMode::bridge),
                "nameserver 192.0.2.1\nsearch lan\n");
    EXPECT_TEXT(container_resolv_conf("nameserver 127.0.0.1\nnameserver fe80::1%eth0\n", {}, ResolvMode::bridge),
                "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

Test(network_files, user_networks_ask_the_name_service) {
    EXPECT_TEXT(container_resolv_conf("nameserver 192.0.2.1\nsearch lan\n", {}, ResolvMode::names),
                "nameserver 127.0.0.11\nsearch lan\noptions ndots:0\n");
    EXPECT_TEXT(container_resolv_conf("nameserver 192.0.2.1\n", {{}, {}, {"ndots:3"}}, ResolvMode::names),
                "nameserver 127.0.0.11\noptions ndots:3\n");
}

Test(network_files, dns_flags_replace_what_the_host_has) {
    EXPECT_TEXT(container_resolv_conf("nameserver 192.0.2.1\nsearch lan\noptions rotate\n", {{"127.0.0.1"}, {"."}, {}}, ResolvMode::bridge),
                "nameserver 127.0.0.1\noptions rotate\n");
}

Test(network_files, host_mode_keeps_the_file_as_it_is) {
    EXPECT_TEXT(container_resolv_conf("# mine\nnameserver 127.0.0.53\n", {}, ResolvMode::host), "# mine\nnameserver 127.0.0.53\n");
}
