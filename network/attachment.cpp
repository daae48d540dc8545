// Attachment as a value: what it looks like in docker's documents, and how it is read by those who did not make it.

#include "network/attach.h"
#include "network/service.h"
#include "network/state.h"

namespace berth::network {

Attachment::Attachment() = default;
Attachment::Attachment(Attachment&&) noexcept = default;
Attachment& Attachment::operator=(Attachment&&) noexcept = default;
Attachment::~Attachment() = default;

int Attachment::events() const { return service ? service->events() : -1; }

void Attachment::on_events() {
    if (service) service->on_events();
}

Endpoint make_idle_endpoint(const EndpointRequest& request) {
    Endpoint endpoint;
    endpoint.network = request.network;
    endpoint.aliases = request.aliases;
    endpoint.wanted_ip = request.ip;
    endpoint.wanted_ip6 = request.ip6;
    endpoint.links = request.links;
    endpoint.link_local_ips = request.link_local_ips;
    endpoint.driver_options = request.driver_options;
    endpoint.gateway_priority = request.gateway_priority;
    return endpoint;
}

Json endpoint_settings(const Endpoint& endpoint) {
    const auto list_or_null = [](const std::vector<std::string>& list) { return list.empty() ? Json() : to_json(list); };
    Json wanted;
    if (!endpoint.wanted_ip.empty() || !endpoint.wanted_ip6.empty() || !endpoint.link_local_ips.empty()) {
        wanted = Json::Object{};
        if (!endpoint.wanted_ip.empty()) wanted.set("IPv4Address", endpoint.wanted_ip);
        if (!endpoint.wanted_ip6.empty()) wanted.set("IPv6Address", endpoint.wanted_ip6);
        if (!endpoint.link_local_ips.empty()) wanted.set("LinkLocalIPs", to_json(endpoint.link_local_ips));
    }
    return Json::Object{
        {"IPAMConfig", std::move(wanted)},
        {"Links", list_or_null(endpoint.links)},
        {"Aliases", list_or_null(endpoint.aliases)},
        {"MacAddress", endpoint.mac},
        {"DriverOpts", endpoint.driver_options.empty() ? Json() : to_json(endpoint.driver_options)},
        {"GwPriority", endpoint.gateway_priority},
        {"NetworkID", endpoint.network_id},
        {"EndpointID", endpoint.endpoint_id},
        {"Gateway", endpoint.gateway},
        {"IPAddress", endpoint.ip},
        {"IPPrefixLen", endpoint.prefix},
        {"IPv6Gateway", endpoint.gateway6},
        {"GlobalIPv6Address", endpoint.ip6},
        {"GlobalIPv6PrefixLen", endpoint.prefix6},
        {"DNSNames", list_or_null(endpoint.dns_names)},
    };
}

Result<std::optional<Attachment>> find_attachment(const Networks& networks, const ContainerId& id) {
    std::optional<AttachedRecord> record = TRY(read_attached(networks.paths(), id.str()));
    std::optional<Attachment> attachment;
    if (!record) return attachment;
    attachment.emplace();
    attachment->endpoints = std::move(record->endpoints);
    attachment->ports = std::move(record->ports);
    return attachment;
}

}  // namespace berth::network
