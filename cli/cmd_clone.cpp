// container clone: another container like one that is there (podman has it; docker's users ask for it).

#include "base/log.h"
#include "cli/cmds.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

struct CloneOptions {
    std::string name;
    bool destroy = false, force = false, run = false;
};

// The record's configuration is what the user asked for over the image's, so that merging it again changes nothing.
container::CreateOptions like(const container::Record& record) {
    const container::Definition& d = record.definition;
    container::CreateOptions out;
    out.config = d.config;
    // docker: a host name that nobody chose is the short id.
    if (record.id().starts_with(d.config.hostname)) out.config.hostname.clear();
    out.host = d.host;
    out.host.container_id_file.clear();
    out.networks = d.networks;
    out.rootfs = d.rootfs;
    return out;
}

Result<int> clone(Session& session, const CloneOptions& options, const Words& arguments) {
    container::Engine* engine = TRY(session.engine());
    const container::Record source = TRY(container::find(*engine, arguments[0]));
    container::CreateOptions wishes = like(source);
    if (arguments.size() > 1) wishes.name = arguments[1];
    if (!options.name.empty()) wishes.name = options.name;
    if (arguments.size() > 2) wishes.config.image = arguments[2];
    // A clone that takes the place of its source may have its name too.
    if (options.destroy) {
        if (wishes.name.empty()) wishes.name = source.name();
        TRY(container::remove(*engine, source, {.force = options.force, .volumes = false, .link = false}));
    } else if (wishes.name.empty()) {
        wishes.name = cat(source.name(), "-clone");
    }
    container::Created created = TRY(container::create(*engine, std::move(wishes)));
    for (const std::string& warning : created.warnings) log::warn(warning);
    if (options.run) TRY(container::start(*engine, created.record, {}));
    print_line(created.record.id());
    return 0;
}

}  // namespace

Action define_container_clone(Parser& p) {
    const auto options = std::make_shared<CloneOptions>();
    p.usage("CONTAINER [NAME [IMAGE]]", 1, 3, Values::container);
    p.text("--name", options->name, "NAME", "Name of the new one (default CONTAINER-clone)");
    p.flag("--run", options->run, "Start it");
    p.flag("--destroy", options->destroy, "Remove the old one first; the new one takes its name");
    p.flag("-f,--force", options->force, "With --destroy: also when it runs");
    p.about("Makes a container with the options of another one: from the same image, or from a newer one.");
    p.example("berth container clone --destroy -f --run web web app:2", "the same container from a newer image");
    p.see_also("create, inspect, update");
    return [options](Session& session, const Words& arguments) { return clone(session, *options, arguments); };
}

}  // namespace berth::cli
