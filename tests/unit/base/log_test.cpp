#include "base/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_log, .timeout = 5);

namespace {

/// What a debug line and a warning look like on stderr at this level.
std::string shown_at(log::Level level) {
    const std::string path = support::temporary_folder() + "/err";
    support::in_child([&]() -> std::string {
        ::dup2(::open(path.c_str(), O_WRONLY | O_CREAT, 0600), 2);
        log::set_level(level);
        log::debug("clone took ", 3, " ms");
        log::warn("no swap controller, continuing without swap limit");
        return "";
    });
    return support::read_file(path);
}

}  // namespace

Test(base_log, warnings_are_shown_and_debug_is_not) {
    const std::string text = shown_at(log::Level::warnings);
    cr_expect_str_eq(text.c_str(), "berth: warning: no swap controller, continuing without swap limit\n");
}

Test(base_log, debug_shows_both) {
    const std::string text = shown_at(log::Level::debug);
    cr_expect_str_eq(text.c_str(),
                     "berth: debug: clone took 3 ms\nberth: warning: no swap controller, continuing without swap limit\n");
}

Test(base_log, quiet_shows_nothing) {
    const std::string text = shown_at(log::Level::quiet);
    cr_expect_str_empty(text.c_str());
}
