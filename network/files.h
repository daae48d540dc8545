#pragma once
// The texts of /etc/hosts, /etc/hostname and /etc/resolv.conf as docker writes them. Pure, but for the two functions at
// the end that read the host's files.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "network/attach.h"

namespace berth::network {

/// --add-host: `NAME:IP`, `NAME=IP`, IP also in brackets, or `host-gateway`.
struct ExtraHost {
    std::string name;
    std::string address;  ///< canonical address, or "host-gateway"
    static Result<ExtraHost> parse(std::string_view text);
    bool operator==(const ExtraHost&) const = default;
};

struct HostsRequest {
    std::string hostname;
    std::string domainname;
    std::vector<ExtraHost> extra;
    /// What "host-gateway" stands for: the default bridge's gateways, see host_gateways().
    std::vector<std::string> host_gateway;
    /// The container's own addresses, v4 and v6; empty with `--network none`.
    std::vector<std::string> addresses;
    bool ipv6 = true;
    /// Legacy `--link` on the default bridge: address, then names.
    struct Link {
        std::string address;
        std::vector<std::string> names;
    };
    std::vector<Link> links;
};
std::string hosts_text(const HostsRequest& request);
/// `--network host`: the host's own file, with the added hosts behind.
std::string host_mode_hosts_text(std::string_view host_file, const HostsRequest& request);

/// The name and a newline.
std::string hostname_text(std::string_view hostname);

struct ResolvConf {
    std::vector<std::string> servers;
    std::vector<std::string> search;
    std::vector<std::string> options;
    bool operator==(const ResolvConf&) const = default;
};
ResolvConf parse_resolv_conf(std::string_view text);
std::string resolv_conf_text(const ResolvConf& conf);

/// What the container's file says.
/// - `host`: `--network host` or `container:`'s own rules: the host's file with --dns… applied.
/// - `bridge`: the default network and builds: without servers that answer only on the host's loopback; Google's when none is left.
/// - `names`: user-defined networks: 127.0.0.11, ndots:0, the host's search list.
enum class ResolvMode { host, bridge, names };
std::string container_resolv_conf(std::string_view host_file, const DnsOptions& dns, ResolvMode mode);

/// The host's resolv.conf; systemd-resolved's list of real servers when the file only names its stub (127.0.0.53).
/// Empty text when the host has none.
std::string read_host_resolv_conf();
/// The host's /etc/hosts; empty when it has none.
std::string read_host_hosts();

/// Addresses that reach the host from every bridge: the default bridge's gateways. `networks` chooses them when new.
Result<std::vector<std::string>> host_gateways(const Networks& networks);

}  // namespace berth::network
