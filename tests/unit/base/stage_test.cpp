#include "base/stage.h"

#include <vector>

#include <criterion/criterion.h>

using namespace berth;

TestSuite(base_stage, .timeout = 5);

namespace {

struct Job {
    std::string done{};
    bool breaks_last = false;
    bool breaks_undo = false;
};

Result<void> apply_a(Job& job) { return job.done += "a", Result<void>(); }
Result<void> undo_a(Job& job) { return job.done += "A", Result<void>(); }
Result<void> apply_b(Job& job) { return job.done += "b", Result<void>(); }
Result<void> undo_b(Job& job) {
    job.done += "B";
    if (job.breaks_undo) return Error(Kind::busy, "still in use");
    return {};
}
Result<void> apply_c(Job& job) {
    if (job.breaks_last) return Error(Kind::exists, "port 80 is taken").with_hint("choose another");
    return job.done += "c", Result<void>();
}

constexpr Stage<Job> stages[] = {
    {"make a", apply_a, undo_a},
    {"make b", apply_b, undo_b},
    {"make c", apply_c, nothing_to_undo},
};

}  // namespace

Test(base_stage, stages_run_in_order) {
    Job job;
    cr_expect(run_stages<Job>(stages, job).ok());
    cr_expect_str_eq(job.done.c_str(), "abc");
}

Test(base_stage, a_failure_undoes_what_was_done_last_first) {
    Job job{.breaks_last = true};
    const auto done = run_stages<Job>(stages, job);
    cr_assert_not(done.ok());
    cr_expect_str_eq(done.error().text().c_str(), "make c: port 80 is taken");
    cr_expect_str_eq(done.error().hint().c_str(), "choose another");
    cr_expect_str_eq(job.done.c_str(), "abBA");
}

Test(base_stage, an_undo_that_fails_is_told_and_stops_no_other) {
    Job job{.breaks_last = true, .breaks_undo = true};
    const auto done = run_stages<Job>(stages, job);
    cr_assert_not(done.ok());
    cr_expect_str_eq(done.error().text().c_str(), "make c: port 80 is taken; undo make b: still in use");
    cr_expect_str_eq(done.error().hint().c_str(), "choose another");
    cr_expect_eq(done.error().kind(), Kind::exists);
    cr_expect_str_eq(job.done.c_str(), "abBA");
}

Test(base_stage, undo_takes_the_first_stages_only) {
    Job job;
    cr_expect(undo_stages<Job>(stages, 1, job).ok());
    cr_expect_str_eq(job.done.c_str(), "A");
}
