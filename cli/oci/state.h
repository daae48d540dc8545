#pragma once
// The record of a container that berth-oci made: <root>/<id>/{state.json,config.json,exec.fifo}. Names in state.json are
// runc's, since others read them; what runc has no name for stands under "berth".

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/process.h"
#include "runtime/cgroup.h"
#include "runtime/spec.h"

namespace berth::cli {

struct OciNamespace {
    std::string type, path;
    bool operator==(const OciNamespace&) const = default;
};
struct OciCgroups {
    std::string path;
    bool operator==(const OciCgroups&) const = default;
};
struct OciConfig {
    std::string rootfs, version;
    std::vector<std::string> labels;  ///< "bundle=/path", then the annotations
    OciCgroups cgroups;
    std::vector<OciNamespace> namespaces;
    bool no_new_keyring = false;
};
struct OciOwn {
    int version = 1;
    std::string boot;
    std::string systemd_unit;
    std::string owner;
    bool exec_without_pivot = false;
    std::string rdt_folder;  ///< made by us, so removed by us
};
struct OciState {
    std::string id;
    pid_t pid = 0;
    std::uint64_t start_time = 0;
    Moment created;
    OciConfig config;
    bool rootless = false;
    std::map<std::string, std::string> cgroup_paths;
    std::map<std::string, std::string> namespace_paths;
    std::vector<std::string> external_descriptors;
    std::string intel_rdt_path;
    OciOwn own;

    std::string bundle() const;
    runtime::CgroupRecord cgroup_record() const;
    ProcessKey key() const { return {pid, start_time, own.boot}; }
};

enum class OciStatus { creating, created, running, paused, stopped };
/// There is a first process.
bool is_alive(OciStatus status);
std::string_view status_word(OciStatus status);

/// Letters, digits and _+-. ; not "." and "..": an id is a folder's name.
Result<void> check_container_id(const std::string& id);

class OciContainer {
public:
    /// Makes <root>/<id>, whose mkdir is the lock against a second creator. The folder is locked until tell_made(), so that
    /// others see a container that is being created, and not one whose creator is gone.
    static Result<OciContainer> create(const std::string& root, const std::string& id);
    /// Kind::not_found: "container does not exist".
    static Result<OciContainer> open(const std::string& root, const std::string& id);

    const std::string& id() const { return id_; }
    const Fd& folder() const { return folder_; }
    std::string path() const { return root_ + "/" + id_; }
    OciState& state() { return state_; }
    const OciState& state() const { return state_; }

    Result<void> save() const;
    /// The spec as it was given to create.
    Result<void> save_spec(const std::string& text) const;
    Result<runtime::Spec> load_spec() const;
    Result<OciStatus> status() const;
    /// Waits while another process makes the container: until its first process is known, or there will be none.
    Result<void> wait_until_made() const;
    /// The creator's word that it is: from here on the container's first process tells how it is.
    void tell_made() const;
    /// An open pidfd of the first process; nothing when it ended.
    Result<std::optional<Fd>> open_process() const { return state_.key().open(); }
    /// Nothing where the container has no cgroup.
    std::optional<runtime::Cgroup> cgroup() const;
    Result<void> remove_folder() const;
    /// runc's `state` document.
    Result<Json> describe() const;

private:
    OciContainer() = default;
    std::string root_, id_;
    Fd folder_;
    OciState state_;
};

/// Every container below `root`; those that cannot be read are left out.
std::vector<OciContainer> list_containers(const std::string& root);

/// Ends a container for good: kills what is left, removes cgroup and folder, runs poststop hooks (failures only warn).
class OciLog;
Result<void> destroy_container(OciContainer& container, const OciLog& log);

}  // namespace berth::cli
