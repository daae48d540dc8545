#include "container/cdi.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::container;

TestSuite(container_cdi, .timeout = 5);

Test(container_cdi, a_vendors_name_is_told_from_a_path) {
    cr_expect(is_cdi_name("nvidia.com/gpu=all"));
    cr_expect(is_cdi_name("vendor.com/class=a:b"));
    cr_expect(!is_cdi_name("/dev/null"));
    cr_expect(!is_cdi_name("/dev/by-id/a=b"));
    cr_expect(!is_cdi_name("vendor.com/class"));
    cr_expect(!is_cdi_name("vendor.com/class="));
    cr_expect(!is_cdi_name("a=b/c"));
}
