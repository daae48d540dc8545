#include <criterion/criterion.h>

#include "container/filter.h"

using namespace berth::container;

TestSuite(container_filter, .timeout = 5);

Test(container_filter, a_word_is_looked_for_anywhere_in_the_name) {
    cr_expect(name_matches("web-1", "eb"));
    cr_expect(name_matches("web-1", "/web"));
    cr_expect(!name_matches("web-1", "db"));
    cr_expect(name_matches("web-1", ""));
}

Test(container_filter, both_ends_can_be_tied) {
    cr_expect(name_matches("web", "^web$"));
    cr_expect(name_matches("web", "^/web$"));
    cr_expect(!name_matches("web-1", "^web$"));
    cr_expect(name_matches("web-1", "^web"));
    cr_expect(name_matches("web-1", "1$"));
}

Test(container_filter, anything_else_is_an_expression) {
    cr_expect(name_matches("abba", "^[ab]+$"));
    cr_expect(!name_matches("abc", "^[ab]+$"));
    cr_expect(name_matches("db", "web|db"));
    cr_expect(name_matches("web", "^/w.b$"));
    cr_expect(name_matches("a.b", "a.b"));
}

Test(container_filter, a_malformed_expression_matches_nothing) {
    cr_expect(!name_matches("web", "["));
    cr_expect(!name_matches("web", "(web"));
}
