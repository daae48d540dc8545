// build: an image from a Dockerfile (docker: build). The builder judges the texts; here they only pass through.

#include <cstdlib>

#include "builder/build.h"
#include "builder/mounts.h"
#include "builder/options.h"
#include "cli/build_progress.h"
#include "cli/cmds.h"
#include "cli/provide_image.h"
#include "cli/texts.h"
#include "network/files.h"

namespace berth::cli {
namespace {

struct BuildCommand {
    builder::BuildOptions build;
    bool quiet = false, check = false, remove = true, force_remove = false;
    std::string progress = "auto";
    Words annotations;
    std::optional<std::int64_t> jobs, keep_storage;
};

/// As the check of an option: what a parser makes is made again, and used, by the builder.
template <class Parse>
auto read_by(Parse parse) {
    return [parse](const std::string& text) -> Result<void> {
        TRY(parse(text));
        return {};
    };
}

void describe_result(Parser& p, BuildCommand& o) {
    builder::BuildOptions& b = o.build;
    p.list("-t,--tag", b.tags, "NAME[:TAG]", "Name the image; may be given several times", Values::image);
    p.last_checks(read_by(image::Reference::parse_tagged));
    p.list("--label", b.labels, "KEY=VALUE", "Set a label of the image");
    p.list("--annotation", o.annotations, "KEY=VALUE", "Not supported: images here have labels only");
    p.last_is_hidden();
    p.list("--env", b.env, "KEY[=VALUE]", "Set an environment variable of the image");
    p.text("--iidfile", b.iidfile, "FILE", "Write the image's id to a file", Values::file);
    p.text("--metadata-file", b.metadata_file, "FILE", "Write what was built to a JSON file", Values::file);
    p.list("-o,--output", b.outputs, "type=TYPE,dest=PATH", "Write the result elsewhere: local, tar, oci, docker");
    p.flag("--squash", b.squash, "Make one layer of all new ones");
    p.flag("--push", b.push, "Push the image when it is built");
    p.text("--source-date-epoch,--timestamp", b.source_date_epoch, "SECONDS",
           "Time for everything made, so that two builds are equal");
}

void describe_input(Parser& p, BuildCommand& o) {
    builder::BuildOptions& b = o.build;
    p.text("-f,--file", b.file, "FILE", "The Dockerfile (default CONTEXT/Dockerfile); - for stdin", Values::file);
    p.text("--target", b.target, "STAGE", "Build this stage");
    p.list("--build-arg", b.build_args, "KEY[=VALUE]", "Set an ARG; without a value, from the environment");
    p.list("--build-arg-file", b.build_arg_files, "FILE", "Read ARGs from a file", Values::file);
    p.list("--build-context", b.build_contexts, "NAME=PLACE", "A further context or image for COPY --from and FROM");
    p.last_checks(read_by(builder::parse_named_context));
    p.list("--secret", b.secrets, "id=ID[,src=FILE|env=NAME]", "A secret for RUN --mount=type=secret");
    p.list("--ssh", b.ssh, "default|ID=SOCKET", "An agent or key for RUN --mount=type=ssh");
    p.text("--ignorefile", b.ignore_file, "FILE", "Read this instead of .dockerignore", Values::file);
    p.text("--from", b.from, "IMAGE", "Replace the image of the first FROM", Values::image);
    p.text("--platform", b.platform, "OS/ARCH", "Platform to build for");
    p.flag("--pull", b.pull, "Look for newer base images");
}

void describe_steps(Parser& p, BuildCommand& o) {
    builder::BuildOptions& b = o.build;
    p.flag("--no-cache", b.no_cache, "Do all steps again");
    p.list("--no-cache-filter", b.no_cache_filter, "STAGE", "Do the steps of these stages again");
    p.list("--cache-from", b.cache_from, "type=local,src=FOLDER", "Take results from there");
    p.list("--cache-to", b.cache_to, "type=local,dest=FOLDER[,mode=max]", "Leave results there; mode=max: of all stages");
    p.parsed<std::int64_t>("--keep-storage", o.keep_storage, parse_size, "SIZE",
                           "How much build cache may stay afterwards (default a tenth of the file system)");
    p.text("--network", b.network, "default|none|host", "Network of RUN steps");
    p.last_choices("default|none|host");
    p.list("--add-host", b.add_hosts, "NAME:ADDRESS", "Line for /etc/hosts in RUN steps");
    p.last_checks(read_by(network::ExtraHost::parse));
    p.list("--volume", b.volumes, "HOST:PATH[:ro]", "Mount a folder in RUN steps");
    p.list("--allow", b.allow, "ENTITLEMENT", "Allow network.host or security.insecure");
    p.last_checks(read_by([](const std::string& text) { return builder::parse_allowed({text}); }));
    p.list("--ulimit", b.ulimits, "NAME=SOFT[:HARD]", "Limit of a resource in RUN steps");
    p.last_checks(read_by(builder::parse_ulimit));
    p.text("--shm-size", b.shm_size, "SIZE", "Size of /dev/shm in RUN steps");
    p.last_checks(read_by(builder::parse_bytes));
    p.text("-m,--memory", b.memory, "SIZE", "Memory limit of RUN steps");
    p.last_checks(read_by(builder::parse_bytes));
    p.text("--cgroup-parent", b.cgroup_parent, "PATH", "Cgroup below which RUN steps run");
    p.parsed<std::int64_t>("--jobs", o.jobs, parse_integer, "NUMBER", "How many stages at once (default: processors)");
}

void describe_telling(Parser& p, BuildCommand& o) {
    p.flag("-q,--quiet", o.quiet, "Print the image's id only");
    p.choice("--progress", o.progress, "auto|plain|tty|quiet|rawjson", "How progress is shown (default auto)");
    p.choice("--call", o.build.call, "build|check|outline|targets", "What to do with the Dockerfile (default build)");
    p.flag("--check", o.check, "Check the Dockerfile, build nothing");
    p.flag("--rm", o.remove, "Remove intermediate containers: there never are any");
    p.last_is_hidden();
    p.flag("--force-rm", o.force_remove, "The same, when a step fails");
    p.last_is_hidden();
    p.flag("--layers", o.remove, "Keep a layer for each step: it is always so");
    p.last_is_hidden();
    p.ignored("--load", "", "the image is in the store anyway");
    p.ignored("--compress", "", "no context is sent anywhere");
    p.ignored("--isolation", "TYPE", "a matter of Windows");
    p.ignored("--disable-content-trust", "", "digests are always verified");
    p.ignored("--provenance", "VALUE", "no attestations are made");
    p.ignored("--sbom", "VALUE", "no attestations are made");
    p.ignored("--attest", "VALUE", "no attestations are made");
    p.ignored("--builder", "NAME", "there is one builder");
    p.ignored("--security-opt", "VALUE", "use RUN --security and --allow");
    p.ignored("--memory-swap", "SIZE", "swap is not limited in builds");
    for (const std::string_view cpu : {"-c,--cpu-shares", "--cpu-period", "--cpu-quota", "--cpuset-cpus", "--cpuset-mems"})
        p.ignored(cpu, "VALUE", "processors are not limited in builds");
}

// --progress wins over the environment: BUILDKIT_PROGRESS, and DOCKER_BUILDKIT=0, which asks for the older builder.
std::string choose_progress(const BuildCommand& options) {
    if (options.quiet) return "quiet";
    if (options.progress != "auto") return options.progress;
    if (const char* wanted = std::getenv("BUILDKIT_PROGRESS"); wanted != nullptr && *wanted != '\0') return wanted;
    const char* buildkit = std::getenv("DOCKER_BUILDKIT");
    const std::string_view wanted = buildkit == nullptr ? "" : buildkit;
    return wanted == "0" || wanted == "false" ? "classic" : "auto";
}

void tell_result(const builder::BuildResult& result, std::string_view progress, Duration took) {
    const std::string_view id = std::string_view(result.image_id).substr(7, 12);
    std::vector<std::string> names;
    for (const std::string& tag : result.tags) {
        const auto name = image::Reference::parse(tag);
        names.push_back(name.ok() ? name.value().str() : tag);
    }
    if (progress != "classic") {
        tell(cat("Built ", id, names.empty() ? "" : " ", join_text(names, ", "), " in ", seconds_text(took, 1), "s\n"));
        return;
    }
    print_line(cat("Successfully built ", id));
    for (const std::string& name : names) print_line(cat("Successfully tagged ", name));
}

Result<int> build(Session& session, BuildCommand& options, const Words& arguments) {
    builder::BuildOptions& request = options.build;
    request.context = arguments[0];
    if (!options.annotations.empty())
        return Error(Kind::unsupported, "--annotation is not supported: an image has a manifest only once it is pushed or saved")
            .with_hint("use --label");
    if (options.keep_storage) request.keep_storage = static_cast<std::uint64_t>(*options.keep_storage);
    if (options.jobs) request.jobs = static_cast<int>(*options.jobs);
    if (options.check) request.call = "check";
    if (request.platform.empty())
        if (const char* platform = std::getenv("DOCKER_DEFAULT_PLATFORM"); platform != nullptr) request.platform = platform;
    options.progress = choose_progress(options);
    const Tick start = tick_now();
    builder::BuildResult result;
    {
        // The last frame is drawn when the progress goes, before anything else is told.
        const auto progress = TRY(make_build_progress(options.progress));
        container::Engine* engine = TRY(session.engine());
        request.pull_image = [&](const std::string& name) {
            return provide_image(*engine, name,
                                 {.policy = request.pull ? "always" : "missing",
                                  .platform = request.platform,
                                  .quiet = options.quiet,
                                  .descriptor = 2,
                                  .access = {}});
        };
        request.push_image = [&](const std::string& name) -> Result<void> {
            const image::Store* store = TRY(engine->images());
            const image::Reference reference = TRY(image::Reference::parse(name));
            return push_image(*store, reference, {.access = {}, .quiet = options.quiet, .descriptor = 2});
        };
        result = TRY(builder::build(*engine, request, *progress));
    }
    if (!result.report.empty()) print(result.report);
    if (options.quiet && !result.image_id.empty()) print_line(result.image_id);
    if (!options.quiet && options.progress != "rawjson" && !result.image_id.empty())
        tell_result(result, options.progress, tick_now() - start);
    return request.call == "check" && result.warnings > 0 ? 1 : 0;
}

}  // namespace

Action define_build(Parser& p) {
    const auto options = std::make_shared<BuildCommand>();
    p.usage("PATH|URL|-", 1, 1, Values::folder);
    describe_result(p, *options);
    describe_input(p, *options);
    describe_steps(p, *options);
    describe_telling(p, *options);
    p.about(
        "Builds an image from a Dockerfile and the files beside it. A failed build leaves no image and no container behind, and "
        "tells how to look inside the failed step.");
    p.example("berth build -t app:1.0 .", "the Dockerfile of this folder");
    p.example("berth build -f docker/Dockerfile --build-arg VERSION=2 --target test .", "another file, an argument, one stage");
    p.example("berth build -q - < Dockerfile", "without a context, print the id only");
    p.see_also("run, images, history, builder prune");
    return [options](Session& session, const Words& arguments) { return build(session, *options, arguments); };
}

}  // namespace berth::cli
