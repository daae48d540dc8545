// The writing side of the store: staging → layer → image → name, each step a rename, so that whoever dies leaves either
// nothing or something that the next writer sweeps (sweep_dead).

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/store.h"
#include "image/store_files.h"

namespace berth::image {
namespace {

std::string unique_name() { return cat(std::string_view(boot_id()).substr(0, 8), "-", ::getpid(), "-", random_hex(6)); }

/// O_APPEND and one write: a reader sees whole lines.
Result<void> append_pin(const DirLock& lease, std::string_view hex) {
    return TRY(sys::write_all(lease.fd(), cat(hex, "\n")), "lease"), Result<void>();
}

bool exists(const Fd& folder, const std::string& name) { return ::faccessat(folder.raw(), name.c_str(), F_OK, 0) == 0; }

/// Moves what no living process holds out of tmp/ and leases/, and empties trash/. Skipped while others delete or make
/// things: they will do it.
void sweep_dead(const Store& store) {
    const auto sweep = [&]() -> Result<void> {
        Result<DirLock> gc = DirLock::try_at(store.folder(), "locks/gc.lock", LockMode::exclusive);
        if (!gc.ok()) return {};
        for (const char* part : {"tmp", "leases"}) {
            const Fd folder = TRY(open_part(store, part));
            const std::vector<std::string> names = TRY(list_folder(folder));
            for (const std::string& name : names) {
                Result<Fd> opened = sys::openat(folder, name, O_RDONLY | O_NOFOLLOW);
                if (!opened.ok() || !DirLock::try_now(std::move(opened).value(), LockMode::exclusive).ok()) continue;
                ignore(sys::renameat(folder, name, store.folder(), cat("trash/", name)), "the next writer tries again");
            }
        }
        return {};
    };
    ignore(sweep(), "tidying must not keep anybody from working");
    ignore(empty_trash(store), "tidying must not keep anybody from working");
}

/// A layer that may not be used any more goes out of the way of its successor.
Result<void> quarantine(const Store& store, const std::string& key) {
    return sys::renameat(store.folder(), layer_path(key), store.folder(), cat("trash/", key, "-", random_hex(4)));
}

/// Reads a layer of another boot that was never marked as written: what a power cut left of it decides.
Result<bool> survived(const Store& store, const std::string& key, const Fd& layer, const LayerMeta& meta) {
    DigestSink sink;
    const Result<void> read = write_layer_tar(layer, sink);
    if (read.ok() && sink.finish().str() == meta.diff_id) {
        if (::syncfs(store.folder().raw()) != 0) return Error::of_errno(errno, "write layers to disk");
        TRY(write_new_file(layer, "synced", "", 0600));
        return true;
    }
    TRY(quarantine(store, key));
    return false;
}

/// Whether a layer is there and may be used. One that is damaged is put away.
Result<bool> ensure_sound(const Store& store, const std::string& key) {
    Result<Fd> opened = store.open_layer(key);
    if (!opened.ok()) return opened.error().code() == ENOENT ? Result<bool>(false) : std::move(opened).error();
    const Fd layer = std::move(opened).value();
    if (exists(layer, "synced")) return true;
    Result<LayerMeta> meta = store.load_layer(key);
    if (!meta.ok()) {
        TRY(quarantine(store, key));
        return false;
    }
    return is_trusted(layer, meta.value()) ? Result<bool>(true) : survived(store, key, layer, meta.value());
}

}  // namespace

/// The temporary file lies in tmp/, where whatever a killed writer leaves is swept.
Result<void> publish_file(const Store& store, const Fd& folder, const std::string& name, std::string_view text, Durability durability) {
    const Fd tmp = TRY(open_part(store, "tmp"));
    const std::string temporary = unique_name();
    Fd file = TRY(sys::openat(tmp, temporary, O_WRONLY | O_CREAT | O_EXCL, 0600), "create ", name);
    Result<void> written = sys::write_all(file, text);
    if (written.ok() && durability == Durability::disk) written = sys::fsync(file);
    if (written.ok()) written = sys::renameat(tmp, temporary, folder, name);
    if (!written.ok()) {
        ignore(sys::unlinkat(tmp, temporary), "the write that failed is what the user must hear of");
        return std::move(written).error().context("write ", name);
    }
    return durability == Durability::disk ? sys::fsync(folder) : Result<void>();
}

bool is_trusted(const Fd& layer_folder, const LayerMeta& meta) { return meta.boot == boot_id() || exists(layer_folder, "synced"); }

Result<void> empty_trash(const Store& store) {
    const Fd trash = TRY(open_part(store, "trash"));
    const std::vector<std::string> names = TRY(list_folder(trash));
    for (const std::string& name : names) ignore(remove_tree(trash, name), "somebody else may be deleting it too");
    return {};
}

Result<void> add_layer_source(const Store& store, const std::string& key, const LayerMeta::Source& source) {
    const DirLock gc = TRY(lock_gc(store, LockMode::shared));
    const Fd folder = TRY(store.open_layer(key), "layer ", key);
    LayerMeta meta = TRY(store.load_layer(key));
    if (std::find(meta.sources.begin(), meta.sources.end(), source) != meta.sources.end()) return {};
    std::erase_if(meta.sources, [&](const LayerMeta::Source& old) { return old.repository == source.repository; });
    meta.sources.push_back(source);
    return publish_file(store, folder, "meta.json", json_text(to_json(meta)), Durability::disk);
}

/// The name goes while the lock is held, so that nobody takes it for a dead process's meanwhile.
Lease::~Lease() {
    if (folder_.valid()) ignore(sys::unlinkat(folder_, name_), "the next writer sweeps it");
}

Result<Lease> Store::make_lease() const {
    const std::string name = unique_name();
    Fd folder = TRY(open_part(*this, "leases"), "lease");
    const auto create = [&]() -> Result<DirLock> {
        // Made and locked while nobody sweeps: between the two it would look dead.
        const DirLock gc = TRY(lock_gc(*this, LockMode::shared));
        Fd file = TRY(sys::openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600));
        return DirLock::try_now(std::move(file), LockMode::exclusive);
    };
    DirLock lock = TRY(create(), "lease");
    sweep_dead(*this);
    return Lease(std::move(folder), name, std::move(lock));
}

Result<bool> Store::pin(const Lease& lease, const std::string& layer_key) const {
    {
        const DirLock gc = TRY(lock_gc(*this, LockMode::shared));
        TRY(append_pin(lease.lock_, layer_key));
    }
    return ensure_sound(*this, layer_key);
}

Result<bool> Store::pin(const Lease& lease, const ImageId& id) const {
    const DirLock gc = TRY(lock_gc(*this, LockMode::shared));
    TRY(append_pin(lease.lock_, id.hex()));
    Result<ImageRecord> record = load_record(id);
    if (!record.ok()) return record.error().kind() == Kind::not_found ? Result<bool>(false) : std::move(record).error();
    for (const std::string& key : record.value().layers) TRY(append_pin(lease.lock_, key));
    return true;
}

Result<Staging> Store::make_staging() const {
    const std::string name = unique_name();
    const std::string path = cat("tmp/", name);
    const DirLock gc = TRY(lock_gc(*this, LockMode::shared));
    TRY(sys::mkdirat(folder_, path, 0700), "staging");
    Fd folder = TRY(sys::openat(folder_, path, O_RDONLY | O_DIRECTORY), "staging");
    DirLock lock = TRY(DirLock::try_now(std::move(folder), LockMode::exclusive), "staging");
    for (const char* part : {"fs", "work"}) TRY(sys::mkdirat(lock.fd(), part, 0755), "staging");
    Fd fs = TRY(sys::openat(lock.fd(), "fs", O_RDONLY | O_DIRECTORY), "staging");
    // Whatever umask the user has: this becomes the root of containers.
    TRY(sys::fchmod(fs, 0755), "staging");
    return Staging(cat(root_, "/", path), std::move(lock), std::move(fs));
}

Result<void> Store::discard(Staging staging) const {
    const std::string name = staging.path().substr(root_.size() + 1);
    const Fd tmp = TRY(open_part(*this, "tmp"));
    return remove_tree(tmp, name.substr(name.rfind('/') + 1));
}

Result<LayerRef> publish_folder(const Store& store, const Lease& lease, Staging staging, const std::string& key, LayerMeta meta) {
    meta.boot = boot_id();
    const Digest diff_id = TRY(Digest::parse(meta.diff_id));
    const bool is_there = TRY(store.pin(lease, key));
    if (!is_there) {
        TRY(remove_tree(staging.folder(), "work"));
        TRY(write_new_file(staging.folder(), "meta.json", json_text(to_json(meta)), 0600));
        const std::string target = layer_path(key);
        TRY(make_shard(store, target), "layer");
        // Before the layer has its name: whoever settles later finds it here.
        if (auto marked = write_new_file(store.folder(), cat("pending/", key), "", 0600);
            !marked.ok() && marked.error().code() != EEXIST)
            return std::move(marked).error();
        const std::string source = staging.path().substr(store.root().size() + 1);
        auto renamed = sys::renameat(store.folder(), source, store.folder(), target, RENAME_NOREPLACE);
        if (renamed.ok()) return layer_ref(key, meta, diff_id);
        // Somebody else made the same layer meanwhile; it is as good as ours, and pinned.
        if (renamed.error().code() != EEXIST && renamed.error().code() != ENOTEMPTY) return std::move(renamed).error();
    }
    TRY(store.discard(std::move(staging)));
    const LayerMeta theirs = TRY(store.load_layer(key));
    return layer_ref(key, theirs, diff_id);
}

Result<LayerRef> Store::publish_layer(const Lease& lease, Staging staging) const {
    Result<LayerDigest> digested = digest_layer(staging.fs());
    if (!digested.ok()) {
        ignore(discard(std::move(staging)), "what is wrong with the layer is what the user must hear of");
        return std::move(digested).error().context("layer");
    }
    const LayerDigest& digest = digested.value();
    LayerMeta meta;
    meta.diff_id = digest.diff_id.str();
    meta.size = digest.size;
    meta.allocated = digest.allocated;
    meta.inodes = digest.inodes;
    meta.tar_size = digest.tar_size;
    return publish_folder(*this, lease, std::move(staging), std::string(digest.diff_id.hex()), std::move(meta));
}

Result<Digest> Store::write_blob(std::string_view bytes) const {
    const Digest digest = Digest::of_bytes(bytes);
    const std::string path = blob_path(digest.hex());
    if (exists(folder_, path)) return digest;
    const DirLock gc = TRY(lock_gc(*this, LockMode::shared), "blob");
    TRY(make_shard(*this, path), "blob");
    const Fd shard = TRY(sys::openat(folder_, path.substr(0, path.rfind('/')), O_RDONLY | O_DIRECTORY), "blob");
    TRY(publish_file(*this, shard, std::string(digest.hex()), bytes, Durability::disk), "blob");
    return digest;
}

Result<ImageId> Store::write_image(const Lease& lease, ImageConfig config, const std::vector<LayerRef>& layers,
                                   const std::optional<ImageId>& parent) const {
    config.rootfs.diff_ids.clear();
    for (const LayerRef& layer : layers) config.rootfs.diff_ids.push_back(layer.diff_id);
    return write_image_text(lease, image_config_text(config), config, layers, parent);
}

Result<ImageId> Store::write_foreign_image(const Lease& lease, std::string_view config_text, const std::vector<LayerRef>& layers) const {
    const ImageConfig config = TRY(parse_image_config(config_text));
    const auto& wanted = config.rootfs.diff_ids;
    if (wanted.size() != layers.size())
        return Error(Kind::corrupt, cat("image configuration: names ", wanted.size(), " layers, there are ", layers.size()));
    for (std::size_t i = 0; i < layers.size(); ++i)
        if (wanted[i] != layers[i].diff_id)
            return Error(Kind::corrupt, cat("layer ", i + 1, ": content is ", layers[i].diff_id.str(), ", the image says ", wanted[i].str()));
    return write_image_text(lease, config_text, config, layers, {});
}

Result<ImageId> Store::write_image_text(const Lease& lease, std::string_view text, const ImageConfig& config,
                                        const std::vector<LayerRef>& layers, const std::optional<ImageId>& parent) const {
    const ImageId id(Digest::of_bytes(text));
    const std::string file = image_file_name(id.hex());
    const DirLock gc = TRY(lock_gc(*this, LockMode::shared));
    TRY(append_pin(lease.lock_, id.hex()));
    ImageRecord record;
    for (const LayerRef& layer : layers) {
        if (!exists(folder_, layer_path(layer.key) + "/meta.json"))
            return Error(Kind::busy, cat("layer ", layer.diff_id.str(), " went away while the image was being made"));
        record.layers.push_back(layer.key);
        record.size += layer.size;
    }
    record.created = config.created.value_or(Moment{});
    if (parent) record.parent = parent->str();
    record.labels = config.config.labels;

    const Fd images = TRY(open_part(*this, "images"));
    const std::string record_text = json_text(to_json(record));
    const Result<std::string> before = read_file(images, file);
    if (before.ok() && before.value() == record_text && exists(folder_, blob_path(id.hex()))) return id;
    TRY(write_blob(text));
    TRY(publish_file(*this, images, file, record_text, Durability::disk), "image ", id.short_id());
    return id;
}

Result<std::optional<ImageId>> Store::tag(const ImageId& id, const Reference& given) const {
    const Reference name = given.with_default_tag();
    const DirLock gc = TRY(lock_gc(*this, LockMode::shared));
    const DirLock lock = TRY(lock_refs(*this));
    if (!exists(folder_, cat("images/", image_file_name(id.hex()))))
        return Error(Kind::not_found, cat("No such image: ", id.str()));
    std::optional<ImageId> before = TRY(find(name));
    if (before && *before == id) return std::optional<ImageId>();
    const Fd refs = TRY(open_part(*this, "refs"));
    const RefRecord record{1, name.full(), id.str(), now()};
    TRY(publish_file(*this, refs, ref_file_name(name), json_text(to_json(record)), Durability::disk), "name ", name.str());
    return before;
}

Result<std::vector<std::string>> Store::layer_folders(const std::vector<std::string>& keys) const {
    std::vector<std::string> folders;
    folders.reserve(keys.size() + 1);
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) {
        const bool is_sound = TRY(ensure_sound(*this, *key), "layer ", *key);
        if (!is_sound)
            return Error(Kind::corrupt, cat("layer ", *key, " is missing or was damaged by a power cut"))
                .with_hint("remove the image and build, load or pull it again");
        folders.push_back(cat(root_, "/", layer_path(*key), "/fs"));
    }
    folders.push_back(cat(root_, "/empty"));
    return folders;
}

}  // namespace berth::image
