#include "container/etc_files.h"

#include <algorithm>

#include "base/file.h"
#include "base/sys.h"
#include "container/links.h"
#include "network/files.h"
#include "network/networks.h"

namespace berth::container {

namespace {

Result<void> write_in_place(const std::string& folder, std::string_view name, std::string_view text) {
    const std::string path = cat(folder, '/', name);
    const Fd file = TRY(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
    return sys::write_all(file, text);
}

network::ResolvMode resolv_mode(const Definition& definition) {
    if (definition.host.network_mode == "host") return network::ResolvMode::host;
    const bool is_default = std::all_of(definition.networks.begin(), definition.networks.end(), [](const auto& endpoint) {
        return endpoint.network == "bridge" || endpoint.network == "default";
    });
    return is_default ? network::ResolvMode::bridge : network::ResolvMode::names;
}

std::string resolv_conf_of(const Definition& definition) {
    const network::DnsOptions dns{definition.host.dns, definition.host.dns_search, definition.host.dns_options};
    return network::container_resolv_conf(network::read_host_resolv_conf(), dns, resolv_mode(definition));
}

Result<network::HostsRequest> make_hosts_request(const Definition& definition) {
    network::HostsRequest request;
    request.hostname = definition.config.hostname;
    request.domainname = definition.config.domainname;
    for (const std::string& text : definition.host.extra_hosts)
        request.extra.push_back(TRY(network::ExtraHost::parse(text), "--add-host"));
    return request;
}

std::string hosts_file_text(const Definition& definition, const network::HostsRequest& request) {
    if (definition.host.network_mode != "host") return network::hosts_text(request);
    return network::host_mode_hosts_text(network::read_host_hosts(), request);
}

}  // namespace

Result<void> write_etc_files(const Definition& definition, const std::string& folder) {
    TRY(write_in_place(folder, "resolv.conf", resolv_conf_of(definition)));
    TRY(write_in_place(folder, "hostname", network::hostname_text(definition.config.hostname)));
    const network::HostsRequest request = TRY(make_hosts_request(definition));
    return write_in_place(folder, "hosts", hosts_file_text(definition, request));
}

Result<void> follow_networks_in_resolv_conf(const Definition& before, const Definition& after, const std::string& folder) {
    const std::string text = resolv_conf_of(after);
    const std::string there = TRY(read_file(folder + "/resolv.conf", 1u << 20));
    if (there == text || there != resolv_conf_of(before)) return {};
    return write_in_place(folder, "resolv.conf", text);
}

Result<void> write_hosts_file(Engine& engine, const Definition& definition, const std::string& folder,
                              const std::vector<network::Endpoint>& endpoints) {
    network::HostsRequest request = TRY(make_hosts_request(definition));
    const bool wants_gateway =
        std::any_of(request.extra.begin(), request.extra.end(), [](const auto& extra) { return extra.address == "host-gateway"; });
    if (wants_gateway) {
        network::Networks* networks = TRY(engine.networks());
        request.host_gateway = TRY(network::host_gateways(*networks));
    }
    for (const network::Endpoint& endpoint : endpoints) {
        if (!endpoint.ip.empty()) request.addresses.push_back(endpoint.ip);
        if (!endpoint.ip6.empty()) request.addresses.push_back(endpoint.ip6);
    }
    // The start has refused what cannot be; who went away since then is left out.
    for (const Link& link : find_links(engine, definition).value_or({}))
        request.links.push_back({link.address, {link.alias, link.short_id, link.name}});
    return write_in_place(folder, "hosts", hosts_file_text(definition, request));
}

}  // namespace berth::container
