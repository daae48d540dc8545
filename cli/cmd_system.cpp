// version, info, system df, events, system check (docker: the same, but for check).

#include <algorithm>

#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/helper.h"
#include "builder/build.h"
#include "cli/cmds.h"
#include "cli/image_uses.h"
#include "cli/listing.h"
#include "cli/table.h"
#include "cli/texts.h"
#include "container/events.h"
#include "container/prune.h"
#include "image/views.h"

namespace berth::cli {
namespace {

utsname kernel() {
    utsname out{};
    ::uname(&out);
    return out;
}

Json version_document() {
    const utsname host = kernel();
    Json::Object client{{"Platform", Json::Object{{"Name", "berth"}}}, {"Version", BERTH_VERSION}, {"Os", "linux"}, {"Arch", image::host_architecture()}, {"KernelVersion", host.release}, {"Context", "default"}};
    Json::Object server{{"Platform", Json::Object{{"Name", "berth"}}}, {"Version", BERTH_VERSION}, {"Os", "linux"}, {"Arch", image::host_architecture()}, {"KernelVersion", host.release}};
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
        if (record.run.state.status == container::Status::paused) ++out.paused;
        else if (record.run.state.running()) ++out.running;
        else ++out.stopped;
    }
    const image::Store* store = TRY(engine.images());
    out.images = static_cast<std::int64_t>(TRY(store->list()).size());
    return out;
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
        {"Plugins", Json::Object{{"Volume", Json::Array{"local"}}, {"Network", Json::Array{"bridge", "host", "ipvlan", "macvlan", "null"}}, {"Log", Json::Array{"json-file", "none"}}}},
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
        {"Labels", Json::Array{}},
        {"ServerVersion", BERTH_VERSION},
        {"Runtimes", Json::Object{{"berth", Json::Object{{"path", "berth"}}}}},
        {"DefaultRuntime", "berth"},
        {"InitBinary", "berth-init"},
        {"SecurityOptions", Json::Array{"name=seccomp,profile=builtin", "name=cgroupns"}},
        {"Warnings", Json()},
    });
}

std::string info_text(const Json& info) {
    const auto line = [&](std::string_view title, std::string_view field, std::string_view indent = " ") { return cat(indent, title, ": ", go_text(*info.find(field)), "\n"); };
    std::string out = cat("Engine:\n", line("Version", "ServerVersion"), line("Containers", "Containers"));
    out += cat(line("Running", "ContainersRunning", "  "), line("Paused", "ContainersPaused", "  "), line("Stopped", "ContainersStopped", "  "));
    out += cat(line("Images", "Images"), line("Storage Driver", "Driver"), line("Logging Driver", "LoggingDriver"), line("Cgroup Driver", "CgroupDriver"), line("Cgroup Version", "CgroupVersion"));
    out += cat(line("Kernel Version", "KernelVersion"), line("Operating System", "OperatingSystem"), line("OSType", "OSType"), line("Architecture", "Architecture"), line("CPUs", "NCPU"));
    out += cat(" Total Memory: ", binary_size(*info.find("MemTotal")->integer()), "\n", line("Name", "Name"), line("Root Dir", "DockerRootDir"));
    return out;
}

// --- df ----------------------------------------------------------------------------------------------------------------

struct DfLine {
    std::string type;
    std::int64_t total = 0, active = 0, size = 0, reclaimable = 0;
};

struct Df {
    image::StoreUsage images;
    std::vector<container::Record> containers;
    std::vector<container::ContainerSize> container_sizes;
    std::vector<container::Volume> volumes;
    std::vector<std::int64_t> volume_sizes;
    std::map<std::string, std::vector<std::string>> users;
    std::vector<builder::CacheEntry> cache;
};

Result<Df> measure(container::Engine& engine) {
    Df out;
    const image::Store* store = TRY(engine.images());
    const std::vector<image::ImageUse> uses = TRY(image_uses(engine));
    out.images = TRY(image::store_usage(*store, uses));
    out.containers = TRY(container::list(engine));
    for (const container::Record& record : out.containers) out.container_sizes.push_back(TRY(container::container_size(engine, record)));
    const container::Volumes* volumes = TRY(engine.volumes());
    out.volumes = TRY(volumes->list());
    for (const container::Volume& volume : out.volumes) out.volume_sizes.push_back(TRY(volumes->size_bytes(volume)));
    out.users = TRY(container::volume_users(engine));
    out.cache = TRY(builder::list_cache(engine));
    return out;
}

std::vector<DfLine> summarise(const Df& df) {
    DfLine images{"Images", static_cast<std::int64_t>(df.images.images.size()), df.images.active, df.images.total, df.images.reclaimable};
    DfLine containers{"Containers", static_cast<std::int64_t>(df.containers.size()), 0, 0, 0};
    for (std::size_t i = 0; i < df.containers.size(); ++i) {
        const auto bytes = static_cast<std::int64_t>(df.container_sizes[i].rw_bytes);
        const bool runs = df.containers[i].run.state.running();
        containers.size += bytes;
        containers.active += runs;
        if (!runs) containers.reclaimable += bytes;
    }
    DfLine volumes{"Local Volumes", static_cast<std::int64_t>(df.volumes.size()), 0, 0, 0};
    for (std::size_t i = 0; i < df.volumes.size(); ++i) {
        const bool is_used = df.users.contains(df.volumes[i].name);
        volumes.size += df.volume_sizes[i];
        volumes.active += is_used;
        if (!is_used) volumes.reclaimable += df.volume_sizes[i];
    }
    DfLine cache{"Build Cache", static_cast<std::int64_t>(df.cache.size()), 0, 0, 0};
    for (const builder::CacheEntry& entry : df.cache) {
        cache.size += static_cast<std::int64_t>(entry.size);
        cache.active += entry.in_use;
        if (!entry.in_use) cache.reclaimable += static_cast<std::int64_t>(entry.size);
    }
    return {images, containers, volumes, cache};
}

std::string reclaimable_text(const DfLine& line) {
    const std::string size = decimal_size(line.reclaimable, 4);
    return line.size > 0 ? cat(size, " (", line.reclaimable * 100 / line.size, "%)") : size;
}

std::string df_details(const Df& df) {
    const Moment now = berth::now();
    Table images({"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"});
    for (const image::ImageUsage& image : df.images.images) {
        std::vector<std::pair<std::string, std::string>> names;
        for (const image::Reference& name : image.names) names.emplace_back(name.familiar_name(), name.tag().empty() ? "<none>" : name.tag());
        if (names.empty()) names.emplace_back("<none>", "<none>");
        for (const auto& [name, tag] : names)
            images.add({name, tag, std::string(image.id.short_id()), age_words(image.created, now), decimal_size(image.size, 4), decimal_size(image.shared, 4), decimal_size(image.unique, 4), cat(image.containers)});
    }
    Table containers({"CONTAINER ID", "IMAGE", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES"});
    for (std::size_t i = 0; i < df.containers.size(); ++i) {
        const container::Record& record = df.containers[i];
        const auto volumes = std::ranges::count(record.definition.mounts, container::MountType::volume, &container::MountPoint::type);
        containers.add({std::string(record.short_id()), record.definition.config.image, cat(volumes), decimal_size(static_cast<std::int64_t>(df.container_sizes[i].rw_bytes), 4), age_words(record.definition.created, now), std::string(container::status_word(record.run.state.status)), record.name()});
    }
    Table volumes({"VOLUME NAME", "LINKS", "SIZE"});
    for (std::size_t i = 0; i < df.volumes.size(); ++i) {
        const auto users = df.users.find(df.volumes[i].name);
        volumes.add({df.volumes[i].name, cat(users == df.users.end() ? 0 : users->second.size()), decimal_size(df.volume_sizes[i], 4)});
    }
    Table cache({"CACHE ID", "CACHE TYPE", "SIZE", "CREATED", "LAST USED", "IN USE"});
    for (const builder::CacheEntry& entry : df.cache)
        cache.add({entry.id.substr(0, 12), entry.kind, decimal_size(static_cast<std::int64_t>(entry.size), 4), age_words(entry.created, now), age_words(entry.last_used, now), entry.in_use ? "true" : "false"});
    return cat("Images space usage:\n\n", images.text(), "\nContainers space usage:\n\n", containers.text(), "\nLocal Volumes space usage:\n\n", volumes.text(), "\nBuild cache usage:\n\n", cache.text());
}

// --- events ------------------------------------------------------------------------------------------------------------

std::string event_line(const container::Event& event) {
    std::string attributes;
    for (const auto& [key, value] : event.actor.attributes) attributes += cat(attributes.empty() ? "" : ", ", key, "=", value);
    return cat(moment_text_fixed(event.time), " ", event.type, " ", event.action, " ", event.actor.id, attributes.empty() ? "" : cat(" (", attributes, ")"));
}

// docker up to API 1.51 also gave status, id and from, which templates still ask for.
Json event_document(const container::Event& event) {
    Json out;
    if (event.type == "container" || event.type == "image") {
        out.set("status", event.action);
        out.set("id", event.actor.id);
        const auto image = event.actor.attributes.find("image");
        if (image != event.actor.attributes.end()) out.set("from", image->second);
    }
    const Json members = to_json(event);
    for (const auto& [name, value] : *members.object()) out.set(name, value);
    return out;
}

struct EventsOptions {
    std::string since, until, format;
    Words filters;
};

Result<int> events(Session& session, const EventsOptions& options) {
    container::EventQuery query;
    const Moment now = berth::now();
    if (!options.since.empty()) query.since = TRY(parse_time_point(options.since, now), "--since");
    if (!options.until.empty()) query.until = TRY(parse_time_point(options.until, now), "--until");
    for (const auto& [key, value] : TRY(parse_filters(options.filters))) TRY(query.filter.add(key, value));
    std::optional<Template> shown;
    if (!options.format.empty() && options.format != "json") shown = TRY(Template::parse(options.format));
    const auto log = TRY(container::EventLog::open(session.paths().root));
    const auto show = [&](const container::Event& event) -> Result<bool> {
        if (options.format.empty()) print_line(event_line(event));
        else if (!shown) print_line(json_text(event_document(event)));
        else print_line(TRY(shown->execute(event_document(event))));
        return true;
    };
    TRY(log.read(query, show));
    return 0;
}

}  // namespace

Action define_version(Parser& p) {
    const auto format = std::make_shared<std::string>();
    p.usage("", 0, 0);
    p.text("-f,--format", *format, "TEMPLATE", "Show by 'json' or a Go template", Values::format);
    p.see_also("info");
    return [format](Session&, const Words&) -> Result<int> {
        if (!format->empty()) return print(TRY(formatted_object(*format, version_document()))), 0;
        const utsname host = kernel();
        print(cat("berth:\n Version:      ", BERTH_VERSION, "\n OS/Arch:      linux/", image::host_architecture(), "\n Kernel:       ", host.release, "\n Helpers:      ", helper_folder(), "\n"));
        return 0;
    };
}

Action define_info(Parser& p) {
    const auto format = std::make_shared<std::string>();
    p.usage("", 0, 0);
    p.text("-f,--format", *format, "TEMPLATE", "Show by 'json' or a Go template", Values::format);
    p.see_also("version, system df");
    return [format](Session& session, const Words&) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const Json info = TRY(info_document(*engine));
        print(format->empty() ? info_text(info) : TRY(formatted_object(*format, info)));
        return 0;
    };
}

Action define_system_df(Parser& p) {
    struct Options {
        bool verbose = false;
        std::string format;
    };
    const auto options = std::make_shared<Options>();
    p.usage("", 0, 0);
    p.flag("-v,--verbose", options->verbose, "Show each image, container, volume and cache entry");
    describe_format(p, options->format);
    p.about("Shows how much images, containers, volumes and the build cache take on disk, and how much of it nothing uses. Layers that images share are counted once.");
    p.see_also("system prune, images, ps");
    return [options](Session& session, const Words&) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const Df df = TRY(measure(*engine));
        if (options->verbose) return print(df_details(df)), 0;
        std::vector<Json> rows;
        for (const DfLine& line : summarise(df))
            rows.push_back(make_row({{"Type", line.type}, {"TotalCount", cat(line.total)}, {"Active", cat(line.active)}, {"Size", decimal_size(line.size, 4)}, {"Reclaimable", reclaimable_text(line)}}));
        ListingOptions listing;
        listing.format = options->format;
        listing.columns = {{"Type", "TYPE"}, {"TotalCount", "TOTAL"}, {"Active", "ACTIVE"}, {"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}};
        TRY(print_listing(listing, rows));
        return 0;
    };
}

Action define_events(Parser& p) {
    const auto options = std::make_shared<EventsOptions>();
    p.usage("", 0, 0);
    p.list("-f,--filter", options->filters, "KEY=VALUE", "Show some: container, image, network, volume, event, label, type");
    p.text("--format", options->format, "TEMPLATE", "Show by 'json' or a Go template", Values::format);
    p.text("--since", options->since, "TIME", "From then on: 7d is not known, 168h is, and dates");
    p.text("--until", options->until, "TIME", "Up to then");
    p.about("Shows what happens to containers, images, volumes and networks, from now on or since a time. The history is kept on disk, over restarts.");
    p.example("berth events --since 24h --until 0s --filter event=die", "what ended today");
    p.see_also("logs, ps");
    return [options](Session& session, const Words&) { return events(session, *options); };
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
        tell(cat(report.images, " images, ", report.layers, " layers, ", report.problems.size(), report.problems.size() == 1 ? " problem\n" : " problems\n"));
        return report.problems.size() > report.repairs.size() ? 1 : 0;
    };
}

}  // namespace berth::cli
