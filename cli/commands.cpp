// The table. One row a command; the order inside a group is the order of `berth --help`.

#include "cli/commands.h"

#include <algorithm>

#include "cli/cmds.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

constexpr CommandGroup groups[] = {
    {"run", "Run containers"}, {"look", "Look at containers"}, {"change", "Change containers"},
    {"image", "Images"},       {"network", "Networks"},        {"volume", "Volumes"},
    {"system", "System"},
};

constexpr CommandEntry table[] = {
    {"run|container run", "run", "Make a container from an image and start it", define_run, 125},
    {"exec|container exec", "run", "Run a command in a running container", define_exec},
    {"create|container create", "run", "Make a container without starting it", define_create},
    {"start|container start", "run", "Start containers", define_start},
    {"stop|container stop", "run", "Stop containers", define_stop},
    {"restart|container restart", "run", "Stop containers and start them again", define_restart},
    {"kill|container kill", "run", "Send a signal to containers", define_kill},
    {"pause|container pause", "run", "Freeze the processes of containers", define_pause},
    {"unpause|container unpause", "run", "Let frozen containers go on", define_unpause},
    {"rm|container rm|container remove", "run", "Remove containers", define_rm},
    {"attach|container attach", "run", "Join the terminal of a running container", define_attach},
    {"wait|container wait", "run", "Wait until containers have ended, print their exit codes", define_wait},

    {"ps|container ls|container ps|container list", "look", "List containers", define_ps},
    {"logs|container logs", "look", "Show what containers wrote", define_logs},
    {"inspect", "look", "Show everything about containers, images, networks, volumes", define_inspect},
    {"top|container top", "look", "Show the processes of a container", define_top},
    {"stats|container stats", "look", "Show what containers use, live", define_stats},
    {"dash", "look", "Watch containers live, with keys", define_dash},
    {"port|container port", "look", "Show where ports are published", define_port},
    {"diff|container diff", "look", "Show what a container changed of its image", define_diff},
    {"healthcheck run|container healthcheck", "look", "Run a container's health check now", define_healthcheck},
    {"container inspect", "", "Show everything about containers", define_container_inspect},

    {"cp|container cp", "change", "Copy files into or out of a container", define_cp},
    {"commit|container commit", "change", "Make an image of a container's changes", define_commit},
    {"export|container export", "change", "Write a container's files as a tar archive", define_export},
    {"rename|container rename", "change", "Give a container another name", define_rename},
    {"update|container update", "change", "Change limits, ports, labels, environment of containers", define_update},
    {"container clone", "change", "Make another container like one that is there", define_container_clone},
    {"container prune", "change", "Remove all containers that do not run", define_container_prune},

    {"images|image ls|image list", "image", "List images", define_images},
    {"build|image build|builder build", "image", "Build an image from a Dockerfile", define_build},
    {"pull|image pull", "image", "Fetch an image from a registry", define_pull},
    {"push|image push", "image", "Send an image to a registry", define_push},
    {"search", "image", "Look for images in a registry", define_search},
    {"manifest inspect", "image", "Show the manifest that a registry has under a name", define_manifest_inspect},
    {"login", "image", "Keep an account for a registry", define_login},
    {"logout", "image", "Forget an account", define_logout},
    {"tag|image tag", "image", "Give an image a further name", define_tag},
    {"image rename", "image", "Move a name of an image", define_image_rename},
    {"rmi|image rm|image remove", "image", "Remove images", define_rmi},
    {"history|image history", "image", "Show how an image was made", define_history},
    {"import|image import", "image", "Make an image from a tar archive of files", define_import},
    {"save|image save", "image", "Write images to an archive", define_save},
    {"load|image load", "image", "Read images from an archive", define_load},
    {"image inspect", "image", "Show everything about images", define_image_inspect},
    {"image prune", "image", "Remove unused images", define_image_prune},

    {"network ls|network list", "network", "List networks", define_network_ls},
    {"network create", "network", "Make a network", define_network_create},
    {"network inspect", "network", "Show everything about networks", define_network_inspect},
    {"network rm|network remove", "network", "Remove networks", define_network_rm},
    {"network connect", "network", "Put a container on a further network", define_network_connect},
    {"network disconnect", "network", "Take a container off a network", define_network_disconnect},
    {"network prune", "network", "Remove unused networks", define_network_prune},

    {"volume ls|volume list", "volume", "List volumes", define_volume_ls},
    {"volume create", "volume", "Make a volume", define_volume_create},
    {"volume inspect", "volume", "Show everything about volumes", define_volume_inspect},
    {"volume rm|volume remove", "volume", "Remove volumes", define_volume_rm},
    {"volume export", "volume", "Write what is in a volume as a tar archive", define_volume_export},
    {"volume import", "volume", "Put the files of a tar archive into a volume", define_volume_import},
    {"volume prune", "volume", "Remove unused volumes", define_volume_prune},

    {"events|system events", "system", "Show what happens, or happened", define_events},
    {"system df", "system", "Show what takes room on disk", define_system_df},
    {"system prune", "system", "Remove everything that is not used", define_system_prune},
    {"system check", "system", "Look for damage in the store", define_system_check},
    {"builder du|buildx du", "system", "Show the build cache", define_builder_du},
    {"builder prune|buildx prune", "system", "Remove build cache", define_builder_prune},
    {"builder shell", "system", "Open a shell where a build failed", define_builder_shell},
    {"info|system info", "system", "Show what berth knows of itself and the host", define_info},
    {"version", "system", "Show the version", define_version},
    {"config show", "system", "Show the configuration and where it is from", define_config_show},
    {"config check", "system", "Check the configuration", define_config_check},
    {"completion", "system", "Print the completion script of a shell", define_completion},
    {"__complete", "", "Offer the words that may come next", define_complete},
    {"__man", "", "Write the man pages to a folder", define_man},
};

/// Calls `visit(spelling)` for each of the entry until it returns true.
template <class Visit>
bool any_spelling(const CommandEntry& entry, Visit visit) {
    std::string_view rest = entry.spellings;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('|'), rest.size());
        if (visit(rest.substr(0, end))) return true;
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return false;
}

}  // namespace

std::span<const CommandEntry> command_table() { return table; }
std::span<const CommandGroup> command_groups() { return groups; }

FoundCommand find_command(const Words& words) {
    if (words.empty()) return {};
    const std::string two = words.size() > 1 ? cat(words[0], " ", words[1]) : "";
    for (const CommandEntry& entry : table) {
        FoundCommand found;
        any_spelling(entry, [&](std::string_view spelling) {
            if (spelling == words[0])
                found = {&entry, 1};
            else if (spelling == two)
                found = {&entry, 2};
            return found.entry != nullptr;
        });
        if (found.entry != nullptr) return found;
    }
    return {};
}

std::vector<std::pair<std::string, const CommandEntry*>> family_members(std::string_view family) {
    std::vector<std::pair<std::string, const CommandEntry*>> out;
    const std::string prefix = cat(family, " ");
    for (const CommandEntry& entry : table)
        any_spelling(entry, [&](std::string_view spelling) {
            if (spelling.starts_with(prefix)) out.emplace_back(std::string(spelling.substr(prefix.size())), &entry);
            return false;
        });
    return out;
}

bool is_command_family(std::string_view word) { return !family_members(word).empty(); }

std::vector<std::string> first_words() {
    std::vector<std::string> out;
    for (const CommandEntry& entry : table)
        any_spelling(entry, [&](std::string_view spelling) {
            std::string first(spelling.substr(0, spelling.find(' ')));
            if (!first.starts_with("__") && std::ranges::find(out, first) == out.end()) out.push_back(std::move(first));
            return false;
        });
    return out;
}

}  // namespace berth::cli
