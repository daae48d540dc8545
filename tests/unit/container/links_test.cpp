#include "container/links.h"

#include <criterion/criterion.h>

#include <algorithm>

using namespace berth;
using namespace berth::container;

TestSuite(container_links, .timeout = 10);

namespace {

std::string lines(const Words& words) {
    std::string out;
    for (const std::string& word : words) out += cat(word, '\n');
    return out;
}

Link link_to(std::string alias) {
    Link link;
    link.alias = std::move(alias);
    link.address = "172.17.0.2";
    return link;
}

}  // namespace

Test(container_links, variables_tell_where_the_other_is) {
    Config other;
    other.exposed_ports["53/udp"];
    other.exposed_ports["80/tcp"];
    other.env = {"PATH=/bin", "HOME=/root", "MODE=a=b", "unset"};
    const std::string found = lines(link_environment("web", link_to("my-db"), other));
    cr_expect_str_eq(found.c_str(),
                     "MY_DB_PORT=udp://172.17.0.2:53\n"
                     "MY_DB_PORT_80_TCP=tcp://172.17.0.2:80\n"
                     "MY_DB_PORT_80_TCP_ADDR=172.17.0.2\n"
                     "MY_DB_PORT_80_TCP_PORT=80\n"
                     "MY_DB_PORT_80_TCP_PROTO=tcp\n"
                     "MY_DB_PORT_53_UDP=udp://172.17.0.2:53\n"
                     "MY_DB_PORT_53_UDP_ADDR=172.17.0.2\n"
                     "MY_DB_PORT_53_UDP_PORT=53\n"
                     "MY_DB_PORT_53_UDP_PROTO=udp\n"
                     "MY_DB_NAME=/web/my-db\n"
                     "MY_DB_ENV_MODE=a=b\n");
}

Test(container_links, ports_that_follow_each_other_are_a_range_too) {
    Config other;
    for (const char* port : {"8000/tcp", "8001/tcp", "8002/tcp", "9000/tcp"}) other.exposed_ports[port];
    const Words env = link_environment("web", link_to("db"), other);
    const auto has = [&](const char* entry) { return std::find(env.begin(), env.end(), entry) != env.end(); };
    cr_expect(has("DB_PORT_8000_TCP_START=tcp://172.17.0.2:8000"));
    cr_expect(has("DB_PORT_8000_TCP_PORT_START=8000"));
    cr_expect(has("DB_PORT_8000_TCP_END=tcp://172.17.0.2:8002"));
    cr_expect(has("DB_PORT_8000_TCP_PORT_END=8002"));
    cr_expect(has("DB_PORT_8002_TCP_PROTO=tcp"));
    cr_expect(!has("DB_PORT_9000_TCP_PORT_START=9000"));
}

Test(container_links, a_container_without_ports_has_its_name_alone) {
    const std::string found = lines(link_environment("web", link_to("db"), Config{}));
    cr_expect_str_eq(found.c_str(), "DB_NAME=/web/db\n");
}
