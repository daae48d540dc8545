// The reading side of the store. Nothing here takes a lock: records are replaced whole, so a reader sees an old or a new one.

#include "image/store.h"

#include <algorithm>
#include <cerrno>
#include <unordered_map>
#include <unordered_set>

#include <unistd.h>

#include "image/store_files.h"
#include "image/store_index.h"

namespace berth::image {
namespace {

constexpr std::int64_t format_version = 1;
constexpr std::size_t shortest_digits = 1;

struct Format {
    std::int64_t version = format_version;
    std::vector<std::string> incompatible;  ///< features that a reader must know
};
template <class Io>
void fields(Io& io, Format& f) {
    io.required("version", f.version);
    io.optional("incompatible", f.incompatible);
}

Result<void> check_format(const std::string& text) {
    const Json document = TRY(parse_json(text));
    const Format format = TRY(from_json<Format>(document));
    if (format.version == format_version && format.incompatible.empty()) return {};
    return Error(Kind::unsupported, "made by a newer berth").with_hint("use that version, or another --root");
}

Result<void> make_parts(const Fd& folder) {
    for (const char* part : {"locks", "blobs", "blobs/sha256", "layers", "refs", "images", "leases", "tmp", "trash", "cache", "pending"})
        if (auto made = sys::mkdirat(folder, part, 0700); !made.ok() && made.error().code() != EEXIST) return made;
    // The bottom of every overlay; readable like any root folder.
    if (auto made = sys::mkdirat(folder, "empty", 0755); !made.ok() && made.error().code() != EEXIST) return made;
    // Two first commands at once make the same; one name for the temporary file is enough only for one of them.
    const DirLock lock = TRY(DirLock::wait_at(folder, "locks/gc.lock", LockMode::exclusive));
    return replace_file(folder, "format.json", json_text(to_json(Format{})), 0600, Durability::disk);
}

bool is_hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

/// The digits of "sha256:abc" or "abc"; nothing when it cannot be an id.
std::optional<std::string_view> id_digits(std::string_view text) {
    if (text.starts_with("sha256:")) text.remove_prefix(7);
    if (text.size() < shortest_digits || text.size() > 64 || !std::all_of(text.begin(), text.end(), is_hex_digit)) return {};
    return text;
}

Error no_such_image(std::string_view text) {
    // docker's words; users and scripts look for them.
    Result<Reference> reference = Reference::parse_tagged(text);
    return Error(Kind::not_found, cat("No such image: ", reference.ok() ? reference.value().str() : std::string(text)));
}

/// The records as they are on disk, newest first.
Result<std::vector<Store::Listed>> read_list(const Store& store) {
    const std::map<std::string, ImageRecord> images = TRY(read_images(store));
    const std::vector<NamedImage> refs = TRY(read_refs(store));
    std::vector<Store::Listed> list;
    list.reserve(images.size());
    std::unordered_map<std::string, std::size_t> at;
    for (const auto& [hex, record] : images) {
        const std::string id = cat("sha256:", hex);
        at.emplace(id, list.size());
        list.push_back({TRY(ImageId::parse(id)), record, {}, {}, false});
    }
    for (const NamedImage& named : refs)
        if (const auto found = at.find(named.image); found != at.end()) {
            Store::Listed& listed = list[found->second];
            (named.reference.digest().empty() ? listed.names : listed.digests).push_back(named.reference);
        }
    for (Store::Listed& listed : list) {
        std::sort(listed.names.begin(), listed.names.end());
        std::sort(listed.digests.begin(), listed.digests.end());
    }
    // Already in the order of ids.
    std::stable_sort(list.begin(), list.end(),
                     [](const Store::Listed& a, const Store::Listed& b) { return a.record.created > b.record.created; });
    return list;
}

void mark_parents(std::vector<Store::Listed>& list) {
    std::unordered_set<std::string_view> parents;
    for (const Store::Listed& listed : list)
        if (!listed.record.parent.empty()) parents.insert(listed.record.parent);
    for (Store::Listed& listed : list) listed.has_children = parents.contains(listed.id.str());
}

}  // namespace

Result<ImageId> ImageId::parse(std::string_view text) {
    return ImageId(TRY(Digest::parse(text.size() == 64 ? cat("sha256:", text) : std::string(text)), "image id"));
}

Result<Store> Store::open(const std::string& root) {
    if (!root.starts_with('/')) return Error(Kind::invalid, cat("image store '", root, "': path is not absolute"));
    TRY(make_host_folders(root, 0700));
    Fd folder = TRY(sys::open(root, O_RDONLY | O_DIRECTORY), "image store");
    Result<std::string> format = read_file(folder, "format.json");
    if (format.ok()) TRY(check_format(format.value()), "image store ", root);
    else if (format.error().code() == ENOENT) TRY(make_parts(folder), "image store ", root);
    else return std::move(format).error().context("image store ", root);
    return Store(root, std::move(folder));
}

Result<std::optional<ImageId>> Store::find(const Reference& reference) const {
    const Fd refs = TRY(open_part(*this, "refs"));
    Result<RefRecord> record = read_record<RefRecord>(refs, ref_file_name(reference.with_default_tag()));
    if (!record.ok() && record.error().code() == ENOENT) return std::optional<ImageId>();
    const RefRecord ref = TRY(std::move(record), "name ", reference.str());
    ImageId id = TRY(ImageId::parse(ref.image), "name ", reference.str());
    // A name can outlive its image only when something went wrong; then it means nothing.
    const std::string file = cat("images/", image_file_name(id.hex()));
    if (::faccessat(folder_.raw(), file.c_str(), F_OK, 0) != 0) return std::optional<ImageId>();
    return std::optional(std::move(id));
}

Result<ImageId> Store::resolve(std::string_view text) const {
    const auto digits = id_digits(text);
    const Fd images = TRY(open_part(*this, "images"));
    if (digits && digits->size() == 64) {
        if (::faccessat(images.raw(), image_file_name(*digits).c_str(), F_OK, 0) == 0) return ImageId::parse(*digits);
        if (text.size() == 64 || text.starts_with("sha256:")) return no_such_image(text);
    }
    Result<Reference> reference = Reference::parse(text);
    if (reference.ok()) {
        std::optional<ImageId> id = TRY(find(reference.value()));
        if (id) return std::move(*id);
    }
    if (!digits) return reference.ok() ? no_such_image(text) : std::move(reference).error();

    std::vector<std::string> matches;
    const std::vector<std::string> names = TRY(list_folder(images));
    for (const std::string& name : names)
        if (name.starts_with(*digits) && name.size() == 64 + 5) matches.push_back(name.substr(0, 64));
    if (matches.empty()) return no_such_image(text);
    if (matches.size() == 1) return ImageId::parse(matches.front());
    std::string list;
    for (const std::string& match : matches) list += cat(list.empty() ? "" : ", ", std::string_view(match).substr(0, 12));
    return Error(Kind::invalid, cat("image id '", text, "' is ambiguous: it begins ", list)).with_hint("give more digits of the id");
}

Result<ImageRecord> Store::load_record(const ImageId& id) const {
    Result<ImageRecord> record = read_record<ImageRecord>(folder_, cat("images/", image_file_name(id.hex())));
    if (!record.ok() && record.error().code() == ENOENT) return no_such_image(id.str());
    return record;
}

Result<std::string> Store::load_config_text(const ImageId& id) const { return read_blob(id.digest()); }

Result<Image> Store::load(const ImageId& id) const {
    ImageRecord record = TRY(load_record(id));
    const std::string text = TRY(load_config_text(id), "image ", id.short_id());
    ImageConfig config = TRY(parse_image_config(text), "image ", id.short_id());
    return Image{id, std::move(record), std::move(config)};
}

Result<std::string> Store::read_blob(const Digest& digest) const {
    constexpr std::size_t limit = 8u << 20;  // Configurations and manifests; layers are no blobs.
    std::string text = TRY(read_file(folder_, blob_path(digest.hex()), limit), "blob ", digest.str());
    if (Digest::of_bytes(text) != digest)
        return Error(Kind::corrupt, cat("blob ", digest.str(), ": content does not match its digest"))
            .with_hint("'berth system check --repair' removes what is damaged");
    return text;
}

Result<Fd> Store::open_layer(const std::string& key) const {
    return sys::openat(folder_, layer_path(key), O_RDONLY | O_DIRECTORY);
}

Result<LayerMeta> Store::load_layer(const std::string& key) const {
    return read_record<LayerMeta>(folder_, layer_path(key) + "/meta.json");
}

Result<std::vector<LayerRef>> Store::layers_of(const ImageRecord& record) const {
    std::vector<LayerRef> layers;
    for (const std::string& key : record.layers) {
        const LayerMeta meta = TRY(load_layer(key));
        const Digest diff_id = TRY(Digest::parse(meta.diff_id), "layer ", key);
        layers.push_back(layer_ref(key, meta, diff_id));
    }
    return layers;
}

Result<std::vector<Store::Listed>> Store::list() const {
    const std::string stamp = TRY(index_stamp(*this));
    std::optional<std::vector<Listed>> known = load_index(*this, stamp);
    std::vector<Listed> list = known ? std::move(*known) : TRY(read_list(*this));
    if (!known) store_index(*this, stamp, list);
    mark_parents(list);
    return list;
}

Result<Store::Listed> Store::list_one(const ImageId& id) const {
    std::vector<Listed> all = TRY(list());
    for (Listed& listed : all)
        if (listed.id == id) return std::move(listed);
    return no_such_image(id.str());
}

}  // namespace berth::image
