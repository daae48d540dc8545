// Writing layers to the disk. A layer counts as written when its folder has the file `synced`, which is made only after a
// syncfs(2) that began after the layer was complete. pending/ lists the layers that still wait for it.

#include <cerrno>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/store.h"
#include "image/store_files.h"

namespace berth::image {

Result<void> Store::settle() const {
    const Fd pending = TRY(open_part(*this, "pending"));
    // Listed first: what is published while the disk is being written is not part of it for sure.
    const std::vector<std::string> keys = TRY(list_folder(pending));
    if (keys.empty()) return {};
    if (::syncfs(folder_.raw()) != 0) return Error::of_errno(errno, "write layers to disk");
    for (const std::string& key : keys) {
        Result<Fd> layer = open_layer(key);
        if (layer.ok()) {
            auto marked = write_new_file(layer.value(), "synced", "", 0600);
            if (!marked.ok() && marked.error().code() != EEXIST) return marked;
        } else if (layer.error().code() != ENOENT) {
            return std::move(layer).error();
        }
        // Its layer may be gone, or about to be published: then the next settle finds no `synced` and writes again.
        if (layer.ok()) ignore(sys::unlinkat(pending, key), "somebody else settled it too");
    }
    return {};
}

Result<void> Store::settle_in_background() const {
    const Fd pending = TRY(open_part(*this, "pending"));
    const std::vector<std::string> keys = TRY(list_folder(pending));
    if (keys.empty()) return {};
    // Two forks: the one that works is nobody's child here, so that no wait() of ours ever meets it.
    const pid_t first = ::fork();
    if (first < 0) return Error::of_errno(errno, "fork");
    if (first == 0) {
        if (::fork() != 0) ::_exit(0);
        ::setsid();
        // Whatever pipe or lock the caller holds must not look held because of us.
        const int store = folder_.raw() == 3 ? 3 : ::dup2(folder_.raw(), 3);
        ::close_range(4, ~0u, 0);
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd < 3 && null >= 0; ++fd) ::dup2(null, fd);
        const Store detached(root_, Fd(store));
        ::_exit(store >= 0 && detached.settle().ok() ? 0 : 1);
    }
    while (::waitpid(first, nullptr, 0) < 0 && errno == EINTR) continue;
    return {};
}

}  // namespace berth::image
