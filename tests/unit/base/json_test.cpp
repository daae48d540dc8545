#include "base/json.h"

#include <criterion/criterion.h>

using namespace berth;

TestSuite(base_json, .timeout = 10);

namespace {

enum class Colour { red, blue };

struct Probe {
    std::vector<std::string> test;
    std::int64_t retries = 0;
    bool operator==(const Probe&) const = default;
};
template <class Io>
void fields(Io& io, Probe& probe) {
    io.required("Test", probe.test);
    io.optional("Retries", probe.retries);
}

struct Thing {
    std::string name;
    Probe probe;
    std::vector<Probe> probes;
    std::map<std::string, int> counts;
    std::optional<bool> flag;
    Colour colour = Colour::red;
    std::uint64_t limit = 0;
    std::uint8_t small = 0;
    bool operator==(const Thing&) const = default;
};
template <class Io>
void fields(Io& io, Thing& thing) {
    io.required("name", thing.name);
    io.optional("probe", thing.probe);
    io.optional("probes", thing.probes);
    io.optional("counts", thing.counts);
    io.optional("flag", thing.flag);
    io.optional("colour", thing.colour);
    io.optional("limit", thing.limit);
    io.optional("small", thing.small);
}

}  // namespace

template <>
struct berth::JsonText<Colour> {
    static Result<Colour> parse(std::string_view text) {
        if (text == "red") return Colour::red;
        if (text == "blue") return Colour::blue;
        return Error(Kind::invalid, cat("unknown colour '", text, "'"));
    }
    static std::string text(Colour colour) { return colour == Colour::red ? "red" : "blue"; }
};

namespace {

std::string syntax_error(std::string_view text) { return parse_json(text).error().text(); }
std::string field_error(std::string_view text) { return from_json<Thing>(parse_json(text).value()).error().text(); }
std::string again(std::string_view text) { return json_text(parse_json(text).value()); }

}  // namespace

Test(base_json, a_document_is_written_as_it_was_read_in_its_order) {
    const std::string text = R"({"z":1,"a":[true,false,null,-2,1.5,"x"],"o":{"k":{}},"e":[]})";
    const std::string written = again(text);
    cr_expect_str_eq(written.c_str(), text.c_str());
}

Test(base_json, indented_is_dockers_form) {
    const std::string text = json_text(parse_json(R"([{"Id":"x","Env":[],"Labels":{},"Args":["a"]}])").value(), JsonStyle::indented);
    cr_expect_str_eq(text.c_str(),
                     "[\n    {\n        \"Id\": \"x\",\n        \"Env\": [],\n        \"Labels\": {},\n        \"Args\": [\n"
                     "            \"a\"\n        ]\n    }\n]\n");
}

Test(base_json, special_characters_are_escaped_and_angle_brackets_are_not) {
    const std::string text = json_text(Json(std::string("<a>&\"\\\n\t\x01/")));
    cr_expect_str_eq(text.c_str(), "\"<a>&\\\"\\\\\\n\\t\\u0001/\"");
}

Test(base_json, bytes_that_are_no_utf8_become_the_replacement_character) {
    const std::string text = json_text(Json(std::string("ok \xc3\xa9 \xff\xc3( \xed\xa0\x80 \xf0\x9f\x98\x80")));
    cr_expect_str_eq(text.c_str(), "\"ok \xc3\xa9 \xef\xbf\xbd\xef\xbf\xbd( \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd \xf0\x9f\x98\x80\"");
    cr_expect(parse_json(text).ok());
}

Test(base_json, whole_numbers_keep_all_their_64_bits) {
    const std::string text = "[9007199254740993,-9223372036854775808,9223372036854775807,18446744073709551615]";
    const std::string written = again(text);
    cr_expect_str_eq(written.c_str(), text.c_str());
}

Test(base_json, escapes_of_the_document_are_understood) {
    const Json value = parse_json(R"("\u00e9\ud83d\ude00\n")").value();
    cr_expect_str_eq(value.string()->c_str(), "\xc3\xa9\xf0\x9f\x98\x80\n");
}

Test(base_json, a_syntax_error_names_the_line) {
    const std::string text = syntax_error("{\n\"a\": 1,\n}");
    cr_expect(text.starts_with("line 3: parse error"), "%s", text.c_str());
}

Test(base_json, half_a_document_more_than_one_and_none_are_refused) {
    cr_expect_not(parse_json("{\"a\":").ok());
    cr_expect_not(parse_json("{} {}").ok());
    cr_expect_not(parse_json("").ok());
    cr_expect_not(parse_json("nul").ok());
}

Test(base_json, invalid_utf8_is_refused) { cr_expect_not(parse_json("\"\xff\"").ok()); }

Test(base_json, a_member_twice_is_refused_by_name) {
    const std::string text = syntax_error(R"({"a":1,"a":2})");
    cr_expect_str_eq(text.c_str(), "member 'a' stands twice");
}

Test(base_json, deep_nesting_is_refused) {
    cr_expect(parse_json(std::string(64, '[') + std::string(64, ']')).ok());
    const std::string text = syntax_error(std::string(65, '[') + std::string(65, ']'));
    cr_expect_str_eq(text.c_str(), "nested deeper than 64");
}

Test(base_json, a_document_beyond_the_limit_is_refused) {
    const std::string text = parse_json("[1,2,3]", 6).error().text();
    cr_expect_str_eq(text.c_str(), "larger than 6 bytes");
}

Test(base_json, members_are_found_set_and_replaced) {
    Json value;
    value.set("a", 1);
    value.set("b", "x");
    value.set("a", 2);
    cr_expect_eq(*value.find("a")->integer(), 2);
    cr_expect_null(value.find("c"));
    const std::string text = json_text(value);
    cr_expect_str_eq(text.c_str(), R"({"a":2,"b":"x"})");
}

Test(base_json, pushing_makes_an_array) {
    Json value;
    value.push_back(1);
    value.push_back("x");
    const std::string text = json_text(value);
    cr_expect_str_eq(text.c_str(), R"([1,"x"])");
}

Test(base_json, one_field_list_reads_what_it_wrote) {
    const Thing thing{"n", {{"CMD", "x"}, 3}, {{{}, 1}}, {{"a", 1}}, false, Colour::blue, UINT64_MAX, 255};
    const std::string text = json_text(to_json(thing));
    cr_expect_str_eq(text.c_str(),
                     R"({"name":"n","probe":{"Test":["CMD","x"],"Retries":3},"probes":[{"Test":[],"Retries":1}],)"
                     R"("counts":{"a":1},"flag":false,"colour":"blue","limit":18446744073709551615,"small":255})");
    cr_expect(from_json<Thing>(parse_json(text).value()).value() == thing);
}

Test(base_json, optional_members_that_hold_nothing_are_left_out) {
    const std::string text = json_text(to_json(Thing{"n", {}, {}, {}, {}, Colour::red, 0, 0}));
    cr_expect_str_eq(text.c_str(), R"({"name":"n"})");
}

Test(base_json, null_and_absent_mean_the_same_for_optional_members) {
    cr_expect(from_json<Thing>(parse_json(R"({"name":"n","probes":null,"flag":null,"other":{}})").value()).ok());
}

Test(base_json, errors_carry_the_path_to_the_member) {
    const std::string missing = field_error("{}"), inner = field_error(R"({"name":"n","probes":[{"Test":[]},{"Test":["a",5]}]})"),
                      map = field_error(R"({"name":"n","counts":{"a":"b"}})"), text = field_error(R"({"name":"n","colour":"green"})");
    cr_expect_str_eq(missing.c_str(), "name: is missing");
    cr_expect_str_eq(inner.c_str(), "probes[1].Test[1]: expected a string, found a number");
    cr_expect_str_eq(map.c_str(), "counts.a: expected a whole number, found a string");
    cr_expect_str_eq(text.c_str(), "colour: unknown colour 'green'");
}

Test(base_json, wrong_types_are_told_in_words) {
    const std::string object = field_error("[]"), array = field_error(R"({"name":"n","probes":{}})"), flag = field_error(R"({"name":"n","flag":"yes"})"),
                      whole = field_error(R"({"name":"n","small":1.5})");
    cr_expect_str_eq(object.c_str(), "expected an object, found an array");
    cr_expect_str_eq(array.c_str(), "probes: expected an array, found an object");
    cr_expect_str_eq(flag.c_str(), "flag: expected a boolean, found a string");
    cr_expect_str_eq(whole.c_str(), "small: expected a whole number, found a number");
}

Test(base_json, numbers_out_of_range_are_told) {
    const std::string high = field_error(R"({"name":"n","small":256})"), low = field_error(R"({"name":"n","limit":-1})"),
                      large = field_error(R"({"name":"n","probe":{"Test":[],"Retries":9223372036854775808}})");
    cr_expect_str_eq(high.c_str(), "small: 256 is out of range");
    cr_expect_str_eq(low.c_str(), "limit: -1 is out of range");
    cr_expect_str_eq(large.c_str(), "probe.Retries: 9223372036854775808 is out of range");
}
