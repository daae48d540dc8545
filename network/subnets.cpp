#include "network/subnets.h"

#include <algorithm>

#include <sys/random.h>

namespace berth::network {

namespace {

bool is_free(const Subnet& subnet, TakenSubnets taken) {
    return std::none_of(taken.begin(), taken.end(), [&](const Subnet& other) { return other.overlaps(subnet); });
}

/// The first free one of `count` subnets that follow each other from `first` on.
std::optional<Subnet> first_free(const Subnet& first, std::uint64_t count, TakenSubnets taken) {
    for (std::uint64_t i = 0; i < count; ++i) {
        const Subnet candidate = Subnet::of(first.at(i * first.size()), first.prefix());
        if (is_free(candidate, taken)) return candidate;
    }
    return std::nullopt;
}

Error no_free_subnet() {
    return Error(Kind::busy, "no free subnet: routes of this host and other networks cover all of berth's pools")
        .with_hint("give one with --subnet, or remove networks with 'berth network prune'");
}

/// 1,022 addresses: a bridge takes 1,023 ports.
Result<Subnet> choose_v4(TakenSubnets taken) {
    const std::optional<Subnet> found = first_free(Subnet::of(IpAddress::of_v4(10u << 24 | 89u << 16), 22), (256 - 89) * 64, taken);
    if (!found) return no_free_subnet();
    return *found;
}

/// RFC 4193: fd, 40 random bits, and a subnet number, random too.
Result<Subnet> choose_v6(TakenSubnets taken) {
    for (int attempt = 0; attempt < 16; ++attempt) {
        std::array<std::uint8_t, 16> bytes{};
        if (::getrandom(bytes.data(), 8, 0) != 8) bug("getrandom");
        bytes[0] = 0xfd;
        const Subnet candidate = Subnet::of(IpAddress::of_bytes(bytes), 64);
        if (is_free(candidate, taken)) return candidate;
    }
    return no_free_subnet();
}

Result<Subnet> parse_free(const std::string& text, TakenSubnets taken, std::span<const AddressPool> earlier) {
    const Subnet subnet = TRY(Subnet::parse(text), "--subnet");
    const unsigned longest = subnet.base().is_v6() ? 126 : 30;
    if (subnet.prefix() > longest) return Error(Kind::invalid, cat("--subnet: ", text, " has no room for a gateway and a container"));
    for (const AddressPool& pool : earlier)
        if (pool.subnet.overlaps(subnet)) return Error(Kind::invalid, cat("--subnet: ", text, " and ", pool.subnet.str(), " overlap"));
    for (const Subnet& other : taken)
        if (other.overlaps(subnet))
            return Error(Kind::exists, cat("--subnet: ", text, " overlaps ", other.str(), ", which this host or another network uses"));
    return subnet;
}

AddressPool* pool_of(std::vector<AddressPool>& pools, const IpAddress& address) {
    for (AddressPool& pool : pools)
        if (pool.subnet.contains(address)) return &pool;
    return nullptr;
}

Error outside(std::string_view option, std::string_view text) {
    return Error(Kind::invalid, cat(option, ": ", text, " lies in none of the network's subnets"));
}

Result<void> apply_ranges(const CreateNetwork& options, std::vector<AddressPool>& pools) {
    for (const std::string& text : options.ranges) {
        const Subnet range = TRY(Subnet::parse(text), "--ip-range");
        AddressPool* pool = pool_of(pools, range.base());
        if (pool == nullptr || !pool->subnet.contains(range)) return outside("--ip-range", text);
        if (pool->range) return Error(Kind::invalid, cat("--ip-range: ", pool->subnet.str(), " has two ranges"));
        pool->range = range;
    }
    return {};
}

Result<void> apply_gateways(const CreateNetwork& options, std::vector<AddressPool>& pools) {
    for (const std::string& text : options.gateways) {
        const IpAddress gateway = TRY(IpAddress::parse(text), "--gateway");
        AddressPool* pool = pool_of(pools, gateway);
        if (pool == nullptr) return outside("--gateway", text);
        if (pool->gateway) return Error(Kind::invalid, cat("--gateway: ", pool->subnet.str(), " has two gateways"));
        if (gateway == pool->subnet.base() || gateway == pool->subnet.broadcast())
            return Error(Kind::invalid, cat("--gateway: ", text, " is no host's address in ", pool->subnet.str()));
        pool->gateway = gateway;
    }
    for (AddressPool& pool : pools) {
        if (pool.gateway) continue;
        const Subnet& from = pool.range ? *pool.range : pool.subnet;
        pool.gateway = from.at(from.base() == pool.subnet.base() ? 1 : 0);
    }
    return {};
}

Result<void> apply_reserved(const CreateNetwork& options, std::vector<AddressPool>& pools) {
    for (const std::string& text : options.reserved) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos || equals == 0)
            return Error(Kind::invalid, cat("--aux-address: '", text, "' is not NAME=ADDRESS"));
        const IpAddress address = TRY(IpAddress::parse(std::string_view(text).substr(equals + 1)), "--aux-address");
        AddressPool* pool = pool_of(pools, address);
        if (pool == nullptr) return outside("--aux-address", text);
        pool->reserved.insert_or_assign(text.substr(0, equals), address);
    }
    return {};
}

}  // namespace

Result<std::vector<AddressPool>> plan_pools(const CreateNetwork& options, Taken taken) {
    std::vector<AddressPool> pools;
    bool has_v4 = false, has_v6 = false;
    for (const std::string& text : options.subnets) {
        const Subnet subnet = TRY(parse_free(text, taken.named, pools));
        (subnet.family() == Family::v6 ? has_v6 : has_v4) = true;
        pools.push_back({subnet, std::nullopt, std::nullopt, {}});
    }
    if (has_v6 && !options.ipv6) return Error(Kind::invalid, "--subnet: an IPv6 subnet needs --ipv6");
    if (options.ipv4 && !has_v4) {
        const Subnet subnet = TRY(choose_v4(taken.chosen));
        pools.insert(pools.begin(), AddressPool{subnet, std::nullopt, std::nullopt, {}});
    }
    if (!options.ipv4 && has_v4) return Error(Kind::invalid, "--subnet: an IPv4 subnet on a network without IPv4");
    if (options.ipv6 && !has_v6) {
        const Subnet subnet = TRY(choose_v6(taken.chosen));
        pools.push_back({subnet, std::nullopt, std::nullopt, {}});
    }
    TRY(apply_ranges(options, pools));
    TRY(apply_gateways(options, pools));
    TRY(apply_reserved(options, pools));
    return pools;
}

Result<AddressPool> plan_default_pool(TakenSubnets taken) {
    std::optional<Subnet> found = first_free(Subnet::of(IpAddress::of_v4(172u << 24 | 17u << 16), 16), 15, taken);
    if (!found) found = first_free(Subnet::of(IpAddress::of_v4(10u << 24), 16), 256, taken);
    if (!found) return no_free_subnet();
    return AddressPool{*found, std::nullopt, found->at(1), {}};
}

}  // namespace berth::network
