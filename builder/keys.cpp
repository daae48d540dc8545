#include "builder/keys.h"

namespace berth::builder {
namespace {

std::string entry_attributes(const SourceEntry& entry, const ContentOptions& options) {
    // Folders that only lead to something take no attributes of their own from here.
    const mode_t shown = options.with_mode ? entry.status.st_mode : entry.status.st_mode & S_IFMT;
    std::string text = cat(shown);
    if (options.with_owner) text += cat(':', entry.status.st_uid, ':', entry.status.st_gid);
    return text;
}

}  // namespace

KeyText& KeyText::add(std::string_view name, std::string_view value) {
    text_ += cat(name, ' ', value.size(), '\n', value, '\n');
    return *this;
}

KeyText& KeyText::add(std::string_view name, const std::vector<std::string>& values) {
    text_ += cat(name, " [", values.size(), "]\n");
    for (const std::string& value : values) add(name, value);
    return *this;
}

std::string layers_key(const std::vector<image::LayerRef>& layers) {
    std::string text;
    for (const image::LayerRef& layer : layers) text += cat(layer.diff_id.hex(), '\n');
    return text;
}

Result<std::string> selection_key(const Root& tree, const Selection& selection, FileDigests& digests, const ContentOptions& options) {
    Sha256 hash;
    for (const SourceEntry& entry : selection.entries) {
        const std::string path = selection.root.empty() ? entry.path : entry.path.empty() ? selection.root : cat(selection.root, '/', entry.path);
        hash.update(cat(entry.path.size(), ' ', entry.path, ' ', entry.link.size(), ' ', entry.link, ' '));
        // The selected folder itself gives the copy nothing but its content.
        const bool is_top_folder = entry.path.empty() && S_ISDIR(entry.status.st_mode);
        if (!is_top_folder) hash.update(entry_attributes(entry, options));
        if (S_ISCHR(entry.status.st_mode) || S_ISBLK(entry.status.st_mode)) hash.update(cat(" device ", entry.status.st_rdev));
        if (S_ISREG(entry.status.st_mode)) {
            const std::string content = TRY(digests.digest_of(tree, path, entry.status), "read ", path);
            hash.update(content);
        }
        hash.update("\n");
    }
    const Digest digest = hash.finish();
    return cat(selection.is_folder() ? "" : selection.name, '\n', digest.hex());
}

}  // namespace berth::builder
