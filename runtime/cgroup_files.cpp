#include "runtime/cgroup_files.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/sys.h"

namespace berth::runtime {

namespace {

void collect_below(const std::string& folder, std::vector<std::string>& out) {
    auto opened = sys::open(folder, O_RDONLY | O_DIRECTORY);
    if (!opened.ok()) return;
    const Fd here = std::move(opened).value();
    for (const std::string& name : list_folder(here).value_or({})) {
        // Files of the kernel's have a dot or are a few known words; only folders are groups.
        const auto status = sys::fstatat(here, name);
        if (status.ok() && S_ISDIR(status.value().st_mode)) collect_below(cat(folder, "/", name), out);
    }
    out.push_back(folder);
}

}  // namespace

Result<void> write_group_file(const std::string& folder, const std::string& file, const std::string& value) {
    const Fd out = TRY(sys::open(cat(folder, "/", file), O_WRONLY));
    TRY(sys::write(out, value), "write '", value, "' to ", folder, "/", file);
    return {};
}

Result<std::string> read_group_file(const std::string& folder, const std::string& file) {
    return read_file(cat(folder, "/", file), 1u << 20);
}

std::uint64_t parse_number(std::string_view text) {
    std::uint64_t value = 0;
    if (text.starts_with("max")) return UINT64_MAX;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::uint64_t group_number(const std::string& folder, const std::string& file) {
    return parse_number(read_group_file(folder, file).value_or("0"));
}

std::vector<std::string_view> split_fields(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> fields;
    while (!text.empty()) {
        const std::size_t at = text.find_first_of(separators);
        if (at != 0) fields.push_back(text.substr(0, at));
        if (at == std::string_view::npos) break;
        text.remove_prefix(at + 1);
    }
    return fields;
}

std::map<std::string, std::uint64_t> group_table(const std::string& folder, const std::string& file) {
    std::map<std::string, std::uint64_t> table;
    const std::string text = read_group_file(folder, file).value_or("");
    for (const std::string_view line : split_fields(text, "\n")) {
        const auto fields = split_fields(line, " ");
        if (fields.size() == 2) table[std::string(fields[0])] = parse_number(fields[1]);
    }
    return table;
}

std::vector<std::string> unique_folders(const CgroupRecord& record) {
    std::vector<std::string> folders;
    for (const auto& [controller, folder] : record.paths)
        if (std::find(folders.begin(), folders.end(), folder) == folders.end()) folders.push_back(folder);
    return folders;
}

std::vector<std::string> folders_below(const std::string& folder) {
    std::vector<std::string> out;
    collect_below(folder, out);
    return out;
}

std::string folder_of(const CgroupRecord& record, const std::string& controller) {
    const auto own = record.paths.find(controller);
    if (own != record.paths.end()) return own->second;
    if (!is_v2_only(record)) return {};
    return record.paths.begin()->second;
}

bool is_v2_only(const CgroupRecord& record) { return record.paths.size() == 1 && record.paths.begin()->first.empty(); }

}  // namespace berth::runtime
