#pragma once
// Reading and writing the files of control groups; used by the cgroup_*.cpp files only.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/cgroup.h"

namespace berth::runtime {

/// One write(2), as the kernel wants it. Errors name the file and the value.
Result<void> write_group_file(const std::string& folder, const std::string& file, const std::string& value);
Result<std::string> read_group_file(const std::string& folder, const std::string& file);
/// A single number; "max" and v1's huge ones are UINT64_MAX.
std::uint64_t group_number(const std::string& folder, const std::string& file);
/// "key value" lines.
std::map<std::string, std::uint64_t> group_table(const std::string& folder, const std::string& file);
std::uint64_t parse_number(std::string_view text);
std::vector<std::string_view> split_fields(std::string_view text, std::string_view separators);

/// Folders of a record, each once, with the controllers that live there.
std::vector<std::string> unique_folders(const CgroupRecord& record);
/// The folder and all groups below it, deepest first.
std::vector<std::string> folders_below(const std::string& folder);
/// The folder in which `controller` is found, on v1 or v2; empty when it has none.
std::string folder_of(const CgroupRecord& record, const std::string& controller);
bool is_v2_only(const CgroupRecord& record);

}  // namespace berth::runtime
