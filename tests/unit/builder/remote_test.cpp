#include "builder/remote.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::builder;

TestSuite(builder_remote, .timeout = 5);

namespace {
void expect(std::string_view address, const std::string& remote, const std::string& reference, const std::string& folder) {
    const auto parsed = parse_git(address);
    cr_assert(parsed.ok());
    const std::string got = cat(parsed.value().remote, " ", parsed.value().reference, " ", parsed.value().folder);
    const std::string wanted = cat(remote, " ", reference, " ", folder);
    cr_expect_str_eq(got.c_str(), wanted.c_str());
}
void refuses(std::string_view address, const char* wanted) {
    const auto parsed = parse_git(address);
    cr_assert_not(parsed.ok());
    const std::string text = parsed.error().text();
    cr_expect_str_eq(text.c_str(), wanted);
}
}  // namespace

Test(builder_remote, an_address_names_a_reference_and_a_folder) {
    expect("https://h/r.git", "https://h/r.git", "", "");
    expect("https://h/r.git#v1:sub", "https://h/r.git", "v1", "sub");
    expect("https://h/r.git?ref=v1&subdir=sub", "https://h/r.git", "v1", "sub");
}
// CVE-2019-13139: git would take it for an option.
Test(builder_remote, a_reference_is_no_option) {
    refuses("git@h:r.git#--upload-pack=x", "'git@h:r.git#--upload-pack=x': a reference does not begin with '-'");
    refuses("https://h/r.git?branch=-x", "'https://h/r.git?branch=-x': a reference does not begin with '-'");
}
