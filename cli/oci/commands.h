#pragma once
// runc's commands. Each reads its own words, does its work and returns the exit code.

#include <string>
#include <string_view>

#include "cli/oci/globals.h"

namespace berth::cli {

Result<int> oci_create(const OciCall& call);
Result<int> oci_run(const OciCall& call);
Result<int> oci_start(const OciCall& call);
Result<int> oci_exec(const OciCall& call);
Result<int> oci_state(const OciCall& call);
Result<int> oci_kill(const OciCall& call);
Result<int> oci_delete(const OciCall& call);
Result<int> oci_list(const OciCall& call);
Result<int> oci_ps(const OciCall& call);
Result<int> oci_pause(const OciCall& call);
Result<int> oci_resume(const OciCall& call);
Result<int> oci_update(const OciCall& call);
Result<int> oci_events(const OciCall& call);
Result<int> oci_spec(const OciCall& call);
Result<int> oci_features(const OciCall& call);
Result<int> oci_checkpoint(const OciCall& call);
Result<int> oci_restore(const OciCall& call);

struct OciCommand {
    std::string_view name;
    Result<int> (*run)(const OciCall&);
    std::string_view about;
    /// It clones into containers, so it must not run from a file that they could write to.
    bool clones = false;
};
std::string_view oci_about(std::string_view name);
const OciCommand* find_oci_command(std::string_view name);
/// The text of --help.
std::string oci_help(const std::string& program, const Parser& globals);

}  // namespace berth::cli
