#include "cli/oci/commands.h"

namespace berth::cli {

namespace {

constexpr OciCommand commands[] = {
    {"checkpoint", oci_checkpoint, "Write a running container to files with criu, and stop it"},
    {"create", oci_create, "Set a container up; its program waits for start", true},
    {"delete", oci_delete, "Remove a stopped container: its state, its cgroup"},
    {"events", oci_events, "Print usage every few seconds, and each time memory runs out, as JSON"},
    {"exec", oci_exec, "Run another program in a running container", true},
    {"features", oci_features, "Print what this runtime can do, as JSON"},
    {"kill", oci_kill, "Send a signal to the container's first process, SIGTERM if none is named"},
    {"list", oci_list, "List the containers whose state lies below --root"},
    {"pause", oci_pause, "Freeze all processes of a container"},
    {"ps", oci_ps, "List the processes of a container"},
    {"restore", oci_restore, "Start a container from the files of a checkpoint"},
    {"resume", oci_resume, "Let a frozen container go on"},
    {"run", oci_run, "Set a container up and run its program", true},
    {"spec", oci_spec, "Write a config.json to begin with"},
    {"start", oci_start, "Let the program of a created container begin"},
    {"state", oci_state, "Print the state of a container, as JSON"},
    {"update", oci_update, "Change the limits of a running container"},
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

std::string oci_help(const std::string& program, const Parser& globals) {
    std::string out = cat(
        "NAME:\n   ", program, " - Open Container Initiative runtime\n\n", program,
        " runs containers that are packaged as bundles of the Open Container Initiative: a config.json and a root file system.\n"
        "It takes runc's command line.\n\nUSAGE:\n   ", program, " [global options] command [command options] [arguments...]\n\nCOMMANDS:\n");
    for (const OciCommand& command : commands) {
        std::string name(command.name);
        name.resize(11, ' ');
        out += cat("   ", name, " ", command.about, "\n");
    }
    return out + "\nGLOBAL OPTIONS:\n" + oci_options_text(globals);
}

}  // namespace berth::cli
