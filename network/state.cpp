#include "network/state.h"

#include <cerrno>

namespace berth::network {

namespace {

constexpr std::string_view attached_folder = "attached/";
constexpr std::string_view tables_folder = "tables/";

Result<std::string> read_or_empty(const Fd& folder, const std::string& name) {
    auto text = read_file(folder, name);
    if (!text.ok() && text.error().code() == ENOENT) return std::string();
    return text;
}

Result<void> remove_file(const Fd& folder, const std::string& name) {
    auto removed = sys::unlinkat(folder, name);
    if (!removed.ok() && removed.error().code() == ENOENT) return {};
    return removed;
}

/// replace_file's temporary name.
bool is_unfinished(const std::string& name) { return name.ends_with(".new"); }

Result<std::optional<AttachedRecord>> parse_attached(Result<std::string> text) {
    if (!text.ok() && text.error().code() == ENOENT) return std::optional<AttachedRecord>();
    const std::string found = TRY(std::move(text));
    const Json json = TRY(parse_json(found));
    const AttachedRecord record = TRY(from_json<AttachedRecord>(json));
    return std::optional(record);
}

}  // namespace

std::string table_path(const Paths& paths, std::string_view network_id) {
    return cat(paths.run, '/', tables_folder, network_id);
}

Result<State> State::lock(const Paths& paths) {
    Fd folder = TRY(sys::open(paths.run, O_RDONLY | O_DIRECTORY), "network state");
    DirLock lock = TRY(DirLock::wait_at(folder, "lock", LockMode::exclusive), "network state");
    return State(paths, std::move(lock), std::move(folder));
}

Result<std::string> State::table(const std::string& network_id) const {
    return read_or_empty(folder_, cat(tables_folder, network_id));
}

Result<void> State::store_table(const std::string& network_id, std::string_view text) const {
    const std::string name = cat(tables_folder, network_id);
    if (text.empty()) return remove_file(folder_, name);
    return replace_file(folder_, name, text, 0600, Durability::boot);
}

Result<std::string> State::ports() const { return read_or_empty(folder_, "ports"); }

Result<void> State::store_ports(std::string_view text) const {
    if (text.empty()) return remove_file(folder_, "ports");
    return replace_file(folder_, "ports", text, 0600, Durability::boot);
}

Result<std::string> State::reserved_ports() const { return read_or_empty(folder_, "reserved"); }

Result<void> State::store_reserved_ports(std::string_view text) const {
    if (text.empty()) return remove_file(folder_, "reserved");
    return replace_file(folder_, "reserved", text, 0600, Durability::boot);
}

Result<std::optional<AttachedRecord>> State::find(const std::string& container) const {
    return TRY(parse_attached(read_file(folder_, cat(attached_folder, container))), "attachment of ", container);
}

Result<void> State::store(const AttachedRecord& record) const {
    return replace_file(folder_, cat(attached_folder, record.container), json_text(to_json(record)), 0600, Durability::boot);
}

Result<void> State::remove(const std::string& container) const {
    return remove_file(folder_, cat(attached_folder, container));
}

Result<std::string> State::closed_families() const { return read_or_empty(folder_, "closed"); }

Result<void> State::store_closed_families(std::string_view text) const {
    return replace_file(folder_, "closed", text, 0600, Durability::boot);
}

Result<std::string> State::doomed_links() const { return read_or_empty(folder_, "doomed"); }

Result<void> State::store_doomed_links(std::string_view text) const {
    if (text.empty()) return remove_file(folder_, "doomed");
    return replace_file(folder_, "doomed", text, 0600, Durability::boot);
}

Result<std::vector<std::string>> State::list() const {
    const Fd folder = TRY(sys::openat(folder_, "attached", O_RDONLY | O_DIRECTORY));
    std::vector<std::string> names = TRY(list_folder(folder));
    std::erase_if(names, is_unfinished);
    return names;
}

Result<void> State::remove_unfinished() const {
    for (const char* place : {".", "attached", "tables"}) {
        const Fd folder = TRY(sys::openat(folder_, place, O_RDONLY | O_DIRECTORY));
        const std::vector<std::string> names = TRY(list_folder(folder));
        for (const std::string& name : names)
            if (is_unfinished(name)) TRY(remove_file(folder, name));
    }
    return {};
}

Result<std::vector<std::string>> list_attached(const Paths& paths) {
    const Fd folder = TRY(sys::open(cat(paths.run, '/', attached_folder), O_RDONLY | O_DIRECTORY));
    return list_folder(folder);
}

Result<std::optional<AttachedRecord>> read_attached(const Paths& paths, const std::string& container) {
    return TRY(parse_attached(read_file(cat(paths.run, '/', attached_folder, container))), "attachment of ", container);
}

}  // namespace berth::network
