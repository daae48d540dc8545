#include "network/dns_wire.h"

#include <criterion/criterion.h>

#include "network/names.h"
#include "network/tables.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::network;

TestSuite(network_dns_wire, .timeout = 20);
TestSuite(network_names, .timeout = 10);

namespace {

dns::Message question(std::string_view name, std::uint16_t type, bool edns = false) {
    dns::Message message{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(edns ? 1 : 0)};
    while (!name.empty()) {
        const std::string_view label = name.substr(0, name.find('.'));
        message.push_back(static_cast<std::uint8_t>(label.size()));
        message.insert(message.end(), label.begin(), label.end());
        name.remove_prefix(std::min(name.size(), label.size() + 1));
    }
    message.insert(message.end(), {0, static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type), 0, 1});
    if (edns) message.insert(message.end(), {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0});
    return message;
}
unsigned answers(const dns::Message& message) { return static_cast<unsigned>(message[6] << 8 | message[7]); }
unsigned code(const dns::Message& message) { return message[3] & 15u; }
bool is_cut(const dns::Message& message) { return (message[2] & 2) != 0; }

LoadedScope scope() {
    LoadedScope loaded;
    loaded.tables = {{"app", member_line({"aaa", "-", "10.0.0.2", "", {"web", "www"}}) + member_line({"bbb", "-", "10.0.0.3", "fd00::3", {"db", "www"}})}};
    loaded.links = {{"database", "db"}};
    return loaded;
}
std::optional<dns::Message> ask(const LoadedScope& loaded, std::string_view name, std::uint16_t type, unsigned turn = 0) {
    const dns::Message message = question(name, type);
    return answer_locally(loaded, message, dns::parse_query(message)->query, dns::Transport::udp, turn);
}

}  // namespace

Test(network_dns_wire, a_question_is_read_in_lower_case) {
    const auto parsed = dns::parse_query(question("Web.App", dns::type_aaaa, true));
    cr_assert(parsed.has_value());
    cr_expect_eq(static_cast<int>(parsed->code), 0);
    EXPECT_TEXT(parsed->query.name, "web.app");
    cr_expect_eq(parsed->query.id, 0x1234);
    cr_expect_eq(parsed->query.type, 28);
    cr_expect_eq(parsed->query.room, 1232u);
    cr_expect(parsed->query.recursion_desired);
}

Test(network_dns_wire, a_dot_or_blank_inside_a_label_makes_no_other_name) {
    dns::Message message = question("abc", dns::type_a);
    message[14] = '.';
    EXPECT_TEXT(dns::parse_query(message)->query.name, "a?c");
}

Test(network_dns_wire, answers_are_not_taken_for_questions) {
    dns::Message message = question("web", dns::type_a);
    message[2] |= 0x80;
    cr_expect(!dns::parse_query(message).has_value());
}

Test(network_dns_wire, a_question_cut_anywhere_is_refused) {
    const dns::Message whole = question("web.example.org", dns::type_a);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        const auto parsed = dns::parse_query(std::span(whole).first(length));
        cr_expect(!parsed || parsed->code == dns::Code::format_error, "%zu", length);
    }
}

Test(network_dns_wire, no_bytes_whatever_make_it_read_beyond_them) {
    std::uint32_t state = 1;
    const auto next = [&] { return static_cast<std::uint8_t>((state = state * 1664525 + 1013904223) >> 24); };
    for (int round = 0; round < 200'000; ++round) {
        dns::Message message = question("web.example.org", dns::type_a, true);
        for (int change = 0; change < 4; ++change) message[(next() << 8 | next()) % message.size()] = next();
        message.erase(message.end() - next() % 8, message.end());
        const auto parsed = dns::parse_query(message);
        if (!parsed) continue;
        const dns::Message empty = dns::make_empty_answer(message, parsed->query, parsed->code);
        cr_assert(empty.size() >= 12 && empty.size() <= message.size() + 11);
        cr_assert(parsed->query.name.size() <= 254);
    }
}

Test(network_dns_wire, reverse_names_are_addresses) {
    cr_expect(dns::parse_reverse_name("4.3.2.1.in-addr.arpa") == IpAddress::parse("1.2.3.4").value());
    cr_expect(dns::parse_reverse_name("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa") ==
              IpAddress::parse("fd00::1").value());
    cr_expect(!dns::parse_reverse_name("3.2.1.in-addr.arpa").has_value());
    cr_expect(!dns::parse_reverse_name("web").has_value());
}

Test(network_dns_wire, too_many_addresses_are_cut_and_marked_over_udp_only) {
    const dns::Message message = question("www", dns::type_a);
    const auto query = dns::parse_query(message)->query;
    const std::vector<IpAddress> many(100, IpAddress::of_v4(0x0a000002));
    const dns::Message udp = dns::make_address_answer(message, query, many, dns::Transport::udp);
    cr_expect(is_cut(udp));
    cr_expect_leq(udp.size(), 512u);
    const dns::Message tcp = dns::make_address_answer(message, query, many, dns::Transport::tcp);
    cr_expect(!is_cut(tcp));
    cr_expect_eq(answers(tcp), 100u);
}

Test(network_dns_wire, an_answer_belongs_to_its_question_only) {
    const dns::Message message = question("web", dns::type_a);
    const auto query = dns::parse_query(message)->query;
    dns::Message answer = dns::make_empty_answer(message, query, dns::Code::ok);
    cr_expect(dns::is_answer_to(answer, message, query));
    dns::set_id(answer, 1);
    cr_expect(!dns::is_answer_to(answer, message, query));
    dns::set_id(answer, query.id);
    answer[13] = 'x';
    cr_expect(!dns::is_answer_to(answer, message, query));
}

Test(network_dns_wire, a_server_that_cannot_tell_has_failed_but_one_that_knows_of_no_such_name_has_not) {
    const dns::Message message = question("web", dns::type_a);
    const auto query = dns::parse_query(message)->query;
    const auto fails = [&](dns::Code code) { return dns::is_failure(dns::make_empty_answer(message, query, code)); };
    cr_expect(fails(dns::Code::server_failure) && fails(dns::Code::not_implemented) && fails(dns::Code::refused));
    cr_expect(!fails(dns::Code::ok) && !fails(dns::Code::no_such_name) && !fails(dns::Code::format_error));
}

Test(network_names, a_name_has_all_its_addresses_in_turn) {
    const auto first = ask(scope(), "www", dns::type_a, 0), second = ask(scope(), "www", dns::type_a, 1);
    cr_assert(first && second);
    cr_expect_eq(answers(*first), 2u);
    cr_expect_neq(first->at(first->size() - 1), second->at(second->size() - 1), "the other one is last");
}

Test(network_names, a_known_name_without_such_records_is_empty_and_no_error) {
    const auto v6 = ask(scope(), "web", dns::type_aaaa), mx = ask(scope(), "web", 15);
    cr_assert(v6 && mx);
    cr_expect_eq(answers(*v6), 0u);
    cr_expect_eq(code(*v6), 0u);
    cr_expect_eq(answers(*mx), 0u);
}

Test(network_names, the_networks_name_may_stand_behind) {
    cr_expect(ask(scope(), "db.app", dns::type_a).has_value());
    cr_expect(!ask(scope(), "db.other", dns::type_a).has_value());
}

Test(network_names, a_link_is_another_name_for_its_target) {
    const auto found = ask(scope(), "database", dns::type_a);
    cr_assert(found.has_value());
    cr_expect_eq(answers(*found), 1u);
}

Test(network_names, other_names_go_to_other_servers_unless_the_network_is_internal) {
    cr_expect(!ask(scope(), "example.org", dns::type_a).has_value());
    LoadedScope internal = scope();
    internal.forwards = false;
    const auto refused = ask(internal, "example.org", dns::type_a);
    cr_assert(refused.has_value());
    cr_expect_eq(code(*refused), 3u);
}

Test(network_names, an_address_has_its_containers_name) {
    cr_expect(ask(scope(), "2.0.0.10.in-addr.arpa", dns::type_ptr).has_value());
    cr_expect(!ask(scope(), "9.0.0.10.in-addr.arpa", dns::type_ptr).has_value());
}
