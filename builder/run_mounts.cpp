#include "builder/run_mounts.h"

#include <cerrno>
#include <cstdlib>
#include <map>

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/ids.h"
#include "builder/attributes.h"
#include "builder/context_view.h"
#include "builder/keys.h"
#include "builder/layer_writer.h"
#include "builder/text.h"
#include "image/overlay.h"

namespace berth::builder {
namespace {

using Type = RunMount::Type;

constexpr std::size_t largest_secret = 500 * 1024;

std::string absolute_target(const RunMount& mount, const std::string& working_dir) { return join_path(working_dir, mount.target); }

Result<std::string> resolve_source(const Origin& origin, const RunMount& mount) {
    const auto path = TRY(resolve_in_tree(origin.root, mount.source));
    if (!path) return Error(Kind::not_found, cat("\"", join_path("/", mount.source), "\": not found in ", origin.description));
    return *path;
}

container::StepMount bind_at(std::string target, Fd source, bool is_read_only) {
    container::StepMount mount;
    mount.source = std::move(source);
    mount.target = std::move(target);
    mount.read_only = is_read_only;
    return mount;
}

/// A writable view whose changes are thrown away (BuildKit: rw binds).
Result<Fd> open_writable(MountsOfRun& all, const Session& session, Fd folder) {
    image::Staging staging = TRY(session.store.make_staging());
    image::OverlayRequest request;
    request.lowers = {cat("/proc/self/fd/", folder.raw())};
    request.upper = staging.fs_path();
    request.work = staging.work_path();
    request.is_volatile = true;
    Fd view = TRY(image::mount_overlay(request));
    all.stagings.push_back(std::move(staging));
    return view;
}

/// Only the root of a detached mount can be mounted somewhere (mount_setattr and open_tree refuse the rest on older
/// kernels), so what lies below it gets a mount of its own: a folder by an overlay over it, a file as a copy.
Result<Fd> lift_out(MountsOfRun& all, const Session& session, const Origin& origin, const std::string& path, Fd source) {
    const struct stat status = TRY(sys::fstat(source));
    if (S_ISDIR(status.st_mode)) {
        image::OverlayRequest request;
        request.lowers = {cat(session.store.root(), "/empty"), cat("/proc/self/fd/", source.raw())};
        return image::mount_overlay(request);
    }
    image::Staging staging = TRY(session.store.make_staging());
    const Root copy = TRY(Root::open(staging.fs_path()));
    LayerWriter writer(copy, nullptr, {});
    TRY(writer.put_other({origin.root, path, status, "", true}, "file"));
    Fd file = TRY(copy.open_beneath("file", O_PATH | O_NOFOLLOW));
    all.stagings.push_back(std::move(staging));
    return file;
}

Result<void> add_bind(MountsOfRun& all, const StepContext& context, const RunMount& mount, const std::string& target) {
    auto origin = TRY(open_origin(context, mount.from));
    if (!origin) return Error(Kind::wrong_state, cat("stage '", mount.from, "' is not finished"));
    const IgnoreMatcher* ignored = origin->is_context && mount.from.empty() ? context.session.context.ignored() : nullptr;
    if (ignored != nullptr) {
        image::Staging mask = TRY(context.session.store.make_staging());
        Fd view = TRY(open_context_view(origin->root, *ignored, mask));
        origin->root = TRY(Root::of(std::move(view)));
        all.stagings.push_back(std::move(mask));
    }
    const std::string path = TRY(resolve_source(*origin, mount));
    Fd source = TRY(origin->root.open_beneath(path, O_PATH | O_NOFOLLOW));
    const struct stat status = TRY(sys::fstat(source));
    const bool is_detached = ignored != nullptr || !origin->layers_key.empty();
    if (!mount.read_only && S_ISDIR(status.st_mode)) source = TRY(open_writable(all, context.session, std::move(source)));
    else if (is_detached && !path.empty()) source = TRY(lift_out(all, context.session, *origin, path, std::move(source)));
    all.mounts.push_back(bind_at(target, std::move(source), mount.read_only));
    return {};
}

/// ROOT/builder/mounts/<digest of the id>: lock, id, data or data.N.
std::string cache_path(const Session& session, const std::string& id) {
    const Digest key = Digest::of_bytes(id);
    return cat(session.folder(), "/mounts/", key.hex().substr(0, 32));
}
Result<Fd> open_cache_folder(const Session& session, const std::string& id) {
    const std::string path = cache_path(session, id);
    TRY(make_host_folders(path, 0700));
    Fd folder = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
    TRY(replace_file(folder, "id", id, 0600, Durability::boot));
    return folder;
}

std::string cache_id(const RunMount& mount) { return mount.id.empty() ? clean_path(mount.target) : mount.id; }

/// Takes the locks of all caches of a RUN that others may share or wait for, always in the same order: so that two RUNs never
/// wait for each other, and one never for itself. Whoever prunes sees by them what is in use.
Result<void> lock_caches(MountsOfRun& all, const Session& session, const std::vector<RunMount>& mounts) {
    std::map<std::string, LockMode> wanted;
    for (const RunMount& mount : mounts) {
        if (mount.type != Type::cache || mount.sharing == RunMount::Sharing::exclusive) continue;
        LockMode& mode = wanted.try_emplace(cache_id(mount), LockMode::shared).first->second;
        if (mount.sharing == RunMount::Sharing::locked) mode = LockMode::exclusive;
    }
    for (const auto& [id, mode] : wanted) {
        const Fd folder = TRY(open_cache_folder(session, id));
        DirLock lock = TRY(DirLock::wait_at(folder, "lock", mode), "cache '", id, "'");
        all.locks.push_back(std::move(lock));
    }
    return {};
}

/// The folder to mount: one for all, or with sharing=private the first that nobody has.
Result<std::string> choose_data(MountsOfRun& all, const Fd& folder, RunMount::Sharing sharing) {
    if (sharing != RunMount::Sharing::exclusive) return std::string("data");
    for (int number = 0;; ++number) {
        const std::string suffix = number == 0 ? "" : cat('.', number);
        auto lock = DirLock::try_at(folder, cat("lock", suffix), LockMode::exclusive);
        if (!lock.ok() && lock.error().kind() == Kind::busy) continue;
        DirLock held = TRY(std::move(lock));
        all.locks.push_back(std::move(held));
        return cat("data", suffix);
    }
}

/// A new cache starts as a copy of what from= and source= name.
Result<void> seed_cache(const StepContext& context, const RunMount& mount, const std::string& data_path) {
    if (mount.from.empty()) return {};
    auto origin = TRY(open_origin(context, mount.from));
    if (!origin) return {};
    std::vector<Selection> selections = TRY(select_source({origin->root, nullptr, origin->description}, {mount.source, false, nullptr}));
    const Root data = TRY(Root::open(data_path));
    LayerWriter writer(data, nullptr, {});
    const Selection& top = selections.front();
    for (const SourceEntry& entry : top.entries) {
        if (entry.path.empty()) continue;
        const LayerWriter::Entry what{origin->root, top.root.empty() ? entry.path : cat(top.root, '/', entry.path), entry.status, entry.link, true};
        TRY(S_ISDIR(entry.status.st_mode) ? writer.put_folder(what, entry.path) : writer.put_other(what, entry.path));
    }
    return writer.finish();
}

Result<void> add_cache(MountsOfRun& all, const StepContext& context, const RunMount& mount, const std::string& target) {
    const std::string id = cache_id(mount);
    const Fd folder = TRY(open_cache_folder(context.session, id));
    const std::string name = TRY(choose_data(all, folder, mount.sharing));
    const bool has_owner = mount.mode || mount.uid || mount.gid;
    if (has_owner && context.session.options.no_cache) TRY(remove_tree(folder, name));
    const auto made = sys::mkdirat(folder, name, 0755);
    if (!made.ok() && made.error().code() != EEXIST) return Error(made.error().kind(), made.error().text());
    Fd data = TRY(sys::openat(folder, name, O_RDONLY | O_DIRECTORY));
    if (made.ok()) {
        TRY(sys::fchown(data, mount.uid.value_or(0), mount.gid.value_or(0)));
        TRY(sys::fchmod(data, mount.mode.value_or(0755)));
        TRY(seed_cache(context, mount, cat(cache_path(context.session, id), '/', name)));
    }
    // Without from=, source= is a folder of the cache itself.
    if (mount.from.empty() && !mount.source.empty()) {
        const Root root = TRY(Root::of(std::move(data)));
        data = TRY(root.open_beneath(join_path("/", mount.source), O_PATH | O_DIRECTORY), "source=", mount.source);
    }
    all.mounts.push_back(bind_at(target, std::move(data), mount.read_only));
    return {};
}

Result<std::optional<std::string>> read_secret(const Session& session, const std::string& id) {
    const auto secret = session.secrets.find(id);
    if (secret == session.secrets.end()) return std::optional<std::string>();
    if (secret->second.file.empty()) {
        const char* value = std::getenv(secret->second.variable.c_str());
        return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
    }
    std::string text = TRY(read_file(secret->second.file, largest_secret), "secret '", id, "'");
    return std::optional(std::move(text));
}

Result<void> add_secret(MountsOfRun& all, const StepContext& context, const RunMount& mount, const std::string& working_dir) {
    const auto base = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
    const std::string id = !mount.id.empty() ? mount.id : !mount.source.empty() ? mount.source : base(mount.target);
    const auto value = TRY(read_secret(context.session, id));
    if (!value) {
        if (!mount.required) return {};
        return Error(Kind::not_found, cat("secret ", id, ": not found")).with_hint(cat("give it with --secret id=", id, ",src=FILE"));
    }
    if (mount.env) all.env.push_back(cat(*mount.env, '=', *value));
    if (mount.env && mount.target.empty()) return {};
    const std::string target = mount.target.empty() ? cat("/run/secrets/", base(id)) : absolute_target(mount, working_dir);
    const std::string path = TRY(all.write_private(*value, mount.mode.value_or(0400), mount.uid.value_or(0), mount.gid.value_or(0)));
    Fd source = TRY(sys::open(path, O_PATH));
    all.mounts.push_back(bind_at(target, std::move(source), true));
    return {};
}

Result<void> add_ssh(MountsOfRun& all, const StepContext& context, const RunMount& mount, int number) {
    const std::string id = mount.id.empty() ? "default" : mount.id;
    const auto socket = context.session.ssh.find(id);
    if (socket == context.session.ssh.end()) {
        if (!mount.required) return {};
        return Error(Kind::not_found, cat("unset ssh forward key ", id)).with_hint(cat("give it with --ssh ", id));
    }
    const std::string target = mount.target.empty() ? cat("/run/buildkit/ssh_agent.", number) : mount.target;
    const std::string path = TRY(all.private_path());
    const SocketAccess access{mount.uid.value_or(0), mount.gid.value_or(0), mount.mode.value_or(0600)};
    AgentRelay relay = TRY(AgentRelay::start(path, socket->second, access), "--ssh ", id);
    all.relays.push_back(std::move(relay));
    Fd source = TRY(sys::open(path, O_PATH));
    all.mounts.push_back(bind_at(target, std::move(source), false));
    all.env.push_back(cat("SSH_AUTH_SOCK=", target));
    return {};
}

Result<void> add_mount(MountsOfRun& all, const StepContext& context, const RunMount& mount, const std::string& working_dir, int number) {
    const std::string target = absolute_target(mount, working_dir);
    if (target == "/" && !mount.target.empty()) return Error(Kind::invalid, "invalid mount target \"/\"");
    switch (mount.type) {
        case Type::bind: return add_bind(all, context, mount, target);
        case Type::cache: return add_cache(all, context, mount, target);
        case Type::secret: return add_secret(all, context, mount, working_dir);
        case Type::ssh: return add_ssh(all, context, mount, number);
        case Type::tmpfs: break;
    }
    container::StepMount memory;
    memory.type = container::StepMount::Type::tmpfs;
    memory.target = target;
    memory.tmpfs_size = mount.size;
    memory.read_only = mount.read_only;
    all.mounts.push_back(std::move(memory));
    return {};
}

}  // namespace

Result<std::optional<std::string>> bind_key(const StepContext& context, const RunMount& mount) {
    auto origin = TRY(open_origin(context, mount.from));
    if (!origin) return std::optional<std::string>();
    if (!origin->layers_key.empty()) return std::optional(origin->layers_key);
    const IgnoreMatcher* ignored = mount.from.empty() ? context.session.context.ignored() : nullptr;
    const std::vector<Selection> selections = TRY(select_source({origin->root, ignored, origin->description}, {mount.source, false, nullptr}));
    std::string key;
    for (const Selection& selection : selections) {
        const std::string content = TRY(selection_key(origin->root, selection, context.session.digests, {}));
        key += content;
    }
    return std::optional(std::move(key));
}

std::vector<std::string> cache_volumes(const Session& session, const std::vector<RunMount>& mounts, const std::string& working_dir) {
    std::vector<std::string> volumes;
    for (const RunMount& mount : mounts)
        if (mount.type == Type::cache) volumes.push_back(cat(cache_path(session, cache_id(mount)), "/data:", absolute_target(mount, working_dir)));
    return volumes;
}

Result<std::string> MountsOfRun::private_path() {
    if (folder.empty()) {
        const std::string path = cat(session->engine.paths().run_root, "/builds/", random_hex(8));
        TRY(make_host_folders(path, 0700));
        folder = path;
        Fd opened = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
        // The lock tells the next build that these files have an owner.
        DirLock lock = TRY(DirLock::wait(std::move(opened), LockMode::exclusive));
        locks.push_back(std::move(lock));
    }
    return cat(folder, '/', files++);
}

Result<std::string> MountsOfRun::write_private(const std::string& text, mode_t mode, uid_t uid, gid_t gid) {
    const std::string path = TRY(private_path());
    const Fd file = TRY(sys::open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    TRY(sys::write_all(file, text));
    TRY(sys::fchown(file, uid, gid));
    TRY(sys::fchmod(file, mode));
    return path;
}

Result<void> MountsOfRun::add_volumes(const std::vector<BuildVolume>& volumes) {
    for (const BuildVolume& volume : volumes) {
        Fd source = TRY(sys::open(volume.source, O_PATH), "--volume ", volume.source);
        mounts.push_back(bind_at(volume.target, std::move(source), volume.read_only));
    }
    return {};
}

Result<void> MountsOfRun::add_script(const std::string& name, const std::string& text) {
    const std::string path = TRY(write_private(text, 0755, 0, 0));
    Fd source = TRY(sys::open(path, O_PATH));
    mounts.push_back(bind_at(cat("/dev/pipes/", name), std::move(source), true));
    return {};
}

Result<void> MountsOfRun::finish() {
    for (AgentRelay& relay : relays) TRY(relay.stop());
    relays.clear();
    if (folder.empty()) return {};
    return remove_tree(sys::here(), std::exchange(folder, {}));
}

Result<MountsOfRun> open_mounts(const StepContext& context, const std::vector<RunMount>& mounts, const std::string& working_dir) {
    MountsOfRun all;
    all.session = &context.session;
    TRY(lock_caches(all, context.session, mounts));
    int keys = 0;
    for (const RunMount& mount : mounts) {
        auto added = add_mount(all, context, mount, working_dir, mount.type == Type::ssh ? keys++ : 0);
        if (added.ok()) continue;
        ignore(all.finish(), "the failure is what the user must hear of");
        return std::move(added).error().context("--mount ", mount.target);
    }
    return all;
}

}  // namespace berth::builder
