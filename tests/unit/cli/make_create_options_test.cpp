#include <criterion/criterion.h>

#include "cli/container_options.h"
#include "cli/texts.h"

using namespace berth;
using namespace berth::cli;

namespace {

struct Made {
    container::CreateOptions options;
    std::string error, hint;
};

Made make(const Words& words) {
    ContainerOptions options;
    Parser parser;
    parser.options_end_at_first_word();
    describe_container_options(parser, options);
    Made out;
    auto parsed = parser.parse(words);
    if (!parsed.ok()) return out.error = parsed.error().text(), out;
    auto made = make_create_options(options, parsed.value().arguments);
    if (made.ok())
        out.options = std::move(made).value();
    else
        out.error = made.error().text(), out.hint = made.error().hint();
    return out;
}
void expect_error(const Words& words, const std::string& wanted) {
    const Made made = make(words);
    cr_expect_str_eq(made.error.c_str(), wanted.c_str());
}
void expect(const std::string& found, const std::string& wanted) { cr_expect_str_eq(found.c_str(), wanted.c_str()); }

}  // namespace

TestSuite(cli_make_create_options, .timeout = 5);

Test(cli_make_create_options, image_and_command_are_the_words) {
    const Made made = make({"busybox", "sh", "-c", "x"});
    expect(made.options.config.image, "busybox");
    expect(join_text(*made.options.config.cmd, "|"), "sh|-c|x");
    cr_expect(!make({"busybox"}).options.config.cmd.has_value());
}
Test(cli_make_create_options, an_empty_entrypoint_takes_the_images_away) {
    cr_expect(make({"--entrypoint", "", "i"}).options.config.entrypoint->empty());
    expect(make({"--entrypoint", "sh", "i"}).options.config.entrypoint->front(), "sh");
    cr_expect(!make({"i"}).options.config.entrypoint.has_value());
}
Test(cli_make_create_options, limits_are_numbers) {
    const container::HostConfig host =
        make({"-m", "64m", "--memory-swap", "-1", "--cpus", ".5", "--pids-limit", "10", "--shm-size", "1m", "i"}).options.host;
    cr_expect_eq(host.memory, 64ll << 20);
    cr_expect_eq(host.memory_swap, -1);
    cr_expect_eq(host.nano_cpus, 500'000'000);
    cr_expect_eq(*host.pids_limit, 10);
    cr_expect_eq(host.shm_size, 1 << 20);
}
Test(cli_make_create_options, ulimits_have_a_soft_and_a_hard_limit) {
    const auto limits = make({"--ulimit", "nofile=1024:2048", "--ulimit", "core=-1", "i"}).options.host.ulimits;
    cr_assert_eq(limits.size(), 2);
    // By name, as docker keeps them.
    cr_expect_eq(limits[0].hard, -1);
    cr_expect_eq(limits[1].soft, 1024);
    cr_expect_eq(limits[1].hard, 2048);
    expect_error({"--ulimit", "nofile", "i"}, "--ulimit 'nofile': expected NAME=SOFT[:HARD]");
    expect_error({"--ulimit", "nofile=9:1", "i"}, "--ulimit 'nofile=9:1': the soft limit is above the hard limit");
}
Test(cli_make_create_options, capabilities_are_kept_by_their_whole_names) {
    const auto host = make({"--cap-add", "net_admin", "--cap-add", "CAP_CHOWN", "--cap-add", "NET_ADMIN", "--cap-drop", "all", "i"}).options.host;
    expect(join_text(host.cap_add, " "), "CAP_CHOWN CAP_NET_ADMIN");
    expect(join_text(host.cap_drop, " "), "ALL");
    expect_error({"--cap-add", "nosuch", "i"}, "unknown capability 'nosuch'");
}
Test(cli_make_create_options, a_network_by_name_is_an_endpoint) {
    const auto options = make({"--network", "back", "--network-alias", "db", "--ip", "10.0.0.5", "i"}).options;
    cr_assert_eq(options.networks.size(), 1);
    expect(options.networks[0].network, "back");
    expect(options.networks[0].aliases[0], "db");
    expect(options.networks[0].ip, "10.0.0.5");
    expect(options.host.network_mode, "back");
}
Test(cli_make_create_options, the_long_form_of_a_network_is_read) {
    const auto options = make({"--network", "name=back,alias=a,alias=b,gw-priority=3", "i"}).options;
    expect(join_text(options.networks[0].aliases, "|"), "a|b");
    cr_expect_eq(options.networks[0].gateway_priority, 3);
    expect_error({"--network", "name=x,colour=red", "i"}, "--network 'name=x,colour=red': unknown field 'colour'");
}
Test(cli_make_create_options, host_and_none_are_modes_without_endpoints) {
    const auto options = make({"--network", "host", "i"}).options;
    expect(options.host.network_mode, "host");
    cr_expect(options.networks.empty());
    expect_error({"--network", "host", "--network", "x", "i"}, "network 'host' cannot be combined with another");
    expect_error({"--network", "none", "--ip", "1.2.3.4", "i"},
                 "network 'none' takes no alias, address or link: there is no link of its own");
}
Test(cli_make_create_options, no_network_means_the_default) {
    const auto options = make({"i"}).options;
    expect(options.host.network_mode, "default");
    cr_expect(options.networks.empty());
}
Test(cli_make_create_options, a_volume_alone_is_anonymous) {
    const auto options = make({"-v", "/data", "-v", "named:/n:ro", "i"}).options;
    expect(options.volumes_of_image[0], "/data");
    cr_assert_eq(options.host.mounts.size(), 1);
    expect(options.host.mounts[0].source, "named");
    cr_expect(options.host.mounts[0].read_only);
}
Test(cli_make_create_options, hosts_may_be_written_with_an_equals_sign_or_brackets) {
    expect(join_text(make({"--add-host", "a=1.2.3.4", "--add-host", "b:[::1]", "--add-host", "c:host-gateway", "i"})
                         .options.host.extra_hosts,
                     "|"),
           "a:1.2.3.4|b:::1|c:host-gateway");
    expect_error({"--add-host", "a", "i"}, "--add-host 'a': expected NAME:ADDRESS");
}
Test(cli_make_create_options, devices_have_three_parts) {
    const auto devices =
        make({"--device", "/dev/null", "--device", "/dev/zero:/dev/z:r", "--device", "/dev/full:rw", "i"}).options.host.devices;
    expect(devices[0].path_in_container, "/dev/null");
    expect(devices[0].cgroup_permissions, "rwm");
    expect(devices[1].path_in_container, "/dev/z");
    expect(devices[1].cgroup_permissions, "r");
    expect(devices[2].path_in_container, "/dev/full");
    expect(devices[2].cgroup_permissions, "rw");
    expect_error({"--device", "null", "i"}, "--device 'null': expected HOST[:CONTAINER[:rwm]] with absolute paths");
}
Test(cli_make_create_options, health_options_make_a_shell_check) {
    const auto health =
        make({"--health-cmd", "curl x", "--health-interval", "5s", "--health-retries", "2", "i"}).options.config.healthcheck;
    cr_assert(health.has_value());
    expect(join_text(health->test, "|"), "CMD-SHELL|curl x");
    cr_expect_eq(health->interval.milliseconds(), 5000);
    cr_expect_eq(health->retries, 2);
    expect(make({"--no-healthcheck", "i"}).options.config.healthcheck->test[0], "NONE");
    expect_error({"--no-healthcheck", "--health-cmd", "x", "i"}, "--no-healthcheck contradicts the --health options beside it");
}
Test(cli_make_create_options, what_contradicts_is_refused) {
    expect_error({"--rm", "--restart", "always", "i"},
                 "--restart and --rm contradict each other: a container that is removed cannot be restarted");
    expect_error({"--cpus", "1", "--cpu-quota", "5", "i"},
                 "--cpus and --cpu-period or --cpu-quota say the same thing twice: use one of them");
    expect_error({"-w", "relative", "i"}, "the working folder 'relative' is invalid, it needs to be an absolute path");
    expect_error({"-a", "stdfoo", "i"}, "--attach 'stdfoo': valid streams are stdin, stdout and stderr");
    expect_error({"--oom-score-adj", "2000", "i"}, "--oom-score-adj 2000: must be from -1000 to 1000");
}
Test(cli_make_create_options, system_paths_are_open_when_asked_for) {
    const auto host =
        make({"--security-opt", "systempaths=unconfined", "--security-opt", "no-new-privileges:true", "i"}).options.host;
    cr_expect(host.masked_paths && host.masked_paths->empty());
    expect(join_text(host.security_opt, "|"), "no-new-privileges=true");
}
Test(cli_make_create_options, processes_are_commands_with_options) {
    const auto processes =
        make({"--proc", "web=nginx -g off,restart=always,user=www,after=db", "--proc", "s=echo a,b | cat", "i"})
            .options.host.processes;
    cr_assert_eq(processes.size(), 2);
    expect(join_text(processes[0].command, "|"), "nginx|-g|off");
    expect(processes[0].restart.name, "always");
    expect(processes[0].user, "www");
    expect(processes[0].after[0], "db");
    expect(join_text(processes[1].command, "|"), "/bin/sh|-c|echo a,b | cat");
}
Test(cli_make_create_options, windows_and_kernel_memory_are_answered) {
    expect_error({"--cpu-count", "1", "i"}, "invalid argument '1' for --cpu-count: only Windows has this limit");
    cr_expect(make({"--isolation", "default", "i"}).error.empty());
}
