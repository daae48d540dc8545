#include "builder/stages.h"

#include <criterion/criterion.h>

#include "tests/unit/builder/buildkit.h"

using namespace berth;
using namespace berth::builder;

TestSuite(builder_stages, .timeout = 5);

namespace {

Result<Plan> plan(const std::string& text, const std::string& target = "", const std::map<std::string, std::string>& build_args = {}) {
    const Dockerfile file = parse_dockerfile(text, "Dockerfile").value();
    return plan_stages(file, {target, "", host_platform(), build_args});
}

std::string error_of(const std::string& text, const std::string& target = "") {
    const auto planned = plan(text, target);
    if (planned.ok()) {
        const auto order = needed_stages(planned.value(), {});
        return order.ok() ? "" : order.error().text();
    }
    return planned.error().text();
}

std::vector<std::size_t> order_of(const std::string& text, const std::string& target = "") {
    return needed_stages(plan(text, target).value(), {}).value();
}

using Order = std::vector<std::size_t>;
const std::string diamond = "FROM scratch AS a\nFROM a AS b\nFROM a AS c\nFROM scratch AS unused\nFROM scratch\nCOPY --from=b x y\nCOPY --from=C x y\n";

}  // namespace

Test(builder_stages, only_what_the_target_needs_is_built_each_after_what_it_needs) { cr_expect(order_of(diamond) == (Order{0, 1, 2, 4})); }
Test(builder_stages, a_target_may_be_a_name_in_any_case_or_an_index) { cr_expect(order_of(diamond, "B") == (Order{0, 1}) && order_of(diamond, "2") == (Order{0, 2})); }
Test(builder_stages, an_unknown_target_gets_the_nearest) {
    support::same(error_of("FROM scratch AS build\n", "biuld"), "target stage 'biuld' could not be found (did you mean build?)");
}
Test(builder_stages, a_source_by_index_and_by_mount_counts) { cr_expect(order_of("FROM scratch\nFROM scratch\nFROM scratch\nCOPY --from=0 a b\nRUN --mount=type=bind,from=1,target=/x y\n") == (Order{0, 1, 2})); }
Test(builder_stages, a_later_stage_cannot_be_copied_from) {
    support::same(error_of("FROM scratch\nCOPY --from=late a b\nFROM scratch AS late\n", "0"), "line 2: cannot copy from stage 'late', it needs to be defined before this one");
}
Test(builder_stages, an_index_that_is_none_is_refused) { support::same(error_of("FROM scratch\nCOPY --from=0 a b\n"), "line 2: invalid stage index 0: stage 0 can copy from the 0 before it"); }
Test(builder_stages, the_last_of_equal_names_counts) { cr_expect(order_of("FROM scratch AS a\nFROM scratch AS a\nFROM a\n") == (Order{1, 2})); }
Test(builder_stages, an_instruction_before_from_is_refused) {
    support::same(error_of("RUN true\n"), "Dockerfile:1: no build stage in current context: RUN stands before the first FROM");
}
Test(builder_stages, arguments_before_from_name_the_base) {
    support::same(plan("ARG TAG=1\nARG IMAGE=x:$TAG\nFROM ${IMAGE}\n", "", {{"TAG", "2"}}).value().stages[0].base, "x:2");
}
Test(builder_stages, a_blank_base_is_refused) { support::same(error_of("FROM $NOTHING\n"), "Dockerfile:1: base name ($NOTHING) should not be blank"); }
Test(builder_stages, platform_variables_are_there_for_from) { support::same(plan("FROM --platform=$BUILDPLATFORM x\n").value().stages[0].platform.c_str(), host_platform().str().c_str()); }
Test(builder_stages, a_wrong_platform_gets_the_nearest) {
    support::same(error_of("FROM --platform=linux/amd46 x\n"), "Dockerfile:1: platform 'linux/amd46': expected OS/ARCHITECTURE[/VARIANT] such as linux/amd64 (did you mean amd64?)");
}
Test(builder_stages, steps_are_named_by_stage_and_number) {
    const Plan planned = plan(diamond).value();
    const std::string named = step_prefix(planned, 1, 2, 12), unnamed = step_prefix(planned, 4, 1, 2);
    support::same(named, "[b  2/12] ");
    support::same(unnamed, "[stage-4 1/2] ");
    const std::string single = step_prefix(plan("FROM scratch\n").value(), 0, 1, 2);
    support::same(single, "[1/2] ");
}
