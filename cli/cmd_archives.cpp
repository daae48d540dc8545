// import, save, load, export, volume export and import: images, containers and volumes from and to files (docker: the same).

#include <unistd.h>

#include "builder/build.h"
#include "cli/cmds.h"
#include "cli/output_file.h"
#include "cli/texts.h"
#include "container/export.h"
#include "container/history.h"
#include "container/volume_archive.h"
#include "image/archive.h"
#include "image/media.h"

namespace berth::cli {
namespace {

struct ImportOptions {
    Words changes;
    std::string message, platform;
};

Result<int> import(Session& session, const ImportOptions& options, const Words& arguments) {
    image::ImportRequest request;
    if (arguments.size() > 1) request.name = TRY(image::Reference::parse_tagged(arguments[1]));
    TRY(builder::apply_changes(request.config, options.changes), "--change");
    request.message = options.message;
    if (!options.platform.empty()) {
        const image::Platform platform = TRY(image::parse_platform(options.platform), "--platform");
        request.os = platform.os;
        request.architecture = platform.architecture;
        request.variant = platform.variant;
    }
    if (arguments[0].starts_with("http://") || arguments[0].starts_with("https://"))
        return Error(Kind::unsupported, cat("import '", arguments[0], "': fetch it first"))
            .with_hint(cat("curl -fL '", arguments[0], "' | berth import - ", arguments.size() > 1 ? arguments[1] : "NAME"));
    const Fd from = TRY(open_input(arguments[0]), "import");
    const image::Store* store = TRY(session.images());
    const image::ImageId id = TRY(image::import_image(*store, from, request), "import ", arguments[0]);
    std::vector<container::Event> events;
    if (request.name) events.push_back(container::image_event(*store, id, "tag", request.name->str()));
    events.push_back(container::image_event(*store, id, "import"));
    container::note(store->root(), std::move(events));
    print_line(id.str());
    return 0;
}

Result<void> save(const image::Store& store, const Words& names, const Fd& to) {
    TRY(image::save_images(store, names, to));
    std::vector<container::Event> events;
    for (const std::string& name : names)
        // A repository's name means all its tags, and perhaps none by itself.
        if (const auto id = store.resolve(name); id.ok()) events.push_back(container::image_event(store, id.value(), "save"));
    container::note(store.root(), std::move(events));
    return {};
}

struct LoadOptions {
    std::string input, platform;
    bool quiet = false;
};

Result<int> load(Session& session, const LoadOptions& options) {
    if (options.input.empty() && is_terminal(STDIN_FILENO))
        return Error(Kind::invalid, "requested load from stdin, but stdin is a terminal")
            .with_hint("use -i FILE, or redirect the input");
    const Fd from = TRY(open_input(options.input), "load");
    struct stat found {};
    const bool is_folder = ::fstat(from.raw(), &found) == 0 && S_ISDIR(found.st_mode);
    const image::Store* store = TRY(session.images());
    const auto loaded =
        TRY(is_folder ? image::load_images_folder(*store, options.input) : image::load_images(*store, from), "load");
    for (const image::Loaded& one : loaded) {
        container::note(store->root(), {container::image_event(*store, one.id, "load")});
        for (const auto& [name, old] : one.moved)
            tell(
                cat("The image ", name.str(), " already exists, renaming the old one with ID ", old.str(), " to empty string\n"));
        for (const image::Reference& name : one.names) print_line(cat("Loaded image: ", name.str()));
        if (one.names.empty()) print_line(cat("Loaded image ID: ", one.id.str()));
    }
    return 0;
}

}  // namespace

Action define_import(Parser& p) {
    const auto options = std::make_shared<ImportOptions>();
    p.usage("FILE|- [NAME[:TAG]]", 1, 2, Values::file);
    p.list("-c,--change", options->changes, "INSTRUCTION", "Apply a Dockerfile instruction: CMD, ENTRYPOINT, ENV, EXPOSE, …");
    p.text("-m,--message", options->message, "TEXT", "Comment of the image");
    p.text("--platform", options->platform, "OS[/ARCH]", "Platform of what is imported");
    p.about("Makes an image of one layer from a tar archive of a root file system, plain or compressed, and prints its id.");
    p.example("berth import -c 'CMD [\"sh\"]' rootfs.tar.gz base:1", "a base image");
    p.see_also("export, load, build");
    return [options](Session& session, const Words& arguments) { return import(session, *options, arguments); };
}

Action define_save(Parser& p) {
    struct Options {
        std::string output, platform;
    };
    const auto options = std::make_shared<Options>();
    p.usage("IMAGE [IMAGE...]", 1, -1, Values::image);
    p.text("-o,--output", options->output, "FILE", "Write to a file instead of stdout", Values::file);
    p.about("Writes images with all their layers and names to one archive, which berth, docker and podman load.");
    p.example("berth save -o both.tar app:1 db:1", "two images in one file");
    p.example("berth save app:1 | gzip > app.tar.gz", "compressed");
    p.see_also("load, export");
    return [options](Session& session, const Words& arguments) -> Result<int> {
        const image::Store* store = TRY(session.images());
        OutputFile out = TRY(OutputFile::open(options->output, "an image"));
        return finished(out, save(*store, arguments, out.fd()));
    };
}

Action define_load(Parser& p) {
    const auto options = std::make_shared<LoadOptions>();
    p.usage("", 0, 0);
    p.text("-i,--input", options->input, "FILE", "Read from a file, or the folder of an OCI layout, instead of stdin",
           Values::file);
    p.flag("-q,--quiet", options->quiet, "Show no progress");
    p.about("Reads images from an archive of docker, podman or berth, plain or compressed, and prints their names.");
    p.example("berth load -i images.tar", "from a file");
    p.example("ssh host docker save app | berth load", "from another machine");
    p.see_also("save, import");
    return [options](Session& session, const Words&) { return load(session, *options); };
}

Action define_export(Parser& p) {
    const auto output = std::make_shared<std::string>();
    p.usage("CONTAINER", 1, 1, Values::container);
    p.text("-o,--output", *output, "FILE", "Write to a file instead of stdout", Values::file);
    p.about("Writes a container's file system as a tar archive, without its volumes.");
    p.example("berth export web | tar tf -", "what is in it");
    p.see_also("import, save, cp, commit");
    return [output](Session& session, const Words& arguments) -> Result<int> {
        container::Engine* engine = TRY(session.engine());
        const container::Record record = TRY(container::find(*engine, arguments[0]));
        OutputFile out = TRY(OutputFile::open(*output, "a container"));
        return finished(out, container::export_container(*engine, record, out.fd()));
    };
}

Action define_volume_export(Parser& p) {
    const auto output = std::make_shared<std::string>();
    p.usage("VOLUME", 1, 1, Values::volume);
    p.text("-o,--output", *output, "FILE", "Write to a file instead of stdout", Values::file);
    p.example("berth volume export data | zstd > data.tar.zst", "a backup");
    p.see_also("volume import, cp");
    return [output](Session& session, const Words& arguments) -> Result<int> {
        const container::Volumes* volumes = TRY(session.volumes());
        const container::Volume volume = TRY(volumes->get(arguments[0]));
        OutputFile out = TRY(OutputFile::open(*output, "a volume"));
        return finished(out, container::export_volume(volume, out.fd()));
    };
}

Action define_volume_import(Parser& p) {
    p.usage("VOLUME FILE|-", 2, 2, Values::volume);
    p.later_arguments_are(Values::file);
    p.about("Unpacks a tar archive, plain or compressed, over what is in the volume.");
    p.example("berth volume create data && berth volume import data data.tar.zst", "restore a backup");
    p.see_also("volume export, cp");
    return [](Session& session, const Words& arguments) -> Result<int> {
        const container::Volumes* volumes = TRY(session.volumes());
        const container::Volume volume = TRY(volumes->get(arguments[0]));
        const Fd from = TRY(open_input(arguments[1]), "volume import");
        TRY(container::import_volume(volume, from));
        return 0;
    };
}

}  // namespace berth::cli
