#include <criterion/criterion.h>

#include "container/tiny_init.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_init_plan, .timeout = 5);

namespace {

ProcessRequest process(std::string name, Words after = {}) {
    ProcessRequest out;
    out.name = std::move(name);
    out.command = {"true"};
    out.after = std::move(after);
    return out;
}

std::string refusal(const InitPlan& plan) {
    const auto checked = check_init_plan(plan, false);
    return checked.ok() ? "ok" : checked.error().text();
}

}  // namespace

Test(container_init_plan, processes_start_after_those_they_name) {
    const InitPlan plan{{process("web", {"app"}), process("app", {"db"}), process("db")}, ""};
    const auto order = start_order(plan);
    cr_assert_eq(order.size(), 3u);
    cr_expect_eq(order[0], 2u);
    cr_expect_eq(order[1], 1u);
    cr_expect_eq(order[2], 0u);
}

Test(container_init_plan, a_circle_is_refused) {
    const std::string text = refusal({{process("aa", {"bb"}), process("bb", {"aa"})}, ""});
    cr_assert_str_eq(text.c_str(), "--proc: after= goes in a circle");
}

Test(container_init_plan, names_are_given_once_and_must_exist) {
    const std::string twice = refusal({{process("aa"), process("aa")}, ""});
    const std::string after = refusal({{process("aa", {"zz"})}, ""});
    const std::string end = refusal({{process("aa")}, "zz"});
    cr_expect_str_eq(twice.c_str(), "--proc: the name 'aa' is given twice");
    cr_expect_str_eq(after.c_str(), "--proc aa,after=zz: there is no process 'zz'");
    cr_expect_str_eq(end.c_str(), "--end-when: there is no process 'zz'");
}

Test(container_init_plan, orders_survive_the_socket) {
    const InitOrder kill = parse_order(order_text({false, "web", 15})).value();
    const InitOrder restart = parse_order(order_text({true, "web", 0})).value();
    cr_expect(!kill.restart && kill.process == "web" && kill.signal == 15);
    cr_expect(restart.restart && restart.process == "web");
    cr_expect(!parse_order("dance").ok());
}
