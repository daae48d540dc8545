#include "network/names.h"

#include <algorithm>

#include "base/file.h"
#include "network/tables.h"

namespace berth::network {

namespace {

struct Found {
    bool known = false;
    std::vector<IpAddress> addresses;
};

void look_in(const LoadedScope::Table& table, std::string_view name, Family family, Found& found) {
    if (!knows_name(table.text, name)) return;
    found.known = true;
    for (const IpAddress& address : find_addresses(table.text, name, family)) found.addresses.push_back(address);
}

Found look_up(const LoadedScope& scope, std::string_view name, Family family) {
    for (const auto& [alias, target] : scope.links)
        if (alias == name) name = target;
    Found found;
    for (const LoadedScope::Table& table : scope.tables) {
        look_in(table, name, family, found);
        // "db.backend": the name with its network's behind.
        const std::string suffix = cat('.', table.network);
        if (name.size() > suffix.size() && name.ends_with(suffix)) look_in(table, name.substr(0, name.size() - suffix.size()), family, found);
    }
    return found;
}

std::optional<std::string> look_up_name(const LoadedScope& scope, const IpAddress& address) {
    for (const LoadedScope::Table& table : scope.tables)
        if (const auto name = find_name(table.text, address)) return cat(*name, '.', table.network);
    return std::nullopt;
}

}  // namespace

LoadedScope load_scope(const NameScope& scope) {
    LoadedScope loaded{{}, scope.links, scope.forwards};
    for (const NameScope::Source& source : scope.sources) loaded.tables.push_back({source.network, read_file(source.path).value_or("")});
    return loaded;
}

std::optional<dns::Message> answer_locally(const LoadedScope& scope, dns::Bytes question, const dns::Query& query,
                                           dns::Transport transport, unsigned turn) {
    if (query.type == dns::type_ptr) {
        const auto address = dns::parse_reverse_name(query.name);
        const auto name = address ? look_up_name(scope, *address) : std::nullopt;
        if (name) return dns::make_name_answer(question, query, *name);
    } else {
        const Family family = query.type == dns::type_aaaa ? Family::v6 : Family::v4;
        Found found = look_up(scope, query.name, family);
        const bool wants_address = query.type == dns::type_a || query.type == dns::type_aaaa;
        // The name exists, so "no such name" would be a lie that resolvers remember for all types (RFC 2308).
        if (found.known && (!wants_address || found.addresses.empty())) return dns::make_empty_answer(question, query, dns::Code::ok);
        if (found.known) {
            std::rotate(found.addresses.begin(), found.addresses.begin() + turn % found.addresses.size(), found.addresses.end());
            return dns::make_address_answer(question, query, found.addresses, transport);
        }
    }
    if (!scope.forwards) return dns::make_empty_answer(question, query, dns::Code::no_such_name);
    return std::nullopt;
}

}  // namespace berth::network
