#include "runtime/cgroup_values.h"

#include <criterion/criterion.h>

#include "base/cat.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_cgroup_values, .timeout = 5);

namespace {

/// "file=value" of every write, in order.
std::string text(const std::vector<CgroupWrite>& writes) {
    std::string out;
    for (const CgroupWrite& write : writes) out += cat(out.empty() ? "" : " ", write.file, "=", write.value);
    return out;
}
void expect(const std::vector<CgroupWrite>& writes, const char* wanted) {
    const std::string got = text(writes);
    cr_expect_str_eq(got.c_str(), wanted);
}
Resources with_memory(std::optional<std::int64_t> limit, std::optional<std::int64_t> swap) {
    Resources out;
    out.memory.emplace().limit = limit;
    out.memory->swap = swap;
    return out;
}

}  // namespace

Test(runtime_cgroup_values, nothing_wanted_is_nothing_written) {
    cr_expect(plan_v1_writes({}).empty());
    cr_expect(plan_v2_writes({}).empty());
}
Test(runtime_cgroup_values, swap_counts_memory_too_on_v1_and_not_on_v2) {
    expect(plan_v1_writes(with_memory(100, 300)), "memory.limit_in_bytes=100 memory.memsw.limit_in_bytes=300");
    expect(plan_v2_writes(with_memory(100, 300)), "memory.swap.max=200 memory.max=100");
}
Test(runtime_cgroup_values, no_limit_is_written_as_each_version_wants_it) {
    expect(plan_v1_writes(with_memory(-1, {})), "memory.limit_in_bytes=-1 memory.memsw.limit_in_bytes=-1");
    expect(plan_v2_writes(with_memory(-1, {})), "memory.swap.max=max memory.max=max");
}
Test(runtime_cgroup_values, a_quota_without_a_period_leaves_the_period) {
    Resources resources;
    resources.cpu.emplace().quota = 50000;
    expect(plan_v2_writes(resources), "cpu.max=50000");
    resources.cpu->period = 100000;
    expect(plan_v2_writes(resources), "cpu.max=50000 100000");
    expect(plan_v1_writes(resources), "cpu.cfs_period_us=100000 cpu.cfs_quota_us=50000");
    resources.cpu->quota = -1;
    expect(plan_v2_writes(resources), "cpu.max=max 100000");
}
Test(runtime_cgroup_values, shares_keep_the_default_where_it_was) {
    cr_expect_eq(weight_of_shares(2), 1u);
    cr_expect_eq(weight_of_shares(1024), 100u);
    cr_expect_eq(weight_of_shares(262144), 10000u);
}
Test(runtime_cgroup_values, an_idle_group_gets_no_weight) {
    Resources resources;
    resources.cpu.emplace().shares = 512;
    resources.cpu->idle = 1;
    expect(plan_v2_writes(resources), "cpu.idle=1");
}
Test(runtime_cgroup_values, pids_of_zero_is_one_and_of_minus_one_no_limit) {
    Resources resources;
    resources.pids.emplace().limit = 0;
    expect(plan_v2_writes(resources), "pids.max=1");
    resources.pids->limit = -1;
    expect(plan_v1_writes(resources), "pids.max=max");
}
Test(runtime_cgroup_values, throttles_name_the_device) {
    Resources resources;
    resources.block_io.emplace().read_bps = {{8, 16, 1048576}};
    expect(plan_v2_writes(resources), "io.max=8:16 rbps=1048576");
    expect(plan_v1_writes(resources), "blkio.throttle.read_bps_device=8:16 1048576");
}
Test(runtime_cgroup_values, unified_files_are_written_by_name_on_v2) {
    Resources resources;
    resources.unified = {{"memory.high", "1000"}};
    expect(plan_v2_writes(resources), "memory.high=1000");
}
