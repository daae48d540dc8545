#include <criterion/criterion.h>

#include "container/record.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_record, .timeout = 5);

namespace {

std::string policy_error(std::string_view text) {
    const auto parsed = parse_restart_policy(text);
    return parsed.ok() ? "ok" : parsed.error().text();
}

}  // namespace

Test(container_record, restart_policies_parse) {
    cr_expect(parse_restart_policy("").value().name == "no");
    cr_expect_eq(parse_restart_policy("on-failure:3").value().maximum_retry_count, 3);
    cr_expect(parse_restart_policy("unless-stopped").value().name == "unless-stopped");
}

Test(container_record, bad_restart_policies_say_what_is_wrong) {
    const std::string unknown = policy_error("sometimes");
    const std::string counted = policy_error("always:3");
    const std::string number = policy_error("on-failure:x");
    cr_expect_str_eq(unknown.c_str(), "restart policy 'sometimes': unknown policy 'sometimes'");
    cr_expect_str_eq(counted.c_str(), "restart policy 'always:3': only on-failure takes a maximum retry count");
    cr_expect_str_eq(number.c_str(), "restart policy 'on-failure:x': maximum retry count must be a number, 0 or more");
}

Test(container_record, a_definition_survives_its_file) {
    Definition before;
    before.id = std::string(64, 'a');
    before.name = "web";
    before.created = Moment{1'700'000'000'123'456'789};
    before.config.env = {"A=1"};
    before.config.entrypoint = Words{};
    before.host.port_bindings.push_back(network::PortMapping::parse("127.0.0.1:8080-8090:80-90/udp").value());
    before.host.restart_policy = {"on-failure", 3};
    before.host.memory_swappiness = 0;
    const auto read = from_json<Definition>(parse_json(json_text(to_json(before))).value());
    cr_assert(read.ok());
    const Definition& after = read.value();
    cr_expect(after.config == before.config);
    cr_expect(after.host == before.host);
    cr_expect_eq(after.created.nanoseconds, before.created.nanoseconds);
}

Test(container_record, a_state_survives_its_file) {
    RunState before;
    before.boot = "b";
    before.state.status = Status::running;
    before.state.init = ProcessKey{7, 8, "b"};
    before.state.health.emplace().status = healthcheck::Status::healthy;
    const auto read = from_json<RunState>(parse_json(json_text(to_json(before))).value());
    cr_assert(read.ok());
    cr_expect(read.value().state.init == before.state.init);
    cr_expect(read.value().state.health == before.state.health);
    cr_expect(read.value().state.status == Status::running);
}

Test(container_record, an_unknown_status_is_refused) {
    const auto read = JsonText<Status>::parse("asleep");
    cr_assert(!read.ok());
    const std::string text = read.error().text();
    cr_assert_str_eq(text.c_str(), "unknown status 'asleep'");
}
