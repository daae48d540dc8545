// berth-oci: berth's runtime behind runc's command line, for containerd, Kubernetes, podman and dockerd.

#include <cstdlib>
#include <cstring>

#include <unistd.h>

#include "base/log.h"
#include "cli/oci/commands.h"
#include "cli/oci/output.h"
#include "runtime/launch.h"
#include "runtime/seccomp_names.h"

namespace berth::cli {

namespace {

std::string default_root() {
    const char* runtime_folder = std::getenv("XDG_RUNTIME_DIR");
    if (::geteuid() != 0 && runtime_folder != nullptr) return cat(runtime_folder, "/berth-oci");
    return "/run/berth-oci";
}

std::string version_text(const std::string& program) {
    // The lines that containerd, podman and dockerd look for; the last is crun's list of features.
    return cat(program, " version ", BERTH_VERSION, "\ncommit: berth-", BERTH_VERSION, "\nspec: 1.3.0\nlibseccomp: ",
               runtime::seccomp_library_version(), "\n+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF +YAJL\n");
}

struct Wanted {
    OciGlobals globals;
    Words words;
    bool version = false;
    std::string help;
};

Result<Wanted> read_globals(const Words& all, const std::string& program) {
    Wanted out;
    out.globals.root = default_root();
    out.globals.program = program;
    Parser parser;
    std::string rootless, criu, cgroup_manager, log_level;
    parser.options_end_at_first_word();
    parser.flag("--debug", out.globals.debug, "Log more");
    parser.text("--log", out.globals.log_path, "FILE", "Write the log there instead of to stderr");
    parser.choice("--log-format", out.globals.log_format, "text|json", "Form of the log's lines");
    parser.text("--root", out.globals.root, "FOLDER", "Folder of the containers' state");
    parser.flag("--systemd-cgroup", out.globals.systemd_cgroup, "Ask systemd for cgroups");
    parser.text("--rootless", rootless, "true|false|auto", "Go on without cgroups that may not be made");
    parser.text("--criu", criu, "FILE", "Accepted; criu is found through PATH");
    parser.last_is_hidden();
    // crun's word for the same choice; its callers use it.
    parser.choice("--cgroup-manager", cgroup_manager, "cgroupfs|systemd|disabled", "Who makes cgroups: crun's word for --systemd-cgroup");
    parser.text("--log-level", log_level, "LEVEL", "crun's word for --debug");
    parser.flag("-v,--version", out.version, "Print the version");
    auto parsed = TRY(parser.parse(all));
    out.globals.root_given = out.globals.root != default_root();
    if (out.globals.root.empty()) out.globals.root = default_root();
    if (parsed.wants_help || parsed.arguments.empty()) out.help = oci_help(program, parser);
    out.words = std::move(parsed.arguments);
    out.globals.systemd_cgroup |= cgroup_manager == "systemd";
    out.globals.debug |= log_level == "debug";
    if (!out.globals.root.starts_with('/')) {
        char here[4096];
        if (::getcwd(here, sizeof here) != nullptr) out.globals.root = cat(here, "/", out.globals.root);
    }
    return out;
}

int run(int argc, char** argv) {
    const char* slash = std::strrchr(argv[0], '/');
    const std::string program = slash == nullptr ? argv[0] : slash + 1;
    const OciGlobals unknown;
    auto wanted = read_globals(Words(argv + 1, argv + argc), program);
    if (!wanted.ok()) return OciLog(unknown).failure(wanted.error()), 1;
    const OciGlobals& globals = wanted.value().globals;
    const OciLog log(globals);
    Words& words = wanted.value().words;
    if (wanted.value().version) return write_output(version_text(program)), 0;
    if (!wanted.value().help.empty()) return write_output(wanted.value().help), 0;
    const OciCommand* command = find_oci_command(words[0]);
    if (command == nullptr)
        return log.failure(Error(Kind::invalid, cat("No help topic for '", words[0], "'"))), 3;
    if (command->clones)
        if (auto protected_self = runtime::protect_self(argv); !protected_self.ok()) return log.failure(protected_self.error()), 1;
    words.erase(words.begin());
    auto code = command->run(OciCall{globals, log, words});
    if (code.ok()) return code.value();
    return log.failure(code.error()), 1;
}

}  // namespace

}  // namespace berth::cli

int main(int argc, char** argv) { return berth::cli::run(argc, argv); }
