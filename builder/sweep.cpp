#include "builder/sweep.h"

#include "base/file.h"

namespace berth::builder {

void sweep_private_files(container::Engine& engine) {
    const auto folder = sys::open(engine.paths().run_root + "/builds", O_RDONLY | O_DIRECTORY);
    if (!folder.ok()) return;
    const auto names = list_folder(folder.value());
    if (!names.ok()) return;
    for (const std::string& name : names.value()) {
        auto opened = sys::openat(folder.value(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!opened.ok()) continue;
        // The step that owns them holds the lock for as long as it lives.
        const auto lock = DirLock::try_now(std::move(opened).value(), LockMode::exclusive);
        if (lock.ok()) ignore(remove_tree(folder.value(), name), "the next build tries again");
    }
}

}  // namespace berth::builder
