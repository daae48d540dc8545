#include "builder/file_digests.h"

#include <algorithm>
#include <cstring>

#include <sys/xattr.h>

#include "base/digest.h"
#include "base/file.h"

namespace berth::builder {
namespace {

constexpr std::string_view magic = "berth stat cache 1\n";
constexpr Duration clock_tick = Duration::of_milliseconds(20);
constexpr std::size_t hex_digits = 64;

struct Row {
    std::uint64_t device, inode;
    std::int64_t size, changed, modified;
    char digest[hex_digits];
};

std::int64_t nanoseconds_of(const struct timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

Result<void> hash_xattrs(const Fd& file, Sha256& hash) {
    for (const std::string& name : kept_xattrs(file)) {
        char value[65536];
        const ssize_t size = ::fgetxattr(file.raw(), name.c_str(), value, sizeof value);
        if (size < 0) continue;
        hash.update(cat('\0', name, '=', size, ':'));
        hash.update({value, static_cast<std::size_t>(size)});
    }
    return {};
}

Result<std::string> read_digest(const Root& root, const std::string& path, const struct stat& status) {
    const Fd file = TRY(root.open_beneath(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    ::posix_fadvise(file.raw(), 0, 0, POSIX_FADV_SEQUENTIAL);
    Sha256 hash;
    std::string buffer(static_cast<std::size_t>(std::clamp<std::int64_t>(status.st_size, 4096, 1 << 20)), '\0');
    for (;;) {
        const std::size_t got = TRY(sys::read(file, buffer));
        if (got == 0) break;
        hash.update(std::string_view(buffer).substr(0, got));
    }
    TRY(hash_xattrs(file, hash));
    const Digest digest = hash.finish();
    return std::string(digest.hex());
}

}  // namespace

std::vector<std::string> kept_xattrs(const Fd& file) {
    char names[65536];
    const ssize_t size = ::flistxattr(file.raw(), names, sizeof names);
    std::vector<std::string> kept;
    for (ssize_t at = 0; at < size;) {
        std::string name = names + at;
        at += static_cast<ssize_t>(name.size()) + 1;
        const bool is_hosts = name.starts_with("trusted.overlay.") || name == "security.selinux" || name == "security.evm" || name == "security.ima";
        if (!is_hosts) kept.push_back(std::move(name));
    }
    std::sort(kept.begin(), kept.end());
    return kept;
}

FileDigests FileDigests::load(std::string folder, std::string file) {
    FileDigests digests;
    const auto text = read_file(cat(folder, '/', file), 1u << 30);
    digests.folder_ = std::move(folder);
    digests.file_ = std::move(file);
    if (!text.ok() || !text.value().starts_with(magic)) return digests;
    std::string_view rows = std::string_view(text.value()).substr(magic.size());
    digests.known_.reserve(rows.size() / sizeof(Row));
    for (; rows.size() >= sizeof(Row); rows.remove_prefix(sizeof(Row))) {
        Row row;
        std::memcpy(&row, rows.data(), sizeof row);
        digests.known_[{row.device, row.inode}] = {row.size, row.changed, row.modified, std::string(row.digest, hex_digits)};
    }
    return digests;
}

Result<std::string> FileDigests::digest_of(const Root& root, const std::string& path, const struct stat& status) {
    if (file_.empty()) return read_digest(root, path, status);
    const Key key{status.st_dev, status.st_ino};
    const std::int64_t changed = nanoseconds_of(status.st_ctim), modified = nanoseconds_of(status.st_mtim);
    const auto found = known_.find(key);
    if (found != known_.end() && found->second.size == status.st_size && found->second.changed == changed &&
        found->second.modified == modified) {
        found->second.is_used = true;
        return found->second.digest;
    }
    const Moment start = now();
    std::string digest = TRY(read_digest(root, path, status));
    is_changed_ = true;
    if (changed + clock_tick.nanoseconds < start.nanoseconds) known_[key] = {status.st_size, changed, modified, digest, true};
    else known_.erase(key);
    return digest;
}

Result<void> FileDigests::store() const {
    if (!is_changed_) return {};
    std::string text(magic);
    for (const auto& [key, known] : known_) {
        if (!known.is_used) continue;
        Row row{key.device, key.inode, known.size, known.changed, known.modified, {}};
        std::memcpy(row.digest, known.digest.data(), hex_digits);
        text.append(reinterpret_cast<const char*>(&row), sizeof row);
    }
    const Fd folder = TRY(sys::open(folder_, O_PATH | O_DIRECTORY));
    return replace_file(folder, file_, text, 0600, Durability::boot);
}

}  // namespace berth::builder
