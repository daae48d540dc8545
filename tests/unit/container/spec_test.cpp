#include <criterion/criterion.h>

#include <algorithm>

#include "container/spec.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_spec, .timeout = 10);

namespace {

Definition definition() {
    Definition out;
    out.id = std::string(64, 'c');
    out.config.hostname = "cccccccccccc";
    out.config.cmd = Words{"sleep", "1"};
    return out;
}

SpecFacts facts() {
    SpecFacts out;
    out.user.home = "/root";
    out.files_folder = "/f";
    out.cgroup_path = "/berth/x";
    return out;
}

const runtime::Mount* mount_at(const runtime::Spec& spec, std::string_view destination) {
    const auto found = std::find_if(spec.mounts.begin(), spec.mounts.end(), [&](const auto& m) { return m.destination == destination; });
    return found == spec.mounts.end() ? nullptr : &*found;
}

bool has_option(const runtime::Mount& mount, std::string_view option) {
    return std::find(mount.options.begin(), mount.options.end(), option) != mount.options.end();
}

std::string refusal(const HostConfig& host) {
    const auto checked = check_host_config(host);
    return checked.ok() ? "ok" : checked.error().text();
}

}  // namespace

Test(container_spec, the_command_the_user_and_the_environment_are_the_containers) {
    SpecFacts known = facts();
    known.user.uid = 7;
    known.user.gid = 8;
    Definition what = definition();
    what.config.env = {"A=1"};
    const auto spec = make_spec(what, known).value();
    cr_expect(spec.process->args == Words({"sleep", "1"}));
    cr_expect_eq(spec.process->user.uid, 7u);
    cr_expect_eq(spec.process->user.gid, 8u);
    cr_expect(spec.process->env.back() == "HOME=/root");
    cr_expect(spec.process->cwd == "/");
}

Test(container_spec, pids_are_counted_from_elsewhere_in_a_namespace_of_its_own) {
    SpecFacts known = facts();
    known.last_pid = 20;
    Definition what = definition();
    cr_expect(make_spec(what, known).value().linux->sysctl.at("kernel.ns_last_pid") == "20");
    what.host.pid_mode = "host";
    cr_expect(make_spec(what, known).value().linux->sysctl.empty());
}

Test(container_spec, etc_files_are_mounted_unless_the_user_mounted_there) {
    Definition what = definition();
    MountPoint point;
    point.type = MountType::bind;
    point.destination = "/etc/hosts";
    what.mounts.push_back(point);
    SpecFacts known = facts();
    known.mount_sources = {"/proc/self/fd/9"};
    const auto spec = make_spec(what, known).value();
    cr_assert_not_null(mount_at(spec, "/etc/hostname"));
    cr_expect(mount_at(spec, "/etc/hostname")->source == "/f/hostname");
    cr_expect(mount_at(spec, "/etc/hosts")->source == "/proc/self/fd/9");
}

Test(container_spec, a_read_only_mount_is_read_only_all_the_way_down) {
    Definition what = definition();
    MountPoint point;
    point.type = MountType::bind;
    point.destination = "/data";
    point.rw = false;
    what.mounts.push_back(point);
    SpecFacts known = facts();
    known.mount_sources = {"/x"};
    const auto spec = make_spec(what, known).value();
    cr_expect(has_option(*mount_at(spec, "/data"), "rro"));
    cr_expect(has_option(*mount_at(spec, "/data"), "rbind"));
}

Test(container_spec, a_mount_on_dev_shm_replaces_the_default_one) {
    Definition what = definition();
    MountPoint point;
    point.type = MountType::tmpfs;
    point.destination = "/dev/shm";
    point.tmpfs_options = "size=1m,exec";
    what.mounts.push_back(point);
    const auto spec = make_spec(what, facts()).value();
    const auto count = std::count_if(spec.mounts.begin(), spec.mounts.end(), [](const auto& m) { return m.destination == "/dev/shm"; });
    cr_expect_eq(count, 1);
    cr_expect(has_option(*mount_at(spec, "/dev/shm"), "exec"));
}

Test(container_spec, host_network_has_no_network_namespace) {
    Definition what = definition();
    what.host.network_mode = "host";
    const auto spec = make_spec(what, facts()).value();
    cr_expect_null(spec.find_namespace("network"));
    cr_expect_not_null(spec.find_namespace("pid"));
}

Test(container_spec, a_shared_network_is_joined) {
    SpecFacts known = facts();
    known.network_namespace = "/proc/7/ns/net";
    const auto spec = make_spec(definition(), known).value();
    cr_expect(spec.find_namespace("network")->path == "/proc/7/ns/net");
}

Test(container_spec, cpus_become_a_quota_and_memory_doubles_for_swap) {
    HostConfig host;
    host.nano_cpus = 1'500'000'000;
    host.memory = 64 << 20;
    const auto resources = make_resources(host, {}).value();
    cr_expect_eq(resources.cpu->quota.value(), 150'000);
    cr_expect_eq(resources.cpu->period.value(), 100'000u);
    cr_expect_eq(resources.memory->swap.value(), 128 << 20);
}

Test(container_spec, an_init_runs_before_the_command) {
    SpecFacts known = facts();
    known.init_program = "/lib/berth-monitor";
    const auto spec = make_spec(definition(), known).value();
    cr_expect(spec.process->args == Words({"/sbin/docker-init", "--", "sleep", "1"}));
    cr_expect(has_option(*mount_at(spec, "/sbin/docker-init"), "ro"));
}

Test(container_spec, the_limit_of_descriptors_is_the_starters_unless_a_ulimit_says_another) {
    SpecFacts known = facts();
    known.descriptor_limit = DescriptorLimit{10, 20};
    Definition what = definition();
    const std::vector<runtime::Rlimit> inherited = {{.type = "RLIMIT_NOFILE", .hard = 20, .soft = 10}};
    const std::vector<runtime::Rlimit> wanted = {{.type = "RLIMIT_NOFILE", .hard = 40, .soft = 30}};
    cr_expect(make_spec(what, known).value().process->rlimits == inherited);
    what.host.ulimits.push_back({"nofile", 30, 40});
    cr_expect(make_spec(what, known).value().process->rlimits == wanted);
    cr_expect(make_spec(definition(), facts()).value().process->rlimits.empty());
}

Test(container_spec, options_that_contradict_are_refused) {
    HostConfig removing;
    removing.auto_remove = true;
    removing.restart_policy.name = "always";
    HostConfig limits;
    limits.memory = 64 << 20;
    limits.memory_swap = 32 << 20;
    HostConfig ulimit;
    ulimit.ulimits.push_back({"nofile", 20, 10});
    HostConfig mode;
    mode.pid_mode = "yours";
    const std::string first = refusal(removing), second = refusal(limits), third = refusal(ulimit), fourth = refusal(mode);
    cr_expect_str_eq(first.c_str(), "conflicting options: --restart and --rm");
    cr_expect_str_eq(second.c_str(), "minimum memoryswap limit should be larger than memory limit, see usage");
    cr_expect_str_eq(third.c_str(), "ulimit nofile: soft limit 20 is above the hard limit 10");
    cr_expect_str_eq(fourth.c_str(), "--pid=yours: invalid mode");
}

Test(container_spec, security_options_are_checked) {
    HostConfig host;
    host.security_opt = {"fancy=yes"};
    const std::string text = refusal(host);
    cr_expect_str_eq(text.c_str(), "security option 'fancy=yes': unknown option 'fancy'");
}

Test(container_spec, no_new_privileges_and_unmasked_paths_are_understood) {
    Definition what = definition();
    what.host.security_opt = {"no-new-privileges", "systempaths=unconfined"};
    const auto spec = make_spec(what, facts()).value();
    cr_expect(spec.process->no_new_privileges);
    cr_expect(spec.linux->masked_paths.empty());
}
