#include "cli/listing.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::cli;

namespace {

std::vector<Json> rows() { return {make_row({{"Name", "web"}, {"ID", "abc"}}), make_row({{"Name", "db"}, {"ID", "def"}})}; }
std::string list(std::string format) {
    ListingOptions options;
    options.format = std::move(format);
    options.columns = {{"ID", "CONTAINER ID"}, {"Name", "NAMES"}};
    options.labels = {{{"tier", "front"}, {"a.b", "c d"}}, {}};
    const auto text = listing_text(options, rows());
    return text.ok() ? text.value() : text.error().text();
}
void expect(const std::string& format, const std::string& wanted) {
    const std::string found = list(format);
    cr_expect_str_eq(found.c_str(), wanted.c_str());
}

}  // namespace

TestSuite(cli_listing, .timeout = 5);

Test(cli_listing, the_default_is_a_table) { expect("", "CONTAINER ID   NAMES\nabc            web\ndef            db\n"); }
Test(cli_listing, json_is_one_object_a_line_sorted) {
    expect("json", "{\"ID\":\"abc\",\"Name\":\"web\"}\n{\"ID\":\"def\",\"Name\":\"db\"}\n");
}
Test(cli_listing, a_template_is_one_line_each) { expect("{{.Name}}", "web\ndb\n"); }
Test(cli_listing, escapes_are_read_in_templates) { expect("{{.Name}}\\t{{.ID}}", "web\tabc\ndb\tdef\n"); }
Test(cli_listing, a_table_template_has_headers) {
    expect("table {{.Name}}\\t{{.ID}}", "NAMES     CONTAINER ID\nweb       abc\ndb        def\n");
}
Test(cli_listing, escapes_inside_of_actions_are_those_of_strings) {
    expect("{{printf \"%s\\t%s\\n\" .Name .ID}}\\t|", "web\tabc\n\t|\ndb\tdef\n\t|\n");
}
Test(cli_listing, spaces_around_a_template_do_not_count) {
    expect("  {{.Name}}  ", "web\ndb\n");
    expect("table   {{.Name}}", "NAMES\nweb\ndb\n");
    expect("table{{.Name}}", "NAMES\nweb\ndb\n");
}
Test(cli_listing, functions_leave_headers_as_they_are) {
    expect("table {{lower .Name}}\\t{{json .ID}}\\t{{truncate .Name 1}}", "NAMES     CONTAINER ID   NAMES\nweb       \"abc\"          w\ndb        \"def\"          d\n");
}
Test(cli_listing, a_header_goes_as_far_as_its_template_can_be_followed) {
    expect("table {{.ID}}\\t{{range split .Name \"b\"}}<{{.}}>{{end}}", "CONTAINER ID   \nabc            <we><>\ndef            <d><>\n");
}
Test(cli_listing, one_object_keeps_escapes_as_they_are_written) {
    const std::string text = formatted_object("{{.ID}}\\t", rows()[0]).value();
    cr_expect_str_eq(text.c_str(), "abc\\t\n");
}
Test(cli_listing, labels_are_asked_by_name) {
    expect("{{.Name}} {{.Label \"tier\"}}|{{.Label \"a.b\"}}", "web front|c d\ndb |\n");
    expect("table {{.Label \"a.b\"}}\\t{{.Name}}", "b         NAMES\nc d       web\n          db\n");
}
Test(cli_listing, a_wrong_field_is_an_error) { expect("{{.Nmae}}", "template: no field 'Nmae' in ."); }
Test(cli_listing, filters_need_a_key_and_a_value) {
    const auto refused = parse_filters({"name"});
    cr_assert(!refused.ok());
    const std::string text = refused.error().text();
    cr_expect_str_eq(text.c_str(), "invalid filter 'name': expected KEY=VALUE");
    cr_expect_str_eq(parse_filters({"Name=a=b"}).value()[0].second.c_str(), "a=b");
}
