#include "base/descriptor_limit.h"

#include <criterion/criterion.h>
#include <sys/resource.h>

#include "tests/unit/support.h"

using namespace berth;

Test(base_descriptor_limit, raising_reaches_the_hard_limit_and_tells_what_was_before) {
    const std::string text = support::in_child([]() -> std::string {
        const rlimit low{100, 200};
        ::setrlimit(RLIMIT_NOFILE, &low);
        if (raise_descriptor_limit() != DescriptorLimit{100, 200}) return "another limit before";
        return descriptor_limit() == DescriptorLimit{200, 200} ? "" : "not raised";
    });
    cr_expect_str_eq(text.c_str(), "");
}
