#include "base/yaml.h"

#include <criterion/criterion.h>

#include "tests/unit/support.h"

using namespace berth;

TestSuite(base_yaml, .timeout = 10);

namespace {

std::string as_json(std::string_view text) {
    auto parsed = parse_yaml(text);
    return parsed.ok() ? json_text(parsed.value()) : "error: " + parsed.error().text();
}

}  // namespace

Test(base_yaml, folders_of_values_become_objects_and_arrays) {
    EXPECT_TEXT(as_json("---\ncdiVersion: 0.5.0\ndevices:\n- name: \"0\"\n  containerEdits:\n    deviceNodes:\n    - path: /dev/nvidia0\n"
                        "    - {path: /dev/x, permissions: rw}\nkind: nvidia.com/gpu\n"),
                R"({"cdiVersion":"0.5.0","devices":[{"name":"0","containerEdits":{"deviceNodes":[{"path":"/dev/nvidia0"},)"
                R"({"path":"/dev/x","permissions":"rw"}]}}],"kind":"nvidia.com/gpu"})");
}

Test(base_yaml, plain_words_mean_what_the_core_schema_says) {
    EXPECT_TEXT(as_json("[~, null, '', true, False, yes, 1, +1, -12, 0x1f, 0o17, 1.5, 1e3, 1.2.3, '1', 18446744073709551616]"),
                R"([null,null,"",true,false,"yes",1,1,-12,31,15,1.5,1000,"1.2.3","1",18446744073709551616])");
}

Test(base_yaml, texts_of_several_lines_are_kept) {
    EXPECT_TEXT(as_json("a: |\n  one\n  two\nb: >-\n  one\n  two\n"), R"({"a":"one\ntwo\n","b":"one two"})");
}

Test(base_yaml, nothing_is_null) { EXPECT_TEXT(as_json("# only a comment\n"), "null"); }

Test(base_yaml, what_could_grow_without_end_is_refused) {
    EXPECT_TEXT(as_json("a: &x [1]\nb: *x\n"), "error: line 1: anchors, aliases and tags are not read");
    EXPECT_TEXT(as_json("a: !!binary aGVsbG8=\n"), "error: line 1: anchors, aliases and tags are not read");
    EXPECT_TEXT(as_json(std::string(80, '[')), "error: line 1: nested deeper than 64");
    EXPECT_TEXT(as_json(std::string(5u << 20, ' ')), "error: larger than 4194304 bytes");
}

Test(base_yaml, mistakes_are_told_with_their_line) {
    EXPECT_TEXT(as_json("a: 1\nb: [1\n"), "error: line 3: did not find expected ',' or ']'");
    EXPECT_TEXT(as_json("a: 1\na: 2\n"), "error: line 2: member 'a' stands twice");
    EXPECT_TEXT(as_json("a: 1\n---\nb: 2\n"), "error: line 2: a second document");
    EXPECT_TEXT(as_json("? [1]\n: 2\n"), "error: line 1: a key that is no text");
}
