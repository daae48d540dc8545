#include <criterion/criterion.h>

#include "container/prune.h"
#include "container/stats.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_prune, .timeout = 5);

namespace {

constexpr Moment now_then{1'000'000'000'000};

PruneFilter filter_of(std::initializer_list<std::pair<const char*, const char*>> wanted) {
    PruneFilter filter;
    for (const auto& [key, value] : wanted) cr_assert(filter.add(key, value, now_then).ok());
    return filter;
}

}  // namespace

Test(container_prune, without_filters_everything_matches) { cr_expect(PruneFilter{}.matches(now_then, {})); }

Test(container_prune, until_takes_what_is_older) {
    const PruneFilter filter = filter_of({{"until", "100s"}});
    cr_expect(filter.matches(Moment{899'000'000'000}, {}));
    cr_expect(!filter.matches(Moment{901'000'000'000}, {}));
}

Test(container_prune, labels_must_all_be_there_and_none_of_the_others) {
    const PruneFilter filter = filter_of({{"label", "a"}, {"label", "b=1"}, {"label!", "keep"}});
    cr_expect(filter.matches(now_then, {{"a", ""}, {"b", "1"}}));
    cr_expect(!filter.matches(now_then, {{"a", ""}, {"b", "2"}}));
    cr_expect(!filter.matches(now_then, {{"a", ""}, {"b", "1"}, {"keep", ""}}));
}

Test(container_prune, an_unknown_filter_is_refused) {
    PruneFilter filter;
    const auto added = filter.add("name", "x", now_then);
    cr_assert(!added.ok());
    cr_expect_str_eq(added.error().text().c_str(), "invalid filter 'name'");
}

Test(container_prune, processor_share_is_used_time_over_passed_time) {
    StatsReading before, after;
    after.tick = Tick{2'000'000'000};
    after.cpu_nanoseconds = 3'000'000'000;
    cr_expect_float_eq(cpu_percent(before, after), 150.0, 0.001);
    cr_expect_float_eq(cpu_percent(after, after), 0.0, 0.001);
}

Test(container_prune, memory_share_needs_a_limit) {
    StatsReading reading;
    reading.memory_bytes = 512;
    cr_expect_float_eq(memory_percent(reading), 0.0, 0.001);
    reading.memory_limit = 1024;
    cr_expect_float_eq(memory_percent(reading), 50.0, 0.001);
}
