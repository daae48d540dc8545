#include "runtime/resctrl.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sys.h"

namespace berth::runtime {

namespace {

Result<std::string> find_resctrl() {
    const std::string mounts = TRY(read_file("/proc/self/mountinfo"));
    const std::size_t type = mounts.find(" - resctrl ");
    if (type == std::string::npos)
        return Error(Kind::unsupported, "intelRdt: resctrl is not mounted on this host").with_hint("mount -t resctrl resctrl /sys/fs/resctrl");
    std::size_t at = mounts.rfind('\n', type) + 1;
    for (int field = 0; field < 4; ++field) at = mounts.find(' ', at) + 1;
    return mounts.substr(at, mounts.find(' ', at) - at);
}

Result<void> write_rdt(const std::string& file, const std::string& text) {
    const Fd out = TRY(sys::open(file, O_WRONLY));
    TRY(sys::write(out, text), "intelRdt: write '", text, "' to ", file);
    return {};
}

}  // namespace

std::vector<std::string> rdt_schemata(const IntelRdt& rdt) {
    std::vector<std::string> lines = rdt.schemata;
    if (!rdt.l3_cache_schema.empty()) lines.push_back(rdt.l3_cache_schema);
    if (!rdt.mem_bw_schema.empty()) lines.push_back(rdt.mem_bw_schema);
    return lines;
}

Result<std::string> apply_rdt(const IntelRdt& rdt, const std::string& id, pid_t pid, std::string mount_point) {
    if (mount_point.empty()) mount_point = TRY(find_resctrl());
    const std::string name = rdt.clos_id.empty() ? id : rdt.clos_id;
    if (name.find('/') != std::string::npos || name == "." || name == "..")
        return Error(Kind::invalid, cat("intelRdt.closID: '", name, "' is not the name of a folder"));
    const std::string folder = cat(mount_point, "/", name);
    const bool made = ::mkdir(folder.c_str(), 0755) == 0;
    if (!made && errno != EEXIST) return Error::of_errno(errno, cat("intelRdt: ", folder));
    for (const std::string& line : rdt_schemata(rdt)) TRY(write_rdt(cat(folder, "/schemata"), line + "\n"));
    TRY(write_rdt(cat(folder, "/tasks"), cat(pid)));
    return made ? folder : std::string();
}

Result<void> update_rdt(const std::string& folder, const std::string& l3_cache, const std::string& bandwidth) {
    if (folder.empty()) return Error(Kind::wrong_state, "intelRdt: the container has no class of its own");
    if (!l3_cache.empty()) TRY(write_rdt(cat(folder, "/schemata"), l3_cache + "\n"));
    if (!bandwidth.empty()) TRY(write_rdt(cat(folder, "/schemata"), bandwidth + "\n"));
    return {};
}

Result<void> remove_rdt_group(const std::string& folder) {
    if (folder.empty() || ::rmdir(folder.c_str()) == 0 || errno == ENOENT) return {};
    return Error::of_errno(errno, cat("intelRdt: ", folder));
}

}  // namespace berth::runtime
