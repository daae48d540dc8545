#include "runtime/sysctl.h"

#include <algorithm>

namespace berth::runtime {

namespace {

constexpr std::string_view ipc_keys[] = {"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall",
                                         "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"};

/// Keys may have slashes for dots: net/ipv4/conf/eth0.100/forwarding (sysctl.d(5)): whichever comes first separates.
std::string dotted(const std::string& key) {
    const std::size_t first = key.find_first_of("./");
    if (first == std::string::npos || key[first] == '.') return key;
    std::string out = key;
    for (char& c : out) c = c == '/' ? '.' : c == '.' ? '/' : c;
    return out;
}

/// A namespace of its own: new, or another's by path.
bool has_namespace(const Spec& spec, std::string_view type) { return spec.find_namespace(type) != nullptr; }

Result<void> require_namespace(const Spec& spec, std::string_view type) {
    if (has_namespace(spec, type)) return {};
    return Error(Kind::invalid, cat("not allowed: the container has no ", type, " namespace of its own"));
}

Result<void> check_key(const std::string& key, const Spec& spec) {
    if (key.starts_with("net.")) return require_namespace(spec, "network");
    const bool ipc = key.starts_with("fs.mqueue.") || std::find(std::begin(ipc_keys), std::end(ipc_keys), key) != std::end(ipc_keys);
    if (ipc) return require_namespace(spec, "ipc");
    if (key == "kernel.domainname") return require_namespace(spec, "uts");
    if (key == "kernel.hostname") return Error(Kind::invalid, "not allowed: set hostname instead");
    if (key == "kernel.ns_last_pid") return require_namespace(spec, "pid");
    if (key.starts_with("user.")) return require_namespace(spec, "user");
    return Error(Kind::invalid, "not allowed: it is not separate for each container").with_hint("set it on the host");
}

}  // namespace

Result<std::string> sysctl_path(const std::string& key, const std::string& value, const Spec& spec) {
    const std::string name = dotted(key);
    const bool odd = name.empty() || name.find("..") != std::string::npos || name.starts_with('.') || name.ends_with('.') ||
                     name.find_first_of("+ \t\n") != std::string::npos;
    if (odd) return Error(Kind::invalid, "is not a name of a sysctl");
    if (value.find('\0') != std::string::npos || value.find('\n') != std::string::npos)
        return Error(Kind::invalid, "the value has a control character");
    TRY(check_key(name, spec));
    std::string path = "sys/";
    for (const char c : name) path += c == '.' ? '/' : c == '/' ? '.' : c;
    if (path.find("/../") != std::string::npos || path.ends_with("/..")) return Error(Kind::invalid, "is not a name of a sysctl");
    return path;
}

}  // namespace berth::runtime
