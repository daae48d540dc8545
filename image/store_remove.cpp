// Taking images away: docker's rules for rmi, prune, and the sweep of what nothing reaches any more. All of it happens under
// the exclusive gc lock, so that nobody pins or publishes between the look and the deed; the deleting itself does not.

#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <unordered_set>

#include "image/store.h"
#include "image/store_files.h"

namespace berth::image {
namespace {

using Listed = Store::Listed;

/// The images as they are while the lock is held, and how removing goes.
class Remover {
public:
    static Result<Remover> start(const Store& store, const std::vector<ImageUse>& uses) {
        DirLock gc = TRY(lock_gc(store, LockMode::exclusive));
        DirLock refs = TRY(lock_refs(store));
        std::vector<Listed> images = TRY(store.list());
        return Remover(store, uses, std::move(gc), std::move(refs), std::move(images));
    }

    std::vector<Listed>& images() { return images_; }
    Listed* find(const std::string& id) {
        const auto found = std::find_if(images_.begin(), images_.end(), [&](const Listed& i) { return i.id.str() == id; });
        return found == images_.end() ? nullptr : &*found;
    }
    const ImageUse* use_of(const Listed& image, bool is_running) const {
        const auto found = std::find_if(uses_.begin(), uses_.end(), [&](const ImageUse& use) {
            return use.image == image.id.str() && use.is_running == is_running;
        });
        return found == uses_.end() ? nullptr : &*found;
    }
    bool is_used(const Listed& image) const { return use_of(image, true) != nullptr || use_of(image, false) != nullptr; }

    Result<void> untag(Listed& image, const Reference& name);
    Result<void> untag_all(Listed& image);
    /// Forgets the image: its names, record and configuration. `image` is invalid afterwards.
    Result<void> erase(Listed& image, Store::Parents parents);
    /// The last step: layers nobody has are moved away, locks are released, and then deleted.
    Result<Removal> finish() &&;

private:
    Remover(const Store& store, const std::vector<ImageUse>& uses, DirLock gc, DirLock refs, std::vector<Listed> images)
        : store_(store), uses_(uses), gc_(std::move(gc)), refs_(std::move(refs)), images_(std::move(images)) {}

    const Store& store_;
    const std::vector<ImageUse>& uses_;
    DirLock gc_;
    DirLock refs_;
    std::vector<Listed> images_;
    std::vector<std::string> loose_layers_;
    Removal removal_;
};

Result<void> Remover::untag(Listed& image, const Reference& name) {
    TRY(remove_ref(store_, name), "name ", name.str());
    auto& list = name.digest().empty() ? image.names : image.digests;
    std::erase(list, name);
    removal_.untagged.push_back(name);
    return {};
}

Result<void> Remover::untag_all(Listed& image) {
    for (const auto& list : {image.names, image.digests})
        for (const Reference& name : list) TRY(untag(image, name));
    return {};
}

Result<void> Remover::erase(Listed& image, Store::Parents parents) {
    TRY(untag_all(image));
    const std::string parent = image.record.parent;
    const ImageId id = image.id;
    const Fd folder = TRY(open_part(store_, "images"));
    auto removed = sys::unlinkat(folder, image_file_name(id.hex()));
    if (!removed.ok() && removed.error().code() != ENOENT) return std::move(removed).error().context("image ", id.short_id());
    TRY(sys::fsync(folder));
    ignore(sys::unlinkat(store_.folder(), blob_path(id.hex())), "the next sweep takes it");
    loose_layers_.insert(loose_layers_.end(), image.record.layers.begin(), image.record.layers.end());
    removal_.deleted.push_back(id);
    std::erase_if(images_, [&](const Listed& listed) { return listed.id == id; });

    Listed* above = find(parent);
    if (parents == Store::Parents::keep || above == nullptr) return {};
    above->has_children = std::any_of(images_.begin(), images_.end(), [&](const Listed& i) { return i.record.parent == parent; });
    // docker: a parent without a name, another child or a container goes with its last child.
    if (!above->is_dangling() || !above->digests.empty() || is_used(*above)) return {};
    return erase(*above, parents);
}

/// What images, containers, leases and the build cache stand on.
Result<std::unordered_set<std::string>> reachable_layers(const Store& store, const std::vector<Listed>& images, const std::vector<ImageUse>& uses) {
    std::unordered_set<std::string> layers;
    for (const Listed& image : images) layers.insert(image.record.layers.begin(), image.record.layers.end());
    for (const ImageUse& use : uses) layers.insert(use.layers.begin(), use.layers.end());
    const std::set<std::string> pinned = TRY(leased(store));
    layers.insert(pinned.begin(), pinned.end());
    const std::vector<NamedCacheEntry> cache = TRY(read_cache(store));
    for (const NamedCacheEntry& cached : cache) layers.insert(cached.entry.layers.begin(), cached.entry.layers.end());
    return layers;
}

/// Moves a layer to the trash; bytes that this frees.
Result<std::int64_t> drop_layer(const Store& store, const std::string& key, std::vector<std::string>* diff_ids) {
    const Result<LayerMeta> meta = store.load_layer(key);
    // Below the trash's own name, so that the same layer may come and go while the trash is being emptied.
    auto moved = sys::renameat(store.folder(), layer_path(key), store.folder(), cat("trash/", key, "-", random_hex(4)));
    if (!moved.ok()) return moved.error().code() == ENOENT ? Result<std::int64_t>(0) : std::move(moved).error().context("layer ", key);
    ignore(sys::unlinkat(store.folder(), cat("pending/", key)), "it was settled");
    if (!meta.ok()) return std::int64_t{0};
    if (diff_ids != nullptr) diff_ids->push_back(meta.value().diff_id);
    return meta.value().size;
}

Result<Removal> Remover::finish() && {
    if (!loose_layers_.empty()) {
        const std::unordered_set<std::string> kept = TRY(reachable_layers(store_, images_, uses_));
        std::unordered_set<std::string> seen;
        // Top layers first, as docker names them.
        for (auto key = loose_layers_.rbegin(); key != loose_layers_.rend(); ++key) {
            if (kept.contains(*key) || !seen.insert(*key).second) continue;
            removal_.freed += TRY(drop_layer(store_, *key, &removal_.deleted_layers));
        }
    }
    const Store& store = store_;
    Removal removal = std::move(removal_);
    {
        const DirLock gc = std::move(gc_), refs = std::move(refs_);
    }
    TRY(empty_trash(store));
    return removal;
}

Error conflict(const ImageId& id, bool is_hard, std::string_view why) {
    return Error(Kind::wrong_state, cat("conflict: unable to delete ", id.short_id(), " (", is_hard ? "cannot be forced" : "must be forced", ") - ", why));
}

std::string short_container(const ImageUse& use) { return use.container_id.substr(0, 12); }

/// Names of one repository at most, and at most one with a tag.
bool has_single_reference(const Listed& image) {
    if (image.names.size() > 1) return false;
    std::set<std::string> repositories;
    for (const auto& list : {image.names, image.digests})
        for (const Reference& name : list) repositories.insert(name.name());
    return repositories.size() <= 1;
}

/// docker: checkImageDeleteConflict, without the conflict with children: what a child stands on stays with the child.
std::optional<Error> find_conflict(const Remover& remover, const Listed& image, Store::Force force, bool counts_references) {
    if (const ImageUse* use = remover.use_of(image, true))
        return conflict(image.id, true, cat("image is being used by running container ", short_container(*use)));
    if (force == Store::Force::yes) return {};
    if (counts_references && image.names.size() + image.digests.size() > 1)
        return conflict(image.id, false, "image is referenced in multiple repositories");
    if (const ImageUse* use = remover.use_of(image, false))
        return conflict(image.id, false, cat("image is being used by stopped container ", short_container(*use)));
    return {};
}

/// docker: a text that is no prefix of the id is a name, even when it looks like hexadecimal.
bool is_prefix_of_id(std::string_view text, const ImageId& id) {
    if (text.starts_with("sha256:")) text.remove_prefix(7);
    return id.hex().starts_with(text);
}

/// rmi NAME: true when the image lost its last name and goes, too.
Result<bool> remove_name(Remover& remover, Listed& image, std::string_view text, Store::Force force) {
    const Reference name = TRY(Reference::parse_tagged(text));
    const ImageUse* use = remover.use_of(image, true);
    if (use == nullptr) use = remover.use_of(image, false);
    if (force == Store::Force::no && use != nullptr && has_single_reference(image))
        return Error(Kind::wrong_state, cat("conflict: unable to remove repository reference \"", text, "\" (must force) - container ",
                                            short_container(*use), " is using its referenced image ", image.id.short_id()));
    TRY(remover.untag(image, name));
    const bool is_last_of_repository = std::none_of(image.names.begin(), image.names.end(),
                                                    [&](const Reference& other) { return other.name() == name.name(); });
    if (name.digest().empty() && is_last_of_repository) {
        const std::vector<Reference> digests = image.digests;
        for (const Reference& digest : digests)
            if (digest.name() == name.name()) TRY(remover.untag(image, digest));
    }
    if (!image.names.empty() || !image.digests.empty()) return false;
    // Without a name but used: it stays, as the containers' own.
    return !find_conflict(remover, image, force, false).has_value();
}

}  // namespace

Result<Removal> Store::remove(std::string_view text, Force force, Parents parents, const std::vector<ImageUse>& uses) const {
    const ImageId id = TRY(resolve(text));
    Remover remover = TRY(Remover::start(*this, uses));
    Listed* image = remover.find(id.str());
    if (image == nullptr) return Error(Kind::not_found, cat("No such image: ", text));
    if (!is_prefix_of_id(text, id)) {
        const bool goes = TRY(remove_name(remover, *image, text, force));
        if (goes) TRY(remover.erase(*image, parents));
        return std::move(remover).finish();
    }
    // An id means all names when they are of one repository; else only force takes them.
    if (std::optional<Error> found = find_conflict(remover, *image, force, !has_single_reference(*image))) return std::move(*found);
    TRY(remover.erase(*image, parents));
    return std::move(remover).finish();
}

Result<Removal> Store::prune(const PruneOptions& options, const std::vector<ImageUse>& uses) const {
    Remover remover = TRY(Remover::start(*this, uses));
    std::vector<std::string> chosen;
    Removal preview;
    for (const Listed& image : remover.images()) {
        const bool is_candidate = options.all || image.is_dangling();
        if (!is_candidate || remover.is_used(image) || (options.is_wanted && !options.is_wanted(image))) continue;
        chosen.push_back(image.id.str());
        preview.deleted.push_back(image.id);
        preview.untagged.insert(preview.untagged.end(), image.names.begin(), image.names.end());
        preview.freed += image.record.size;
    }
    if (options.dry_run) return preview;
    for (const std::string& id : chosen)
        if (Listed* image = remover.find(id)) TRY(remover.erase(*image, Parents::keep));
    Removal removal = TRY(std::move(remover).finish());
    removal.freed += TRY(sweep(uses));
    return removal;
}

Result<std::int64_t> Store::sweep(const std::vector<ImageUse>& uses) const {
    std::int64_t freed = 0;
    {
        Remover remover = TRY(Remover::start(*this, uses));
        const std::unordered_set<std::string> kept = TRY(reachable_layers(*this, remover.images(), uses));
        std::unordered_set<std::string> blobs;
        for (const Listed& image : remover.images()) {
            blobs.emplace(image.id.hex());
            for (const std::string& digest : TRY(known_manifests(*this, image))) blobs.insert(digest.substr(digest.find(':') + 1));
        }
        const std::vector<std::string> layers = TRY(list_sharded(*this, "layers"));
        for (const std::string& key : layers)
            if (!kept.contains(key)) freed += TRY(drop_layer(*this, key, nullptr));
        const std::vector<std::string> stored = TRY(list_sharded(*this, "blobs/sha256"));
        for (const std::string& hex : stored)
            if (!blobs.contains(hex) && !kept.contains(hex)) ignore(sys::unlinkat(folder_, blob_path(hex)), "the next sweep tries again");
        const Fd pending = TRY(open_part(*this, "pending"));
        const std::vector<std::string> marks = TRY(list_folder(pending));
        for (const std::string& key : marks)
            if (!open_layer(key).ok()) ignore(sys::unlinkat(pending, key), "the next sweep tries again");
    }
    TRY(empty_trash(*this));
    return freed;
}

}  // namespace berth::image
