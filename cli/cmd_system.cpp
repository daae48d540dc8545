// version, info, system check (docker: the same, but for check).

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/helper.h"
#include "cli/cmds.h"
#include "cli/image_uses.h"
#include "cli/listing.h"
#include "cli/texts.h"
#include "image/views.h"
#include "network/firewall.h"
#include "network/netlink.h"

namespace berth::cli {
namespace {

utsname kernel() {
    utsname out{};
    ::uname(&out);
    return out;
}

Json version_document() {
    const utsname host = kernel();
    Json::Object client{{"Platform", Json::Object{{"Name", "berth"}}}, {"Version", BERTH_VERSION},      {"Os", "linux"},
                        {"Arch", image::host_architecture()},          {"KernelVersion", host.release}, {"Context", "default"}};
    Json::Object server{{"Platform", Json::Object{{"Name", "berth"}}},
                        {"Version", BERTH_VERSION},
                        {"Os", "linux"},
                        {"Arch", image::host_architecture()},
                        {"KernelVersion", host.release}};
    return Json::Object{{"Client", std::move(client)}, {"Server", std::move(server)}};
}

std::string operating_system() {
    const auto text = read_file("/etc/os-release", 64u << 10);
    if (text.ok())
        for (const std::string& line : split_text(text.value(), '\n'))
            if (line.starts_with("PRETTY_NAME=")) {
                std::string name = line.substr(12);
                std::erase(name, '"');
                return name;
            }
    return "Linux";
}

// v1 controllers mounted one by one, or the unified hierarchy (cgroups(7)).
std::string cgroup_version() { return ::access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0 ? "2" : "1"; }

struct Counts {
    std::int64_t running = 0, paused = 0, stopped = 0, images = 0;
};

Result<Counts> count_things(container::Engine& engine) {
    Counts out;
    for (const container::Record& record : TRY(container::list(engine))) {
        if (record.run.state.status == container::Status::paused)
            ++out.paused;
        else if (record.run.state.running())
            ++out.running;
        else
            ++out.stopped;
    }
    const image::Store* store = TRY(engine.images());
    out.images = static_cast<std::int64_t>(TRY(store->list()).size());
    return out;
}

// What of this host will surprise somebody; docker's Warnings.
Json host_warnings() {
    Json::Array out;
    if (auto netfilter = network::Netlink::open(network::Netlink::Protocol::netfilter); netfilter.ok())
        if (const auto obstacle = network::find_forward_obstacle(netfilter.value()); obstacle.ok() && obstacle.value())
            out.emplace_back(cat("WARNING: ", *obstacle.value(),
                                 " drops forwarded packets: published ports may not be reached from other machines"));
    return out.empty() ? Json() : Json(std::move(out));
}

Result<Json> info_document(container::Engine& engine) {
    const Counts counts = TRY(count_things(engine));
    const utsname host = kernel();
    struct sysinfo memory {};
    ::sysinfo(&memory);
    const auto total = static_cast<std::int64_t>(memory.totalram) * static_cast<std::int64_t>(memory.mem_unit);
    return Json(Json::Object{
        {"ID", boot_id()},
        {"Containers", counts.running + counts.paused + counts.stopped},
        {"ContainersRunning", counts.running},
        {"ContainersPaused", counts.paused},
        {"ContainersStopped", counts.stopped},
        {"Images", counts.images},
        {"Driver", "overlay2"},
        {"Plugins", Json::Object{{"Volume", Json::Array{"local"}},
                                 {"Network", Json::Array{"bridge", "host", "ipvlan", "macvlan", "null"}},
                                 {"Log", Json::Array{"journald", "json-file", "local", "none", "syslog"}}}},
        {"MemoryLimit", true},
        {"SwapLimit", true},
        {"CpuCfsPeriod", true},
        {"CpuCfsQuota", true},
        {"CPUShares", true},
        {"CPUSet", true},
        {"PidsLimit", true},
        {"IPv4Forwarding", true},
        {"LoggingDriver", "json-file"},
        {"CgroupDriver", "cgroupfs"},
        {"CgroupVersion", cgroup_version()},
        {"KernelVersion", host.release},
        {"OperatingSystem", operating_system()},
        {"OSType", "linux"},
        {"Architecture", host.machine},
        {"NCPU", static_cast<std::int64_t>(::sysconf(_SC_NPROCESSORS_ONLN))},
        {"MemTotal", total},
        {"DockerRootDir", engine.paths().root},
        {"Name", host.nodename},
        {"SystemTime", moment_text(now())},
        {"Labels", Json::Array{}},
        {"ExperimentalBuild", false},
        {"Debug", false},
        {"IndexServerAddress", "https://index.docker.io/v1/"},
        {"LiveRestoreEnabled", true},  // Containers need no daemon to live on.
        {"Swarm", Json::Object{{"NodeID", ""}, {"LocalNodeState", "inactive"}, {"ControlAvailable", false}}},
        {"ServerVersion", BERTH_VERSION},
        {"Runtimes", Json::Object{{"berth", Json::Object{{"path", "berth"}}}}},
        {"DefaultRuntime", "berth"},
        {"InitBinary", "berth-init"},
        {"SecurityOptions", Json::Array{"name=seccomp,profile=builtin", "name=cgroupns"}},
        {"Warnings", host_warnings()},
        {"ClientInfo", Json::Object{{"Debug", false}, {"Version", BERTH_VERSION}, {"Os", "linux"}, {"Context", "default"}}},
    });
}

// docker's titles: scripts grep for them.
std::string info_text(const Json& info) {
    const auto line = [&](std::string_view title, std::string_view field, std::string_view indent = " ") {
        return cat(indent, title, ": ", go_text(*info.find(field)), "\n");
    };
    std::string out = cat("Server:\n", line("Containers", "Containers"));
    out += cat(line("Running", "ContainersRunning", "  "), line("Paused", "ContainersPaused", "  "),
               line("Stopped", "ContainersStopped", "  "));
    out += cat(line("Images", "Images"), line("Server Version", "ServerVersion"), line("Storage Driver", "Driver"), line("Logging Driver", "LoggingDriver"),
               line("Cgroup Driver", "CgroupDriver"), line("Cgroup Version", "CgroupVersion"));
    out += cat(line("Kernel Version", "KernelVersion"), line("Operating System", "OperatingSystem"), line("OSType", "OSType"),
               line("Architecture", "Architecture"), line("CPUs", "NCPU"));
    out += cat(" Total Memory: ", binary_size(*info.find("MemTotal")->integer()), "\n", line("Name", "Name"),
               line("Docker Root Dir", "DockerRootDir"));
    if (const Json::Array* warnings = info.find("Warnings")->array())
        for (const Json& warning : *warnings) out += cat(go_text(warning), "\n");
    return out;
}

// One program is both sides here; docker's two heads stand all the same, since scripts look for them.
std::string version_text() {
    const std::string platform = cat("linux/", image::host_architecture());
    return cat("Client: berth\n Version:      ", BERTH_VERSION, "\n OS/Arch:      ", platform, "\n\nServer: berth\n Engine:\n  Version:     ",
               BERTH_VERSION, "\n  OS/Arch:     ", platform, "\n  Kernel:      ", kernel().release, "\n  Helpers:     ", helper_folder(), "\n");
}

}  // namespace

Action define_version(Parser& p) {
    const auto format = std::make_shared<std::string>();
    p.usage("", 0, 0);
    p.text("-f,--format", *format, "TEMPLATE", "Show by 'json' or a Go template", Values::format);
    p.see_also("info");
    return [format](Session&, const Words&) -> Result<int> {
        if (const int status = refuse_template(*format); status != 0) return status;
        if (!format->empty()) return print(TRY(formatted_object(*format, version_document()))), 0;
        print(version_text());
        return 0;
    };
}

Action define_info(Parser& p) {
    const auto format = std::make_shared<std::string>();
    p.usage("", 0, 0);
    p.text("-f,--format", *format, "TEMPLATE", "Show by 'json' or a Go template", Values::format);
    p.see_also("version, system df");
    return [format](Session& session, const Words&) -> Result<int> {
        if (const int status = refuse_template(*format); status != 0) return status;
        container::Engine* engine = TRY(session.engine());
        const Json info = TRY(info_document(*engine));
        print(format->empty() ? info_text(info) : TRY(formatted_object(*format, info)));
        return 0;
    };
}

Action define_system_check(Parser& p) {
    const auto options = std::make_shared<image::CheckOptions>();
    p.usage("", 0, 0);
    p.flag("--deep", options->deep, "Read every layer and compare its digest");
    p.flag("--repair", options->repair, "Put right what can be put right");
    p.about("Looks for damage in the store, as after a power cut. Exits with 1 when something is wrong.");
    p.see_also("system df, system prune");
    return [options](Session& session, const Words&) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const image::Store* store = TRY(engine->images());
        const std::vector<image::ImageUse> uses = TRY(image_uses(*engine));
        const auto report = TRY(image::check_store(*store, *options, uses));
        for (const std::string& problem : report.problems) print_line(problem);
        for (const std::string& repair : report.repairs) print_line(cat("repaired: ", repair));
        tell(cat(report.images, " images, ", report.layers, " layers, ", report.problems.size(),
                 report.problems.size() == 1 ? " problem\n" : " problems\n"));
        return report.problems.size() > report.repairs.size() ? 1 : 0;
    };
}

}  // namespace berth::cli
