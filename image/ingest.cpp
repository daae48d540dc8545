#include "image/ingest.h"

#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "image/pipeline.h"
#include "image/recipe.h"
#include "image/store_files.h"
#include "image/xattrs.h"

namespace berth::image {
namespace {

/// The layers below, opened: top first.
Result<std::vector<Root>> open_below(const Store& store, const std::vector<LayerRef>& below) {
    std::vector<Root> roots;
    for (auto layer = below.rbegin(); layer != below.rend(); ++layer) {
        const Fd folder = TRY(store.open_layer(layer->key));
        Fd fs = TRY(sys::openat(folder, "fs", O_PATH | O_DIRECTORY));
        roots.push_back(TRY(Root::of(std::move(fs))));
    }
    return roots;
}

/// What a path shows in the layers, as overlay finds it: the topmost that has it, unless something above hides it.
std::optional<Fd> find_below(const std::vector<Root>& roots, const std::string& path, int flags) {
    for (const Root& root : roots) {
        Result<Fd> opened = root.open_beneath(path, flags | O_NOFOLLOW);
        if (opened.ok()) return std::move(opened).value();
        // Deleted, replaced by something that is no folder, or reached through a link: nothing from further below shows.
        if (opened.error().code() != ENOENT) return {};
    }
    return {};
}

/// True when the folder got other attributes than the ones it was made with.
Result<bool> adopt_attributes(const std::vector<Root>& roots, const Root& fs, const std::string& path) {
    const std::optional<Fd> lower = find_below(roots, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
    if (!lower) return false;
    const Fd folder = TRY(fs.open_at(path, O_RDONLY | O_DIRECTORY));
    const struct stat status = TRY(sys::fstat(*lower));
    const FileXattrs xattrs = TRY(read_xattrs(*lower));
    const bool is_plain = (status.st_mode & 07777) == 0755 && status.st_uid == 0 && status.st_gid == 0 && xattrs.carried.empty();
    if (!is_plain) {
        TRY(sys::fchown(folder, status.st_uid, status.st_gid));
        for (const auto& [name, value] : xattrs.carried) TRY(write_xattr(folder, name, value));
        TRY(sys::fchmod(folder, status.st_mode & 07777));
    }
    const timespec times[2] = {status.st_mtim, status.st_mtim};
    if (::futimens(folder.raw(), times) != 0) return Error::of_errno(errno, "set time");
    return !is_plain;
}

/// A hard link to a file of a lower layer: its copy under the new name.
Result<void> copy_from_below(const std::vector<Root>& roots, const Root& fs, const UnpackResult::MissingLink& link) {
    const std::optional<Fd> lower = find_below(roots, link.target, O_RDONLY | O_NONBLOCK);
    const auto missing = [&] { return Error(Kind::corrupt, cat("'", link.path, "': link to '", link.target, "', which no layer has")); };
    if (!lower) return missing();
    const struct stat status = TRY(sys::fstat(*lower));
    if (!S_ISREG(status.st_mode)) return missing();
    const Root::Parent parent = TRY(fs.open_parent(link.path));
    return copy_file(*lower, parent.folder, parent.name);
}

/// Whether the layer's content depends on what lies below it.
Result<bool> complete_from_below(const Store& store, const Ingested& layer, const std::vector<LayerRef>& below) {
    const UnpackResult& unpacked = layer.unpacked;
    if (unpacked.implied_folders.empty() && unpacked.missing_links.empty()) return false;
    const std::vector<Root> roots = TRY(open_below(store, below));
    Fd folder = TRY(layer.staging.fs().duplicate());
    const Root fs = TRY(Root::of(std::move(folder)));
    bool depends = !unpacked.missing_links.empty();
    for (const std::string& path : unpacked.implied_folders)
        if (TRY(adopt_attributes(roots, fs, path), "'", path, "'")) depends = true;
    for (const UnpackResult::MissingLink& link : unpacked.missing_links) TRY(copy_from_below(roots, fs, link));
    return depends;
}

}  // namespace

Digest chain_id(const std::vector<LayerRef>& below, const Digest& diff_id) {
    std::optional<Digest> chain;
    const auto add = [&](const Digest& next) { chain = chain ? Digest::of_bytes(cat(chain->str(), " ", next.str())) : next; };
    for (const LayerRef& layer : below) add(layer.diff_id);
    add(diff_id);
    return *chain;
}

Result<Ingested> ingest_layer(const Store& store, ByteSource& archive, EndMark end_mark) {
    Staging staging = TRY(store.make_staging());
    const auto run = [&]() -> Result<Ingested> {
        Fd folder = TRY(staging.fs().duplicate());
        const Root fs = TRY(Root::of(std::move(folder)));
        const std::unique_ptr<RecipeWriter> recipe = TRY(RecipeWriter::create(staging.folder(), staging.fs()));
        UnpackOptions options;
        options.form = UnpackOptions::Form::layer;
        options.recorder = recipe.get();
        options.needs_end_mark = end_mark == EndMark::required;
        Pipeline pipeline(archive, Pipeline::Hash::yes);
        UnpackResult unpacked = TRY(unpack(pipeline, fs, options));
        TRY(recipe->finish());
        Digest diff_id = pipeline.digest();
        return Ingested{std::move(staging), std::move(diff_id), pipeline.size(), std::move(unpacked)};
    };
    Result<Ingested> ingested = run();
    if (!ingested.ok()) ignore(store.discard(std::move(staging)), "what is wrong with the layer is what the user must hear of");
    return ingested;
}

Result<LayerRef> publish_ingested(const Store& store, const Lease& lease, Ingested layer, const std::vector<LayerRef>& below) {
    const bool depends = TRY(complete_from_below(store, layer, below));
    LayerMeta meta;
    meta.diff_id = layer.diff_id.str();
    meta.size = layer.unpacked.content_bytes;
    meta.allocated = layer.unpacked.allocated;
    meta.inodes = layer.unpacked.entries;
    meta.tar_size = layer.tar_size;
    meta.has_recipe = true;
    const Digest key = depends ? chain_id(below, layer.diff_id) : layer.diff_id;
    return publish_folder(store, lease, std::move(layer.staging), std::string(key.hex()), std::move(meta));
}

}  // namespace berth::image
