#include "container/volumes.h"

#include <cerrno>
#include <set>

#include <linux/fs.h>
#include <unistd.h>

#include "base/cat.h"
#include "base/ids.h"
#include "container/history.h"
#include "container/tree_copy.h"

namespace berth::container {

namespace {

// Names of volumes begin with a letter or digit, so these never meet one.
constexpr std::string_view being_made = ".new-";
constexpr std::string_view being_removed = ".gone-";
constexpr std::string_view being_filled = "_filling";
constexpr std::size_t record_limit = 1 << 20;

Error no_such_volume(const std::string& name) {
    return Error(Kind::not_found, cat("no such volume: ", name));
}

/// Sums the sizes of files below `folder`, each inode once.
Result<void> add_sizes(const Fd& folder, std::set<std::pair<dev_t, ino_t>>& seen, std::int64_t& bytes) {
    const std::vector<std::string> names = TRY(list_folder(folder));
    for (const std::string& name : names) {
        const auto status = sys::fstatat(folder, name);
        if (!status.ok()) continue;  // Gone meanwhile: a volume may be in use.
        const struct stat& entry = status.value();
        if (S_ISDIR(entry.st_mode)) {
            auto below = sys::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            if (below.ok()) TRY(add_sizes(below.value(), seen, bytes));
        } else if (entry.st_nlink == 1 || seen.emplace(entry.st_dev, entry.st_ino).second) {
            bytes += entry.st_size;
        }
    }
    return {};
}

Result<bool> is_empty_folder(const Fd& folder) {
    const std::vector<std::string> names = TRY(list_folder(folder));
    return names.empty();
}

/// The folder's own owner, mode and times.
Result<void> copy_folder_attributes(const struct stat& from, const Fd& to) {
    TRY(sys::fchown(to, from.st_uid, from.st_gid));
    TRY(sys::fchmod(to, from.st_mode & 07777));
    const struct timespec times[2] = {from.st_atim, from.st_mtim};
    if (::futimens(to.raw(), times) != 0) return Error::of_errno(errno, "set times");
    return {};
}

Result<void> check_name(const std::string& name) {
    const auto parsed = ObjectName::parse(name);
    if (parsed.ok() && parsed.value().str() == name) return {};
    return Error(Kind::invalid, cat("invalid volume name '", name, "'"))
        .with_hint("a name has letters, digits, '_', '.' and '-', at least two, and begins with a letter or digit");
}

Result<void> check_request(const VolumeRequest& request) {
    if (request.driver != "local")
        return Error(Kind::unsupported, cat("volume driver '", request.driver, "' is not available; only 'local' is"));
    for (const auto& [key, value] : request.options)
        if (key != "type" && key != "device" && key != "o")
            return Error(Kind::invalid, cat("unknown option '", key, "' of volume driver 'local'"))
                .with_hint("options are type, device and o, as for mount(8)");
    const auto given = [&](const char* key) { return request.options.count(key) != 0; };
    if (given("o") && !given("type") && !given("device"))
        return Error(Kind::invalid, "volume option 'o' needs 'type' and 'device'");
    return {};
}

}  // namespace

Result<Volumes> Volumes::open(const std::string& root) {
    const std::string path = cat(root, "/volumes");
    TRY(make_host_folders(path, 0700));
    Fd folder = TRY(sys::open(path, O_RDONLY | O_DIRECTORY));
    return Volumes(root, std::move(folder));
}

Result<DirLock> Volumes::lock(LockMode mode) const { return DirLock::wait_at(folder_, ".lock", mode); }

Result<std::optional<Volume>> Volumes::find(const std::string& name) const {
    if (!check_name(name).ok()) return std::optional<Volume>();
    auto text = read_file(folder_, cat(name, "/volume.json"), record_limit);
    if (!text.ok()) {
        if (text.error().code() == ENOENT) return std::optional<Volume>();
        return std::move(text).error().context("volume ", name);
    }
    const Json document = TRY(parse_json(text.value()), "volume ", name, ": volume.json");
    Volume volume = TRY(from_json<Volume>(document), "volume ", name, ": volume.json");
    volume.mountpoint = cat(path_, "/", name, "/_data");
    return std::optional<Volume>(std::move(volume));
}

Result<Volume> Volumes::get(const std::string& name) const {
    std::optional<Volume> volume = TRY(find(name));
    if (!volume) return no_such_volume(name);
    return std::move(*volume);
}

Result<std::vector<Volume>> Volumes::list() const {
    const std::vector<std::string> names = TRY(list_folder(folder_));
    std::vector<Volume> volumes;
    for (const std::string& name : names) {
        if (name.starts_with('.')) continue;
        std::optional<Volume> volume = TRY(find(name));
        if (volume) volumes.push_back(std::move(*volume));
    }
    return volumes;
}

Result<Volume> Volumes::create(const VolumeRequest& request) const {
    TRY(check_request(request));
    const DirLock held = TRY(lock(LockMode::shared));
    Volume wanted;
    wanted.name = request.name.empty() ? random_hex(32) : request.name;
    TRY(check_name(wanted.name));
    std::optional<Volume> there = TRY(find(wanted.name));
    if (!there) {
        wanted.created_at = Moment{now().nanoseconds / 1'000'000'000 * 1'000'000'000};
        wanted.labels = request.labels;
        if (request.name.empty()) wanted.labels.emplace("com.docker.volume.anonymous", "");
        wanted.options = request.options;
        auto made = make(wanted);
        if (made.ok() || made.error().code() != EEXIST) return made;
        there = TRY(find(wanted.name));  // Somebody else made it at the same moment.
        if (!there) return std::move(made).error();
    }
    if (!request.options.empty() && request.options != there->options)
        return Error(Kind::exists, cat("volume '", request.name, "' is there already, with other options"))
            .with_hint("remove it first, or take another name");
    return std::move(*there);
}

Result<Volume> Volumes::make(const Volume& volume) const {
    const std::string temporary = cat(being_made, random_hex(8));
    const auto fill_folder = [&]() -> Result<void> {
        TRY(sys::mkdirat(folder_, temporary, 0700));
        const Fd folder = TRY(sys::openat(folder_, temporary, O_RDONLY | O_DIRECTORY));
        TRY(sys::mkdirat(folder, "_data", 0755));
        const Fd data = TRY(sys::openat(folder, "_data", O_RDONLY | O_DIRECTORY));
        TRY(sys::fchmod(data, 0755));  // Whatever the caller's umask is.
        TRY(replace_file(folder, "volume.json", json_text(to_json(volume)), 0600, Durability::disk));
        return sys::renameat(folder_, temporary, folder_, volume.name, RENAME_NOREPLACE);
    };
    if (auto made = fill_folder(); !made.ok()) {
        ignore(remove_tree(folder_, temporary), "the next removal sweeps it");
        return std::move(made).error().context("create volume ", volume.name);
    }
    TRY(sys::fsync(folder_), "create volume ", volume.name);
    Volume made = volume;
    made.mountpoint = cat(path_, "/", volume.name, "/_data");
    note(root_, {volume_event(volume.name, "create")});
    return made;
}

Result<void> Volumes::remove(const std::string& name) const {
    TRY(check_name(name));
    // Renamed first: a removal that is interrupted leaves no volume with half of its data.
    const std::string temporary = cat(being_removed, random_hex(8));
    auto renamed = sys::renameat(folder_, name, folder_, temporary);
    if (!renamed.ok() && renamed.error().code() == ENOENT) return {};
    if (!renamed.ok()) return std::move(renamed).error().context("remove volume ", name);
    note(root_, {volume_event(name, "destroy")});
    return remove_tree(folder_, temporary);
}

Result<void> Volumes::sweep() const {
    const std::vector<std::string> names = TRY(list_folder(folder_));
    for (const std::string& name : names)
        if (name.starts_with(being_made) || name.starts_with(being_removed))
            TRY(remove_tree(folder_, name), "remove what an interrupted command left of a volume");
    return {};
}

Result<std::int64_t> Volumes::size_bytes(const Volume& volume) const {
    const Fd data = TRY(sys::open(volume.mountpoint, O_RDONLY | O_DIRECTORY));
    std::set<std::pair<dev_t, ino_t>> seen;
    std::int64_t bytes = 0;
    TRY(add_sizes(data, seen, bytes), "size of volume ", volume.name);
    return bytes;
}

Result<void> Volumes::fill(const Volume& volume, const Root& image, const std::string& path) const {
    auto source = image.open_at(path, O_RDONLY | O_DIRECTORY);
    if (!source.ok() && (source.error().code() == ENOENT || source.error().code() == ENOTDIR)) return {};
    if (!source.ok()) return std::move(source).error().context("fill volume ", volume.name);
    const auto purpose = [&] { return cat("fill volume ", volume.name, " from ", path); };

    Fd folder = TRY(sys::openat(folder_, volume.name, O_RDONLY | O_DIRECTORY), purpose());
    const DirLock held = TRY(DirLock::wait(std::move(folder), LockMode::exclusive), purpose());
    const Fd data = TRY(sys::openat(held.fd(), "_data", O_RDONLY | O_DIRECTORY), purpose());
    const bool is_empty = TRY(is_empty_folder(data), purpose());
    if (!is_empty) return {};

    // Copied beside and moved in when whole, so that a crash on the way leaves an empty volume, which is filled next time.
    const std::string staging(being_filled);
    TRY(remove_tree(held.fd(), staging), purpose());
    TRY(sys::mkdirat(held.fd(), staging, 0700), purpose());
    const Fd filling = TRY(sys::openat(held.fd(), staging, O_RDONLY | O_DIRECTORY), purpose());
    TreeCopier copier({});
    TRY(copier.copy_contents(source.value(), filling), purpose());
    const std::vector<std::string> names = TRY(list_folder(filling), purpose());
    for (const std::string& name : names) TRY(sys::renameat(filling, name, data, name), purpose());
    TRY(remove_tree(held.fd(), staging), purpose());
    const struct stat status = TRY(sys::fstat(source.value()), purpose());
    return copy_folder_attributes(status, data);
}

}  // namespace berth::container
