#include "runtime/mount_options.h"

#include <algorithm>
#include <string_view>

#include <linux/mount.h>

namespace berth::runtime {

namespace {

enum class Meaning { ignored, attribute, recursive_attribute, propagation, recursive_propagation, bind, recursive_bind, remount,
                     copy_up, idmap, recursive_idmap, superblock };

struct Known {
    std::string_view name;
    Meaning meaning;
    std::uint64_t set = 0;
    std::uint64_t clear = 0;
};

constexpr std::uint64_t atime_class = MOUNT_ATTR__ATIME;
constexpr std::uint64_t no_follow = 0x00200000;  // MOUNT_ATTR_NOSYMFOLLOW, Linux 5.14
constexpr std::uint64_t shared = 1u << 20, slave = 1u << 19, private_ = 1u << 18, unbindable = 1u << 17;

// The atime class is one value, not bits: setting one needs the others cleared (mount_setattr(2)).
constexpr Known table[] = {
    {"acl", Meaning::superblock},
    {"async", Meaning::superblock},
    {"atime", Meaning::attribute, 0, MOUNT_ATTR_NOATIME},
    {"bind", Meaning::bind},
    {"defaults", Meaning::ignored},
    {"dev", Meaning::attribute, 0, MOUNT_ATTR_NODEV},
    {"diratime", Meaning::attribute, 0, MOUNT_ATTR_NODIRATIME},
    {"dirsync", Meaning::superblock},
    {"exec", Meaning::attribute, 0, MOUNT_ATTR_NOEXEC},
    {"idmap", Meaning::idmap},
    {"iversion", Meaning::superblock},
    {"lazytime", Meaning::superblock},
    {"loud", Meaning::ignored},
    {"mand", Meaning::superblock},
    {"noacl", Meaning::superblock},
    {"noatime", Meaning::attribute, MOUNT_ATTR_NOATIME, atime_class},
    {"nodev", Meaning::attribute, MOUNT_ATTR_NODEV},
    {"nodiratime", Meaning::attribute, MOUNT_ATTR_NODIRATIME},
    {"noexec", Meaning::attribute, MOUNT_ATTR_NOEXEC},
    {"noiversion", Meaning::ignored},
    {"nolazytime", Meaning::ignored},
    {"nomand", Meaning::ignored},
    {"norelatime", Meaning::attribute, 0, MOUNT_ATTR_RELATIME},
    {"nostrictatime", Meaning::attribute, 0, MOUNT_ATTR_STRICTATIME},
    {"nosuid", Meaning::attribute, MOUNT_ATTR_NOSUID},
    {"nosymfollow", Meaning::attribute, no_follow},
    {"private", Meaning::propagation, private_},
    {"ratime", Meaning::recursive_attribute, 0, MOUNT_ATTR_NOATIME},
    {"rbind", Meaning::recursive_bind},
    {"rdev", Meaning::recursive_attribute, 0, MOUNT_ATTR_NODEV},
    {"rdiratime", Meaning::recursive_attribute, 0, MOUNT_ATTR_NODIRATIME},
    {"relatime", Meaning::attribute, MOUNT_ATTR_RELATIME, atime_class},
    {"remount", Meaning::remount},
    {"rexec", Meaning::recursive_attribute, 0, MOUNT_ATTR_NOEXEC},
    {"ridmap", Meaning::recursive_idmap},
    {"rnoatime", Meaning::recursive_attribute, MOUNT_ATTR_NOATIME, atime_class},
    {"rnodev", Meaning::recursive_attribute, MOUNT_ATTR_NODEV},
    {"rnodiratime", Meaning::recursive_attribute, MOUNT_ATTR_NODIRATIME},
    {"rnoexec", Meaning::recursive_attribute, MOUNT_ATTR_NOEXEC},
    {"rnorelatime", Meaning::recursive_attribute, 0, MOUNT_ATTR_RELATIME},
    {"rnostrictatime", Meaning::recursive_attribute, 0, MOUNT_ATTR_STRICTATIME},
    {"rnosuid", Meaning::recursive_attribute, MOUNT_ATTR_NOSUID},
    {"rnosymfollow", Meaning::recursive_attribute, no_follow},
    {"ro", Meaning::attribute, MOUNT_ATTR_RDONLY},
    {"rprivate", Meaning::recursive_propagation, private_},
    {"rrelatime", Meaning::recursive_attribute, MOUNT_ATTR_RELATIME, atime_class},
    {"rro", Meaning::recursive_attribute, MOUNT_ATTR_RDONLY},
    {"rrw", Meaning::recursive_attribute, 0, MOUNT_ATTR_RDONLY},
    {"rshared", Meaning::recursive_propagation, shared},
    {"rslave", Meaning::recursive_propagation, slave},
    {"rstrictatime", Meaning::recursive_attribute, MOUNT_ATTR_STRICTATIME, atime_class},
    {"rsuid", Meaning::recursive_attribute, 0, MOUNT_ATTR_NOSUID},
    {"rsymfollow", Meaning::recursive_attribute, 0, no_follow},
    {"runbindable", Meaning::recursive_propagation, unbindable},
    {"rw", Meaning::attribute, 0, MOUNT_ATTR_RDONLY},
    {"shared", Meaning::propagation, shared},
    {"silent", Meaning::ignored},
    {"slave", Meaning::propagation, slave},
    {"strictatime", Meaning::attribute, MOUNT_ATTR_STRICTATIME, atime_class},
    {"suid", Meaning::attribute, 0, MOUNT_ATTR_NOSUID},
    {"symfollow", Meaning::attribute, 0, no_follow},
    {"sync", Meaning::superblock},
    {"tmpcopyup", Meaning::copy_up},
    {"unbindable", Meaning::propagation, unbindable},
};

const Known* find_option(std::string_view name) {
    const auto at = std::lower_bound(std::begin(table), std::end(table), name,
                                     [](const Known& known, std::string_view wanted) { return known.name < wanted; });
    return at != std::end(table) && at->name == name ? at : nullptr;
}

/// Later options win over earlier ones.
void merge(std::uint64_t& set, std::uint64_t& clear, const Known& known) {
    if ((known.clear & atime_class) != 0) set &= ~atime_class;
    set = (set & ~known.clear) | known.set;
    clear = (clear & ~known.set) | known.clear;
    // Any atime class in `set` needs the whole class in `clear`, and so does dropping one.
    if ((known.clear & atime_class) != 0 || ((clear | set) & atime_class) != 0) clear |= atime_class;
}

void take(MountOptions& out, const Known& known, const std::string& text) {
    switch (known.meaning) {
        case Meaning::ignored: return;
        case Meaning::attribute: return merge(out.set, out.clear, known);
        case Meaning::recursive_attribute: return merge(out.recursive_set, out.recursive_clear, known);
        case Meaning::propagation:
        case Meaning::recursive_propagation:
            out.propagation = known.set;
            out.propagation_recursive = known.meaning == Meaning::recursive_propagation;
            return;
        case Meaning::recursive_bind: out.recursive_bind = true; [[fallthrough]];
        case Meaning::bind: out.bind = true; return;
        case Meaning::remount: out.remount = true; return;
        case Meaning::copy_up: out.copy_up = true; return;
        case Meaning::recursive_idmap: out.recursive_idmap = true; [[fallthrough]];
        case Meaning::idmap: out.idmap = true; return;
        case Meaning::superblock: out.data.push_back(text); return;
    }
}

}  // namespace

MountOptions parse_mount_options(const std::vector<std::string>& options) {
    MountOptions out;
    for (const std::string& option : options) {
        if (const Known* known = find_option(option)) take(out, *known, option);
        else if (!option.empty()) out.data.push_back(option);
    }
    return out;
}

Result<Propagation> parse_propagation(const std::string& word) {
    const Known* known = find_option(word);
    if (known == nullptr || (known->meaning != Meaning::propagation && known->meaning != Meaning::recursive_propagation))
        return Error(Kind::invalid, cat("unknown propagation '", word, "'"))
            .with_hint("one of shared, slave, private, unbindable, or the same with an r in front");
    return Propagation{known->set, known->meaning == Meaning::recursive_propagation};
}

std::vector<std::string> known_mount_options() {
    std::vector<std::string> names;
    for (const Known& known : table) names.emplace_back(known.name);
    return names;
}

}  // namespace berth::runtime
