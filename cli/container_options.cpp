// The description of run's and create's options. What they mean is in make_create_options.cpp.

#include "cli/container_options.h"

#include "cli/texts.h"

namespace berth::cli {
namespace {

Result<std::int64_t> parse_seconds(std::string_view text) {
    const std::int64_t seconds = TRY(parse_integer(text));
    if (seconds < -1) return Error(Kind::invalid, "a number of seconds, or -1 to wait without end");
    return seconds;
}

void describe_process(Parser& p, ContainerOptions& o) {
    p.flag("-i,--interactive", o.interactive, "Keep standard input open");
    p.flag("-t,--tty", o.tty, "Give the container a terminal");
    p.list("-a,--attach", o.attach, "STREAM", "Attach to stdin, stdout or stderr");
    p.last_choices("stdin|stdout|stderr");
    p.flag("--rm", o.remove, "Remove the container when it ends, with its anonymous volumes");
    p.text("--name", o.name, "NAME", "Name the container");
    p.list("-e,--env", o.env, "KEY[=VALUE]", "Set an environment variable; without a value, the caller's");
    p.list("--env-file", o.env_files, "FILE", "Read environment variables from a file", Values::file);
    p.text("--entrypoint", o.entrypoint, "PROGRAM", "Replace the image's entrypoint; \"\" takes it away");
    p.text("-w,--workdir", o.working_dir, "FOLDER", "Working folder in the container");
    p.text("-u,--user", o.user, "USER[:GROUP]", "User name or id, and group");
    p.list("--group-add", o.group_add, "GROUP", "Further groups of the user");
    p.text("-h,--hostname", o.hostname, "NAME", "Host name in the container");
    p.text("--domainname", o.domainname, "NAME", "Domain name in the container");
    p.list("-l,--label", o.labels, "KEY[=VALUE]", "Set a label");
    p.list("--label-file", o.label_files, "FILE", "Read labels from a file", Values::file);
    p.list("--annotation", o.annotations, "KEY=VALUE", "Set an annotation of the runtime specification");
    p.flag("--init", o.init, "Run a small init that forwards signals and reaps processes");
    p.text("--stop-signal", o.stop_signal, "SIGNAL", "Signal that stop sends first", Values::signal);
    p.parsed<std::int64_t>("--stop-timeout", o.stop_timeout, parse_seconds, "SECONDS", "How long stop waits before it kills");
    p.choice("--pull", o.pull, "always|missing|never", "When to pull the image (default missing)");
    p.flag("-q,--quiet", o.quiet, "Show no progress while pulling");
    p.text("--platform", o.platform, "OS[/ARCH]", "Platform of the image, when there are several");
    p.text("--cidfile", o.cidfile, "FILE", "Write the container's id to a new file", Values::file);
    p.text("--pidfile", o.pidfile, "FILE", "Write the pid of the container's first process to a file", Values::file);
    p.flag("--replace", o.replace, "Remove a container of the same name first");
    p.text("--rootfs", o.rootfs, "FOLDER", "Run a folder of the host instead of an image", Values::folder);
    p.text("--tz", o.timezone, "ZONE", "Time zone, such as Europe/Berlin, or local");
    p.text("--umask", o.umask, "MODE", "Umask of the first process (default 0022)");
    p.list("--proc", o.processes, "NAME=COMMAND[,restart=POLICY]",
           "Run a further program beside the command, looked after by init");
    p.text("--end-when", o.end_when, "any|NAME", "With --proc: whose end is the container's end");
    p.list("--requires", o.requires_, "CONTAINER[:healthy]", "Start these containers first", Values::container);
}

void describe_resources(Parser& p, ContainerOptions& o) {
    p.parsed<std::int64_t>("-m,--memory", o.memory, parse_size, "SIZE", "Memory limit");
    p.parsed<std::int64_t>("--memory-reservation", o.memory_reservation, parse_size, "SIZE", "Memory to keep under pressure");
    p.parsed<std::int64_t>("--memory-swap", o.memory_swap, parse_size_or_unlimited, "SIZE",
                           "Memory and swap together; -1: no limit of swap");
    p.parsed<std::int64_t>("--memory-swappiness", o.memory_swappiness, parse_integer, "0-100",
                           "How readily pages are swapped (cgroup v1)");
    p.parsed<std::int64_t>("--cpus", o.nano_cpus, parse_cpus, "NUMBER", "Number of processors, such as 1.5");
    p.parsed<std::int64_t>("-c,--cpu-shares", o.cpu_shares, parse_integer, "SHARES", "Weight among containers (default 1024)");
    p.parsed<std::int64_t>("--cpu-period", o.cpu_period, parse_integer, "MICROSECONDS", "Period of the cpu quota");
    p.parsed<std::int64_t>("--cpu-quota", o.cpu_quota, parse_integer, "MICROSECONDS", "Cpu time in a period");
    p.parsed<std::int64_t>("--cpu-rt-period", o.cpu_rt_period, parse_integer, "MICROSECONDS", "Period of real-time scheduling");
    p.parsed<std::int64_t>("--cpu-rt-runtime", o.cpu_rt_runtime, parse_integer, "MICROSECONDS", "Real-time cpu time in a period");
    p.text("--cpuset-cpus", o.cpuset_cpus, "LIST", "Processors to run on: 0-3, 0,1");
    p.text("--cpuset-mems", o.cpuset_mems, "LIST", "Memory nodes to use: 0-3, 0,1");
    p.parsed<std::int64_t>("--pids-limit", o.pids_limit, parse_integer, "NUMBER", "Most processes and threads; -1: no limit");
    p.list("--ulimit", o.ulimits, "NAME=SOFT[:HARD]", "Limit of a resource, such as nofile=1024:2048");
    p.parsed<std::int64_t>("--shm-size", o.shm_size, parse_size, "SIZE", "Size of /dev/shm (default 64m)");
    p.parsed<std::int64_t>("--oom-score-adj", o.oom_score_adj, parse_integer, "NUMBER",
                           "Who goes first when memory is short: -1000 to 1000");
    p.flag("--oom-kill-disable", o.oom_kill_disable, "Never kill for lack of memory (cgroup v1)");
    p.text("--cgroup-parent", o.cgroup_parent, "PATH", "Cgroup below which the container's is made");
    p.parsed<std::int64_t>("--blkio-weight", o.blkio_weight, parse_integer, "10-1000", "Weight of block i/o");
    p.list("--blkio-weight-device", o.blkio_weight_device, "DEVICE:WEIGHT", "The same for one device");
    p.list("--device-read-bps", o.read_bps, "DEVICE:SIZE", "Limit reading from a device, bytes a second");
    p.list("--device-write-bps", o.write_bps, "DEVICE:SIZE", "Limit writing to a device, bytes a second");
    p.list("--device-read-iops", o.read_iops, "DEVICE:NUMBER", "Limit reading from a device, operations a second");
    p.list("--device-write-iops", o.write_iops, "DEVICE:NUMBER", "Limit writing to a device, operations a second");
    p.ignored("--kernel-memory", "SIZE", "the kernel has no such limit any more");
}

void describe_network(Parser& p, ContainerOptions& o) {
    p.list("-p,--publish", o.publish, "[[IP:]HOST:]PORT[/PROTOCOL]", "Publish a port, or a range of ports, on the host");
    p.text("--publish-address", o.publish_address, "ADDRESS", "Address of published ports that name none (default all)");
    p.flag("-P,--publish-all", o.publish_all, "Publish all exposed ports on free ports of the host");
    p.list("--expose", o.expose, "PORT[/PROTOCOL]", "Declare a port or a range of ports");
    p.list("--network,--net", o.networks, "NETWORK", "Network: a name, bridge, host, none or container:NAME", Values::network);
    p.list("--network-alias,--net-alias", o.network_aliases, "NAME", "Further name on the network");
    p.text("--ip", o.ip, "ADDRESS", "IPv4 address on the network");
    p.text("--ip6", o.ip6, "ADDRESS", "IPv6 address on the network");
    p.list("--link-local-ip", o.link_local_ips, "ADDRESS", "Link-local address");
    p.text("--mac-address", o.mac_address, "ADDRESS", "Ethernet address");
    p.list("--add-host", o.add_hosts, "NAME:ADDRESS", "Line for /etc/hosts; host-gateway is the host's address");
    p.list("--dns", o.dns, "ADDRESS", "Name server");
    p.list("--dns-search", o.dns_search, "DOMAIN", "Domain to search names in");
    p.list("--dns-option,--dns-opt", o.dns_options, "OPTION", "Option of resolv.conf");
    p.list("--link", o.links, "CONTAINER[:ALIAS]", "Make another container known by name", Values::running);
}

void describe_storage(Parser& p, ContainerOptions& o) {
    p.list("-v,--volume", o.volumes, "[SOURCE:]TARGET[:OPTIONS]", "Mount a volume or a folder of the host", Values::volume);
    p.list("--mount", o.mounts, "TYPE,SOURCE,TARGET", "Mount, in full: type=bind,source=/a,target=/b,readonly");
    p.list("--tmpfs", o.tmpfs, "TARGET[:OPTIONS]", "Mount a file system in memory");
    p.list("--volumes-from", o.volumes_from, "CONTAINER[:ro]", "Mount the volumes of another container", Values::container);
    p.flag("--read-only", o.read_only, "Mount the container's root read-only");
    p.list("--storage-opt", o.storage_opt, "KEY=VALUE", "Option of the storage, such as size=1g");
    p.text("--volume-driver", o.volume_driver, "DRIVER", "Driver of volumes made by -v");
    p.list("--device", o.devices, "HOST[:CONTAINER[:rwm]]", "Give a device of the host to the container; or VENDOR/CLASS=NAME, which a file in /etc/cdi describes", Values::file);
    p.list("--device-cgroup-rule", o.device_rules, "RULE", "Rule for devices: c 42:* rmw");
    p.list("--gpus", o.gpus, "all|NUMBER|…", "Give graphics processors to the container: nvidia.com/gpu as a file in /etc/cdi describes them");
}

void describe_security(Parser& p, ContainerOptions& o) {
    p.flag("--privileged", o.privileged, "Give all capabilities and devices: the container can do what the host can");
    p.list("--cap-add", o.cap_add, "CAPABILITY", "Add a capability", Values::capability);
    p.list("--cap-drop", o.cap_drop, "CAPABILITY", "Drop a capability", Values::capability);
    p.list("--security-opt", o.security_opt, "KEY=VALUE",
           "seccomp=FILE|unconfined, no-new-privileges, systempaths=unconfined, …");
    p.text("--userns", o.userns, "MODE", "User namespace: host");
    p.text("--pid", o.pid, "MODE", "Pid namespace: host or container:NAME");
    p.text("--ipc", o.ipc, "MODE", "Ipc namespace: private, shareable, none, host or container:NAME");
    p.text("--uts", o.uts, "MODE", "Uts namespace: host");
    p.text("--cgroupns", o.cgroupns, "MODE", "Cgroup namespace: private or host");
    p.last_choices("private|host");
    p.list("--sysctl", o.sysctls, "KEY=VALUE", "Kernel parameter of the container's namespaces");
    p.text("--runtime", o.runtime, "NAME", "Runtime; berth is the only one");
    p.last_is_hidden();
    p.ignored("--isolation", "TYPE", "a matter of Windows");
    p.ignored("--disable-content-trust", "", "digests are always verified, signatures are not looked at");
    p.refused("--use-api-socket", "", "there is no API socket to give to a container");
    for (const std::string_view windows : {"--cpu-count", "--cpu-percent", "--io-maxbandwidth", "--io-maxiops"})
        p.refused(windows, "VALUE", "only Windows has this limit");
}

void describe_life(Parser& p, ContainerOptions& o) {
    p.text("--health-cmd", o.health_cmd, "COMMAND", "Command that finds out whether the container is healthy");
    p.parsed<Duration>("--health-interval", o.health_interval, parse_duration, "DURATION",
                       "Time between two checks (default 30s)");
    p.parsed<Duration>("--health-timeout", o.health_timeout, parse_duration, "DURATION", "Longest time of a check (default 30s)");
    p.parsed<std::int64_t>("--health-retries", o.health_retries, parse_integer, "NUMBER",
                           "Failures in a row that make it unhealthy (default 3)");
    p.parsed<Duration>("--health-start-period", o.health_start_period, parse_duration, "DURATION",
                       "Time in which failures do not count");
    p.parsed<Duration>("--health-start-interval", o.health_start_interval, parse_duration, "DURATION",
                       "Time between two checks in the start period (default 5s)");
    p.flag("--no-healthcheck", o.no_healthcheck, "No checks, whatever the image says");
    p.choice("--health-on-failure", o.health_on_failure, "none|kill|restart|stop", "What happens when it becomes unhealthy");
    p.text("--log-driver", o.log_driver, "DRIVER", "json-file or none");
    p.last_choices("json-file|none");
    p.list("--log-opt", o.log_opt, "KEY=VALUE", "Option of the log: max-size=10m, max-file=3, mode=non-blocking");
    p.text("--restart", o.restart, "POLICY", "no, always, unless-stopped or on-failure[:RETRIES]");
    p.last_choices("no|always|unless-stopped|on-failure");
}

}  // namespace

void describe_container_options(Parser& parser, ContainerOptions& options) {
    describe_process(parser, options);
    describe_resources(parser, options);
    describe_network(parser, options);
    describe_storage(parser, options);
    describe_security(parser, options);
    describe_life(parser, options);
}

}  // namespace berth::cli
