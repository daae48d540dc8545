#include "cli/oci/commands.h"

namespace berth::cli {

namespace {

constexpr OciCommand commands[] = {
    {"checkpoint", oci_checkpoint, "checkpoint a running container"},
    {"create", oci_create, "create a container", true},
    {"delete", oci_delete, "delete any resources held by the container often used with detached container"},
    {"events", oci_events, "display container events such as OOM notifications, cpu, memory, and IO usage statistics"},
    {"exec", oci_exec, "execute new process inside the container", true},
    {"features", oci_features, "show the enabled features"},
    {"kill", oci_kill, "kill sends the specified signal (default: SIGTERM) to the container's init process"},
    {"list", oci_list, "lists containers started by runc with the given root"},
    {"pause", oci_pause, "pause suspends all processes inside the container"},
    {"ps", oci_ps, "ps displays the processes running inside a container"},
    {"restore", oci_restore, "restore a container from a previous checkpoint"},
    {"resume", oci_resume, "resumes all processes that have been previously paused"},
    {"run", oci_run, "create and run a container", true},
    {"spec", oci_spec, "create a new specification file"},
    {"start", oci_start, "executes the user defined process in a created container"},
    {"state", oci_state, "output the state of a container"},
    {"update", oci_update, "update container resource constraints"},
};

}  // namespace

const OciCommand* find_oci_command(std::string_view name) {
    for (const OciCommand& command : commands)
        if (command.name == name) return &command;
    return nullptr;
}

std::string_view oci_about(std::string_view name) {
    const OciCommand* command = find_oci_command(name);
    return command == nullptr ? "" : command->about;
}

std::string oci_help(const std::string& program) {
    std::string out = cat(
        "NAME:\n   ", program, " - Open Container Initiative runtime\n\n", program,
        " runs containers that are packaged as bundles of the Open Container Initiative: a config.json and a root file system.\n"
        "It takes runc's command line.\n\nUSAGE:\n   ", program, " [global options] command [command options] [arguments...]\n\nCOMMANDS:\n");
    for (const OciCommand& command : commands) {
        std::string name(command.name);
        name.resize(11, ' ');
        out += cat("   ", name, " ", command.about, "\n");
    }
    return out + "\nGLOBAL OPTIONS:\n"
        "   --debug                     enable debug logging\n"
        "   --log FILE                  set the log file to write logs to (default is stderr)\n"
        "   --log-format text|json      set the log format (default: text)\n"
        "   --root FOLDER               root directory for storage of container state (default: /run/berth-oci)\n"
        "   --systemd-cgroup            enable systemd cgroup support, expects cgroupsPath to be of form \"slice:prefix:name\"\n"
        "   --rootless true|false|auto  ignore cgroup permission errors (default: auto)\n"
        "   --help, -h                  show help\n"
        "   --version, -v               print the version\n";
}

}  // namespace berth::cli
