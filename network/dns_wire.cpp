#include "network/dns_wire.h"

#include <algorithm>
#include <charconv>

namespace berth::network::dns {

namespace {

constexpr std::size_t head_size = 12;
constexpr std::uint16_t class_in = 1, type_opt = 41;
constexpr std::uint32_t time_to_live = 600;  // docker's

std::uint16_t read_u16(Bytes bytes, std::size_t at) { return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]); }

void put_u16(Message& to, std::uint16_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8));
    to.push_back(static_cast<std::uint8_t>(value));
}
void put_u32(Message& to, std::uint32_t value) {
    put_u16(to, static_cast<std::uint16_t>(value >> 16));
    put_u16(to, static_cast<std::uint16_t>(value));
}

char lower(std::uint8_t c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); }

/// A name without compression, as a question has it. The offset behind it, or nothing.
std::optional<std::size_t> read_name(Bytes message, std::size_t at, std::string* name) {
    std::size_t length = 0;
    while (at < message.size()) {
        const std::uint8_t label = message[at++];
        if (label == 0) return at;
        if (label > 63 || at + label > message.size() || (length += label + 1u) > 254) return std::nullopt;
        if (name != nullptr) {
            if (!name->empty()) *name += '.';
            for (std::size_t i = 0; i < label; ++i) {
                const std::uint8_t c = message[at + i];
                // A dot inside a label, a blank or a control character would make it look like another name.
                if (c <= ' ' || c == '.' || c >= 0x7f) name->push_back('?');
                else name->push_back(lower(c));
            }
        }
        at += label;
    }
    return std::nullopt;
}

/// Behind a name that may be compressed.
std::optional<std::size_t> skip_name(Bytes message, std::size_t at) {
    while (at < message.size()) {
        const std::uint8_t label = message[at++];
        if (label == 0) return at;
        if (label >= 0xc0) return at + 1 <= message.size() ? std::optional(at + 1) : std::nullopt;
        if (label > 63) return std::nullopt;
        at += label;
    }
    return std::nullopt;
}

/// The EDNS record among the additional ones: how much the client takes over UDP.
void read_edns(Bytes message, std::size_t at, Query& query) {
    const unsigned records = read_u16(message, 6) + read_u16(message, 8) + read_u16(message, 10);
    for (unsigned i = 0; i < records; ++i) {
        const auto end = skip_name(message, at);
        if (!end || *end + 10 > message.size()) return;
        const std::uint16_t type = read_u16(message, *end), klass = read_u16(message, *end + 2), length = read_u16(message, *end + 8);
        if (type == type_opt) {
            query.has_edns = true;
            // More than one fragment's worth gets lost too often (DNS flag day 2020); on loopback it would not, but no answer needs it.
            query.room = std::clamp<std::size_t>(klass, 512, 4096);
            return;
        }
        at = *end + 10 + length;
        if (at > message.size()) return;
    }
}

Message begin_answer(Bytes question, const Query& query, Code code) {
    Message answer;
    put_u16(answer, query.id);
    // QR, AA, RD as asked, RA.
    const auto flags = static_cast<std::uint16_t>(0x8480 | (query.recursion_desired ? 0x0100 : 0) | static_cast<std::uint16_t>(code));
    put_u16(answer, flags);
    const bool has_question = query.question_end >= head_size && query.question_end <= question.size();
    put_u16(answer, has_question ? 1 : 0);
    put_u16(answer, 0);
    put_u16(answer, 0);
    put_u16(answer, 0);
    if (has_question) answer.insert(answer.end(), question.begin() + head_size, question.begin() + static_cast<std::ptrdiff_t>(query.question_end));
    return answer;
}

void set_count(Message& answer, std::size_t at, unsigned count) {
    answer[at] = static_cast<std::uint8_t>(count >> 8);
    answer[at + 1] = static_cast<std::uint8_t>(count);
}

constexpr std::size_t edns_size = 11;

void put_edns(Message& answer, const Query& query) {
    if (!query.has_edns) return;
    answer.push_back(0);
    put_u16(answer, type_opt);
    put_u16(answer, 4096);
    put_u32(answer, 0);
    put_u16(answer, 0);
    set_count(answer, 10, 1);
}

void put_record_head(Message& answer, std::uint16_t type, std::size_t length) {
    put_u16(answer, 0xc000 | head_size);  // The name of the question.
    put_u16(answer, type);
    put_u16(answer, class_in);
    put_u32(answer, time_to_live);
    put_u16(answer, static_cast<std::uint16_t>(length));
}

std::optional<Message> encode_name(std::string_view name) {
    Message encoded;
    while (!name.empty()) {
        const std::size_t dot = name.find('.');
        const std::string_view label = name.substr(0, dot);
        if (label.empty() || label.size() > 63) return std::nullopt;
        encoded.push_back(static_cast<std::uint8_t>(label.size()));
        encoded.insert(encoded.end(), label.begin(), label.end());
        name = dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
    }
    encoded.push_back(0);
    return encoded.size() <= 255 ? std::optional(encoded) : std::nullopt;
}

std::optional<IpAddress> parse_reverse_v6(std::string_view digits) {
    std::array<std::uint8_t, 16> bytes{};
    if (digits.size() != 63) return std::nullopt;
    for (std::size_t i = 0; i < 32; ++i) {
        const char c = digits[2 * i];
        const bool is_digit = c >= '0' && c <= '9', is_letter = c >= 'a' && c <= 'f';
        if ((!is_digit && !is_letter) || (i < 31 && digits[2 * i + 1] != '.')) return std::nullopt;
        const auto value = static_cast<std::uint8_t>(is_digit ? c - '0' : c - 'a' + 10);
        const std::size_t nibble = 31 - i;
        bytes[nibble / 2] = static_cast<std::uint8_t>(bytes[nibble / 2] | (nibble % 2 == 0 ? value << 4 : value));
    }
    return IpAddress::of_bytes(bytes);
}

std::optional<IpAddress> parse_reverse_v4(std::string_view digits) {
    std::string turned;
    while (!digits.empty()) {
        const std::size_t dot = digits.rfind('.');
        const std::size_t from = dot == std::string_view::npos ? 0 : dot + 1;
        turned += cat(turned.empty() ? "" : ".", digits.substr(from));
        digits = digits.substr(0, dot == std::string_view::npos ? 0 : dot);
    }
    const auto address = IpAddress::parse(turned);
    if (!address.ok() || address.value().is_v6()) return std::nullopt;
    return address.value();
}

}  // namespace

std::optional<ParsedQuery> parse_query(Bytes message) {
    if (message.size() < head_size || (message[2] & 0x80) != 0) return std::nullopt;
    ParsedQuery parsed;
    Query& query = parsed.query;
    query.id = read_u16(message, 0);
    query.recursion_desired = (message[2] & 0x01) != 0;
    if ((message[2] & 0x78) != 0) return parsed.code = Code::not_implemented, parsed;
    if (read_u16(message, 4) != 1) return parsed.code = Code::format_error, parsed;
    const auto end = read_name(message, head_size, &query.name);
    if (!end || *end + 4 > message.size()) return parsed.code = Code::format_error, parsed;
    query.type = read_u16(message, *end);
    query.question_end = *end + 4;
    if (read_u16(message, *end + 2) != class_in) return parsed.code = Code::not_implemented, parsed;
    read_edns(message, query.question_end, query);
    return parsed;
}

std::optional<IpAddress> parse_reverse_name(std::string_view name) {
    constexpr std::string_view v4 = ".in-addr.arpa", v6 = ".ip6.arpa";
    if (name.ends_with(v4)) return parse_reverse_v4(name.substr(0, name.size() - v4.size()));
    if (name.ends_with(v6)) return parse_reverse_v6(name.substr(0, name.size() - v6.size()));
    return std::nullopt;
}

Message make_address_answer(Bytes question, const Query& query, std::span<const IpAddress> addresses, Transport transport) {
    Message answer = begin_answer(question, query, Code::ok);
    const std::size_t room = (transport == Transport::tcp ? 65535 : query.room) - (query.has_edns ? edns_size : 0);
    unsigned count = 0;
    for (const IpAddress& address : addresses) {
        const auto bytes = address.bytes();
        if (answer.size() + 12 + bytes.size() > room) {
            answer[2] |= 0x02;  // TC: the client asks again over TCP.
            break;
        }
        put_record_head(answer, address.is_v6() ? type_aaaa : type_a, bytes.size());
        answer.insert(answer.end(), bytes.begin(), bytes.end());
        ++count;
    }
    set_count(answer, 6, count);
    put_edns(answer, query);
    return answer;
}

Message make_name_answer(Bytes question, const Query& query, std::string_view name) {
    const auto encoded = encode_name(name);
    if (!encoded) return make_empty_answer(question, query, Code::no_such_name);
    Message answer = begin_answer(question, query, Code::ok);
    put_record_head(answer, type_ptr, encoded->size());
    answer.insert(answer.end(), encoded->begin(), encoded->end());
    set_count(answer, 6, 1);
    put_edns(answer, query);
    return answer;
}

Message make_empty_answer(Bytes question, const Query& query, Code code) {
    Message answer = begin_answer(question, query, code);
    put_edns(answer, query);
    return answer;
}

bool is_answer_to(Bytes answer, Bytes question, const Query& query) {
    if (answer.size() < query.question_end || (answer[2] & 0x80) == 0 || id_of(answer) != id_of(question)) return false;
    if (read_u16(answer, 4) != 1) return false;
    // Letters of a name may come back in another case (RFC 4343).
    for (std::size_t i = head_size; i < query.question_end; ++i)
        if (lower(answer[i]) != lower(question[i])) return false;
    return true;
}

bool is_failure(Bytes answer) {
    const Code code = static_cast<Code>(answer[3] & 0x0f);
    return code == Code::server_failure || code == Code::not_implemented || code == Code::refused;
}

std::uint16_t id_of(Bytes message) { return message.size() < 2 ? 0 : read_u16(message, 0); }

void set_id(Message& message, std::uint16_t id) {
    if (message.size() < 2) return;
    message[0] = static_cast<std::uint8_t>(id >> 8);
    message[1] = static_cast<std::uint8_t>(id);
}

}  // namespace berth::network::dns
