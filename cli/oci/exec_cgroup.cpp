#include "cli/oci/exec_cgroup.h"

#include <unistd.h>

#include "base/root.h"

namespace berth::cli {

namespace {

Result<std::string> sub_path(const std::string& path) {
    const std::string clean = clean_path(cat("/", path));
    // What cleaning changed beyond slashes was `..`.
    if (path.find("..") != std::string::npos && clean_path(path).starts_with(".."))
        return Error(Kind::invalid, cat("bad sub cgroup path: ", path));
    return clean == "/" ? std::string() : clean.substr(1);
}

}  // namespace

Result<std::map<std::string, std::string>> parse_exec_cgroups(const Words& options, const std::map<std::string, std::string>& known) {
    std::map<std::string, std::string> out;
    for (const std::string& option : options) {
        const std::size_t colon = option.find(':');
        const std::string path = TRY(sub_path(colon == std::string::npos ? option : option.substr(colon + 1)));
        std::string names = colon == std::string::npos ? "" : option.substr(0, colon);
        do {
            const std::size_t comma = names.find(',');
            const std::string name = names.substr(0, comma);
            names = comma == std::string::npos ? "" : names.substr(comma + 1);
            if (!name.empty() && !known.contains(name)) return Error(Kind::invalid, cat("unknown controller ", name, " in --cgroup"));
            if (!out.emplace(name, path).second) return Error(Kind::invalid, cat("--cgroup gives '", name, "' twice"));
        } while (!names.empty());
    }
    return out;
}

Result<std::optional<runtime::Cgroup>> exec_cgroup(const OciContainer& container, const Words& options) {
    auto group = container.cgroup();
    if (!group || options.empty()) return group;
    const auto paths = TRY(parse_exec_cgroups(options, container.state().cgroup_paths));
    runtime::Cgroup below = TRY(group->below(paths));
    for (const auto& [controller, folder] : below.record().paths)
        if (::access(folder.c_str(), F_OK) != 0)
            return Error::of_errno(errno, cat("error adding pid to cgroups: adding pid 0 to ", folder, ": no such cgroup"));
    return std::optional(std::move(below));
}

}  // namespace berth::cli
