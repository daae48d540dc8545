#include <criterion/criterion.h>

#include <cerrno>

#include <sys/socket.h>
#include <sys/stat.h>

#include "base/sys.h"
#include "container/control.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_control, .timeout = 10);

Test(container_control, a_request_and_its_descriptors_arrive) {
    auto [ours, theirs] = sys::socketpair(SOCK_SEQPACKET).value();
    Request request;
    request.op = Op::exec;
    request.argv = {"sh", "-c", "echo \"x\""};
    request.tty = true;
    const int handed[] = {0, 1};
    send_request(ours, request, handed).value();
    const Packet packet = receive_packet(theirs, control_packet_bytes).value();
    const Request read = parse_request(packet.bytes).value();
    cr_expect(read.op == Op::exec);
    cr_expect(read.argv == request.argv);
    cr_expect(read.tty);
    cr_expect_eq(packet.descriptors.size(), 2u);
}

Test(container_control, a_failure_travels_with_kind_and_hint) {
    const Error before = Error(Kind::not_found, "nosuch: not found in PATH").with_hint("look again");
    const auto after = error_of(answer_of(before));
    cr_assert(after.has_value());
    cr_expect(after->kind() == Kind::not_found);
    cr_expect_str_eq(after->text().c_str(), "nosuch: not found in PATH");
    cr_expect_str_eq(after->hint().c_str(), "look again");
}

Test(container_control, a_dead_peer_is_an_empty_packet) {
    auto [ours, theirs] = sys::socketpair(SOCK_SEQPACKET).value();
    theirs.reset();
    const Packet packet = receive_packet(ours, 100).value();
    cr_assert(packet.bytes.empty());
}

Test(container_control, a_folder_with_a_long_path_has_a_socket_too) {
    const std::string folder = support::temporary_folder() + "/" + std::string(120, 'x');
    cr_assert_eq(::mkdir(folder.c_str(), 0700), 0);
    const Fd listener = listen_control(folder).value();
    cr_assert(connect_control(folder).ok());
}

Test(container_control, nobody_listening_is_not_found) {
    const auto connected = connect_control(support::temporary_folder());
    cr_assert(!connected.ok());
    cr_assert(connected.error().kind() == Kind::not_found);
}

Test(container_control, a_listener_does_not_wait_for_a_client_that_another_call_took) {
    const Fd listener = listen_control(support::temporary_folder()).value();
    cr_expect_eq(::accept(listener.raw(), nullptr, nullptr), -1);
    cr_expect_eq(errno, EAGAIN);
}
