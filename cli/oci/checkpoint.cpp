// checkpoint: CRIU writes the container's processes to files; then the container is gone, unless it is to go on.

#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"
#include "cli/oci/commands.h"
#include "cli/oci/criu_options.h"
#include "cli/oci/state.h"

namespace berth::cli {

namespace {

using runtime::CriuMessage;

constexpr const char* log_name = "dump.log";

void describe(Parser& parser, CriuOptions& options) {
    describe_criu_options(parser, options);
    parser.text("--parent-path", options.parent_path, "FOLDER", "Images of an earlier --pre-dump, relative to --image-path");
    parser.text("--page-server", options.page_server, "ADDRESS:PORT", "Server that takes the memory pages");
    parser.flag("--leave-running", options.leave_running, "Do not stop the container");
    parser.flag("--tcp-skip-in-flight", options.tcp_skip_in_flight, "Leave connections out that are not established yet");
    parser.flag("--link-remap", options.link_remap, "Give open files that were deleted a name again");
    parser.flag("--pre-dump", options.pre_dump, "Write memory only and go on: the later checkpoint is short");
    parser.parsed<int>("--status-fd", options.status_fd, [](std::string_view text) -> Result<int> {
        int fd = -1;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), fd);
        const int flags = code == std::errc() && end == text.data() + text.size() ? ::fcntl(fd, F_GETFL) : -1;
        if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY) return Error(Kind::invalid, cat("'", text, "' is not a writable descriptor"));
        return fd;
    }, "N", "a zero byte is written here when --lazy-pages can be asked for pages");
}

/// Where a destination of config.json is, links followed, as CRIU finds it in the container's mountinfo.
std::string place_in_container(const Root& root, const std::string& destination) {
    const auto there = root.open_at(destination, O_PATH);
    if (!there.ok()) return destination;
    auto path = sys::readlinkat(sys::here(), cat("/proc/self/fd/", there.value().raw()));
    return path.ok() ? std::move(path).value() : destination;
}

Result<void> add_mounts(CriuMessage& message, const OciContainer& container, const runtime::Spec& spec) {
    const Root root = TRY(Root::open(cat("/proc/", container.state().pid, "/root")));
    const OciState& state = container.state();
    for (const ExternalMount& mount : external_mounts(spec, state.bundle(), state.cgroup_record()))
        message.message(23, key_and_value(place_in_container(root, mount.name), mount.name));
    for (const std::string& path : spec.linux->masked_paths) {
        const auto there = root.open_at(path, O_PATH);
        if (!there.ok()) continue;
        const struct stat status = TRY(sys::fstat(there.value()));
        if (!S_ISDIR(status.st_mode)) message.message(23, key_and_value(path, "/dev/null"));
    }
    return {};
}

/// A namespace that others made is not saved: restore finds it where config.json says.
Result<void> add_external_namespaces(CriuMessage& message, const runtime::Spec& spec) {
    for (const auto& [type, name, key] : {std::array<const char*, 3>{"network", "net", "extRootNetNS"}, {"pid", "pid", "extRootPidNS"}}) {
        const runtime::Namespace* space = spec.find_namespace(type);
        if (space == nullptr || space->path.empty()) continue;
        struct stat status{};
        if (::stat(space->path.c_str(), &status) != 0) return Error::of_errno(errno, cat(type, " namespace ", space->path));
        message.text(37, cat(name, "[", status.st_ino, "]:", key));
    }
    return {};
}

Result<CriuMessage> dump_options(const CriuOptions& options, const CriuFolders& folders, const OciContainer& container, const runtime::Spec& spec) {
    CriuMessage out = TRY(common_criu_options(options, folders, spec, log_name));
    out.number(2, static_cast<std::uint64_t>(container.state().pid)).text(13, container.state().config.rootfs);
    out.flag(3, options.leave_running).flag(18, options.link_remap).flag(46, options.tcp_skip_in_flight);
    if (!options.parent_path.empty()) out.text(14, options.parent_path).flag(15, true);
    TRY(add_external_namespaces(out, spec));
    const auto& groups = container.state().cgroup_paths;
    const auto freezer = groups.contains("freezer") ? groups.find("freezer") : groups.find("");
    const bool can_freeze = runtime::cgroup_layout() == runtime::CgroupLayout::v2 || groups.contains("freezer");
    if (can_freeze && freezer != groups.end()) out.text(44, freezer->second);
    if (!options.pre_dump) TRY(add_mounts(out, container, spec));
    return out;
}

Result<int> run_checkpoint(const OciCall& call, const std::string& id, const CriuOptions& options) {
    OciContainer container = TRY(OciContainer::open(call.globals.root, id));
    const OciStatus status = TRY(container.status());
    if (status == OciStatus::created || !is_alive(status))
        return Error(Kind::wrong_state, cat("container cannot be checkpointed in ", status_word(status), " state"));
    runtime::Criu criu = TRY(runtime::Criu::find());
    const runtime::Spec spec = TRY(container.load_spec());
    const CriuFolders folders = TRY(open_criu_folders(options, log_name));
    const CriuMessage wanted = TRY(dump_options(options, folders, container, spec));
    if (!options.pre_dump)
        TRY(replace_file(folders.images, descriptors_file, json_text(to_json(container.state().external_descriptors)), 0600, Durability::boot));
    TRY(criu.begin({-1, 2, 2}, {}));
    const auto notice = [&](const runtime::CriuAnswer& said, const std::optional<Fd>&) -> Result<void> {
        call.log.debug(cat("criu: ", said.notice));
        if (said.notice == "status-ready" && options.status_fd >= 0)
            if (::write(options.status_fd, "", 1) != 1 || ::close(options.status_fd) != 0) return Error::of_errno(errno, "--status-fd");
        return {};
    };
    auto dumped = criu.run(options.pre_dump ? runtime::CriuTask::pre_dump : runtime::CriuTask::dump, wanted, notice);
    if (!dumped.ok()) return criu_failure(std::move(dumped).error(), folders, log_name);
    if (!options.pre_dump && !options.leave_running) TRY(destroy_container(container, call.log));
    return 0;
}

}  // namespace

Result<int> oci_checkpoint(const OciCall& call) {
    Parser parser;
    CriuOptions options;
    parser.about(oci_about("checkpoint"));
    parser.usage("CONTAINER-ID", 1, 1);
    describe(parser, options);
    const auto words = TRY(read_words(parser, call, "checkpoint"));
    if (!words) return 0;
    return run_checkpoint(call, (*words)[0], options);
}

}  // namespace berth::cli
