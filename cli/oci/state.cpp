#include "cli/oci/state.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sys.h"
#include "cli/oci/globals.h"
#include "runtime/hooks.h"
#include "runtime/resctrl.h"

namespace berth::cli {

template <class Io>
void fields(Io& io, OciNamespace& space) {
    io.required("type", space.type);
    io.required("path", space.path);
}
template <class Io>
void fields(Io& io, OciCgroups& groups) {
    io.required("path", groups.path);
}
template <class Io>
void fields(Io& io, OciConfig& config) {
    io.required("rootfs", config.rootfs);
    io.required("version", config.version);
    io.optional("labels", config.labels);
    io.optional("cgroups", config.cgroups);
    io.optional("namespaces", config.namespaces);
    io.optional("no_new_keyring", config.no_new_keyring);
}
template <class Io>
void fields(Io& io, OciOwn& own) {
    io.required("version", own.version);
    io.optional("boot", own.boot);
    io.optional("systemdUnit", own.systemd_unit);
    io.optional("owner", own.owner);
    io.optional("rdtFolder", own.rdt_folder);
}
template <class Io>
void fields(Io& io, OciState& state) {
    io.required("id", state.id);
    io.required("init_process_pid", state.pid);
    io.required("init_process_start", state.start_time);
    io.required("created", state.created);
    io.required("config", state.config);
    io.required("rootless", state.rootless);
    io.required("cgroup_paths", state.cgroup_paths);
    io.required("namespace_paths", state.namespace_paths);
    io.required("external_descriptors", state.external_descriptors);
    io.required("intel_rdt_path", state.intel_rdt_path);
    io.required("berth", state.own);
}

namespace {

Error no_container() { return Error(Kind::not_found, "container does not exist"); }

bool has_fifo(const OciContainer& container) { return ::faccessat(container.folder().raw(), "exec.fifo", F_OK, 0) == 0; }

bool is_locked(const Fd& folder) {
    if (::flock(folder.raw(), LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
    ::flock(folder.raw(), LOCK_UN);
    return false;
}

bool is_private_pid_namespace(const runtime::Spec& spec) {
    const runtime::Namespace* space = spec.find_namespace("pid");
    return space != nullptr && space->path.empty();
}

}  // namespace

std::string OciState::bundle() const {
    for (const std::string& label : config.labels)
        if (label.starts_with("bundle=")) return label.substr(7);
    return {};
}

runtime::CgroupRecord OciState::cgroup_record() const { return {config.cgroups.path, cgroup_paths, own.systemd_unit}; }

bool is_alive(OciStatus status) { return status != OciStatus::creating && status != OciStatus::stopped; }

std::string_view status_word(OciStatus status) {
    switch (status) {
        case OciStatus::creating: return "creating";
        case OciStatus::created: return "created";
        case OciStatus::running: return "running";
        case OciStatus::paused: return "paused";
        case OciStatus::stopped: return "stopped";
    }
    return "unknown";
}

Result<void> check_container_id(const std::string& id) {
    constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";
    const bool plain = !id.empty() && id.size() <= 1024 && id.find_first_not_of(first) == std::string::npos;
    if (plain && id != "." && id != "..") return {};
    return Error(Kind::invalid, cat("invalid container ID format: '", id, "'"))
        .with_hint("letters, digits, and any of _ + - .");
}

Result<OciContainer> OciContainer::create(const std::string& root, const std::string& id) {
    TRY(check_container_id(id));
    TRY(make_host_folders(root, 0711));
    OciContainer out;
    out.root_ = root;
    out.id_ = id;
    if (::mkdir(out.path().c_str(), 0711) != 0) {
        if (errno == EEXIST) return Error(Kind::exists, "container with given ID already exists");
        return Error::of_errno(errno, out.path());
    }
    out.folder_ = TRY(sys::open(out.path(), O_RDONLY | O_DIRECTORY));
    if (::flock(out.folder_.raw(), LOCK_EX) != 0) return Error::of_errno(errno, out.path());
    out.state_.id = id;
    out.state_.created = now();
    out.state_.own.boot = boot_id();
    return out;
}

Result<OciContainer> OciContainer::open(const std::string& root, const std::string& id) {
    TRY(check_container_id(id));
    OciContainer out;
    out.root_ = root;
    out.id_ = id;
    auto folder = sys::open(out.path(), O_RDONLY | O_DIRECTORY);
    if (!folder.ok() && folder.error().kind() == Kind::not_found) return no_container();
    out.folder_ = TRY(std::move(folder));
    auto text = read_file(out.folder_, "state.json");
    if (!text.ok() && text.error().code() == ENOENT) {
        // Its creator ended before it wrote anything: there is nothing but the folder.
        out.state_.id = id;
        return out;
    }
    const std::string document = TRY(std::move(text));
    const Json parsed = TRY(parse_json(document), "state.json");
    out.state_ = TRY(from_json<OciState>(parsed), "state.json");
    return out;
}

Result<void> OciContainer::save() const {
    return replace_file(folder_, "state.json", json_text(to_json(state_)), 0600, Durability::boot);
}

Result<void> OciContainer::save_spec(const std::string& text) const {
    return replace_file(folder_, "config.json", text, 0600, Durability::boot);
}

Result<runtime::Spec> OciContainer::load_spec() const {
    const std::string text = TRY(read_file(folder_, "config.json"));
    return runtime::parse_spec(text);
}

std::optional<runtime::Cgroup> OciContainer::cgroup() const {
    auto opened = runtime::Cgroup::open(state_.cgroup_record());
    if (!opened.ok()) return std::nullopt;
    return std::move(opened).value();
}

void OciContainer::tell_made() const { ::flock(folder_.raw(), LOCK_UN); }

Result<void> OciContainer::wait_until_made() const {
    if (::flock(folder_.raw(), LOCK_SH) != 0) return Error::of_errno(errno, path());
    ::flock(folder_.raw(), LOCK_UN);
    return {};
}

Result<OciStatus> OciContainer::status() const {
    if (state_.pid == 0) return is_locked(folder_) ? OciStatus::creating : OciStatus::stopped;
    const auto process = TRY(open_process());
    if (!process) return OciStatus::stopped;
    if (has_fifo(*this)) return OciStatus::created;
    const auto group = cgroup();
    if (group && TRY(group->is_frozen())) return OciStatus::paused;
    return OciStatus::running;
}

Result<void> OciContainer::remove_folder() const {
    const Fd root = TRY(sys::open(root_, O_RDONLY | O_DIRECTORY));
    return remove_tree(root, id_);
}

Result<Json> OciContainer::describe() const {
    const OciStatus now_is = TRY(status());
    Json out;
    out.set("ociVersion", state_.config.version.empty() ? "1.2.0" : state_.config.version);
    out.set("id", id_);
    out.set("pid", now_is == OciStatus::stopped ? 0 : state_.pid);
    out.set("status", status_word(now_is));
    out.set("bundle", state_.bundle());
    out.set("rootfs", state_.config.rootfs);
    out.set("created", moment_text(state_.created));
    Json::Object annotations;
    for (const std::string& label : state_.config.labels) {
        const std::size_t equals = label.find('=');
        if (!label.starts_with("bundle=")) annotations.emplace_back(label.substr(0, equals), label.substr(equals + 1));
    }
    if (!annotations.empty()) out.set("annotations", std::move(annotations));
    out.set("owner", state_.own.owner);
    return out;
}

std::vector<OciContainer> list_containers(const std::string& root) {
    std::vector<OciContainer> out;
    auto folder = sys::open(root, O_RDONLY | O_DIRECTORY);
    if (!folder.ok()) return out;
    for (const std::string& name : list_folder(folder.value()).value_or({})) {
        auto container = OciContainer::open(root, name);
        if (container.ok() && !container.value().state().config.version.empty()) out.push_back(std::move(container).value());
    }
    return out;
}

Result<void> destroy_container(OciContainer& container, const OciLog& log) {
    const auto spec = container.load_spec();
    if (auto group = container.cgroup()) {
        // With a pid namespace of its own the kernel has killed all when its first process went; unless its creator was
        // killed before it wrote down which process that is.
        const bool empty = spec.ok() && is_private_pid_namespace(spec.value()) && container.state().pid != 0;
        if (!empty) TRY(group->kill_all());
        TRY(group->remove());
    }
    TRY(runtime::remove_rdt_group(container.state().own.rdt_folder));
    TRY(container.remove_folder());
    if (!spec.ok() || !spec.value().hooks) return {};
    const std::string state =
        runtime::state_document(spec.value(), container.id(), container.state().bundle(), "stopped", 0);
    for (const runtime::Hook& hook : spec.value().hooks->poststop)
        if (auto done = runtime::run_hooks({hook}, "poststop", state); !done.ok()) log.warning(done.error().text());
    return {};
}

}  // namespace berth::cli
