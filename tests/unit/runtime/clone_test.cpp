#include <criterion/criterion.h>

#include "base/file.h"
#include "runtime/clone.h"

using namespace berth;
using namespace berth::runtime;

TestSuite(runtime_clone, .timeout = 10);

Test(runtime_clone, the_command_line_is_where_proc_reads_it) {
    const std::span<char> place = own_command_line();
    const std::string shown = read_file("/proc/self/cmdline").value();
    const std::string found(place.begin(), place.end());
    cr_expect(!found.empty());
    cr_expect(found == shown);
}
