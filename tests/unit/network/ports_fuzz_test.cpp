// `-p` against an oracle: docker's grammar as one regular expression, numbers by strtoul, addresses by inet_pton(3).

#include <criterion/criterion.h>

#include <regex>

#include <arpa/inet.h>

#include "network/address.h"
#include "network/ports.h"
#include "tests/unit/network/fuzz.h"

using namespace berth;
using namespace berth::network;
using fuzz::Random;

TestSuite(network_ports_fuzz, .timeout = 3600);

namespace {

constexpr unsigned rounds = 20'000;
constexpr std::string_view alphabet = "0123456789:-/[].abcdefltcpudsCTP= \t";

std::string number(Random& random) {
    static const char* const edges[] = {"0", "1", "80", "65535", "65536", "99999999999999999999", "", "080", "-1", "+1"};
    return random.one_in(6) ? random.pick(edges) : cat(random.below(70'000));
}
std::string range(Random& random) { return random.one_in(3) ? cat(number(random), '-', number(random)) : number(random); }
std::string address(Random& random) {
    static const char* const some[] = {"127.0.0.1", "0.0.0.0", "::1", "[::1]", "[::]", "fe80::1", "[", "]", "[]", "", "1.2.3", "256.1.1.1", "host", "::ffff:1.2.3.4", "[10.0.0.1]", "01.2.3.4"};
    return random.pick(some);
}
std::string mapping(Random& random) {
    static const char* const protocols[] = {"", "", "", "/tcp", "/UDP", "/sctp", "/", "/icmp", "/tcp/udp"};
    std::string text;
    if (random.one_in(3)) text += address(random) + ':';
    if (!random.one_in(3)) text += range(random) + ':';
    text += range(random) + random.pick(protocols);
    if (random.one_in(3)) fuzz::mutate(text, random, alphabet);
    return text;
}

struct Expected {
    std::string ip;
    unsigned long first = 0, last = 0, inside_first = 0, inside_last = 0;
    std::string protocol = "tcp";
};

bool read_ends(const std::string& text, unsigned long& first, unsigned long& last) {
    const std::size_t dash = text.find('-');
    const std::string high = dash == std::string::npos ? text : text.substr(dash + 1);
    first = std::strtoul(text.c_str(), nullptr, 10), last = std::strtoul(high.c_str(), nullptr, 10);
    return first <= last && last <= 65535;
}

bool is_address(const std::string& text) {
    unsigned char bytes[16];
    return ::inet_pton(AF_INET, text.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

/// Nothing: to be refused.
std::optional<Expected> expect(const std::string& text) {
    static const std::regex grammar("(?:(?:(.*):)?([0-9]+(?:-[0-9]+)?|):)?([0-9]+(?:-[0-9]+)?)(?:/([a-zA-Z]+))?");
    std::smatch part;
    if (!std::regex_match(text, part, grammar)) return std::nullopt;
    Expected out;
    out.ip = part[1];
    if (out.ip.size() > 1 && out.ip.front() == '[' && out.ip.back() == ']') out.ip = out.ip.substr(1, out.ip.size() - 2);
    if (part[1].length() != 0 && !is_address(out.ip)) return std::nullopt;
    if (part[2].length() != 0 && (!read_ends(part[2], out.first, out.last) || (out.first == 0 && part[2].str().find('-') != std::string::npos))) return std::nullopt;
    if (!read_ends(part[3], out.inside_first, out.inside_last) || out.inside_first == 0) return std::nullopt;
    if (part[4].matched) out.protocol = part[4];
    for (char& c : out.protocol) c = static_cast<char>(std::tolower(c));
    if (out.protocol != "tcp" && out.protocol != "udp" && out.protocol != "sctp") return std::nullopt;
    const unsigned long host = out.last - out.first, inside = out.inside_last - out.inside_first;
    if (out.first != 0 && host != inside && inside != 0) return std::nullopt;
    return out;
}

std::string canonical(const std::string& ip) { return ip.empty() ? ip : IpAddress::parse(ip).value().str(); }

bool agrees(const PortMapping& found, const Expected& wanted) {
    return found.host_ip == canonical(wanted.ip) && found.host.first == wanted.first && found.host.last == wanted.last &&
           found.container.first == wanted.inside_first && found.container.last == wanted.inside_last && protocol_text(found.protocol) == wanted.protocol;
}

}  // namespace

Test(network_ports_fuzz, the_short_form_means_what_the_grammar_says) {
    unsigned taken = 0;
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(seed);
        for (unsigned i = 0; i < rounds; ++i) {
            const std::string text = mapping(random);
            if (text.find('=') != std::string::npos) continue;
            const auto found = PortMapping::parse(text);
            const auto wanted = expect(text);
            const std::string told = found.ok() ? found.value().str() : found.error().text();
            cr_assert_eq(found.ok(), wanted.has_value(), "'%s': %s", text.c_str(), told.c_str());
            if (!found.ok()) continue;
            ++taken;
            cr_assert(agrees(found.value(), *wanted), "'%s': %s", text.c_str(), told.c_str());
        }
    }
    cr_expect_gt(taken, rounds / 20, "the generator makes too few mappings that are right: %u", taken);
}

Test(network_ports_fuzz, what_is_written_reads_the_same) {
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(1000 + seed);
        for (unsigned i = 0; i < rounds; ++i) {
            const std::string text = mapping(random);
            const auto found = PortMapping::parse(text);
            if (!found.ok()) continue;
            const std::string written = found.value().str();
            const auto again = PortMapping::parse(written);
            cr_assert(again.ok() && again.value() == found.value(), "'%s' -> '%s'", text.c_str(), written.c_str());
        }
    }
}

Test(network_ports_fuzz, bindings_written_and_read_are_the_same_ports) {
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(2000 + seed);
        for (unsigned i = 0; i < rounds / 10; ++i) {
            const std::string text = mapping(random);
            const auto found = PortMapping::parse(text);
            if (!found.ok() || found.value().container.size() > 100 || found.value().host.size() > 100) continue;
            const PortMap document = port_bindings(std::span(&found.value(), 1));
            const auto read = parse_port_bindings(document);
            cr_assert(read.ok(), "'%s': %s", text.c_str(), read.ok() ? "" : read.error().text().c_str());
            cr_assert(port_bindings(read.value()) == document, "'%s'", text.c_str());
        }
    }
}

Test(network_ports_fuzz, any_text_is_taken_or_refused_with_its_own_words) {
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(3000 + seed);
        for (unsigned i = 0; i < rounds; ++i) {
            std::string text(random.below(24), ' ');
            for (char& c : text) c = random.one_in(20) ? static_cast<char>(random.below(256)) : random.pick(alphabet);
            const auto found = PortMapping::parse(text);
            if (!found.ok()) cr_assert(found.error().text().starts_with(cat("publish '", text, "': ")), "%s", text.c_str());
            for (const auto& refused : {ContainerPort::parse(text).ok() ? std::string() : ContainerPort::parse(text).error().text()})
                cr_assert(refused.empty() || refused.starts_with(cat("port '", text, "': ")), "%s", text.c_str());
            if (const auto expose = parse_expose(text); expose.ok()) cr_assert(!expose.value().empty() && expose.value().size() <= 65535);
        }
    }
}
