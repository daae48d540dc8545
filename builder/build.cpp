// The whole of a build, top to bottom: read, plan, resolve, work, record. Nothing gets a name before everything is there.

#include "builder/build.h"

#include <algorithm>
#include <cstdlib>

#include <unistd.h>

#include "base/file.h"
#include "base/ids.h"
#include "builder/cache.h"
#include "builder/cache_folder.h"
#include "builder/checks.h"
#include "builder/failed_step.h"
#include "builder/options.h"
#include "builder/outputs.h"
#include "builder/remote.h"
#include "builder/scheduler.h"
#include "builder/sweep.h"
#include "builder/text.h"
#include "builder/triggers.h"
#include "container/history.h"
#include "image/archive.h"

namespace berth::builder {
namespace {

/// A step of the build itself: shown, timed, reported when it fails.
template <class Work>
auto with_numbered_step(StepLog& log, const std::string& name, Work work) {
    const int step = log.started(name, 0, 0);
    auto result = work(step);
    if (result.ok()) log.done(step);
    else log.failed(step, StepFailure{result.error().text(), "", "", 0, ""});
    return result;
}

template <class Work>
auto with_step(StepLog& log, const std::string& name, Work work) {
    return with_numbered_step(log, name, [&](int) { return work(); });
}

Result<void> open_named_contexts(Session& session) {
    for (const std::string& text : session.options.build_contexts) {
        const NamedContext named = TRY(parse_named_context(text), "--build-context '", text, "'");
        constexpr std::string_view image_scheme = "docker-image://", layout_scheme = "oci-layout://";
        if (named.what.starts_with(image_scheme)) {
            session.aliases[named.name] = named.what.substr(image_scheme.size());
        } else if (named.what.starts_with(layout_scheme)) {
            auto loaded = TRY(image::load_images_folder(session.store, named.what.substr(layout_scheme.size())), "--build-context ", named.name);
            if (loaded.empty()) return Error(Kind::not_found, cat("--build-context ", named.name, ": the layout holds no image"));
            session.images.emplace(named.name, loaded.front().id);
        } else if (is_url(named.what) || is_git(named.what)) {
            Context context = TRY(Context::of_url(session.store, named.what), "--build-context ", named.name);
            session.folders.emplace(named.name, std::move(context));
        } else {
            Context context = TRY(Context::of_folder(named.what), "--build-context ", named.name);
            session.folders.emplace(named.name, std::move(context));
        }
    }
    return {};
}

Result<void> open_agents(Session& session) {
    const std::map<std::string, SshSource> sources = TRY(parse_ssh(session.options.ssh));
    for (const auto& [id, source] : sources) {
        session.ssh[id] = source.socket;
        if (source.keys.empty()) continue;
        KeyAgent agent = TRY(KeyAgent::start(cat(session.engine.paths().run_root, "/builds/", random_hex(8)), source.keys), "--ssh ", id);
        session.ssh[id] = agent.socket();
        session.agents.push_back(std::move(agent));
    }
    return {};
}

Result<Platform> choose_platform(const BuildOptions& options) {
    if (options.platform.empty()) return host_platform();
    return TRY(parse_platform(options.platform), "--platform");
}

FileDigests open_digests(const Session& session) {
    if (session.context.identity().empty()) return {};
    const std::string folder = session.folder() + "/stat-cache";
    if (!make_host_folders(folder, 0700).ok()) return {};
    const Digest name = Digest::of_bytes(session.context.identity());
    return FileDigests::load(folder, std::string(name.hex().substr(0, 32)));
}

Result<Session> open_session(container::Engine& engine, const image::Store& store, const image::Lease& lease, const BuildOptions& options, StepLog& log) {
    const std::string shown = options.file.value_or("Dockerfile");
    auto loaded = with_step(log, cat("[internal] load build definition from ", shown.substr(shown.rfind('/') + 1)), [&] { return load_inputs(store, options); });
    Inputs inputs = TRY(std::move(loaded));
    Dockerfile file = TRY(parse_dockerfile(inputs.dockerfile, inputs.name));
    Session session{.engine = engine, .store = store, .lease = lease, .options = options, .context = std::move(inputs.context), .file = std::move(file),
                    .plan = {}, .platform = {}, .build_args = {}, .epoch = {}, .folders = {}, .aliases = {}, .images = {}, .triggers = {},
                    .secrets = {}, .ssh = {}, .agents = {}, .allowed = {}, .uncached_stages = {}, .volumes = {}, .imported = {}, .other_keys = {}, .has_worked = false, .digests = {}};
    session.platform = TRY(choose_platform(options));
    session.build_args = TRY(read_build_args(options));
    session.plan = TRY(plan_stages(session.file, {options.target, options.from, session.platform, session.build_args}));
    session.epoch = TRY(parse_epoch(options, session.build_args));
    session.secrets = TRY(parse_secrets(options.secrets));
    TRY(open_agents(session));
    session.allowed = TRY(parse_allowed(options.allow), "--allow");
    for (const std::string& text : options.no_cache_filter)
        for (const std::string& name : split(text, ',')) session.uncached_stages.insert(to_lower(name));
    session.volumes = TRY(parse_volumes(options.volumes));
    const std::vector<CachePlace> places = TRY(parse_cache_places(options.cache_from, CacheUse::import_from));
    for (const CachePlace& place : places) {
        std::map<std::string, ImportedStep> steps = TRY(open_cache_folder(place.folder), "--cache-from ", place.folder);
        session.imported.merge(std::move(steps));
    }
    TRY(open_named_contexts(session));
    session.digests = open_digests(session);
    return session;
}

/// What only the finished image gets: labels and variables of the command line.
void add_from_command_line(StageState& state, const BuildOptions& options) {
    image::RunConfig& config = state.image.config;
    for (const auto& [key, value] : parse_labels(options.labels)) config.labels[key] = value;
    for (const std::string& text : options.env) {
        const Cut parts = cut(text, '=');
        const char* inherited = parts.after ? nullptr : std::getenv(std::string(parts.before).c_str());
        Variables variables(config.env);
        variables.set(parts.before, parts.after ? *parts.after : std::string_view(inherited != nullptr ? inherited : ""));
        config.env = variables.texts();
    }
}

Result<image::ImageId> write_result(const Session& session, StageState state) {
    add_from_command_line(state, session.options);
    image::ImageConfig config = std::move(state.image);
    config.created = session.epoch.value_or(state.time);
    const image::ImageId id = TRY(session.store.write_image(session.lease, std::move(config), state.layers));
    if (!session.options.squash) return id;
    return image::squash_image(session.store, session.lease, id, std::nullopt);
}

Result<void> write_files(const BuildOptions& options, const BuildResult& result) {
    const auto write = [](const std::string& path, const std::string& text) -> Result<void> {
        const Fd file = TRY(sys::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644));
        return sys::write_all(file, text);
    };
    if (!options.iidfile.empty()) TRY(write(options.iidfile, result.image_id), "--iidfile");
    if (options.metadata_file.empty()) return {};
    Json metadata;
    metadata.set("containerimage.config.digest", result.image_id);
    metadata.set("containerimage.digest", result.image_id);
    if (!result.tags.empty()) metadata.set("image.name", join(result.tags, ","));
    TRY(write(options.metadata_file, json_text(metadata, JsonStyle::indented) + "\n"), "--metadata-file");
    return {};
}

/// --cache-to: the steps of the result, or with mode=max of all stages.
Result<void> export_caches(const Session& session, const StageState& state, const std::vector<CachePlace>& places, StepLog& log) {
    for (const CachePlace& place : places) {
        std::vector<std::string> keys = state.step_keys;
        if (place.all_stages) keys.insert(keys.end(), session.other_keys.begin(), session.other_keys.end());
        TRY(with_step(log, "exporting cache to client directory", [&] { return export_cache(session, place.folder, keys); }), "--cache-to ", place.folder);
    }
    return {};
}

/// An image that was only made to be written elsewhere: it must not stay as one without a name.
Result<void> remove_unless_known(const Session& session, const image::ImageId& id, const std::set<std::string>& known) {
    if (known.count(id.str()) != 0) return {};
    return TRY(session.store.remove(id.str(), image::Store::Force::yes, image::Store::Parents::keep, {})), Result<void>();
}

Result<std::set<std::string>> known_images(const image::Store& store) {
    std::set<std::string> known;
    const auto listed = TRY(store.list());
    for (const image::Store::Listed& one : listed) known.insert(one.id.str());
    return known;
}

Result<BuildResult> finish(const Session& session, StageState state, const std::vector<image::Reference>& tags, const std::vector<Output>& outputs, StepLog& log) {
    BuildResult result;
    const bool keeps_image = std::any_of(outputs.begin(), outputs.end(), [](const Output& output) { return output.type == Output::Type::image; });
    const bool needs_image = std::any_of(outputs.begin(), outputs.end(), [](const Output& output) { return output.needs_image(); });
    std::set<std::string> known;
    if (needs_image && !keeps_image) known = TRY(known_images(session.store));
    std::optional<image::ImageId> id;
    if (needs_image) id = TRY(write_result(session, state));
    const auto record = [&](int step) -> Result<void> {
        for (const Output& output : outputs) TRY(write_output(session, output, state, id, tags));
        if (!keeps_image) return {};
        // BuildKit's words: scripts look for the id and the names in them.
        log.part_done(step, cat("writing image ", id->str()));
        for (const image::Reference& tag : tags) {
            TRY(session.store.tag(*id, tag), "tag ", tag.str());
            container::note(session.store.root(), {container::image_event(session.store, *id, "tag", tag.str())});
            log.part_done(step, cat("naming to ", tag.full()));
        }
        return {};
    };
    TRY(with_numbered_step(log, outputs.front().step_name(), record));
    if (id && !keeps_image) TRY(remove_unless_known(session, *id, known));
    if (keeps_image) {
        result.image_id = id->str();
        for (const image::Reference& tag : tags) result.tags.push_back(tag.full());
        ignore(session.store.settle_in_background(), "the image is usable; the next settling writes it");
    }
    TRY(write_files(session.options, result));
    const bool pushes = std::any_of(outputs.begin(), outputs.end(), [](const Output& output) { return output.pushes; });
    if (!pushes || !session.options.push_image) return result;
    for (const std::string& tag : result.tags) TRY(session.options.push_image(tag), "push ", tag);
    return result;
}

Result<void> check_call(const std::string& call) {
    const std::vector<std::string> calls = {"build", "check", "outline", "targets"};
    if (std::find(calls.begin(), calls.end(), call) != calls.end()) return {};
    return Error(Kind::invalid, cat("--call: unknown method '", call, "'", suggestion(call, calls)));
}

/// --call: what is told without building anything.
Result<BuildResult> answer_call(Session& session) {
    BuildResult result;
    if (session.options.call == "targets") return result.report = targets_report(session), result;
    if (session.options.call == "outline") return result.report = outline_report(session), result;
    // Variables of base images are known when the images are here; nothing is pulled for a check.
    for (const Stage& stage : session.plan.stages) {
        if (stage.parent || stage.base == "scratch") continue;
        if (const auto id = session.store.resolve(stage.base); id.ok()) session.images.emplace(stage.base, id.value());
    }
    const std::vector<Finding> findings = TRY(check_file(session));
    result.report = check_report(session.file, findings);
    result.warnings = static_cast<int>(findings.size());
    return result;
}

Result<int> tell_findings(const Session& session, Progress& progress) {
    const std::vector<Finding> findings = TRY(check_file(session));
    for (const Finding& finding : findings) progress.warning(finding.rule, finding.text, session.file.name, finding.first_line);
    if (!findings.empty() && findings_are_errors(session.file)) {
        const Finding& first = findings.front();
        return Error(Kind::invalid, cat(session.file.name, ':', first.first_line, ": ", first.rule, ": ", first.text)).with_hint("the Dockerfile asks for it: check=error=true");
    }
    return static_cast<int>(findings.size());
}

/// What the command line wants made of the result.
struct Wishes {
    const std::vector<image::Reference>& tags;
    const std::vector<Output>& outputs;
    const std::vector<CachePlace>& caches;
};
Result<BuildResult> build_in(Session& session, const Wishes& wishes, StepLog& log) {
    const std::vector<std::size_t> order = TRY(resolve_stages(session));
    const int warnings = TRY(tell_findings(session, log.progress()));
    StageState state = TRY(build_stages(session, order, log));
    ignore(session.digests.store(), "the next build reads the files again");
    TRY(export_caches(session, state, wishes.caches, log));
    BuildResult result = TRY(finish(session, std::move(state), wishes.tags, wishes.outputs, log));
    result.warnings = warnings;
    return result;
}

}  // namespace

Result<BuildResult> build(container::Engine& engine, const BuildOptions& options, Progress& progress) {
    const std::vector<image::Reference> tags = TRY(parse_tags(options.tags));
    const std::vector<Output> outputs = TRY(parse_outputs(options));
    const std::vector<CachePlace> cache_places = TRY(parse_cache_places(options.cache_to, CacheUse::export_to));
    TRY(check_call(options.call));
    const image::Store* store = TRY(engine.images());
    const image::Lease lease = TRY(store->make_lease());
    sweep_private_files(engine);
    // When that cannot be done the next build tries again.
    const bool had_failed = drop_failed_steps(engine, *store).value_or(false);
    // A file that tells of an earlier build must not outlive a failure of this one.
    if (!options.iidfile.empty()) ::unlink(options.iidfile.c_str());
    StepLog log(progress);
    Session session = TRY(open_session(engine, *store, lease, options, log));
    if (options.call != "build") return answer_call(session);
    auto built = build_in(session, {tags, outputs, cache_places}, log);
    for (KeyAgent& agent : session.agents) ignore(agent.stop(), "it ends with this process anyway");
    if (built.ok() && (session.has_worked || had_failed))
        ignore(tidy_cache_in_background(engine, options.keep_storage), "the next build tries again");
    return built;
}

}  // namespace berth::builder
