// Texts as docker writes them (moby: libnetwork/internal/resolvconf, libnetwork/etchosts), so that scripts which look
// into these files find what they expect.

#include "network/files.h"

#include <algorithm>

#include "base/file.h"

namespace berth::network {

namespace {

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    std::size_t at = 0;
    while ((at = line.find_first_not_of(" \t\r", at)) != std::string_view::npos) {
        const std::size_t end = std::min(line.find_first_of(" \t\r", at), line.size());
        words.emplace_back(line.substr(at, end - at));
        at = end;
    }
    return words;
}

std::string_view take_line(std::string_view& rest) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    return line;
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += cat(' ', word);
    return text;
}

/// A zone ("fe80::1%eth0") means a link of the host and nothing in the container; so does the host's loopback.
bool answers_in_container(const std::string& server) {
    const auto address = IpAddress::parse(server);
    return address.ok() && !address.value().is_loopback();
}

bool is_stub_only(const ResolvConf& conf) {
    return !conf.servers.empty() &&
           std::all_of(conf.servers.begin(), conf.servers.end(), [](const std::string& server) { return server == "127.0.0.53"; });
}

void append_extra(std::string& text, const HostsRequest& request) {
    for (const ExtraHost& host : request.extra) {
        if (host.address != "host-gateway") {
            text += cat(host.address, '\t', host.name, '\n');
            continue;
        }
        for (const std::string& gateway : request.host_gateway) text += cat(gateway, '\t', host.name, '\n');
    }
}

}  // namespace

Result<ExtraHost> ExtraHost::parse(std::string_view text) {
    const auto refuse = [&] { return Error(Kind::invalid, cat("host '", text, "': expected NAME:IP or NAME=IP")); };
    std::size_t cut = text.find('=');
    if (cut == std::string_view::npos) cut = text.find(':');
    if (cut == std::string_view::npos || cut == 0) return refuse();
    const std::string_view name = text.substr(0, cut);
    if (name.find_first_of(" \t\r\n#") != std::string_view::npos) return refuse();
    std::string_view address = text.substr(cut + 1);
    if (address == "host-gateway") return ExtraHost{std::string(name), std::string(address)};
    if (address.size() > 1 && address.front() == '[' && address.back() == ']') address = address.substr(1, address.size() - 2);
    const IpAddress parsed = TRY(IpAddress::parse(address), "host '", text, "'");
    return ExtraHost{std::string(name), parsed.str()};
}

std::string hosts_text(const HostsRequest& request) {
    std::string text = "127.0.0.1\tlocalhost\n";
    if (request.ipv6)
        text +=
            "::1\tlocalhost ip6-localhost ip6-loopback\n"
            "fe00::\tip6-localnet\n"
            "ff00::\tip6-mcastprefix\n"
            "ff02::1\tip6-allnodes\n"
            "ff02::2\tip6-allrouters\n";
    append_extra(text, request);
    for (const HostsRequest::Link& link : request.links) {
        std::string names;
        for (const std::string& name : link.names) names += cat(names.empty() ? "" : " ", name);
        text += cat(link.address, '\t', names, '\n');
    }
    if (request.hostname.empty()) return text;
    std::string names = request.hostname;
    if (!request.domainname.empty()) names = cat(request.hostname, '.', request.domainname, ' ', request.hostname);
    for (const std::string& address : request.addresses) text += cat(address, '\t', names, '\n');
    return text;
}

std::string host_mode_hosts_text(std::string_view host_file, const HostsRequest& request) {
    std::string text(host_file);
    if (!text.empty() && text.back() != '\n') text += '\n';
    append_extra(text, request);
    return text;
}

std::string hostname_text(std::string_view hostname) { return cat(hostname, '\n'); }

ResolvConf parse_resolv_conf(std::string_view text) {
    ResolvConf conf;
    while (!text.empty()) {
        const std::string_view line = take_line(text);
        std::vector<std::string> words = words_of(line);
        if (words.size() < 2 || words[0][0] == '#' || words[0][0] == ';') continue;
        const std::string keyword = words[0];
        words.erase(words.begin());
        // resolv.conf(5): the last search or domain line wins; servers and options add up.
        if (keyword == "nameserver") conf.servers.push_back(words[0]);
        else if (keyword == "search") conf.search = words;
        else if (keyword == "domain") conf.search = {words[0]};
        else if (keyword == "options") conf.options.insert(conf.options.end(), words.begin(), words.end());
    }
    return conf;
}

std::string resolv_conf_text(const ResolvConf& conf) {
    std::string text;
    for (const std::string& server : conf.servers) text += cat("nameserver ", server, '\n');
    if (!conf.search.empty()) text += cat("search", joined(conf.search), '\n');
    if (!conf.options.empty()) text += cat("options", joined(conf.options), '\n');
    return text;
}

std::string container_resolv_conf(std::string_view host_file, const DnsOptions& dns, ResolvMode mode) {
    ResolvConf conf = parse_resolv_conf(host_file);
    // Nothing to change: the user's comments stay too.
    const bool untouched = mode == ResolvMode::host && dns == DnsOptions{};
    if (untouched) return std::string(host_file);
    if (!dns.servers.empty()) conf.servers = dns.servers;
    // docker: `--dns-search .` means none.
    if (!dns.search.empty()) conf.search = dns.search == std::vector<std::string>{"."} ? std::vector<std::string>{} : dns.search;
    if (!dns.options.empty()) conf.options = dns.options;
    if (mode == ResolvMode::bridge && dns.servers.empty()) {
        std::erase_if(conf.servers, [](const std::string& server) { return !answers_in_container(server); });
        if (conf.servers.empty()) conf.servers = {"8.8.8.8", "8.8.4.4"};
    }
    if (mode == ResolvMode::names) {
        conf.servers = {"127.0.0.11"};
        const bool has_ndots = std::any_of(conf.options.begin(), conf.options.end(),
                                           [](const std::string& option) { return option.starts_with("ndots:"); });
        // Without it a resolver tries "db.example.com" before "db", and each name costs a query upstream.
        if (!has_ndots) conf.options.push_back("ndots:0");
    }
    return resolv_conf_text(conf);
}

std::string read_host_resolv_conf() {
    std::string text = read_file("/etc/resolv.conf", 1u << 20).value_or("");
    if (!is_stub_only(parse_resolv_conf(text))) return text;
    return read_file("/run/systemd/resolve/resolv.conf", 1u << 20).value_or(std::move(text));
}

std::string read_host_hosts() { return read_file("/etc/hosts", 1u << 20).value_or(""); }

Result<std::vector<std::string>> host_gateways(const Networks& networks) {
    const Network bridge = TRY(networks.default_bridge());
    std::vector<std::string> addresses;
    for (const AddressPool& pool : bridge.pools)
        if (pool.gateway) addresses.push_back(pool.gateway->str());
    return addresses;
}

}  // namespace berth::network
