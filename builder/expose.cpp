#include "builder/expose.h"

#include <charconv>

#include <arpa/inet.h>

#include "builder/text.h"

namespace berth::builder {
namespace {

struct PortRange {
    int first = 0, last = 0;
};

Result<int> parse_number(std::string_view text, std::string_view word) {
    int port = -1;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (failure != std::errc() || end != text.data() + text.size() || port < 0 || port > 65535)
        return Error(Kind::invalid, cat("invalid port '", word, "': expected a number from 0 to 65535, found '", text, "'"));
    return port;
}

Result<PortRange> parse_range(std::string_view text, std::string_view word) {
    const Cut parts = cut(text, '-');
    PortRange range;
    range.first = TRY(parse_number(parts.before, word));
    range.last = range.first;
    if (parts.after) range.last = TRY(parse_number(*parts.after, word));
    if (range.last < range.first)
        return Error(Kind::invalid, cat("invalid port '", word, "': the range ", text, " ends before it starts"));
    return range;
}

bool is_address(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
    unsigned char bytes[16];
    const std::string address(text);
    return ::inet_pton(AF_INET, address.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, address.c_str(), bytes) == 1;
}

}  // namespace

Result<ExposedPorts> parse_exposed(std::string_view word) {
    ExposedPorts out;
    std::string_view container = word;
    if (const std::size_t colon = word.rfind(':'); colon != std::string_view::npos) {
        out.has_mapping = true;
        container = word.substr(colon + 1);
        std::string_view host = word.substr(0, colon);
        if (const std::size_t inner = host.rfind(':'); inner != std::string_view::npos) {
            const std::string_view address = host.substr(0, inner);
            if (!address.empty() && !is_address(address))
                return Error(Kind::invalid, cat("invalid port '", word, "': '", address, "' is no IP address"));
            host = host.substr(inner + 1);
        }
        if (!host.empty()) TRY(parse_range(host, word));
    }
    const Cut parts = cut(container, '/');
    const std::string protocol = to_lower(parts.after.value_or("tcp"));
    const std::string shown = protocol.empty() ? "tcp" : protocol;
    if (shown != "tcp" && shown != "udp" && shown != "sctp")
        return Error(Kind::invalid, cat("invalid port '", word, "': invalid protocol '", *parts.after, "', expected tcp, udp or sctp"));
    out.has_odd_case = parts.after && *parts.after != protocol;
    const PortRange range = TRY(parse_range(parts.before, word));
    for (int port = range.first; port <= range.last; ++port) out.ports.push_back(cat(port, '/', shown));
    return out;
}

}  // namespace berth::builder
