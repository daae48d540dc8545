// `features`: runtime-spec features.md.

#include "base/json.h"
#include "cli/oci/commands.h"
#include "cli/oci/output.h"
#include "runtime/caps.h"
#include "runtime/mount_options.h"
#include "runtime/process_attributes.h"
#include "runtime/seccomp_names.h"

namespace berth::cli {

namespace {

Json names(std::initializer_list<const char*> words) {
    Json out{Json::Array{}};
    for (const char* word : words) out.push_back(word);
    return out;
}

Json enabled(bool value) { return Json(Json::Object{{"enabled", Json(value)}}); }

Json cgroup_features() {
    return Json(Json::Object{{"v1", true}, {"v2", true}, {"systemd", true}, {"systemdUser", false}, {"rdma", true}});
}

Json seccomp_features() {
    Json out;
    out.set("enabled", true);
    out.set("actions", to_json(runtime::seccomp_action_names()));
    out.set("operators", to_json(runtime::seccomp_operator_names()));
    out.set("archs", to_json(runtime::seccomp_arch_names()));
    out.set("knownFlags", to_json(runtime::seccomp_flag_names()));
    out.set("supportedFlags", to_json(runtime::seccomp_flag_names()));
    return out;
}

Json linux_features() {
    Json out;
    out.set("namespaces", names({"cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"}));
    out.set("capabilities", to_json(runtime::all_capabilities()));
    out.set("cgroup", cgroup_features());
    out.set("seccomp", seccomp_features());
    out.set("apparmor", enabled(true));
    out.set("selinux", enabled(true));
    out.set("intelRdt", Json(Json::Object{{"enabled", true}, {"schemata", true}, {"monitoring", false}}));
    Json policy;
    policy.set("modes", to_json(runtime::memory_policy_modes()));
    policy.set("flags", to_json(runtime::memory_policy_flags()));
    out.set("memoryPolicy", std::move(policy));
    out.set("mountExtensions", Json(Json::Object{{"idmap", enabled(true)}}));
    out.set("netDevices", enabled(true));
    return out;
}

}  // namespace

Result<int> oci_features(const OciCall& call) {
    Parser parser;
    parser.about(oci_about("features"));
    parser.usage("", 0, 0);
    const auto words = TRY(read_words(parser, call, "features"));
    if (!words) return 0;
    Json out;
    out.set("ociVersionMin", "1.0.0");
    out.set("ociVersionMax", "1.3.0");
    out.set("hooks", names({"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"}));
    out.set("mountOptions", to_json(runtime::known_mount_options()));
    out.set("linux", linux_features());
    out.set("annotations", Json(Json::Object{{"org.opencontainers.runc.checkpoint.enabled", "false"},
                                             {"io.github.seccomp.libseccomp.version", runtime::seccomp_library_version()}}));
    out.set("potentiallyUnsafeConfigAnnotations", names({"org.systemd.property."}));
    write_output(json_text(out, JsonStyle::indented) + "\n");
    return 0;
}

}  // namespace berth::cli
