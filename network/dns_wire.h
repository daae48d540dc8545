#pragma once
// DNS messages as bytes (RFC 1035, RFC 6891): just enough to answer questions about containers and to pass the others
// on. Pure; every byte comes from a container, so every length is checked.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "network/address.h"

namespace berth::network::dns {

using Message = std::vector<std::uint8_t>;
using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t type_a = 1, type_ptr = 12, type_aaaa = 28;

enum class Code : std::uint8_t { ok = 0, format_error = 1, server_failure = 2, no_such_name = 3, not_implemented = 4, refused = 5 };

struct Query {
    std::uint16_t id = 0;
    bool recursion_desired = false;
    std::string name;  ///< lower case, labels joined by dots, no final dot; a byte that would mislead is refused
    std::uint16_t type = 0;
    std::size_t question_end = 0;  ///< where the question ends in the message
    std::size_t room = 512;        ///< most bytes of a UDP answer, from EDNS
    bool has_edns = false;
};

/// Nothing when it is no query or cannot be answered sensibly (then silence is right).
struct ParsedQuery {
    Query query;
    Code code = Code::ok;  ///< other than ok: answer with it
};
std::optional<ParsedQuery> parse_query(Bytes message);

/// "4.3.2.1.in-addr.arpa" and the ip6.arpa form; nothing for other names.
std::optional<IpAddress> parse_reverse_name(std::string_view name);

/// The answer to a query: the question repeated, and the records with one TTL. Cut to the query's room (and then marked so) unless
/// `over_tcp`.
enum class Transport { udp, tcp };
Message make_address_answer(Bytes question, const Query& query, std::span<const IpAddress> addresses, Transport transport);
Message make_name_answer(Bytes question, const Query& query, std::string_view name);
/// No records: an error, or an empty answer to a question about a name that exists.
Message make_empty_answer(Bytes question, const Query& query, Code code);

/// It answers this query: id and question are the same.
bool is_answer_to(Bytes answer, Bytes question, const Query& query);
/// The server could not say: another one may know (SERVFAIL, NOTIMP, REFUSED). `answer` has passed is_answer_to.
bool is_failure(Bytes answer);
std::uint16_t id_of(Bytes message);
void set_id(Message& message, std::uint16_t id);

}  // namespace berth::network::dns
