#pragma once
// Attach and detach: a container's network namespace to its networks and its ports to the host. Works in a process with
// one thread (it enters the namespace with setns(2) for a moment and comes back) and starts no program.
//
// Crash safety: addresses and ports are recorded below <run-root>/network before the kernel learns of them, so that what
// a killed process leaves is found by detach(id), by the next attach of the same container, or by sweep(); until then it
// is only a lease too many, never an address given twice.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/ids.h"
#include "base/json.h"
#include "network/networks.h"
#include "network/ports.h"

namespace berth::network {

/// How a container wants to be on one network; kept in the container's record.
struct EndpointRequest {
    std::string network;               ///< name, id or prefix; "bridge" or "default" for the default network
    std::vector<std::string> aliases;  ///< --network-alias; user-defined networks only
    std::vector<std::string> links;    ///< --link "TARGET:ALIAS": names that only this container sees
    std::string ip;                    ///< --ip; user-defined networks only
    std::string ip6;                   ///< --ip6
    std::vector<std::string> link_local_ips;
    std::string mac;                   ///< --mac-address
    std::map<std::string, std::string> driver_options;
    std::int64_t gateway_priority = 0; ///< the highest has the default route; on a tie the first
    bool operator==(const EndpointRequest&) const = default;
};
template <class Io>
void fields(Io& io, EndpointRequest& request) {
    io.required("network", request.network);
    io.optional("aliases", request.aliases);
    io.optional("links", request.links);
    io.optional("ip", request.ip);
    io.optional("ip6", request.ip6);
    io.optional("linkLocalIps", request.link_local_ips);
    io.optional("mac", request.mac);
    io.optional("driverOptions", request.driver_options);
    io.optional("gatewayPriority", request.gateway_priority);
}

/// --dns, --dns-search, --dns-option.
struct DnsOptions {
    std::vector<std::string> servers;
    std::vector<std::string> search;
    std::vector<std::string> options;
    bool operator==(const DnsOptions&) const = default;
};
template <class Io>
void fields(Io& io, DnsOptions& dns) {
    io.optional("servers", dns.servers);
    io.optional("search", dns.search);
    io.optional("options", dns.options);
}

struct AttachRequest {
    ContainerId id;
    std::string name;      ///< container's name: resolves on user-defined networks, named in errors
    std::string hostname;
    std::vector<EndpointRequest> networks;  ///< the first is eth0
    std::vector<PortMapping> publish;       ///< docker: on the network that has the default route
    DnsOptions dns;
    /// Sysctls that the container set for net.*: not touched here.
    std::string default_publish_address;    ///< for mappings without an address; empty: all addresses, v4 and v6
};

/// A container on one network as it is now. fields() is docker's EndpointSettings.
struct Endpoint {
    std::string network;     ///< name
    std::string network_id;
    std::string endpoint_id;
    std::string interface;   ///< inside: "eth0"
    std::string host_link;   ///< outside: "veth…"; empty for macvlan and ipvlan
    std::string mac;
    std::string ip, gateway;
    std::int64_t prefix = 0;
    std::string ip6, gateway6;
    std::int64_t prefix6 = 0;
    std::vector<std::string> aliases;
    std::vector<std::string> dns_names;  ///< container name, short id, aliases
    std::string wanted_ip, wanted_ip6;   ///< as asked for
    std::vector<std::string> links;
    std::vector<std::string> link_local_ips;
    std::map<std::string, std::string> driver_options;
    std::int64_t gateway_priority = 0;
    bool operator==(const Endpoint&) const = default;
};
/// docker: EndpointSettings, as a member of NetworkSettings.Networks. An Endpoint{} with only `network` and the wishes
/// set describes a container that is not running.
Json endpoint_settings(const Endpoint& endpoint);
/// The same endpoint before (or after) it runs: wishes, no addresses.
Endpoint make_idle_endpoint(const EndpointRequest& request);
/// Round trip of everything, for state files.
template <class Io>
void fields(Io& io, Endpoint& endpoint) {
    io.required("network", endpoint.network);
    io.required("networkId", endpoint.network_id);
    io.required("endpointId", endpoint.endpoint_id);
    io.optional("interface", endpoint.interface);
    io.optional("hostLink", endpoint.host_link);
    io.optional("mac", endpoint.mac);
    io.optional("ip", endpoint.ip);
    io.optional("gateway", endpoint.gateway);
    io.optional("prefix", endpoint.prefix);
    io.optional("ip6", endpoint.ip6);
    io.optional("gateway6", endpoint.gateway6);
    io.optional("prefix6", endpoint.prefix6);
    io.optional("aliases", endpoint.aliases);
    io.optional("dnsNames", endpoint.dns_names);
    io.optional("wantedIp", endpoint.wanted_ip);
    io.optional("wantedIp6", endpoint.wanted_ip6);
    io.optional("links", endpoint.links);
    io.optional("linkLocalIps", endpoint.link_local_ips);
    io.optional("driverOptions", endpoint.driver_options);
    io.optional("gatewayPriority", endpoint.gateway_priority);
}

/// Reserved ports, name service and relays of one container: whatever must go on while it runs. All of it hangs on one
/// epoll descriptor; the monitor's loop watches that and calls on_events. Destroying it closes sockets, nothing else.
class Service;

/// A container that is attached. The monitor keeps it as long as the container runs; losing it (a killed monitor) loses
/// only `service`, which adopt() makes anew.
struct Attachment {
    std::vector<Endpoint> endpoints;    ///< in the order of the request
    std::vector<PublishedPort> ports;
    std::unique_ptr<Service> service;   ///< null when there is nothing to do

    Attachment();
    Attachment(Attachment&&) noexcept;
    Attachment& operator=(Attachment&&) noexcept;
    ~Attachment();

    /// Readable when on_events has work; -1 when there never is any. May change after connect, disconnect, publish.
    int events() const;
    /// Does what is ready; never blocks, never fails (a broken peer costs only its own connection).
    void on_events();
};

/// Attaches the namespace to all networks of the request and publishes its ports; all or nothing. What an earlier attach
/// of the same container left is detached first. Errors name the network or the port:
/// "publish 8080/tcp on 0.0.0.0: in use by container web", "publish 80/tcp on 0.0.0.0: in use by nginx (pid 812)".
Result<Attachment> attach(const Networks& networks, const Fd& netns, const AttachRequest& request);

/// The attachment of a container that is still running, for a monitor that replaces a killed one: reserves the ports
/// and answers names again. Kind::not_found when it is not attached.
Result<Attachment> adopt(const Networks& networks, const Fd& netns, const AttachRequest& request);

/// Gives back ports, names, addresses and links of the container; succeeds when there are none. Needs no namespace; with one
/// its macvlans and ipvlans go at once, not with the namespace, which lives on for seconds while a packet waits in it.
Result<void> detach(const Networks& networks, const ContainerId& id, const Fd* netns = nullptr);

/// What detach would give back, without a namespace or a service: for `ps`, `port`, `inspect` of others' containers.
Result<std::optional<Attachment>> find_attachment(const Networks& networks, const ContainerId& id);

/// Live changes, called by the container's monitor, which then stores the attachment's endpoints and ports.
/// Kind::exists when it is on that network already; Kind::not_found when it is not.
Result<void> connect(const Networks& networks, const Fd& netns, const AttachRequest& request,
                     const EndpointRequest& endpoint, Attachment& attachment);
Result<void> disconnect(const Networks& networks, const Fd& netns, const ContainerId& id, std::string_view network,
                        Attachment& attachment);
/// update --publish-add, --publish-rm.
Result<void> publish(const Networks& networks, const Fd& netns, const AttachRequest& request,
                     const std::vector<PortMapping>& mappings, Attachment& attachment);
Result<void> unpublish(const Networks& networks, const Fd& netns, const AttachRequest& request,
                       const std::vector<PortMapping>& mappings, Attachment& attachment);
/// The container has a new name: the others on its networks find it by that.
Result<void> rename(const Networks& networks, const ContainerId& id, std::string_view name, Attachment& attachment);

/// Detaches every container whose namespace is gone while its record stayed (killed processes), and removes half-written
/// records.
Result<void> sweep(const Networks& networks);
/// The same without a look at those of `alive`, sorted ids: when no others are attached, it is one look into a folder.
Result<void> sweep_others(const Networks& networks, const std::vector<std::string>& alive);

/// Without networks: the loopback link of a fresh namespace comes up (`--network none`).
Result<void> bring_up_loopback(const Fd& netns);

}  // namespace berth::network
