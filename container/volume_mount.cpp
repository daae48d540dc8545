#include "container/volume_mount.h"

#include <algorithm>
#include <cerrno>

#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cat.h"

namespace berth::container {

namespace {

std::string option(const Volume& volume, const std::string& name) {
    const auto found = volume.options.find(name);
    return found == volume.options.end() ? "" : found->second;
}

std::vector<std::string> words_of(std::string_view list) {
    std::vector<std::string> words;
    while (!list.empty()) {
        const std::size_t end = std::min(list.find(','), list.size());
        if (end > 0) words.emplace_back(list.substr(0, end));
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return words;
}

/// What a mount has and not its file system.
std::optional<std::uint64_t> mount_attribute(std::string_view word) {
    constexpr std::pair<std::string_view, std::uint64_t> known[] = {
        {"nosuid", MOUNT_ATTR_NOSUID}, {"nodev", MOUNT_ATTR_NODEV},           {"noexec", MOUNT_ATTR_NOEXEC}, {"noatime", MOUNT_ATTR_NOATIME},
        {"relatime", 0},               {"nodiratime", MOUNT_ATTR_NODIRATIME}, {"suid", 0},                   {"dev", 0},
        {"exec", 0},                   {"atime", 0},                          {"rw", 0},                     {"defaults", 0}};
    for (const auto& [name, bit] : known)
        if (name == word) return bit;
    return std::nullopt;
}

/// fsopen(2) keeps a log of what it did not like: "e ext4: no journal", which is better than EINVAL.
Error refusal(const Fd& fs, int code, std::string_view what) {
    char line[256];
    const ssize_t size = ::read(fs.raw(), line, sizeof line);
    std::string_view text(line, size > 0 ? static_cast<std::size_t>(size) : 0);
    if (text.size() > 2 && text[1] == ' ') text.remove_prefix(2);
    while (text.ends_with('\n')) text.remove_suffix(1);
    Error error = Error::of_errno(code, what);
    // Neither the program nor its permission: run's exit code must not say so.
    error = std::move(error).with_kind(Kind::invalid);
    return text.empty() ? std::move(error) : std::move(error).with_hint(std::string(text));
}

Result<void> configure(const Fd& fs, unsigned command, const char* key, const char* value) {
    if (::syscall(SYS_fsconfig, fs.raw(), command, key, value, 0) == 0) return {};
    const int code = errno;
    return refusal(fs, code, key == nullptr ? "mount" : cat("option '", key, value == nullptr ? "" : "=", value == nullptr ? "" : value, "'"));
}

}  // namespace

bool is_bind_volume(const Volume& volume) {
    const std::vector<std::string> words = words_of(option(volume, "o"));
    return std::any_of(words.begin(), words.end(), [](const std::string& word) { return word == "bind" || word == "rbind"; });
}

bool has_file_system(const Volume& volume) { return !option(volume, "type").empty() && !is_bind_volume(volume); }

Result<Fd> mount_volume(const Volume& volume) {
    const std::string type = option(volume, "type"), device = option(volume, "device");
    const Fd fs(static_cast<int>(::syscall(SYS_fsopen, type.c_str(), FSOPEN_CLOEXEC)));
    if (!fs.valid()) return Error::of_errno(errno, cat("file system '", type, "'")).with_kind(Kind::invalid);
    if (!device.empty()) TRY(configure(fs, FSCONFIG_SET_STRING, "source", device.c_str()));
    std::uint64_t attributes = 0;
    for (const std::string& word : words_of(option(volume, "o"))) {
        if (const auto attribute = mount_attribute(word)) {
            attributes |= *attribute;
            continue;
        }
        const std::size_t equals = word.find('=');
        if (equals == std::string::npos) TRY(configure(fs, FSCONFIG_SET_FLAG, word.c_str(), nullptr));
        else TRY(configure(fs, FSCONFIG_SET_STRING, word.substr(0, equals).c_str(), word.substr(equals + 1).c_str()));
    }
    TRY(configure(fs, FSCONFIG_CMD_CREATE, nullptr, nullptr));
    Fd tree(static_cast<int>(::syscall(SYS_fsmount, fs.raw(), FSMOUNT_CLOEXEC, attributes)));
    if (!tree.valid()) return refusal(fs, errno, "mount");
    return tree;
}

}  // namespace berth::container
