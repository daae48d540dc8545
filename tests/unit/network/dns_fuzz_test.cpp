// DNS messages against an oracle that reads them record by record, on memory that ends where the message ends: a byte read
// beyond it ends the test.

#include <criterion/criterion.h>

#include <arpa/inet.h>
#include <sys/mman.h>

#include <cstring>

#include "network/dns_wire.h"
#include "network/names.h"
#include "network/tables.h"
#include "tests/unit/network/fuzz.h"

using namespace berth;
using namespace berth::network;
using fuzz::Random;

TestSuite(network_dns_fuzz, .timeout = 3600);

namespace {

constexpr unsigned rounds = 20'000;
constexpr std::size_t page = 4096;

/// Up to two pages of bytes with nothing behind them.
class Edge {
public:
    Edge() : pages_(static_cast<std::uint8_t*>(::mmap(nullptr, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
        ::mprotect(pages_ + 2 * page, page, PROT_NONE);
    }
    ~Edge() { ::munmap(pages_, 3 * page); }
    Edge(const Edge&) = delete;
    dns::Bytes hold(const dns::Message& message) {
        std::uint8_t* at = pages_ + 2 * page - message.size();
        if (!message.empty()) std::memcpy(at, message.data(), message.size());
        return {at, message.size()};
    }

private:
    std::uint8_t* pages_;
};

void put_u16(dns::Message& to, unsigned value) { to.push_back(static_cast<std::uint8_t>(value >> 8)), to.push_back(static_cast<std::uint8_t>(value)); }
unsigned u16(dns::Bytes from, std::size_t at) { return static_cast<unsigned>(from[at] << 8 | from[at + 1]); }

struct Asked {
    unsigned id = 0, type = 0, room = 512;
    bool recursion = false, edns = false;
    std::string name;
    dns::Message message;
};

Asked ask(Random& random) {
    static const unsigned types[] = {1, 1, 28, 12, 15, 255, 65};
    Asked asked;
    asked.id = random.below(65536), asked.type = random.pick(types);
    asked.recursion = random.one_in(2), asked.edns = random.one_in(2);
    put_u16(asked.message, asked.id);
    asked.message.insert(asked.message.end(), {static_cast<std::uint8_t>(asked.recursion), 0, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(asked.edns)});
    for (unsigned labels = random.below(5); labels > 0; --labels) {
        const unsigned length = 1 + random.below(random.one_in(8) ? 63 : 12);
        if (asked.name.size() + length > 250) break;
        if (!asked.name.empty()) asked.name += '.';
        asked.message.push_back(static_cast<std::uint8_t>(length));
        for (unsigned i = 0; i < length; ++i) {
            const char c = random.pick(std::string_view("abcxyzABCXYZ0189-_"));
            asked.message.push_back(static_cast<std::uint8_t>(c));
            asked.name += static_cast<char>(std::tolower(c));
        }
    }
    asked.message.push_back(0);
    put_u16(asked.message, asked.type), put_u16(asked.message, 1);
    if (!asked.edns) return asked;
    const unsigned room = random.below(65536);
    asked.room = std::min(std::max(room, 512u), 4096u);
    asked.message.push_back(0);
    put_u16(asked.message, 41), put_u16(asked.message, room);
    asked.message.insert(asked.message.end(), {0, 0, 0, 0, 0, 0});
    return asked;
}

/// The records of an answer, or "what is wrong with it".
struct Read {
    std::string wrong;
    std::vector<std::string> addresses;
    std::string pointer;
    bool cut = false, edns = false;
};
Read read(dns::Bytes answer, std::size_t question_end) {
    Read out;
    if (answer.size() < 12 || (answer[2] & 0x80) == 0) return out.wrong = "no answer", out;
    out.cut = (answer[2] & 2) != 0;
    std::size_t at = u16(answer, 4) == 1 ? question_end : 12;
    const unsigned answers = u16(answer, 6), others = u16(answer, 10);
    if (u16(answer, 8) != 0) return out.wrong = "authorities", out;
    for (unsigned i = 0; i < answers + others; ++i) {
        const bool is_other = i >= answers;
        if (answer.size() < at + (is_other ? 11u : 12u)) return out.wrong = "a record ends early", out;
        if (is_other ? answer[at] != 0 : u16(answer, at) != 0xc00c) return out.wrong = "a record of another name", out;
        at += is_other ? 1 : 2;
        const unsigned type = u16(answer, at), length = u16(answer, at + 8);
        if (answer.size() < at + 10 + length) return out.wrong = "data end early", out;
        char text[INET6_ADDRSTRLEN] = "";
        const std::uint8_t* data = answer.data() + at + 10;
        if (type == 41) out.edns = true;
        else if (type == 1 && length == 4) out.addresses.emplace_back(::inet_ntop(AF_INET, data, text, sizeof text));
        else if (type == 28 && length == 16) out.addresses.emplace_back(::inet_ntop(AF_INET6, data, text, sizeof text));
        else if (type == 12)
            for (std::size_t n = 0; n < length && data[n] != 0; n += data[n] + 1u)
                out.pointer += cat(out.pointer.empty() ? "" : ".", std::string(reinterpret_cast<const char*>(data + n + 1), data[n]));
        else return out.wrong = "a record of another kind", out;
        at += 10 + length;
    }
    if (at != answer.size()) out.wrong = "bytes behind the last record";
    return out;
}

std::vector<IpAddress> some_addresses(Random& random, bool v6) {
    std::vector<IpAddress> out;
    for (unsigned count = random.below(random.one_in(4) ? 400 : 4); count > 0; --count) {
        std::uint8_t bytes[16];
        for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
        out.push_back(IpAddress::of_bytes({bytes, v6 ? 16u : 4u}));
    }
    return out;
}

void damage(dns::Message& message, Random& random) {
    static const std::string bytes = [] {
        std::string all;
        for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
        return all + std::string(200, '\0') + std::string(100, '\xc0') + std::string(100, '\xff') + std::string(100, '\x3f');
    }();
    fuzz::mutate(message, random, bytes);
    if (random.one_in(4)) message.erase(message.begin() + random.below(static_cast<unsigned>(message.size()) + 1), message.end());
}

LoadedScope scope() {
    LoadedScope loaded;
    for (unsigned i = 0; i < 40; ++i)
        loaded.tables.push_back({cat("net", i % 3), member_line({cat("c", i), "", cat("10.0.0.", i + 2), "", {cat("abc", i), "x", "a-b"}})});
    loaded.links = {{"y", "x"}};
    loaded.forwards = false;
    return loaded;
}

}  // namespace

Test(network_dns_fuzz, what_was_asked_is_what_is_read) {
    Edge edge;
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(seed);
        for (unsigned i = 0; i < rounds; ++i) {
            const Asked asked = ask(random);
            const auto parsed = dns::parse_query(edge.hold(asked.message));
            cr_assert(parsed && parsed->code == dns::Code::ok, "%s", asked.name.c_str());
            const dns::Query& query = parsed->query;
            cr_assert(query.name == asked.name, "'%s' for '%s'", query.name.c_str(), asked.name.c_str());
            cr_assert(query.id == asked.id && query.type == asked.type && query.recursion_desired == asked.recursion);
            cr_assert(query.has_edns == asked.edns && query.room == asked.room, "%s: room %zu for %u", asked.name.c_str(), query.room, asked.room);
        }
    }
}

Test(network_dns_fuzz, an_answer_has_as_many_addresses_as_fit) {
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(1000 + seed);
        for (unsigned i = 0; i < rounds / 4; ++i) {
            const Asked asked = ask(random);
            const dns::Query query = dns::parse_query(asked.message)->query;
            const std::vector<IpAddress> addresses = some_addresses(random, random.one_in(2));
            const auto transport = random.one_in(3) ? dns::Transport::tcp : dns::Transport::udp;
            const dns::Message answer = dns::make_address_answer(asked.message, query, addresses, transport);
            const Read found = read(answer, query.question_end);
            cr_assert(found.wrong.empty(), "%s", found.wrong.c_str());
            cr_assert(dns::is_answer_to(answer, asked.message, query));
            cr_assert_eq(found.edns, asked.edns);
            cr_assert_leq(answer.size(), transport == dns::Transport::tcp ? 65535u : asked.room);
            cr_assert_eq(found.cut, found.addresses.size() < addresses.size());
            for (std::size_t n = 0; n < found.addresses.size(); ++n) cr_assert(found.addresses[n] == addresses[n].str(), "%s", found.addresses[n].c_str());
            const std::size_t one = 12 + (addresses.empty() ? 0 : addresses[0].bytes().size());
            if (found.cut) cr_assert_gt(answer.size() + one, asked.room, "there was room for one more");
        }
    }
}

Test(network_dns_fuzz, damaged_questions_are_answered_well_formed_or_not_at_all) {
    Edge edge;
    const LoadedScope loaded = scope();
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(2000 + seed);
        for (unsigned i = 0; i < rounds; ++i) {
            dns::Message message = ask(random).message;
            if (random.one_in(10)) for (std::uint8_t& byte : message) byte = static_cast<std::uint8_t>(random.below(256));
            else damage(message, random);
            const dns::Bytes bytes = edge.hold(message);
            const auto parsed = dns::parse_query(bytes);
            if (!parsed) continue;
            cr_assert_leq(parsed->query.question_end, message.size());
            const auto answer = parsed->code == dns::Code::ok ? answer_locally(loaded, bytes, parsed->query, dns::Transport::udp, i)
                                                              : dns::make_empty_answer(bytes, parsed->query, parsed->code);
            cr_assert(answer.has_value());
            const Read found = read(*answer, parsed->query.question_end);
            cr_assert(found.wrong.empty(), "%s", found.wrong.c_str());
            cr_assert_leq(answer->size(), parsed->query.room);
        }
    }
}

Test(network_dns_fuzz, damaged_answers_are_told_from_those_to_the_question) {
    Edge edge;
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(3000 + seed);
        for (unsigned i = 0; i < rounds; ++i) {
            const Asked asked = ask(random);
            const dns::Query query = dns::parse_query(asked.message)->query;
            dns::Message answer = dns::make_address_answer(asked.message, query, some_addresses(random, false), dns::Transport::udp);
            damage(answer, random);
            const bool taken = dns::is_answer_to(edge.hold(answer), asked.message, query);
            const bool same_id = answer.size() >= 12 && u16(answer, 0) == asked.id && (answer[2] & 0x80) != 0 && u16(answer, 4) == 1;
            bool same_question = same_id && answer.size() >= query.question_end;
            for (std::size_t at = 12; same_question && at < query.question_end; ++at)
                same_question = std::tolower(answer[at]) == std::tolower(asked.message[at]);
            cr_assert_eq(taken, same_question);
        }
    }
}

Test(network_dns_fuzz, an_address_turned_round_is_found_again) {
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(4000 + seed);
        for (unsigned i = 0; i < rounds; ++i) {
            std::uint8_t bytes[16];
            for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
            const IpAddress v4 = IpAddress::of_bytes({bytes, 4}), v6 = IpAddress::of_bytes({bytes, 16});
            std::string name4 = cat(unsigned{bytes[3]}, '.', unsigned{bytes[2]}, '.', unsigned{bytes[1]}, '.', unsigned{bytes[0]}, ".in-addr.arpa"), name6;
            for (int n = 15; n >= 0; --n) {
                const char digits[] = "0123456789abcdef";
                name6 += cat(std::string(1, digits[bytes[n] & 15]), '.', std::string(1, digits[bytes[n] >> 4]), '.');
            }
            name6 += "ip6.arpa";
            cr_assert(dns::parse_reverse_name(name4) == v4, "%s", name4.c_str());
            cr_assert(dns::parse_reverse_name(name6) == v6, "%s", name6.c_str());
            std::string& either = random.one_in(2) ? name4 : name6;
            fuzz::mutate(either, random, "0123456789abcdef.-ipnrd");
            // Never an address that other text stands for.
            if (const auto found = dns::parse_reverse_name(either)) cr_assert(either.ends_with(found->is_v6() ? ".ip6.arpa" : ".in-addr.arpa"), "%s", either.c_str());
        }
    }
}

Test(network_dns_fuzz, a_name_answer_has_that_name) {
    for (unsigned seed = 0; seed < fuzz::repetitions(); ++seed) {
        Random random(5000 + seed);
        for (unsigned i = 0; i < rounds / 4; ++i) {
            const Asked asked = ask(random), other = ask(random);
            const dns::Query query = dns::parse_query(asked.message)->query;
            std::string name = other.name;
            if (random.one_in(3)) fuzz::mutate(name, random, "..abc");
            const dns::Message answer = dns::make_name_answer(asked.message, query, name);
            const Read found = read(answer, query.question_end);
            cr_assert(found.wrong.empty(), "%s", found.wrong.c_str());
            cr_assert(found.pointer.empty() || found.pointer == name || found.pointer + '.' == name, "'%s' for '%s'", found.pointer.c_str(), name.c_str());
        }
    }
}
