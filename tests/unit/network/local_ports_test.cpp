#include "network/local_ports.h"

#include <criterion/criterion.h>

#include "network/tables.h"
#include "tests/unit/network/fuzz.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::network;

TestSuite(network_local_ports, .timeout = 60);

namespace {

PortSet set(std::string_view text) { return parse_port_set(text).value(); }
std::string lease(std::uint16_t first, std::uint16_t last) {
    return port_line({"aaa", "web", {"0.0.0.0", {first, last}, {first, last}, Protocol::tcp}});
}

}  // namespace

Test(network_local_ports, the_kernels_list_is_read_and_written) {
    EXPECT_TEXT(port_set_text(set("8080,9148-9150\n")), "8080,9148-9150");
    EXPECT_TEXT(port_set_text(set("3,1-2,65535")), "1-3,65535");
    EXPECT_TEXT(port_set_text(set("\n")), "");
    cr_expect(!parse_port_set("8080;1").ok());
    cr_expect(!parse_port_set("70000").ok());
}

Test(network_local_ports, ranges_among_those_that_the_kernel_gives_out_are_wanted) {
    const std::string table = lease(40000, 40100) + lease(41000, 41000) + lease(8000, 8100) + lease(32000, 33000);
    EXPECT_TEXT(port_set_text(ranges_among(table, {32768, 60999})), "32000-33000,40000-40100");
}

Test(network_local_ports, what_others_have_put_there_stays_there) {
    ReservedPorts now{set("100,40050-40060"), {}};
    now = plan_reserved_ports(now, set("40000-40100"));
    EXPECT_TEXT(port_set_text(now.all), "100,40000-40100");
    EXPECT_TEXT(port_set_text(now.ours), "40000-40049,40061-40100");
    now = plan_reserved_ports(now, set("40055-40070"));
    EXPECT_TEXT(port_set_text(now.all), "100,40050-40070");
    now = plan_reserved_ports(now, {});
    EXPECT_TEXT(port_set_text(now.all), "100,40050-40060");
    cr_expect(now.ours.none());
}

Test(network_local_ports, any_order_of_comings_and_goings_ends_where_it_began) {
    for (unsigned seed = 0; seed < 50 * fuzz::repetitions(); ++seed) {
        fuzz::Random random(seed);
        const auto some = [&] {
            PortSet ports;
            for (unsigned ranges = random.below(4); ranges > 0; --ranges) {
                const unsigned first = 1 + random.below(300);
                for (unsigned port = first; port < first + random.below(60); ++port) ports.set(port);
            }
            return ports;
        };
        const PortSet others = some();
        ReservedPorts now{others, {}};
        for (unsigned change = 0; change < 10; ++change) {
            const PortSet wanted = some();
            now = plan_reserved_ports(now, wanted);
            cr_assert(now.all == (others | wanted));
            cr_assert(set(port_set_text(now.all)) == now.all);
        }
        cr_assert(plan_reserved_ports(now, {}) == (ReservedPorts{others, {}}));
    }
}
