#include "container/update.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::container;

TestSuite(container_update, .timeout = 5);

namespace {

network::PortMapping port(std::string_view text) { return network::PortMapping::parse(text).value(); }

Definition web() {
    Definition definition;
    definition.name = "web";
    definition.networks.emplace_back().network = "bridge";
    definition.host.port_bindings = {port("127.0.0.1:8080:80"), port("8443:443")};
    definition.config.env = {"A=1", "B=2"};
    definition.config.labels = {{"x", "1"}};
    return definition;
}

std::string ports_of(const Definition& definition) {
    std::string out;
    for (const network::PortMapping& mapping : definition.host.port_bindings) out += cat(out.empty() ? "" : " ", mapping.str());
    return out;
}

std::string ports_after(const UpdateRequest& request) {
    Definition definition = web();
    const auto done = apply_update(definition, request);
    return done.ok() ? ports_of(definition) : done.error().text();
}

void expect(const std::string& found, const std::string& wanted) { cr_expect_str_eq(found.c_str(), wanted.c_str()); }

}  // namespace

Test(container_update, a_port_is_taken_away_by_the_containers_port_alone) {
    expect(ports_after({.unpublish = {port("80")}}), "8443:443/tcp");
}
Test(container_update, a_named_host_port_must_be_that_one) {
    expect(ports_after({.unpublish = {port("8443:443")}}), "127.0.0.1:8080:80/tcp");
    expect(ports_after({.unpublish = {port("8444:443")}}), "container web does not publish 8444:443/tcp");
}
Test(container_update, a_port_of_another_protocol_is_another_port) {
    expect(ports_after({.unpublish = {port("80/udp")}}), "container web does not publish 80/udp");
}
Test(container_update, ports_are_added_behind_those_that_are_there) {
    expect(ports_after({.publish = {port("9000:90")}, .unpublish = {port("80")}}), "8443:443/tcp 9000:90/tcp");
}
Test(container_update, a_port_is_not_published_twice) {
    expect(ports_after({.publish = {port("8443:443")}}), "container web publishes 8443:443/tcp already");
}
Test(container_update, without_a_network_there_is_nothing_to_publish) {
    Definition definition = web();
    definition.networks.clear();
    const auto done = apply_update(definition, {.publish = {port("1:1")}});
    cr_assert(!done.ok());
    expect(done.error().text(), "container web has no network of its own to publish ports of");
}
Test(container_update, environment_and_labels_are_set_and_taken_away) {
    Definition definition = web();
    cr_assert(apply_update(definition, {.env = {"C=3", "A=9"}, .env_remove = {"B"}, .labels = {{"y", "2"}}, .labels_remove = {"x"}}).ok());
    cr_expect(definition.config.env == Words({"A=9", "C=3"}));
    cr_expect(definition.config.labels == TextMap({{"y", "2"}}));
}
Test(container_update, limits_are_checked_as_create_checks_them) {
    Definition definition = web();
    UpdateRequest request;
    request.limits.memory = 1024;
    const auto done = apply_update(definition, request);
    cr_assert(!done.ok());
    expect(done.error().text(), "minimum memory limit allowed is 6MB");
}
