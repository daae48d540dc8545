#pragma once
// The words of seccomp profiles that this build knows, for `features`.

#include <string>
#include <vector>

namespace berth::runtime {

std::vector<std::string> seccomp_arch_names();
std::vector<std::string> seccomp_action_names();
std::vector<std::string> seccomp_operator_names();
std::vector<std::string> seccomp_flag_names();
std::string seccomp_library_version();

}  // namespace berth::runtime
