#pragma once
// What checkpoint and restore have in common: runc's options, and the part of CRIU's that follows from them.

#include <map>
#include <string>
#include <vector>

#include "cli/oci/globals.h"
#include "cli/oci/state.h"
#include "runtime/criu.h"

namespace berth::cli {

struct CriuOptions {
    std::string image_path = "checkpoint", work_path, parent_path, page_server, cgroups_mode, lsm_profile, lsm_mount_context;
    Words empty_namespaces;
    bool leave_running = false, tcp_established = false, tcp_skip_in_flight = false, link_remap = false, ext_unix_sk = false;
    bool shell_job = false, lazy_pages = false, file_locks = false, pre_dump = false, auto_dedup = false;
    int status_fd = -1;
};
void describe_criu_options(Parser& parser, CriuOptions& into);

/// The folders of one run of CRIU's; it opens them through our /proc entry, so they stay open until it is done.
struct CriuFolders {
    Fd images, work;
};
/// Both are made when absent, an earlier log is removed; `parent_path` is checked against the images.
Result<CriuFolders> open_criu_folders(const CriuOptions& options, const std::string& log_name);

/// Options that dump and restore share. `log_name` is the file in the work folder (or beside the images).
Result<runtime::CriuMessage> common_criu_options(const CriuOptions& options, const CriuFolders& folders,
                                                 const runtime::Spec& spec, const std::string& log_name);
/// "dump failed: …", with the first error of CRIU's own log.
Error criu_failure(Error error, const CriuFolders& folders, const std::string& log_name);

/// Mounts that CRIU neither saves nor makes: binds of the host's, under the name that dump and restore know each by.
struct ExternalMount {
    std::string name;    ///< the destination as config.json has it
    std::string source;  ///< on the host
};
std::vector<ExternalMount> external_mounts(const runtime::Spec& spec, const std::string& bundle,
                                           const runtime::CgroupRecord& groups);
runtime::CriuMessage key_and_value(const std::string& key, const std::string& value);

/// Where the descriptors of the first process led when it was dumped; beside the images, as runc has it.
inline constexpr const char* descriptors_file = "descriptors.json";

}  // namespace berth::cli
