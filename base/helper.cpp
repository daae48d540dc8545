#include "base/helper.h"

#include <cstdlib>

#include "base/cat.h"

namespace berth {

std::string helper_folder() {
    // The programs are not setuid, so the environment is the caller's own word.
    const char* wanted = std::getenv("BERTH_LIBEXEC");
    return wanted != nullptr && *wanted != '\0' ? wanted : BERTH_LIBEXEC;
}

std::string helper_path(std::string_view name) { return cat(helper_folder(), '/', name); }

}  // namespace berth
