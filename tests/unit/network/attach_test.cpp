// Attaching for real, in a host that is a network namespace of its own; the container is another one. Traffic is a
// datagram or a connection between sockets that were opened in the one and in the other.

#include "network/attach.h"

#include <criterion/criterion.h>

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "network/firewall.h"
#include "network/links.h"
#include "network/socket_address.h"
#include "network/state.h"
#include "network/tables.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::network;

TestSuite(network_attach, .timeout = 60);

namespace {

using Text = std::string;

#define NEED(expression)                                                                                  \
    do {                                                                                                  \
        if (const auto& needed = (expression); !needed.ok()) return cat(#expression ": ", needed.error().text()); \
    } while (false)
#define CLAIM(condition) \
    if (!(condition)) return #condition

Fd new_netns() {
    const Fd home = sys::open("/proc/self/ns/net", O_RDONLY).value();
    if (::unshare(CLONE_NEWNET) != 0) return Fd();
    Fd made = sys::open("/proc/self/ns/net", O_RDONLY).value();
    ::setns(home.raw(), CLONE_NEWNET);
    return made;
}

/// Forks, makes the child a host of its own, and runs `body` there.
void on_own_host(const std::function<Text(const Networks&)>& body) {
    support::needs_root();
    const Text folder = support::temporary_folder();
    const Text trouble = support::in_child([&]() -> Text {
        if (::unshare(CLONE_NEWNET) != 0) return "unshare";
        const Fd here = sys::open("/proc/self/ns/net", O_RDONLY).value();
        NEED(bring_up_loopback(here));
        const auto networks = Networks::open({folder + "/networks", folder + "/run"});
        NEED(networks);
        return body(networks.value());
    });
    cr_expect_str_eq(trouble.c_str(), "");
}

EndpointRequest on(Text network, Text ip = "", std::vector<Text> aliases = {}) {
    EndpointRequest wish;
    wish.network = std::move(network);
    wish.ip = std::move(ip);
    wish.aliases = std::move(aliases);
    return wish;
}
AttachRequest request(char id, Text name, std::vector<EndpointRequest> networks = {on("bridge")}) {
    return {ContainerId::parse(Text(64, id)).value(), std::move(name), "host", std::move(networks), {}, {}, ""};
}
AttachRequest publishing(char id, Text name, std::initializer_list<const char*> ports) {
    AttachRequest made = request(id, std::move(name));
    for (const char* port : ports) made.publish.push_back(PortMapping::parse(port).value());
    return made;
}

Fd socket_in(const Fd& netns, int type, const char* address, std::uint16_t port) {
    Fd made;
    ignore(inside_netns(netns, [&]() -> Result<void> {
        const IpAddress ip = IpAddress::parse(address).value();
        made = Fd(::socket(ip.is_v6() ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
        SocketAddress name;
        const socklen_t length = name.fill(ip, port);
        if (::bind(made.raw(), &name.any, length) != 0) made.reset();
        else if (type == SOCK_STREAM) ::listen(made.raw(), 8);
        return {};
    }), "an invalid descriptor tells");
    return made;
}

/// Connects from the host; the container's listener sends its greeting. `attachment` relays meanwhile.
Text greeting(const char* address, std::uint16_t port, const Fd& listener, Attachment& attachment) {
    const IpAddress ip = IpAddress::parse(address).value();
    const Fd client(::socket(ip.is_v6() ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    SocketAddress name;
    const socklen_t length = name.fill(ip, port);
    ::connect(client.raw(), &name.any, length);
    char text[16] = {};
    for (int round = 0; round < 40; ++round) {
        pollfd ready[] = {{listener.raw(), POLLIN, 0}, {attachment.events(), POLLIN, 0}, {client.raw(), POLLIN, 0}};
        ::poll(ready, 3, 50);
        if (ready[1].revents != 0) attachment.on_events();
        if ((ready[0].revents & POLLIN) != 0) {
            const Fd accepted(::accept4(listener.raw(), nullptr, nullptr, SOCK_CLOEXEC));
            [[maybe_unused]] const auto put = ::write(accepted.raw(), "hello", 5);
        }
        if ((ready[2].revents & POLLIN) != 0) return ::read(client.raw(), text, 15) > 0 ? text : "closed";
    }
    return "nothing";
}

unsigned links() {
    Netlink route = Netlink::open(Netlink::Protocol::route).value();
    Batch batch;
    const struct { unsigned char family, pad; unsigned short type; int index; unsigned flags, change; } head{};
    batch.begin(18 /* RTM_GETLINK */, 0x300 /* NLM_F_DUMP */, head);
    unsigned count = 0;
    ignore(route.ask(std::move(batch), [&](const Reply&) { ++count; }), "zero tells");
    return count;
}

}  // namespace

Test(network_attach, a_container_gets_an_address_and_answers_on_its_published_port) {
    on_own_host([](const Networks& networks) -> Text {
        const Fd container = new_netns();
        auto attached = attach(networks, container, publishing('a', "web", {"8080:80", "127.0.0.1:8081:81"}));
        NEED(attached);
        Attachment& attachment = attached.value();
        CLAIM(attachment.endpoints.size() == 1);
        CLAIM(attachment.endpoints[0].ip == "172.17.0.2" && attachment.endpoints[0].gateway == "172.17.0.1");
        CLAIM(attachment.endpoints[0].mac == "02:42:ac:11:00:02" && attachment.endpoints[0].interface == "eth0");
        const Fd listener = socket_in(container, SOCK_STREAM, "0.0.0.0", 80);
        CLAIM(greeting("127.0.0.1", 8080, listener, attachment) == "hello");
        CLAIM(greeting("172.17.0.1", 8080, listener, attachment) == "hello");
        CLAIM(greeting("::1", 8080, listener, attachment) == "hello");
        CLAIM(greeting("172.17.0.1", 8081, listener, attachment) == "closed");
        return "";
    });
}

Test(network_attach, a_taken_port_names_who_has_it) {
    on_own_host([](const Networks& networks) -> Text {
        const Fd first = new_netns(), second = new_netns(), here = sys::open("/proc/self/ns/net", O_RDONLY).value();
        const auto attached = attach(networks, first, publishing('a', "web", {"8080:80", "20000-20999:20000-20999"}));
        NEED(attached);
        CLAIM(attach(networks, second, publishing('b', "db", {"8080:80"})).error().text() ==
              "publish 8080:80/tcp: port 8080/tcp on 0.0.0.0 is in use by container web");
        CLAIM(attach(networks, second, publishing('b', "db", {"127.0.0.1:20500:80"})).error().text() ==
              "publish 127.0.0.1:20500:80/tcp: port 20500/tcp on 127.0.0.1 is in use by container web");
        const Fd foreign = socket_in(here, SOCK_STREAM, "127.0.0.1", 9000);
        const Text pid = cat(" (pid ", ::getpid(), ')');
        CLAIM(attach(networks, second, publishing('b', "db", {"9000:80"})).error().text().ends_with(pid));
        CLAIM(attach(networks, second, publishing('b', "db", {"8900-9899:8900-9899"})).error().text().ends_with(pid));
        CLAIM(attach(networks, second, publishing('b', "db", {"203.0.113.9:80:80"})).error().text() ==
              "publish 203.0.113.9:80:80/tcp: port 80/tcp on 203.0.113.9: bind: Cannot assign requested address");
        const auto left = State::lock(networks.paths()).value().list();
        CLAIM(left.value().size() == 1);
        return "";
    });
}

Test(network_attach, a_range_of_host_ports_gives_one_that_is_free) {
    on_own_host([](const Networks& networks) -> Text {
        const Fd first = new_netns(), second = new_netns(), third = new_netns();
        const auto one = attach(networks, first, publishing('a', "a", {"12200-12201:80"}));
        NEED(one);
        const auto two = attach(networks, second, publishing('b', "b", {"12200-12201:80"}));
        NEED(two);
        CLAIM(one.value().ports[0].host.first == 12200 && two.value().ports[0].host.first == 12201);
        CLAIM(attach(networks, third, publishing('c', "c", {"12200-12201:80"})).error().text() ==
              "publish 12200-12201:80/tcp: all host ports of 12200-12201/tcp are in use");
        return "";
    });
}

Test(network_attach, detach_leaves_nothing_behind_after_many_times) {
    on_own_host([](const Networks& networks) -> Text {
        const auto cycle = [&]() -> Text {
            const Fd container = new_netns();
            NEED(attach(networks, container, publishing('a', "web", {"8080:80", "53:53/udp", "30000-39999:30000-39999"})));
            NEED(detach(networks, ContainerId::parse(Text(64, 'a')).value()));
            return "";
        };
        if (const Text trouble = cycle(); !trouble.empty()) return trouble;
        const int descriptors = support::open_descriptors();
        for (int i = 0; i < 100; ++i)
            if (const Text trouble = cycle(); !trouble.empty()) return cat("cycle ", i, ": ", trouble);
        CLAIM(support::open_descriptors() == descriptors);
        for (int i = 0; i < 100 && links() > 2; ++i) ::usleep(50'000);
        CLAIM(links() == 2);  // lo and the bridge.
        CLAIM(!support::exists(networks.paths().run + "/ports"));
        return "";
    });
}

Test(network_attach, what_a_killed_process_left_is_swept_when_it_stands_in_the_way) {
    on_own_host([](const Networks& networks) -> Text {
        {
            const Fd container = new_netns();
            NEED(attach(networks, container, publishing('a', "web", {"8080:80"})));
        }
        for (int i = 0; i < 100 && links() > 2; ++i) ::usleep(50'000);
        const Fd container = new_netns();
        const auto attached = attach(networks, container, publishing('b', "db", {"8080:80"}));
        NEED(attached);
        CLAIM(attached.value().endpoints[0].ip == "172.17.0.2" || attached.value().endpoints[0].ip == "172.17.0.3");
        CLAIM(!find_attachment(networks, ContainerId::parse(Text(64, 'a')).value()).value().has_value());
        return "";
    });
}

Test(network_attach, a_container_that_lost_one_link_keeps_its_addresses) {
    on_own_host([](const Networks& networks) -> Text {
        CreateNetwork options;
        options.name = "app";
        NEED(networks.create(options));
        const Fd container = new_netns();
        const auto attached = attach(networks, container, request('a', "web", {on("bridge"), on("app")}));
        NEED(attached);
        Netlink route = Netlink::open(Netlink::Protocol::route).value();
        NEED(remove_link(route, attached.value().endpoints[0].host_link));
        NEED(sweep(networks));
        CLAIM(find_attachment(networks, ContainerId::parse(Text(64, 'a')).value()).value().has_value());
        NEED(remove_link(route, attached.value().endpoints[1].host_link));
        NEED(sweep_others(networks, {Text(64, 'a')}));
        CLAIM(find_attachment(networks, ContainerId::parse(Text(64, 'a')).value()).value().has_value());
        // Nobody runs in that namespace either.
        NEED(sweep_others(networks, {Text(64, 'b')}));
        CLAIM(!find_attachment(networks, ContainerId::parse(Text(64, 'a')).value()).value().has_value());
        return "";
    });
}

Test(network_attach, half_written_records_are_swept) {
    on_own_host([](const Networks& networks) -> Text {
        const Text path = networks.paths().run + "/attached/x.new";
        Fd(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).reset();
        NEED(sweep_others(networks, {}));
        CLAIM(::access(path.c_str(), F_OK) != 0);
        return "";
    });
}

Test(network_attach, a_flushed_table_is_made_again) {
    on_own_host([](const Networks& networks) -> Text {
        const Fd container = new_netns();
        auto attached = attach(networks, container, publishing('a', "web", {"8080:80"}));
        NEED(attached);
        Netlink netfilter = Netlink::open(Netlink::Protocol::netfilter).value();
        nft::Transaction flush("berth", 1 /* NFPROTO_INET */);
        flush.remove_table();
        NEED(std::move(flush).commit(netfilter));
        CLAIM(!has_firewall(netfilter).value());
        for (int i = 0; i < 40 && !has_firewall(netfilter).value(); ++i) {
            pollfd ready{attached.value().events(), POLLIN, 0};
            if (::poll(&ready, 1, 50) > 0) attached.value().on_events();
        }
        CLAIM(has_firewall(netfilter).value());
        const Fd listener = socket_in(container, SOCK_STREAM, "0.0.0.0", 80);
        CLAIM(greeting("127.0.0.1", 8080, listener, attached.value()) == "hello");
        return "";
    });
}

Test(network_attach, networks_come_and_go_while_it_runs) {
    on_own_host([](const Networks& networks) -> Text {
        CreateNetwork options;
        options.name = "app";
        options.subnets = {"10.50.0.0/24"};
        NEED(networks.create(options));
        const Fd container = new_netns();
        const AttachRequest wanted = request('a', "web");
        auto attached = attach(networks, container, wanted);
        NEED(attached);
        NEED(connect(networks, container, wanted, on("app", "10.50.0.9", {"www"}), attached.value()));
        CLAIM(attached.value().endpoints.size() == 2);
        CLAIM(attached.value().endpoints[1].ip == "10.50.0.9" && attached.value().endpoints[1].interface == "eth1");
        CLAIM(networks.remove(networks.find("app").value()).error().text() == "network app has active endpoints: container web");
        CLAIM(connect(networks, container, wanted, on("app"), attached.value()).error().text() ==
              "container web is on network app already");
        NEED(disconnect(networks, container, wanted.id, "bridge", attached.value()));
        CLAIM(attached.value().endpoints.size() == 1);
        CLAIM(disconnect(networks, container, wanted.id, "bridge", attached.value()).error().text() == "container web is not on network bridge");
        NEED(detach(networks, wanted.id));
        NEED(networks.remove(networks.find("app").value()));
        return "";
    });
}

Test(network_attach, ports_open_and_close_while_it_runs) {
    on_own_host([](const Networks& networks) -> Text {
        const Fd container = new_netns();
        const AttachRequest wanted = publishing('a', "web", {"8080:80"});
        auto attached = attach(networks, container, wanted);
        NEED(attached);
        const Fd listener = socket_in(container, SOCK_STREAM, "0.0.0.0", 80);
        NEED(publish(networks, container, wanted, {PortMapping::parse("8090:80").value()}, attached.value()));
        CLAIM(greeting("127.0.0.1", 8090, listener, attached.value()) == "hello");
        NEED(unpublish(networks, container, wanted, {PortMapping::parse("8080:80").value()}, attached.value()));
        CLAIM(greeting("127.0.0.1", 8080, listener, attached.value()) == "closed");
        CLAIM(attached.value().ports.size() == 2);
        CLAIM(unpublish(networks, container, wanted, {PortMapping::parse("1:1").value()}, attached.value()).error().text() ==
              "container web has no such published port");
        return "";
    });
}

Test(network_attach, wishes_that_cannot_be_are_refused_by_name) {
    on_own_host([](const Networks& networks) -> Text {
        CreateNetwork options;
        options.name = "app";
        options.subnets = {"10.50.0.0/24"};
        NEED(networks.create(options));
        const Fd container = new_netns();
        const auto refusal = [&](EndpointRequest endpoint) -> Text {
            const auto attached = attach(networks, container, request('a', "web", {std::move(endpoint)}));
            return attached.ok() ? "" : attached.error().text();
        };
        CLAIM(refusal(on("nowhere")) == "network nowhere not found");
        CLAIM(refusal(on("bridge", "", {"x"})) == "network bridge: network-scoped alias is supported only for containers in user defined networks");
        CLAIM(refusal(on("bridge", "172.17.0.9")) == "network bridge: user specified IP address is supported on user defined networks only");
        CLAIM(refusal(on("app", "10.51.0.1")) == "network app: 10.51.0.1 does not lie in 10.50.0.0/24");
        CLAIM(refusal(on("app", "10.50.0.1")) == "network app: 10.50.0.1 is reserved in 10.50.0.0/24");
        EndpointRequest six = on("app"), multicast = on("app");
        six.ip6 = "fd00::9";
        multicast.mac = "01:00:00:00:00:01";
        CLAIM(refusal(six) == "network app: it has no IPv6 subnet");
        CLAIM(refusal(multicast) == "network app: MAC address '01:00:00:00:00:01' is a multicast address");
        CLAIM(refusal(on("host")) == "network host: a container cannot be attached to it beside other networks");
        return "";
    });
}

Test(network_attach, a_subnet_that_the_host_has_a_route_to_is_never_the_default) {
    on_own_host([](const Networks& networks) -> Text {
        Netlink route = Netlink::open(Netlink::Protocol::route).value();
        NEED(create_bridge(route, {"lan0", "lan", 1500, {{IpAddress::parse("172.17.9.1").value(), 24}}, false}));
        const Fd container = new_netns();
        const auto attached = attach(networks, container, request('a', "web"));
        NEED(attached);
        CLAIM(attached.value().endpoints[0].ip == "172.18.0.2");
        return "";
    });
}
