#include "base/cat.h"

#include <criterion/criterion.h>

#include <cstdint>

using berth::cat;

TestSuite(base_cat, .timeout = 5);

Test(base_cat, parts_stand_one_after_the_other) {
    const std::string text = cat("a", std::string("b"), std::string_view("c"), 'd', 5, -6L, 7u);
    cr_expect_str_eq(text.c_str(), "abcd5-67");
}

Test(base_cat, the_widest_numbers_fit) {
    const std::string text = cat(INT64_MIN, ' ', UINT64_MAX);
    cr_expect_str_eq(text.c_str(), "-9223372036854775808 18446744073709551615");
}

Test(base_cat, an_unsigned_char_is_a_number) {
    const std::string text = cat(static_cast<unsigned char>(65));
    cr_expect_str_eq(text.c_str(), "65");
}

Test(base_cat, nothing_gives_the_empty_text) { cr_expect(cat().empty()); }
