// COPY and ADD. Everything is looked up before anything is written: the key needs the content of what is selected, and a
// missing source must leave nothing behind.

#include <algorithm>

#include "base/file.h"
#include "builder/archive_probe.h"
#include "builder/attributes.h"
#include "builder/keys.h"
#include "builder/layer_writer.h"
#include "builder/remote.h"
#include "builder/step.h"
#include "builder/text.h"
#include "image/archive.h"
#include "image/overlay.h"
#include "image/unpack.h"

namespace berth::builder {
namespace {

/// Something to copy and the tree it is in.
struct Source {
    std::shared_ptr<Origin> origin;
    Selection selection;
    bool may_unpack = false;
    /// ADD of a URL: 0600 root, whatever the temporary file is.
    std::optional<mode_t> mode;
};

struct CopyWork {
    Copy copy;
    std::string destination;  ///< absolute; a trailing slash is kept
    std::vector<Source> sources;
    std::vector<image::LayerRef> layers;
    std::optional<ModeChange> mode;
    std::vector<image::Staging> downloads;  ///< live as long as the sources
};

std::string absolute_destination(const std::string& working_dir, const std::string& written) {
    const std::string wanted = written.empty() || written == "." ? "./" : written;
    std::string path = join_path(working_dir.empty() ? "/" : working_dir, wanted);
    const bool means_folder = wanted.ends_with('/') || wanted.ends_with("/.");
    if (means_folder && path != "/") path += '/';
    return path;
}

Error needs_slash(const Copy& copy) {
    return Error(Kind::invalid, cat("when using ", copy.is_add ? "ADD" : "COPY", " with more than one source file, the destination must be a directory and end with a /: found '", copy.destination, "'"));
}

std::string description_of(const Session& session, std::size_t stage) {
    const std::string& name = session.plan.stages[stage].name;
    return name.empty() ? cat("stage ", stage) : cat("stage '", name, "'");
}

Result<Origin> image_origin(const StepContext& context, const std::string& name) {
    const image::ImageId id = TRY(resolve_image(context.session, name), "--from=", name);
    const image::ImageRecord record = TRY(context.session.store.load_record(id));
    const std::vector<image::LayerRef> layers = TRY(context.session.store.layers_of(record));
    Root root = TRY(open_view(context.session.store, layers));
    return Origin{std::move(root), false, cat("image '", name, "'"), layers_key(layers)};
}

/// A file of the web or a repository, in a staging of its own.
Result<Source> fetch_source(CopyWork& work, const StepContext& context, const std::string& url) {
    image::Staging staging = TRY(context.session.store.make_staging());
    Source source;
    std::string top = staging.fs_path(), path;
    if (is_git(url)) {
        GitAddress address = TRY(parse_git(url));
        if (address.checksum.empty()) address.checksum = work.copy.checksum;
        top = TRY(clone_git(address, staging.fs_path(), work.copy.keeps_git_folder || address.keeps_git_folder.value_or(false)));
    } else {
        Fd body = TRY(sys::openat(staging.fs(), "body", O_RDWR | O_CREAT | O_EXCL, 0600));
        const Download download = TRY(fetch_file(url, body));
        const struct timespec time = {download.modified.nanoseconds / 1'000'000'000, 0}, times[2] = {time, time};
        ::futimens(body.raw(), times);
        TRY(sys::renameat(staging.fs(), "body", staging.fs(), download.name));
        path = download.name;
        source.may_unpack = work.copy.unpack.value_or(false);
        source.mode = 0600;
    }
    Root root = TRY(Root::open(top));
    source.origin = std::make_shared<Origin>(Origin{std::move(root), true, url, ""});
    std::vector<Selection> selections = TRY(select_source({source.origin->root, nullptr, url}, {path, false, nullptr}));
    source.selection = std::move(selections.front());
    work.downloads.push_back(std::move(staging));
    return source;
}

Result<void> check_checksum(const CopyWork& work, FileDigests& digests) {
    const std::string& wanted = work.copy.checksum;
    if (wanted.empty()) return {};
    if (!work.copy.is_add) return Error(Kind::invalid, "checksum can't be specified for COPY");
    if (work.copy.sources.size() != 1) return Error(Kind::invalid, "checksum can't be specified for multiple sources");
    if (is_git(work.copy.sources.front())) return {};
    if (!is_url(work.copy.sources.front())) return Error(Kind::invalid, "checksum requires HTTP(S) or Git sources");
    TRY(Digest::parse(wanted), "--checksum");
    const Source& source = work.sources.front();
    const SourceEntry& entry = source.selection.entries.front();
    const std::string found = TRY(digests.digest_of(source.origin->root, source.selection.root, entry.status));
    if (wanted == cat("sha256:", found)) return {};
    return Error(Kind::corrupt, cat("digest mismatch sha256:", found, ": ", wanted, " was expected"));
}

Result<void> select_all(CopyWork& work, const StepContext& context, const std::shared_ptr<Origin>& origin) {
    const Copy& copy = work.copy;
    const IgnoreMatcher excluded = TRY(IgnoreMatcher::compile(copy.excludes), "--exclude");
    for (const std::string& written : copy.sources) {
        if (is_url(written) || is_git(written)) {
            if (!copy.is_add) return Error(Kind::invalid, cat("source can't be a URL for COPY: '", written, "'")).with_hint("ADD takes URLs and git addresses");
            Source source = TRY(fetch_source(work, context, written));
            work.sources.push_back(std::move(source));
            continue;
        }
        const IgnoreMatcher* ignored = origin->is_context ? context.session.context.ignored() : nullptr;
        const SourceTree tree{origin->root, ignored, origin->description};
        std::vector<Selection> found = TRY(select_source(tree, {written, copy.parents, excluded.empty() ? nullptr : &excluded}));
        for (Selection& selection : found)
            work.sources.push_back({origin, std::move(selection), copy.unpack.value_or(copy.is_add), std::nullopt});
    }
    return {};
}

Result<Digest> make_key(const CopyWork& work, const StepContext& context, FileDigests& unremembered) {
    const Copy& copy = work.copy;
    KeyText key("copy");
    // --link looks at nothing below, and so stays valid whatever lies there.
    if (!copy.link) key.add("layers", layers_key(work.layers));
    key.add("destination", work.destination).add("chown", copy.chown).add("chmod", copy.chmod);
    key.add("flags", cat(copy.is_add, copy.link, copy.parents, copy.unpack ? (*copy.unpack ? "unpack" : "keep") : ""));
    if (context.session.epoch) key.add("epoch", moment_text(*context.session.epoch));
    for (const Source& source : work.sources) {
        const ContentOptions options{!source.origin->is_context && copy.chown.empty(), !(work.mode && work.mode->is_octal())};
        FileDigests& digests = source.origin.get()->is_context && work.downloads.empty() ? context.session.digests : unremembered;
        const std::string content = TRY(selection_key(source.origin->root, source.selection, digests, options));
        key.add("source", content);
    }
    for (const Heredoc& document : copy.documents) key.add("name", document.name).add("content", document.content);
    return key.digest();
}

/// Unpacks through an overlay mount: an archive may hold whatever it likes, and the kernel knows what that does to the
/// layers below.
Result<void> unpack_archive(const Source& source, const CopyWork& work, const StepContext& context, image::Staging& staging, const std::optional<Owner>& owner) {
    image::OverlayRequest request;
    request.lowers = TRY(context.session.store.layer_folders(work.copy.link ? std::vector<std::string>() : keys_of(work.layers)));
    request.upper = staging.fs_path();
    request.work = staging.work_path();
    // Not volatile: such a work folder cannot be mounted a second time, and the next archive does that.
    Fd mount = TRY(image::mount_overlay(request));
    const Root root = TRY(Root::of(std::move(mount)));
    const Owner parents = owner.value_or(Owner{});
    Fd folder = TRY(root.make_folders(work.destination, 0755, parents.uid, parents.gid));
    const Root into = TRY(Root::of(std::move(folder)));
    const Fd archive = TRY(source.origin->root.open_beneath(source.selection.root, O_RDONLY | O_NOFOLLOW));
    auto plain = TRY(image::open_decompressed(archive), source.selection.name);
    image::UnpackOptions options;
    // The archive's own top says nothing about the destination (docker: the same).
    options.rename = [](const std::string& path) { return path.empty() ? std::nullopt : std::optional(path); };
    if (owner) {
        options.uid = owner->uid;
        options.gid = owner->gid;
    }
    TRY(image::unpack(*plain, into, options), "unpack ", source.selection.name);
    return {};
}

Result<bool> takes_as_archive(const Source& source) {
    const SourceEntry& entry = source.selection.entries.front();
    if (!source.may_unpack || !S_ISREG(entry.status.st_mode) || entry.status.st_size == 0) return false;
    const Fd file = TRY(source.origin->root.open_beneath(source.selection.root, O_RDONLY | O_NOFOLLOW));
    return is_archive(file);
}

class CopyApplier {
public:
    CopyApplier(const CopyWork& work, LayerWriter& writer) : work_(work), writer_(writer) {}

    Result<void> copy(const Source& source) {
        const Selection& selection = source.selection;
        if (!selection.is_folder()) {
            const std::string path = TRY(file_target(selection.name));
            TRY(put(source, selection.entries.front(), path));
            return {};
        }
        const LayerWriter::Place top = TRY(writer_.resolve(work_.destination));
        if (top.status && !top.is_folder()) return Error(Kind::exists, cat("cannot copy to non-directory: ", work_.destination));
        TRY(writer_.make_folder(top.path));
        if (top.status) writer_.set_time_later(top.path, selection.entries.front().status.st_mtim);
        for (std::size_t i = 1; i < selection.entries.size(); ++i) {
            const SourceEntry& entry = selection.entries[i];
            TRY(put(source, entry, top.path.empty() ? entry.path : cat(top.path, '/', entry.path)));
        }
        return {};
    }

    Result<void> write(const Heredoc& document) {
        const std::string path = TRY(file_target(document.name));
        return writer_.put_text(document.content, path, 0644);
    }

private:
    /// A file goes into a destination that is, or is to be, a folder; else the destination is its name.
    Result<std::string> file_target(const std::string& name) {
        LayerWriter::Place place = TRY(writer_.resolve(work_.destination));
        const bool goes_inside = work_.destination.ends_with('/') || place.is_folder();
        if (!goes_inside) return place.path;
        const std::string inner = place.path.empty() ? name : cat(place.path, '/', name);
        place = TRY(writer_.resolve(inner));
        // A link there is replaced, not followed: only the destination itself is.
        return inner;
    }

    Result<void> put(const Source& source, const SourceEntry& entry, const std::string& path) {
        const std::string& root = source.selection.root;
        struct stat status = entry.status;
        if (source.mode) status.st_mode = (status.st_mode & S_IFMT) | *source.mode;
        const LayerWriter::Entry what{source.origin->root, root.empty() ? entry.path : entry.path.empty() ? root : cat(root, '/', entry.path),
                                      status, entry.link, !source.origin->is_context};
        return S_ISDIR(status.st_mode) ? writer_.put_folder(what, path) : writer_.put_other(what, path);
    }

    const CopyWork& work_;
    LayerWriter& writer_;
};

Result<void> apply(const CopyWork& work, const StepContext& context, image::Staging& staging) {
    const Root upper = TRY(Root::open(staging.fs_path()));
    std::optional<Root> below;
    if (!work.copy.link && !work.layers.empty()) below.emplace(TRY(open_view(context.session.store, work.layers)));
    NewAttributes attributes;
    if (!work.copy.chown.empty()) attributes.owner = TRY(resolve_owner(work.copy.chown, below ? &*below : nullptr));
    attributes.mode = work.mode ? &*work.mode : nullptr;
    attributes.time = context.session.epoch;
    LayerWriter writer(upper, below ? &*below : nullptr, attributes);
    CopyApplier applier(work, writer);
    for (const Source& source : work.sources) {
        const bool is_archive = TRY(takes_as_archive(source));
        if (is_archive) TRY(unpack_archive(source, work, context, staging, attributes.owner));
        else TRY(applier.copy(source));
        // BuildKit: names of one file stay linked within a source, not from one source, or match of a wildcard, to another.
        TRY(writer.end_source());
    }
    for (const Heredoc& document : work.copy.documents) TRY(applier.write(document));
    return writer.finish();
}

Result<Origin> folder_origin(const StepContext& context, const std::string& name) {
    Fd folder = TRY(context.session.folders.find(to_lower(name))->second.root().fd().duplicate());
    Root root = TRY(Root::of(std::move(folder)));
    return Origin{std::move(root), true, cat("context '", name, "'"), ""};
}

}  // namespace

Result<std::optional<Origin>> open_origin(const StepContext& context, const std::string& from) {
    Session& session = context.session;
    if (from.empty()) {
        Fd folder = TRY(session.context.root().fd().duplicate());
        Root root = TRY(Root::of(std::move(folder)));
        return std::optional(Origin{std::move(root), true, "the build context", ""});
    }
    if (session.folders.count(to_lower(from)) != 0) {
        Origin origin = TRY(folder_origin(context, from));
        return std::optional(std::move(origin));
    }
    const auto stage = TRY(session.plan.find_source(from, context.stage));
    if (!stage) {
        Origin origin = TRY(image_origin(context, from));
        return std::optional(std::move(origin));
    }
    const StageState* state = TRY(context.siblings(*stage));
    if (state == nullptr) return std::optional<Origin>();
    Root root = TRY(open_view(session.store, state->layers));
    return std::optional(Origin{std::move(root), false, description_of(session, *stage), layers_key(state->layers)});
}

Result<std::optional<LayerStep>> plan_copy(const StepContext& context, const Copy& copy) {
    if (copy.from.find('$') != std::string::npos)
        return Error(Kind::invalid, "variable expansion is not supported for --from").with_hint("define a new stage: FROM with an ARG from before the first FROM, AS NAME");
    auto opened = TRY(open_origin(context, copy.from));
    if (!opened) return std::optional<LayerStep>();
    auto work = std::make_shared<CopyWork>();
    work->copy = copy;
    work->layers = context.state.layers;
    work->destination = absolute_destination(context.state.image.config.working_dir, copy.destination);
    if (!copy.chmod.empty()) work->mode = TRY(ModeChange::parse(copy.chmod));
    if (copy.sources.size() + copy.documents.size() > 1 && !work->destination.ends_with('/')) return needs_slash(copy);
    TRY(select_all(*work, context, std::make_shared<Origin>(std::move(*opened))));
    const auto files = std::count_if(work->sources.begin(), work->sources.end(), [](const Source& source) { return !source.selection.is_folder(); });
    if (files > 1 && !work->destination.ends_with('/')) return needs_slash(copy);
    FileDigests unremembered;
    TRY(check_checksum(*work, unremembered));
    Digest key = TRY(make_key(*work, context, unremembered));
    Session& session = context.session;
    LayerStep step{std::move(key), copy_history(copy), {}};
    step.make = [work, &session, state = &context.state, stage = context.stage, siblings = &context.siblings](image::Staging& staging, int) {
        return apply(*work, {session, *state, stage, *siblings, nullptr, nullptr}, staging);
    };
    return std::optional(std::move(step));
}

Result<LayerStep> plan_folder_base(const StepContext& context, const std::string& name) {
    Copy copy;
    copy.sources = {"."};
    copy.destination = "/";
    copy.from = name;
    auto step = TRY(plan_copy(context, copy));
    // A folder is always there, unlike a stage.
    step->history = cat("FROM ", name);
    return std::move(*step);
}

}  // namespace berth::builder
