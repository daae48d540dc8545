#include <criterion/criterion.h>

#include <cstdio>
#include <fstream>

#include "container/events.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_events, .timeout = 20);

namespace {

Event event_of(std::string action, std::int64_t second = 0) {
    Event event;
    event.type = "container";
    event.action = std::move(action);
    event.actor.id = std::string(64, 'a');
    event.actor.attributes = {{"name", "web"}, {"image", "nginx"}, {"tier", "front"}};
    event.time = Moment{second * 1'000'000'000};
    return event;
}

std::string actions(const EventLog& log, const EventQuery& query) {
    std::string all;
    const auto read = log.read(query, [&](const Event& event) -> Result<bool> {
        all += cat(event.action, " ");
        return true;
    });
    return read.ok() ? all : read.error().text();
}

EventQuery up_to(std::int64_t second) { return {.since = Moment{1}, .until = Moment{second * 1'000'000'000}, .filter = {}}; }

bool matches(const char* key, const char* value, const Event& event) {
    EventFilter filter;
    cr_assert(filter.add(key, value).ok());
    return filter.matches(event);
}

}  // namespace

Test(container_events, what_was_appended_is_read_in_order) {
    const auto log = EventLog::open(support::temporary_folder()).value();
    for (int second = 1; second <= 3; ++second) cr_assert(log.append({event_of(cat("e", second), second)}).ok());
    const std::string all = actions(log, up_to(10));
    cr_expect_str_eq(all.c_str(), "e1 e2 e3 ");
    const std::string first = actions(log, up_to(2));
    cr_expect_str_eq(first.c_str(), "e1 e2 ");
}

Test(container_events, an_event_is_written_as_docker_does) {
    const std::string folder = support::temporary_folder();
    const auto log = EventLog::open(folder).value();
    Event event = event_of("start", 5);
    event.actor.attributes = {{"name", "web"}};
    cr_assert(log.append({event}).ok());
    const std::string want = cat(R"({"Type":"container","Action":"start","Actor":{"ID":")", std::string(64, 'a'),
                                 R"(","Attributes":{"name":"web"}},"scope":"local","time":5,"timeNano":5000000000})", "\n");
    const std::string have = support::read_file(folder + "/events.log");
    cr_expect_str_eq(have.c_str(), want.c_str());
}

Test(container_events, torn_lines_are_skipped) {
    const std::string folder = support::temporary_folder();
    const auto log = EventLog::open(folder).value();
    cr_assert(log.append({event_of("a", 1)}).ok());
    std::ofstream(folder + "/events.log", std::ios::app) << "{\"Type\":\"con\n";
    cr_assert(log.append({event_of("b", 2)}).ok());
    const std::string all = actions(log, up_to(10));
    cr_expect_str_eq(all.c_str(), "a b ");
}

Test(container_events, history_reaches_over_the_rotation) {
    const std::string folder = support::temporary_folder();
    const auto log = EventLog::open(folder).value();
    cr_assert(log.append({event_of("old", 1)}).ok());
    cr_assert_eq(std::rename((folder + "/events.log").c_str(), (folder + "/events.log.1").c_str()), 0);
    cr_assert(log.append({event_of("new", 2)}).ok());
    const std::string all = actions(log, up_to(10));
    cr_expect_str_eq(all.c_str(), "old new ");
}

Test(container_events, a_file_past_its_size_is_put_aside) {
    const std::string folder = support::temporary_folder();
    const auto log = EventLog::open(folder).value();
    support::write_file(folder + "/events.log", std::string(8 << 20, '\n'));
    cr_assert(log.append({event_of("last", 1)}).ok());
    cr_expect(support::exists(folder + "/events.log.1"));
    cr_expect(!support::exists(folder + "/events.log"));
}

Test(container_events, following_ends_at_the_time_given) {
    const auto log = EventLog::open(support::temporary_folder()).value();
    cr_assert(log.append({event_of("before")}).ok());
    const Moment soon{now().nanoseconds + 300'000'000};
    std::string all;
    const auto read = log.read({.since = Moment{1}, .until = soon, .filter = {}}, [&](const Event& event) -> Result<bool> {
        all += event.action;
        if (event.action == "before") return log.append({event_of("during")}).ok();
        return true;
    });
    cr_assert(read.ok());
    cr_expect_str_eq(all.c_str(), "beforeduring");
}

Test(container_events, filters_name_things_by_id_prefix_and_name) {
    const Event event = event_of("start");
    cr_expect(matches("container", "web", event));
    cr_expect(matches("container", "aaaa", event));
    cr_expect(!matches("container", "we", event));
    cr_expect(matches("image", "nginx", event));
    cr_expect(!matches("image", "ngin", event));
    cr_expect(!matches("network", "web", event));
    cr_expect(matches("type", "container", event));
    cr_expect(!matches("type", "image", event));
    cr_expect(matches("label", "tier=front", event));
    cr_expect(matches("label", "tier", event));
    cr_expect(!matches("label", "tier=back", event));
}

Test(container_events, an_image_is_meant_by_its_name_with_or_without_the_tag) {
    Event event = event_of("tag");
    event.type = "image";
    event.actor.id = cat("sha256:", std::string(64, 'b'));
    event.actor.attributes = {{"name", "localhost:5000/app:1"}};
    cr_expect(matches("image", "localhost:5000/app:1", event));
    cr_expect(matches("image", "localhost:5000/app", event));
    cr_expect(matches("image", "bbb", event));
    cr_expect(!matches("image", "localhost", event));
    Event run = event_of("start");
    run.actor.attributes["image"] = "app:1";
    cr_expect(matches("image", "app", run));
}

Test(container_events, another_kind_that_names_a_thing_is_not_its_event) {
    Event event = event_of("connect");
    event.type = "network";
    event.actor.attributes = {{"name", "back"}, {"container", std::string(64, 'c')}};
    cr_expect(matches("network", "back", event));
    cr_expect(!matches("container", std::string(64, 'c').c_str(), event));
}

Test(container_events, an_event_is_meant_by_its_first_word) {
    cr_expect(matches("event", "health_status", event_of("health_status: healthy")));
    cr_expect(matches("event", "start", event_of("start")));
    cr_expect(!matches("event", "star", event_of("start")));
}

Test(container_events, values_of_a_key_are_alternatives_and_keys_must_all_match) {
    EventFilter filter;
    cr_assert(filter.add("event", "die").ok());
    cr_assert(filter.add("event", "start").ok());
    cr_assert(filter.add("container", "web").ok());
    cr_expect(filter.matches(event_of("start")));
    cr_expect(!filter.matches(event_of("stop")));
}

Test(container_events, an_unknown_filter_is_refused) {
    EventFilter filter;
    const auto added = filter.add("colour", "red");
    cr_assert(!added.ok());
    cr_expect_str_eq(added.error().text().c_str(), "invalid filter 'colour'");
}
