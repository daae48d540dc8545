// builder shell: a look at the file system where a build step failed.

#include <unistd.h>

#include "builder/build.h"
#include "cli/cmds.h"
#include "cli/container_options.h"
#include "cli/image_uses.h"
#include "image/store.h"

namespace berth::cli {
namespace {

struct ShellOptions {
    std::string user, network;
};

ContainerOptions options_of(const builder::FailedStep& step, const ShellOptions& options) {
    ContainerOptions container;
    container.remove = true;
    container.interactive = true;
    container.tty = is_terminal(STDIN_FILENO) && is_terminal(STDOUT_FILENO);
    container.entrypoint = "";
    container.user = options.user;
    container.volumes = step.volumes;
    container.no_healthcheck = true;
    if (!options.network.empty()) container.networks = {options.network};
    return container;
}

Result<int> shell(Session& session, const ShellOptions& options, const Words& arguments) {
    container::Engine* engine = TRY(session.engine());
    const builder::FailedStep step = TRY(builder::open_failed_step(*engine, arguments.empty() ? "" : arguments[0]));
    Words words{step.image};
    if (arguments.size() > 1) words.insert(words.end(), arguments.begin() + 1, arguments.end());
    else words.push_back(step.shell);
    if (arguments.size() < 2) tell(cat("Where this failed: ", step.description, "\n"));
    auto status = run_container(session, options_of(step, options), words);
    // Another shell may be open in the same state; the last one takes the image away.
    const image::Store* store = TRY(engine->images());
    const std::vector<image::ImageUse> uses = TRY(image_uses(*engine));
    ignore(store->remove(step.image, image::Store::Force::yes, image::Store::Parents::prune, uses), "a shell that is still open keeps it");
    return status;
}

}  // namespace

Action define_builder_shell(Parser& p) {
    const auto options = std::make_shared<ShellOptions>();
    p.usage("[STEP [COMMAND [ARG...]]]", 0, -1);
    p.options_end_at_first_word();
    p.text("-u,--user", options->user, "USER", "Another user than the step's");
    p.text("--network", options->network, "NETWORK", "Another network than the default one");
    p.about(
        "Opens a shell in the state in which a step of a build failed: its files with all that it wrote, its variables, working "
        "folder and user, and its cache mounts. A failed build prints the command with the step's id; without one it is the "
        "step that failed last. The state is kept until the next build or prune.");
    p.example("berth builder shell", "after a build failed");
    p.example("berth builder shell 3f2a9c41d0e7 cat config.log", "one command there");
    p.see_also("build, builder prune");
    return [options](Session& session, const Words& arguments) { return shell(session, *options, arguments); };
}

}  // namespace berth::cli
