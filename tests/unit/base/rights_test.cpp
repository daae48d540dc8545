#include "base/rights.h"

#include <array>

#include <criterion/criterion.h>

#include <sys/socket.h>

#include "base/sys.h"
#include "tests/unit/support.h"

using namespace berth;

namespace {

std::string read_from(const Fd& fd) {
    char text[16] = {};
    const std::size_t got = sys::read(fd, std::span(text)).value();
    return std::string(text, got);
}

}  // namespace

TestSuite(base_rights, .timeout = 20);

Test(base_rights, descriptors_arrive_with_the_message_in_order) {
    auto pair = sys::socketpair(SOCK_SEQPACKET).value();
    sys::Pipe one = sys::pipe().value(), two = sys::pipe().value();
    const std::array<int, 2> sent = {one.read.raw(), two.read.raw()};
    cr_assert(send_rights(pair.first, "hello", sent, "send").ok());
    char buffer[16];
    const ReceivedRights got = receive_rights(pair.second, buffer, "receive").value();
    cr_expect(std::string(buffer, got.size) == "hello");
    cr_assert(got.descriptors.size() == 2);
    cr_assert(sys::write(one.write, "1").ok());
    cr_assert(sys::write(two.write, "2").ok());
    cr_expect(read_from(got.descriptors[0]) == "1");
    cr_expect(read_from(got.descriptors[1]) == "2");
}

Test(base_rights, a_message_may_have_no_descriptor) {
    auto pair = sys::socketpair(SOCK_SEQPACKET).value();
    cr_assert(send_rights(pair.first, "x", {}, "send").ok());
    char buffer[4];
    cr_expect(receive_rights(pair.second, buffer, "receive").value().descriptors.empty());
}

Test(base_rights, a_peer_that_is_gone_is_an_end_and_an_error_that_says_what_was_tried) {
    auto pair = sys::socketpair(SOCK_SEQPACKET).value();
    pair.first.reset();
    char buffer[4];
    cr_expect(receive_rights(pair.second, buffer, "receive").value().size == 0);
    cr_expect(send_rights(pair.second, "x", {}, "send to monitor").error().text() == "send to monitor: Broken pipe");
}

Test(base_rights, what_a_peer_sent_arrives_though_it_went_without_reading_ours) {
    auto pair = sys::socketpair(SOCK_SEQPACKET).value();
    cr_assert(send_rights(pair.first, "never read", {}, "send").ok());
    cr_assert(send_rights(pair.second, "why", {}, "send").ok());
    pair.second.reset();
    char buffer[16];
    const auto got = receive_rights(pair.first, buffer, "receive");
    cr_assert(got.ok());
    cr_expect(std::string(buffer, got.value().size) == "why");
    cr_expect(receive_rights(pair.first, buffer, "receive").value().size == 0);
}
