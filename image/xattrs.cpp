#include "image/xattrs.h"

#include <cerrno>

#include <sys/xattr.h>
#include <unistd.h>

namespace berth::image {
namespace {

constexpr std::string_view overlay_prefixes[] = {"trusted.overlay.", "user.overlay."};

/// The name behind overlay's prefix, "" when it is none of overlay's.
std::string_view overlay_mark(std::string_view name) {
    for (const std::string_view prefix : overlay_prefixes)
        if (name.starts_with(prefix)) return name.substr(prefix.size());
    return {};
}

Result<std::string> read_value(const Fd& file, const std::string& name) {
    std::string value(256, '\0');
    while (true) {
        const ssize_t size = ::fgetxattr(file.raw(), name.c_str(), value.data(), value.size());
        if (size >= 0) return value.resize(static_cast<std::size_t>(size)), value;
        if (errno != ERANGE || value.size() >= (64u << 10)) return Error::of_errno(errno, cat("attribute ", name));
        value.resize(64u << 10);
    }
}

}  // namespace

bool is_carried_xattr(std::string_view name) {
    if (!overlay_mark(name).empty()) return false;
    return name == "security.capability" || name.starts_with("user.") || name.starts_with("system.posix_acl_");
}

Result<FileXattrs> read_xattrs(const Fd& file) {
    FileXattrs found;
    char small[512];
    std::string large;
    char* names = small;
    ssize_t size = ::flistxattr(file.raw(), small, sizeof small);
    if (size < 0 && errno == ERANGE) {
        large.resize(64u << 10);
        names = large.data();
        size = ::flistxattr(file.raw(), names, large.size());
    }
    if (size < 0) {
        if (errno == ENOTSUP) return found;
        return Error::of_errno(errno, "list attributes");
    }
    for (std::string_view rest(names, static_cast<std::size_t>(size)); !rest.empty();) {
        const std::string name(rest.substr(0, rest.find('\0')));
        rest.remove_prefix(name.size() + 1);
        const std::string_view mark = overlay_mark(name);
        if (mark == "redirect" || mark == "metacopy") found.is_redirected = true;
        if (mark == "opaque") found.is_opaque = TRY(read_value(file, name)) == "y";
        // An empty value cannot be written as a PAX record, where it means that the record is taken back.
        if (!is_carried_xattr(name)) continue;
        if (std::string value = TRY(read_value(file, name)); !value.empty()) found.carried[name] = std::move(value);
    }
    return found;
}

Result<void> write_xattr(const Fd& file, const std::string& name, std::string_view value) {
    if (::fsetxattr(file.raw(), name.c_str(), value.data(), value.size(), 0) != 0)
        return Error::of_errno(errno, cat("set attribute ", name));
    return {};
}

Result<void> mark_opaque(const Fd& folder) {
    const bool is_root = ::geteuid() == 0;
    return write_xattr(folder, is_root ? "trusted.overlay.opaque" : "user.overlay.opaque", "y");
}

}  // namespace berth::image
