#pragma once
// What users write to mount something: -v, --mount and --tmpfs, parsed once into one typed form that has docker's JSON
// shape (HostConfig.Mounts). Pure: nothing is looked up; relative sources are joined to the folder that is passed in.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace berth::container {

enum class MountType { bind, volume, tmpfs, image };
std::string_view mount_type_text(MountType type);

/// How read-only and recursion go together for a bind (docker: bind-recursive).
enum class BindRecursion { enabled, disabled, writable, readonly };

/// One mount as asked for.
struct Mount {
    MountType type = MountType::volume;
    std::string source;  ///< host path, volume name or image reference; empty: anonymous volume, or tmpfs
    std::string target;  ///< clean absolute path in the container
    bool read_only = false;

    std::string propagation;  ///< "", "rprivate", "private", "rshared", "shared", "rslave", "slave"
    BindRecursion recursion = BindRecursion::enabled;
    bool create_source = false;  ///< bind: make the source when it is absent (-v does, --mount does not)

    bool no_copy = false;  ///< volume: do not fill it from the image
    std::string subpath;   ///< volume and image: mount only this folder of it
    std::map<std::string, std::string> labels;
    std::string driver;
    std::map<std::string, std::string> driver_options;

    std::int64_t tmpfs_size = 0;      ///< bytes, 0: the kernel's default
    std::optional<unsigned> tmpfs_mode;
    std::string tmpfs_options;  ///< comma list as written for --tmpfs: "size=64m,exec"

    bool own = false;          ///< :U, give the source to the container's user
    std::string id_map;        ///< "", "idmap" or "idmap=uids=…;gids=…": map owners instead of changing them
    bool relabel = false;      ///< :z or :Z, accepted; there is no SELinux policy to apply here
    std::string mode;          ///< -v: the options as written, which inspect shows as Mode

    bool operator==(const Mount&) const = default;
};

/// Where relative things start: the caller's folder and home.
struct MountPaths {
    std::string working_folder;
    std::string home;
};

/// -v [SOURCE:]TARGET[:OPTIONS]. A source beginning with '/', '.' or '~' is a bind, a word a volume.
Result<Mount> parse_volume_flag(std::string_view text, const MountPaths& paths);
/// --mount type=…,source=…,target=…: a line of CSV.
Result<Mount> parse_mount_flag(std::string_view text, const MountPaths& paths);
/// --tmpfs TARGET[:OPTIONS].
Result<Mount> parse_tmpfs_flag(std::string_view text);

/// The form in which docker keeps a -v mount: "SOURCE:TARGET[:MODE]", for HostConfig.Binds.
std::string bind_text(const Mount& mount);

/// --volumes-from CONTAINER[:ro|rw].
struct VolumesFrom {
    std::string container;
    enum class Access { as_there, read_only, read_write } access = Access::as_there;
};
Result<VolumesFrom> parse_volumes_from(std::string_view text);

/// "64m", "1.5g", "1024": binary units, as docker's size flags.
Result<std::int64_t> parse_size(std::string_view text);

/// What a container has mounted: inspect's Mounts, and what its start mounts.
struct MountPoint {
    MountType type = MountType::volume;
    std::string name;         ///< volume: its name; image: the reference
    std::string source;       ///< host path; empty for tmpfs
    std::string destination;  ///< clean absolute path in the container
    std::string driver;       ///< volume: "local"
    std::string mode;         ///< options as written
    bool rw = true;
    std::string propagation;

    // What docker keeps elsewhere but a start needs.
    BindRecursion recursion = BindRecursion::enabled;
    std::string subpath;
    bool create_source = false;
    bool own = false;
    std::string id_map;
    std::string tmpfs_options;  ///< complete: "noexec,nosuid,nodev,size=…,mode=…"
    bool anonymous = false;     ///< a volume made for this container, removed by rm -v and --rm
    bool operator==(const MountPoint&) const = default;
};

}  // namespace berth::container

namespace berth {
template <>
struct JsonText<container::MountType> {
    static Result<container::MountType> parse(std::string_view text);
    static std::string text(const container::MountType& type) { return std::string(container::mount_type_text(type)); }
};
template <>
struct JsonText<container::BindRecursion> {
    static Result<container::BindRecursion> parse(std::string_view text);
    static std::string text(const container::BindRecursion& recursion);
};

namespace container {
template <class Io>
void fields(Io& io, Mount& mount) {
    io.required("Type", mount.type);
    io.optional("Source", mount.source);
    io.required("Target", mount.target);
    io.optional("ReadOnly", mount.read_only);
    io.optional("Propagation", mount.propagation);
    io.optional("Recursive", mount.recursion);
    io.optional("CreateMountpoint", mount.create_source);
    io.optional("NoCopy", mount.no_copy);
    io.optional("Subpath", mount.subpath);
    io.optional("Labels", mount.labels);
    io.optional("Driver", mount.driver);
    io.optional("DriverOptions", mount.driver_options);
    io.optional("SizeBytes", mount.tmpfs_size);
    io.optional("TmpfsMode", mount.tmpfs_mode);
    io.optional("TmpfsOptions", mount.tmpfs_options);
    io.optional("Own", mount.own);
    io.optional("IdMap", mount.id_map);
    io.optional("Relabel", mount.relabel);
    io.optional("Mode", mount.mode);
}

template <class Io>
void fields(Io& io, MountPoint& point) {
    io.required("Type", point.type);
    io.optional("Name", point.name);
    io.required("Source", point.source);
    io.required("Destination", point.destination);
    io.optional("Driver", point.driver);
    io.required("Mode", point.mode);
    io.required("RW", point.rw);
    io.required("Propagation", point.propagation);
    io.optional("Recursive", point.recursion);
    io.optional("Subpath", point.subpath);
    io.optional("CreateMountpoint", point.create_source);
    io.optional("Own", point.own);
    io.optional("IdMap", point.id_map);
    io.optional("TmpfsOptions", point.tmpfs_options);
    io.optional("Anonymous", point.anonymous);
}
}  // namespace container
}  // namespace berth
