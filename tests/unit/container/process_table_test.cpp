#include <criterion/criterion.h>

#include <unistd.h>

#include "container/process_table.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_process_table, .timeout = 5);

namespace {

constexpr std::string_view line =
    "42 (a) (b c) S 1 40 40 34817 41 4194304 1 2 3 4 6100 200 0 0 20 5 3 0 5000 8192000 256 18446744073709551615 1 1 0\n";

HostFacts host_of() {
    HostFacts host;
    host.ticks_per_second = 100;
    host.now = 1'700'000'000;
    host.uptime = 1050;
    host.memory_bytes = 1 << 30;
    host.users[33] = "www-data";
    return host;
}

std::string cell(const char* key) {
    ProcessFacts process = *parse_process_stat(line);
    process.uid = 33;
    process.command = "prog --flag";
    return find_column(key)->text(process, host_of());
}

#define EXPECT_CELL(key, want)                 \
    do {                                       \
        const std::string text_ = cell(key);   \
        cr_expect_str_eq(text_.c_str(), want); \
    } while (0)

}  // namespace

Test(container_process_table, a_name_with_blanks_and_parentheses_is_one_field) {
    const auto process = parse_process_stat(line);
    cr_assert(process.has_value());
    cr_expect_str_eq(process->name.c_str(), "a) (b c");
    cr_expect_eq(process->pid, 42);
    cr_expect_eq(process->parent, 1);
    cr_expect_eq(process->start_ticks, 5000u);
}

Test(container_process_table, what_is_no_stat_line_is_none) {
    cr_expect(!parse_process_stat("").has_value());
    cr_expect(!parse_process_stat("42 (x) S 1").has_value());
}

Test(container_process_table, columns_look_as_ps_prints_them) {
    EXPECT_CELL("pid", "42");
    EXPECT_CELL("user", "www-data");
    EXPECT_CELL("uid", "33");
    EXPECT_CELL("tname", "pts/1");
    EXPECT_CELL("time", "00:01:03");
    EXPECT_CELL("bsdtime", "1:03");
    EXPECT_CELL("etime", "16:40");
    EXPECT_CELL("pcpu", "6.3");
    EXPECT_CELL("c", "6");
    EXPECT_CELL("vsz", "8000");
    EXPECT_CELL("stat", "SNl");
    EXPECT_CELL("comm", "a) (b c");
    EXPECT_CELL("args", "prog --flag");
}

Test(container_process_table, an_unknown_column_is_left_to_ps) { cr_expect_null(find_column("wchan")); }

Test(container_process_table, this_process_is_found) {
    const auto process = read_process(getpid());
    cr_assert(process.has_value());
    cr_expect_eq(process->uid, geteuid());
    cr_expect(!process->command.empty());
    cr_expect(!read_process(0).has_value());
}
