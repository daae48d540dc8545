#include "container/registry.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include <unistd.h>

namespace berth::container {

namespace {

constexpr mode_t private_folder = 0700;

bool is_id(std::string_view text) { return ContainerId::parse(text).ok(); }

template <class T>
Result<T> load_json(const std::string& folder, const std::string& name) {
    const std::string text = TRY(read_file(cat(folder, "/", name)));
    const Json json = TRY(parse_json(text), name);
    return TRY(from_json<T>(json), name);
}

/// In place and with blanks up to the old length, since what a shorter text left behind would be no JSON. A power cut may
/// tear this, which is less than losing it for certain.
Result<void> write_over(const Fd& folder, const std::string& name, std::string text) {
    const Fd file = TRY(sys::openat(folder, name, O_WRONLY | O_NOFOLLOW));
    const auto length = static_cast<std::size_t>(TRY(sys::fstat(file)).st_size);
    if (text.size() < length) text.append(length - text.size(), ' ');
    TRY(sys::write_all(file, text));
    return sys::fsync(file);
}

std::uint64_t log_losses(const std::string& run_folder) {
    const auto text = read_file(run_folder + "/log-losses", 64);
    std::uint64_t lines = 0;
    if (text.ok()) std::from_chars(text.value().data(), text.value().data() + text.value().size(), lines);
    return lines;
}

Error no_such(std::string_view reference) {
    return Error(Kind::not_found, cat("no such container: ", reference)).with_hint("list them with: berth ps -a");
}

}  // namespace

Result<Registry> Registry::open(const std::string& root, const std::string& run_root) {
    for (const std::string& path : {root + "/containers", root + "/names", run_root + "/containers"})
        TRY(make_host_folders(path, private_folder), "container store");
    return Registry(root, run_root);
}

std::string Registry::folder_path(const std::string& id) const { return cat(root_, "/containers/", id); }
std::string Registry::run_folder_path(const std::string& id) const { return cat(run_root_, "/containers/", id); }

Result<Fd> Registry::folder(const std::string& id) const {
    auto opened = sys::open(folder_path(id), O_PATH | O_DIRECTORY);
    if (!opened.ok() && opened.error().code() == ENOENT) return no_such(id.substr(0, 12));
    return opened;
}

Result<Registry::Draft> Registry::make_draft() const {
    // A sweep may take a run folder that is not locked yet for a leftover: then another id is drawn.
    for (int attempt = 0; attempt < 8; ++attempt) {
        ContainerId id = ContainerId::make_random();
        auto locked = try_run_lock(id.str());
        if (!locked.ok() && locked.error().code() == ENOENT) continue;
        std::optional<DirLock> lock = TRY(std::move(locked));
        if (!lock) continue;
        const struct stat file = TRY(sys::fstat(lock->fd()));
        if (file.st_nlink == 0) continue;
        const std::string path = folder_path(id.str());
        TRY(sys::mkdirat(sys::here(), path, private_folder));
        Fd folder = TRY(sys::open(path, O_PATH | O_DIRECTORY));
        return Draft{std::move(id), std::move(folder), std::move(*lock)};
    }
    return Error(Kind::busy, "container store: every new folder is swept away");
}

Result<void> Registry::reserve_name(const std::string& name, const std::string& id) const {
    const std::string path = cat(root_, "/names/", name);
    // Whoever makes or removes the owner at this moment is through within milliseconds, as a rule.
    for (int attempt = 0; attempt < 100; ++attempt) {
        auto made = sys::symlinkat(id, sys::here(), path);
        if (made.ok() || made.error().code() != EEXIST) return made;
        auto owner = sys::readlinkat(sys::here(), path);
        if (!owner.ok()) continue;
        if (is_id(owner.value())) TRY(sweep_container(owner.value()));
        const std::string folder = folder_path(owner.value());
        if (::access((folder + "/config.json").c_str(), F_OK) == 0)
            return Error(Kind::exists, cat("the name '", name, "' is in use by container ", owner.value().substr(0, 12)))
                .with_hint(cat("remove it (berth rm ", name, "), rename it, or take its place with --replace"));
        // A name whose container is gone is what a crash left between the two removals.
        if (::access(folder.c_str(), F_OK) != 0) TRY(release_name(name, owner.value()));
        else sleep_for(Duration::of_milliseconds(5));
    }
    return Error(Kind::busy, cat("the name '", name, "' is being given or given back by another command"));
}

Result<void> Registry::release_name(const std::string& name, const std::string& id) const {
    const std::string path = cat(root_, "/names/", name);
    const auto owner = sys::readlinkat(sys::here(), path);
    if (!owner.ok() || owner.value() != id) return {};
    auto gone = sys::unlinkat(sys::here(), path);
    if (!gone.ok() && gone.error().code() != ENOENT) return gone;
    return {};
}

Result<void> Registry::publish(const Record& record, const Fd& folder, Durability durability) const {
    TRY(replace_file(folder, "state.json", json_text(to_json(record.run)), 0600, durability), "container");
    return replace_file(folder, "config.json", json_text(to_json(record.definition)), 0600, durability);
}

Result<std::string> Registry::resolve(const std::string& reference) const {
    const std::string name = reference.starts_with('/') ? reference.substr(1) : reference;
    if (name.empty() || name.find('/') != std::string::npos) return no_such(reference);
    if (is_id(name) && ::access(folder_path(name).c_str(), F_OK) == 0) return name;
    if (auto id = sys::readlinkat(sys::here(), cat(root_, "/names/", name));
        id.ok() && is_id(id.value()) && ::access(folder_path(id.value()).c_str(), F_OK) == 0)
        return std::move(id).value();
    if (name.find_first_not_of("0123456789abcdef") != std::string::npos) return no_such(reference);
    std::vector<std::string> all = TRY(ids());
    std::erase_if(all, [&](const std::string& id) { return !id.starts_with(name); });
    if (all.empty()) return no_such(reference);
    if (all.size() > 1)
        return Error(Kind::invalid, cat("several containers have an id that begins with '", reference, "'"))
            .with_hint("write more digits of it");
    return std::move(all.front());
}

Result<Record> Registry::load(const std::string& id) const {
    const std::string path = folder_path(id);
    auto definition = load_json<Definition>(path, "config.json");
    if (!definition.ok() && definition.error().code() == ENOENT) return no_such(id.substr(0, 12));
    Record record{TRY(std::move(definition), "container ", id.substr(0, 12)), {}};
    record.run = TRY(load_json<RunState>(path, "state.json"), "container ", id.substr(0, 12));
    State& state = record.run.state;
    if (state.running()) state.log_lines_dropped = std::max(state.log_lines_dropped, log_losses(run_folder_path(id)));
    return record;
}

Result<std::vector<std::string>> Registry::ids() const {
    const Fd all = TRY(sys::open(root_ + "/containers", O_RDONLY | O_DIRECTORY));
    std::vector<std::string> names = TRY(list_folder(all));
    std::erase_if(names, [](const std::string& name) { return !is_id(name); });
    return names;
}

Result<void> Registry::store_definition(const Definition& definition, Durability durability) const {
    const Fd opened = TRY(folder(definition.id));
    return replace_file(opened, "config.json", json_text(to_json(definition)), 0600, durability);
}

Result<void> Registry::store_state(const std::string& id, const RunState& run, Durability durability) const {
    const Fd opened = TRY(folder(id));
    const std::string text = json_text(to_json(run));
    auto replaced = replace_file(opened, "state.json", text, 0600, durability);
    const bool is_full = !replaced.ok() && (replaced.error().code() == ENOSPC || replaced.error().code() == EDQUOT);
    return is_full ? write_over(opened, "state.json", text) : std::move(replaced);
}

Result<void> Registry::note_log_losses(const std::string& id, std::uint64_t lines) const {
    const Fd running = TRY(sys::open(run_folder_path(id), O_PATH | O_DIRECTORY));
    return replace_file(running, "log-losses", cat(lines), 0600, Durability::boot);
}

Result<DirLock> Registry::lock_definition(const std::string& id) const {
    const Fd opened = TRY(folder(id));
    Fd readable = TRY(sys::openat(opened, ".", O_RDONLY | O_DIRECTORY));
    return DirLock::wait(std::move(readable), LockMode::exclusive);
}

Result<std::optional<DirLock>> Registry::try_run_lock(const std::string& id) const {
    const std::string path = run_folder_path(id);
    // After a boot the run folder is gone.
    if (auto made = sys::mkdirat(sys::here(), path, private_folder); !made.ok() && made.error().code() != EEXIST)
        return std::move(made).error();
    auto locked = DirLock::try_at(sys::here(), path + "/lock", LockMode::exclusive);
    if (locked.ok()) return std::optional(std::move(locked).value());
    if (locked.error().code() == EWOULDBLOCK) return std::optional<DirLock>();
    return std::move(locked).error();
}

Result<DirLock> Registry::wait_run_lock(const std::string& id) const {
    auto file = sys::open(run_folder_path(id) + "/lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (!file.ok()) {
        if (file.error().code() == ENOENT) return no_such(id.substr(0, 12));
        return std::move(file).error();
    }
    DirLock lock = TRY(DirLock::wait(std::move(file).value(), LockMode::exclusive));
    // The holder may have removed the container: then this is a lock on a file without a name.
    if (::access((folder_path(id) + "/config.json").c_str(), F_OK) != 0) return no_such(id.substr(0, 12));
    return lock;
}

Result<bool> Registry::is_run_locked(const std::string& id) const {
    auto file = sys::open(run_folder_path(id) + "/lock", O_RDONLY | O_NOFOLLOW);
    if (!file.ok()) return false;
    // Shared, so that two commands that look at once do not take each other for a monitor.
    const auto lock = DirLock::try_now(std::move(file).value(), LockMode::shared);
    return !lock.ok() && lock.error().code() == EWOULDBLOCK;
}

Result<void> Registry::remove(const Definition& definition) const {
    const Fd all = TRY(sys::open(root_ + "/containers", O_RDONLY | O_DIRECTORY));
    // config.json first: from here on the container does not exist, whatever happens to the rest (see sweep).
    if (auto gone = sys::unlinkat(all, definition.id + "/config.json"); !gone.ok() && gone.error().code() != ENOENT)
        return gone;
    TRY(release_name(definition.name, definition.id));
    TRY(remove_tree(all, definition.id), "remove files");
    const Fd running = TRY(sys::open(run_root_ + "/containers", O_RDONLY | O_DIRECTORY));
    return remove_tree(running, definition.id);
}

Result<void> Registry::sweep() const {
    const std::vector<std::string> all = TRY(ids());
    for (const std::string& id : all) TRY(sweep_container(id));
    return sweep_run_folders(all);
}

/// A folder without config.json that nobody holds goes: its create was killed. One that is there otherwise stays.
Result<void> Registry::sweep_container(const std::string& id) const {
    const auto is_half_made = [&] {
        const std::string path = folder_path(id);
        return ::access((path + "/config.json").c_str(), F_OK) != 0 && ::access(path.c_str(), F_OK) == 0;
    };
    if (!is_half_made()) return {};
    const std::optional<DirLock> lock = TRY(try_run_lock(id));
    if (!lock || !is_half_made()) return {};
    Definition leftover;
    leftover.id = id;
    return remove(leftover);
}

Result<void> Registry::sweep_run_folders(std::vector<std::string> ids) const {
    const Fd running = TRY(sys::open(run_root_ + "/containers", O_RDONLY | O_DIRECTORY));
    std::vector<std::string> names = TRY(list_folder(running));
    std::ranges::sort(ids);
    std::erase_if(names, [&](const std::string& name) { return std::ranges::binary_search(ids, name); });
    for (const std::string& id : names) {
        const auto is_gone = [&] { return ::access(folder_path(id).c_str(), F_OK) != 0; };
        if (!is_id(id) || !is_gone()) continue;
        const std::optional<DirLock> lock = TRY(try_run_lock(id));
        if (lock && is_gone()) TRY(remove_tree(running, id));
    }
    return {};
}

}  // namespace berth::container
