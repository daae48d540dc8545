#pragma once
// Where berth's helper programs are: in the folder that was built in (PREFIX/libexec/berth), or in BERTH_LIBEXEC of the
// environment, so that tests and a build folder use their own.

#include <string>
#include <string_view>

namespace berth {

std::string helper_folder();
/// helper_folder()/name.
std::string helper_path(std::string_view name);

}  // namespace berth
