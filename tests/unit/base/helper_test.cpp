#include "base/helper.h"

#include <cstdlib>

#include <criterion/criterion.h>

using namespace berth;

TestSuite(base_helper, .timeout = 5);

Test(base_helper, the_environment_wins_over_the_built_in_folder) {
    ::unsetenv("BERTH_LIBEXEC");
    const std::string built_in = helper_path("berth-monitor");
    cr_expect(built_in.ends_with("/libexec/berth/berth-monitor"), "%s", built_in.c_str());
    ::setenv("BERTH_LIBEXEC", "/tmp/helpers", 1);
    const std::string own = helper_path("berth-monitor");
    cr_expect_str_eq(own.c_str(), "/tmp/helpers/berth-monitor");
    ::setenv("BERTH_LIBEXEC", "", 1);
    const std::string empty = helper_path("berth-monitor");
    cr_expect_str_eq(empty.c_str(), built_in.c_str());
}
