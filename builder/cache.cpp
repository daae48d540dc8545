#include "builder/cache.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "builder/build.h"
#include "builder/failed_step.h"
#include "builder/text.h"
#include "container/engine.h"
#include "container/registry.h"
#include "image/store.h"

namespace berth::builder {
namespace {

std::string text_member(const Json& json, std::string_view name) {
    const Json* member = json.find(name);
    return member != nullptr && member->string() != nullptr ? *member->string() : std::string();
}

CacheEntry entry_of(const image::Store::CacheListed& listed) {
    CacheEntry entry;
    entry.id = std::string(listed.key.hex());
    entry.kind = text_member(listed.entry.value, "kind");
    entry.description = text_member(listed.entry.value, "description");
    entry.size = static_cast<std::uint64_t>(std::max<std::int64_t>(listed.size, 0));
    entry.in_use = listed.size == 0;
    entry.created = listed.entry.created;
    entry.last_used = listed.entry.used;
    return entry;
}

/// Bytes on disk below a folder; what cannot be read counts nothing.
std::uint64_t size_below(const Fd& folder) {
    std::uint64_t size = 0;
    const auto names = list_folder(folder);
    if (!names.ok()) return 0;
    for (const std::string& name : names.value()) {
        const auto status = sys::fstatat(folder, name);
        if (!status.ok()) continue;
        size += static_cast<std::uint64_t>(status.value().st_blocks) * 512;
        if (!S_ISDIR(status.value().st_mode)) continue;
        const auto inner = sys::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (inner.ok()) size += size_below(inner.value());
    }
    return size;
}

Result<Fd> open_mounts_folder(const container::Engine& engine) { return sys::open(engine.paths().root + "/builder/mounts", O_RDONLY | O_DIRECTORY); }

std::vector<CacheEntry> list_mounts(const container::Engine& engine) {
    std::vector<CacheEntry> entries;
    const auto folder = open_mounts_folder(engine);
    if (!folder.ok()) return entries;
    const auto names = list_folder(folder.value());
    if (!names.ok()) return entries;
    for (const std::string& name : names.value()) {
        const auto mount = sys::openat(folder.value(), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        const auto status = sys::fstatat(folder.value(), name);
        if (!mount.ok() || !status.ok()) continue;
        CacheEntry entry;
        entry.id = name;
        entry.kind = "exec.cachemount";
        entry.description = cat("mount ", read_file(mount.value(), "id").value_or(""));
        entry.size = size_below(mount.value());
        entry.created = entry.last_used = {status.value().st_mtim.tv_sec * 1'000'000'000};
        entries.push_back(std::move(entry));
    }
    return entries;
}

/// The conditions of --filter, all of which must hold.
struct Filter {
    std::optional<Moment> until;
    std::vector<std::pair<std::string, std::string>> terms;
};

Result<Filter> parse_filters(const std::vector<std::string>& texts) {
    Filter filter;
    for (const std::string& text : texts) {
        const Cut parts = cut(text, '=');
        const std::string key(parts.before), value(parts.after.value_or(""));
        if (key == "until" || key == "unused-for") {
            const Duration age = TRY(parse_duration(value), "--filter ", text);
            filter.until = Moment{now().nanoseconds - age.nanoseconds};
        } else if (key == "type" || key == "id" || key == "description" || key == "inuse") {
            filter.terms.emplace_back(key, value);
        } else {
            return Error(Kind::invalid, cat("--filter: unknown key '", key, "'", suggestion(key, {"until", "unused-for", "type", "id", "description", "inuse"})));
        }
    }
    return filter;
}

bool fits(const CacheEntry& entry, const Filter& filter) {
    if (filter.until && entry.last_used > *filter.until) return false;
    return std::all_of(filter.terms.begin(), filter.terms.end(), [&](const auto& term) {
        if (term.first == "type") return entry.kind == term.second;
        if (term.first == "id") return std::string_view(entry.id).starts_with(term.second);
        if (term.first == "description") return entry.description.find(term.second) != std::string::npos;
        return (term.second == "true") == entry.in_use;
    });
}

/// Layers of containers stay, whatever goes.
Result<std::vector<image::ImageUse>> uses_of_containers(container::Engine& engine) {
    std::vector<image::ImageUse> uses;
    const std::vector<container::Record> records = TRY(container::list(engine));
    for (const container::Record& record : records)
        uses.push_back({record.definition.id, record.definition.name, record.definition.image_id, record.definition.layers, false});
    return uses;
}

/// False when a RUN has it mounted.
Result<bool> remove_mount(const container::Engine& engine, const std::string& name) {
    const Fd mounts = TRY(open_mounts_folder(engine));
    const Fd folder = TRY(sys::openat(mounts, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const std::vector<std::string> files = TRY(list_folder(folder));
    std::vector<DirLock> locks;
    for (const std::string& file : files) {
        if (!file.starts_with("lock")) continue;
        auto lock = DirLock::try_at(folder, file, LockMode::exclusive);
        if (!lock.ok() && lock.error().kind() == Kind::busy) return false;
        DirLock held = TRY(std::move(lock));
        locks.push_back(std::move(held));
    }
    TRY(remove_tree(mounts, name));
    return true;
}

/// docker: a tenth of the file system, and 2 GB at least.
std::uint64_t default_keep_bytes(const std::string& root) {
    constexpr std::uint64_t least = 2'000'000'000;
    struct statvfs status {};
    if (::statvfs(root.c_str(), &status) != 0) return least;
    return std::max<std::uint64_t>(least, static_cast<std::uint64_t>(status.f_blocks) * status.f_frsize / 10);
}

/// Oldest use first, until what remains is small enough.
std::vector<CacheEntry> choose(std::vector<CacheEntry> entries, const PruneOptions& options, const Filter& filter) {
    std::sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) { return a.last_used < b.last_used; });
    std::uint64_t total = 0;
    for (const CacheEntry& entry : entries) total += entry.size;
    std::vector<CacheEntry> chosen;
    for (CacheEntry& entry : entries) {
        if (options.keep_bytes && total <= *options.keep_bytes) break;
        if ((entry.in_use && !options.all) || !fits(entry, filter)) continue;
        total -= entry.size;
        chosen.push_back(std::move(entry));
    }
    return chosen;
}

}  // namespace

Result<std::vector<CacheEntry>> list_cache(container::Engine& engine) {
    const image::Store* store = TRY(engine.images());
    const auto listed = TRY(store->list_cache());
    std::vector<CacheEntry> entries = list_mounts(engine);
    for (const image::Store::CacheListed& one : listed) entries.push_back(entry_of(one));
    return entries;
}

Result<PruneResult> prune_cache(container::Engine& engine, const PruneOptions& options) {
    const Filter filter = TRY(parse_filters(options.filters));
    std::vector<CacheEntry> all = TRY(list_cache(engine));
    const std::vector<CacheEntry> chosen = choose(std::move(all), options, filter);
    PruneResult result;
    for (const CacheEntry& entry : chosen) {
        if (entry.kind == "exec.cachemount") {
            const bool is_gone = TRY(remove_mount(engine, entry.id), "cache mount ", entry.id);
            if (!is_gone) continue;
            result.freed_bytes += entry.size;
        }
        if (entry.kind == failed_step_kind) TRY(forget_failed_step(engine, entry.id));
        result.removed.push_back(entry.id);
    }
    const image::Store* store = TRY(engine.images());
    const std::vector<image::ImageUse> uses = TRY(uses_of_containers(engine));
    const auto is_chosen = [&](const image::Store::CacheListed& listed) {
        return std::any_of(chosen.begin(), chosen.end(), [&](const CacheEntry& entry) { return entry.id == listed.key.hex(); });
    };
    const std::int64_t freed = TRY(store->prune_cache(is_chosen, uses));
    result.freed_bytes += static_cast<std::uint64_t>(std::max<std::int64_t>(freed, 0));
    return result;
}

Result<void> tidy_cache_in_background(const container::Engine& engine, std::optional<std::uint64_t> keep_bytes) {
    // Two forks: the one that works is nobody's child here, so that no wait() of ours ever meets it.
    const pid_t first = ::fork();
    if (first < 0) return Error::of_errno(errno, "fork");
    if (first == 0) {
        if (::fork() != 0) ::_exit(0);
        ::setsid();
        ::setpriority(PRIO_PROCESS, 0, 10);
        // Whatever pipe or lock the build holds must not look held because of us; so the engine is opened anew.
        ::close_range(3, ~0u, 0);
        const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd < 3 && null >= 0; ++fd) ::dup2(null, fd);
        auto opened = container::Engine::open(engine.paths());
        if (!opened.ok()) ::_exit(1);
        PruneOptions options;
        options.keep_bytes = keep_bytes.value_or(default_keep_bytes(engine.paths().root));
        ::_exit(prune_cache(opened.value(), options).ok() ? 0 : 1);
    }
    while (::waitpid(first, nullptr, 0) < 0 && errno == EINTR) continue;
    return {};
}

}  // namespace berth::builder
