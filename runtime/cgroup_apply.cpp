#include "runtime/cgroup_apply.h"

#include <algorithm>
#include <cerrno>

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"
#include "runtime/cgroup_files.h"
#include "runtime/cgroup_values.h"
#include "runtime/device_rules.h"

namespace berth::runtime {

namespace {

/// What the limit is called in the message that says that the host cannot set it.
Error no_controller(const CgroupWrite& write) {
    return Error(Kind::unsupported, cat("cannot set ", write.file, ": the ", write.controller, " controller is not available"))
        .with_hint("see /proc/cgroups, and cgroup.controllers of the group above");
}

Result<void> apply_write(const CgroupRecord& record, const CgroupWrite& write) {
    const std::string folder = folder_of(record, write.controller);
    if (folder.empty()) {
        if (write.optional) return {};
        return no_controller(write);
    }
    auto written = write_group_file(folder, write.file, write.value);
    if (written.ok()) return {};
    if (written.error().code() == ENOENT) {
        if (write.optional) return {};
        return no_controller(write);
    }
    return written;
}

/// v1 keeps memory <= memory+swap, and quota/period below the parent's, at every moment: whichever way both move, one of
/// the two orders is right.
Result<void> apply_pair(const CgroupRecord& record, const CgroupWrite& first, const CgroupWrite& second) {
    auto usual = apply_write(record, first);
    if (usual.ok()) return apply_write(record, second);
    if (!apply_write(record, second).ok()) return usual;
    return apply_write(record, first);
}

constexpr std::pair<std::string_view, std::string_view> pairs[] = {
    {"memory.limit_in_bytes", "memory.memsw.limit_in_bytes"},
    {"cpu.cfs_period_us", "cpu.cfs_quota_us"},
    {"cpu.rt_period_us", "cpu.rt_runtime_us"},
};

bool is_pair(const CgroupWrite& first, const CgroupWrite& second) {
    return std::any_of(std::begin(pairs), std::end(pairs),
                       [&](const auto& pair) { return pair.first == first.file && pair.second == second.file; });
}

Error explain_memory(Error error, const CgroupRecord& record, const CgroupWrite& write) {
    const std::string folder = folder_of(record, "memory");
    if (error.code() != EBUSY || write.file != "memory.limit_in_bytes") return error;
    return Error(Kind::busy, cat("unable to set memory limit to ", write.value, " (current usage: ",
                                 group_number(folder, "memory.usage_in_bytes"), ", peak usage: ",
                                 group_number(folder, "memory.max_usage_in_bytes"), ")"));
}

Result<void> refuse_below_usage(const CgroupRecord& record, const Resources& resources) {
    if (!resources.memory || !resources.memory->check_before_update.value_or(false)) return {};
    const bool v2 = is_v2_only(record);
    const std::uint64_t usage = group_number(folder_of(record, "memory"), v2 ? "memory.current" : "memory.usage_in_bytes");
    const std::int64_t limit = resources.memory->limit.value_or(-1);
    if (limit > 0 && usage > static_cast<std::uint64_t>(limit))
        return Error(Kind::busy, cat("rejecting memory limit ", limit, " lower than current usage ", usage));
    return {};
}

/// One rule a write (cgroup-v1/devices.rst), each file opened once: docker has a score of rules.
Result<void> apply_v1_devices(const std::string& folder, const std::vector<DeviceRule>& rules) {
    const Fd allow = TRY(sys::open(cat(folder, "/devices.allow"), O_WRONLY));
    const Fd deny = TRY(sys::open(cat(folder, "/devices.deny"), O_WRONLY));
    TRY(sys::write(deny, "a"), "deny all devices in ", folder);
    for (const DeviceRule& rule : rules) {
        const std::string line = device_line(rule);
        TRY(sys::write(rule.allow ? allow : deny, line), "write '", line, "' to ", folder, rule.allow ? "/devices.allow" : "/devices.deny");
    }
    return {};
}

long bpf(int command, bpf_attr& attributes) { return ::syscall(SYS_bpf, command, &attributes, sizeof attributes); }

/// Programs of an earlier call, detached after the new one stands so that there is no moment without any.
std::vector<std::uint32_t> attached_programs(const Fd& group) {
    std::vector<std::uint32_t> ids(64);
    bpf_attr query{};
    query.query.target_fd = static_cast<std::uint32_t>(group.raw());
    query.query.attach_type = BPF_CGROUP_DEVICE;
    query.query.prog_ids = reinterpret_cast<std::uintptr_t>(ids.data());
    query.query.prog_cnt = static_cast<std::uint32_t>(ids.size());
    if (bpf(BPF_PROG_QUERY, query) != 0) return {};
    ids.resize(query.query.prog_cnt);
    return ids;
}

void detach_program(const Fd& group, std::uint32_t id) {
    bpf_attr get{};
    get.prog_id = id;
    const Fd program(static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, get)));
    bpf_attr detach{};
    detach.target_fd = static_cast<std::uint32_t>(group.raw());
    detach.attach_bpf_fd = static_cast<std::uint32_t>(program.raw());
    detach.attach_type = BPF_CGROUP_DEVICE;
    if (program.valid()) bpf(BPF_PROG_DETACH, detach);
}

Result<void> apply_v2_devices(const std::string& folder, const std::vector<DeviceRule>& rules) {
    const Fd group = TRY(sys::open(folder, O_RDONLY | O_DIRECTORY));
    const auto instructions = compile_device_program(rules);
    bpf_attr load{};
    load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
    load.insns = reinterpret_cast<std::uintptr_t>(instructions.data());
    load.insn_cnt = static_cast<std::uint32_t>(instructions.size());
    load.license = reinterpret_cast<std::uintptr_t>("Apache-2.0");
    const Fd program(static_cast<int>(bpf(BPF_PROG_LOAD, load)));
    if (!program.valid()) return Error::of_errno(errno, "load device filter");
    const auto before = attached_programs(group);
    bpf_attr attach{};
    attach.target_fd = static_cast<std::uint32_t>(group.raw());
    attach.attach_bpf_fd = static_cast<std::uint32_t>(program.raw());
    attach.attach_type = BPF_CGROUP_DEVICE;
    attach.attach_flags = BPF_F_ALLOW_MULTI;
    if (bpf(BPF_PROG_ATTACH, attach) != 0) return Error::of_errno(errno, "attach device filter");
    for (const std::uint32_t id : before) detach_program(group, id);
    return {};
}

}  // namespace

Result<void> apply_resources(const CgroupRecord& record, const Resources& resources) {
    if (!is_v2_only(record) && !resources.unified.empty())
        return Error(Kind::invalid, "invalid configuration: cannot use unified settings with cgroup v1");
    TRY(refuse_below_usage(record, resources));
    const auto writes = is_v2_only(record) ? plan_v2_writes(resources) : plan_v1_writes(resources);
    for (std::size_t i = 0; i < writes.size(); ++i) {
        const bool pair = i + 1 < writes.size() && is_pair(writes[i], writes[i + 1]);
        auto done = pair ? apply_pair(record, writes[i], writes[i + 1]) : apply_write(record, writes[i]);
        if (!done.ok()) return explain_memory(std::move(done).error(), record, writes[i]);
        if (pair) ++i;
    }
    return {};
}

Result<void> apply_devices(const CgroupRecord& record, const std::vector<DeviceRule>& rules) {
    std::vector<DeviceRule> all = rules;
    for (DeviceRule& rule : always_allowed_devices()) all.push_back(std::move(rule));
    const auto v1 = record.paths.find("devices");
    if (v1 != record.paths.end()) {
        TRY(apply_v1_devices(v1->second, all));
        return {};
    }
    const auto v2 = record.paths.find("");
    if (v2 == record.paths.end()) return {};
    return apply_v2_devices(v2->second, all);
}

}  // namespace berth::runtime
