#include "cli/oci/criu_options.h"

#include <cerrno>
#include <charconv>

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/root.h"
#include "base/sys.h"
#include "runtime/host_cgroups.h"
#include "runtime/mount_options.h"
#include "runtime/plan_make.h"

namespace berth::cli {

namespace {

using runtime::CriuMessage;

Result<std::uint64_t> cgroups_mode_of(const std::string& word) {
    constexpr std::pair<std::string_view, std::uint64_t> modes[] = {{"ignore", 0}, {"soft", 3}, {"full", 4}, {"strict", 5}, {"", 6}};
    for (const auto& [name, value] : modes)
        if (word == name) return value;
    return Error(Kind::invalid, cat("--manage-cgroups-mode: '", word, "' is none of soft, full, strict, ignore"));
}

Result<CriuMessage> page_server_of(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    int port = 0;
    const char* end = text.data() + text.size();
    if (colon == std::string::npos || colon == 0 || std::from_chars(text.data() + colon + 1, end, port).ptr != end || port <= 0 || port > 65535)
        return Error(Kind::invalid, cat("--page-server: '", text, "' is not ADDRESS:PORT"));
    CriuMessage out;
    out.text(1, text.substr(0, colon)).number(2, static_cast<std::uint64_t>(port));
    return out;
}

Result<Fd> open_made_folder(const std::string& path) {
    TRY(make_host_folders(join_path("/", path), 0700));
    return sys::open(path, O_RDONLY | O_DIRECTORY);
}

std::string absolute(const std::string& path) {
    const auto here = sys::readlinkat(sys::here(), "/proc/self/cwd");
    return join_path(here.ok() ? here.value() : "/", path);
}

}  // namespace

void describe_criu_options(Parser& parser, CriuOptions& into) {
    parser.text("--image-path", into.image_path, "FOLDER", "Folder of criu's image files (default ./checkpoint)");
    parser.text("--work-path", into.work_path, "FOLDER", "Folder of criu's work files and logs");
    parser.flag("--tcp-established", into.tcp_established, "Take established connections along");
    parser.flag("--ext-unix-sk", into.ext_unix_sk, "Take UNIX sockets along whose other end is outside");
    parser.flag("--shell-job", into.shell_job, "Take a container along that belongs to a shell's session");
    parser.flag("--file-locks", into.file_locks, "Take file locks along");
    parser.flag("--lazy-pages", into.lazy_pages, "Bring memory pages over when they are used (userfaultfd)");
    parser.flag("--auto-dedup", into.auto_dedup, "Drop pages from older images that newer ones hold");
    parser.text("--manage-cgroups-mode", into.cgroups_mode, "soft|full|strict|ignore", "How criu treats cgroups (default soft)");
    parser.list("--empty-ns", into.empty_namespaces, "NAMESPACE", "Namespace that is made new instead of restored");
}

Result<CriuFolders> open_criu_folders(const CriuOptions& options, const std::string& log_name) {
    CriuFolders out;
    out.images = TRY(open_made_folder(absolute(options.image_path)), "--image-path");
    if (!options.work_path.empty()) out.work = TRY(open_made_folder(absolute(options.work_path)), "--work-path");
    // What an earlier run wrote there is not this one's story.
    ::unlinkat((out.work.valid() ? out.work : out.images).raw(), log_name.c_str(), 0);
    if (options.parent_path.empty()) return out;
    if (options.parent_path.starts_with('/')) return Error(Kind::invalid, "--parent-path must be relative, to the images");
    struct stat status{};
    if (::fstatat(out.images.raw(), options.parent_path.c_str(), &status, 0) != 0)
        return Error::of_errno(errno, cat("invalid --parent-path ", options.parent_path));
    if (!S_ISDIR(status.st_mode)) return Error::of_errno(ENOTDIR, cat("invalid --parent-path ", options.parent_path));
    return out;
}

Result<CriuMessage> common_criu_options(const CriuOptions& options, const CriuFolders& folders, const runtime::Spec& spec,
                                        const std::string& log_name) {
    CriuMessage out;
    out.number(1, static_cast<std::uint64_t>(folders.images.raw()));
    out.flag(4, options.ext_unix_sk).flag(5, options.tcp_established).flag(6, true).flag(7, options.shell_job);
    out.flag(8, options.file_locks).number(9, 4).text(10, log_name).flag(12, true).flag(16, options.auto_dedup);
    if (folders.work.valid()) out.number(17, static_cast<std::uint64_t>(folders.work.raw()));
    const std::uint64_t mode = TRY(cgroups_mode_of(options.cgroups_mode));
    out.flag(24, true).number(34, mode).flag(48, options.lazy_pages).flag(50, true);
    for (const std::string& name : options.empty_namespaces)
        if (name != "network") return Error(Kind::invalid, cat("--empty-ns: namespace '", name, "' is not supported, only network"));
    // Links, addresses and rules are the engine's, which makes them anew.
    out.number(38, CLONE_NEWNET);
    if (!options.page_server.empty()) out.message(11, TRY(page_server_of(options.page_server)));
    // A file of settings that count more than ours; an empty annotation wants none.
    const auto wanted = spec.annotations.find("org.criu.config");
    const std::string config = wanted == spec.annotations.end() ? "/etc/criu/runc.conf" : wanted->second;
    if (!config.empty()) out.text(51, config);
    return out;
}

Error criu_failure(Error error, const CriuFolders& folders, const std::string& log_name) {
    const Fd& folder = folders.work.valid() ? folders.work : folders.images;
    const auto log = read_file(folder, log_name);
    if (!log.ok()) return error;
    const std::size_t at = log.value().find("Error (");
    if (at == std::string::npos) return error;
    const std::string line = log.value().substr(at, log.value().find('\n', at) - at);
    return Error(error.kind(), cat(error.text(), ": ", line)).with_hint(cat("the whole story is in ", log_name, " below --work-path or --image-path"));
}

std::vector<ExternalMount> external_mounts(const runtime::Spec& spec, const std::string& bundle, const runtime::CgroupRecord& groups) {
    std::vector<ExternalMount> out;
    for (const runtime::Mount& mount : spec.mounts) {
        const runtime::MountOptions options = runtime::parse_mount_options(mount.options);
        if (options.bind || mount.type == "bind") {
            out.push_back({mount.destination, join_path(bundle, mount.source)});
            continue;
        }
        if (mount.type != "cgroup" && mount.type != "cgroup2") continue;
        // The container's own group of each hierarchy is bound (runtime/sources.cpp), alone where there is only v2.
        const bool only_v2 = runtime::cgroup_layout() == runtime::CgroupLayout::v2;
        for (const runtime::Hierarchy& hierarchy : runtime::host_cgroups().hierarchies) {
            const auto folder = groups.paths.find(hierarchy.v2 ? std::string() : hierarchy.controllers.front());
            if (folder == groups.paths.end()) continue;
            out.push_back({only_v2 ? mount.destination : join_path(mount.destination, hierarchy.name), folder->second});
        }
    }
    if (spec.find_namespace("user") != nullptr)
        for (const runtime::Device& device : runtime::plan_devices(spec)) out.push_back({device.path, device.path});
    return out;
}

CriuMessage key_and_value(const std::string& key, const std::string& value) {
    CriuMessage out;
    out.text(1, key).text(2, value);
    return out;
}

}  // namespace berth::cli
