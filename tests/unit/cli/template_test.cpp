#include "cli/template.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::cli;

namespace {

const Json& document() {
    static const Json json = parse_json(R"({
        "Id": "abc", "Name": "/web", "RestartCount": 2, "Big": 68719476736, "Half": 0.5,
        "State": {"Status": "running", "Running": true, "Pid": 12, "ExitCode": 0},
        "Config": {"Env": ["A=1", "PATH=/bin"], "Cmd": null, "Labels": {"a.b": "c d", "z": "1"},
                   "ExposedPorts": {"80/tcp": {}, "21/tcp": {}}, "Entrypoint": ["sh", "-c"]},
        "NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "21/tcp": null},
                            "Networks": {"bridge": {"IPAddress": "172.17.0.2"}, "back": {"IPAddress": "10.0.0.2"}}},
        "Healthcheck": {"Interval": 90000000000, "Retries": 3}, "Empty": [], "Text": "a<b>&\"c\""})")
                                 .value();
    return json;
}

std::string run(std::string_view text) {
    const auto parsed = Template::parse(text);
    if (!parsed.ok()) return "PARSE " + parsed.error().text();
    const auto done = parsed.value().execute(document());
    return done.ok() ? done.value() : "RUN " + done.error().text();
}
std::string hint_of(std::string_view text) {
    const auto done = Template::parse(text).value().execute(document());
    return done.ok() ? "" : done.error().hint();
}
void expect(std::string_view text, const std::string& wanted) {
    const std::string found = run(text);
    cr_expect_str_eq(found.c_str(), wanted.c_str(), "%.*s", static_cast<int>(text.size()), text.data());
}

}  // namespace

TestSuite(cli_template, .timeout = 5);

Test(cli_template, fields_are_read_through_objects) {
    expect("{{.State.Status}}", "running");
    expect("{{.State.Running}} {{.State.Pid}} {{.Half}}", "true 12 0.5");
    expect("{{ .Name }}", "/web");
}
Test(cli_template, field_names_match_in_any_case) { expect("{{.ID}} {{.Id}} {{.state.status}}", "abc abc running"); }
Test(cli_template, large_numbers_stay_whole) { expect("{{.Big}}", "68719476736"); }
Test(cli_template, a_wrong_field_names_the_nearest) {
    expect("{{.State.Statsu}}", "RUN template: no field 'Statsu' in .State");
    const std::string hint = hint_of("{{.State.Statsu}}");
    cr_expect_str_eq(hint.c_str(), "did you mean '.State.Status'?");
}
Test(cli_template, an_absent_key_of_a_map_has_no_value) { expect("{{.Config.Labels.nope}}", "<no value>"); }
Test(cli_template, health_may_be_absent) {
    expect("{{if .State.Health}}yes{{else}}no{{end}}", "no");
    expect("{{json .State.Health}}", "null");
    expect("{{.State.Health}}", "<nil>");
    expect("{{.State.Health.Status}}", "RUN template: .State.Health.Status: '.State.Health' has no value here");
}
Test(cli_template, values_print_as_go_prints_them) {
    expect("{{.Config.Env}}", "[A=1 PATH=/bin]");
    expect("{{.Config.Labels}}", "map[a.b:c d z:1]");
    expect("{{.Config.ExposedPorts}}", "map[21/tcp:{} 80/tcp:{}]");
    expect("{{.NetworkSettings.Ports}}", "map[21/tcp:[] 80/tcp:[{0.0.0.0 8080}]]");
    expect("{{.Config.Cmd}}", "[]");
    expect("{{.Empty}}", "[]");
}
Test(cli_template, durations_print_as_go_prints_them) {
    expect("{{.Healthcheck.Interval}} {{.Healthcheck.Retries}} {{json .Healthcheck.Interval}}", "1m30s 3 90000000000");
}
Test(cli_template, json_is_compact_and_unescaped) {
    expect("{{json .Config.Env}}", R"(["A=1","PATH=/bin"])");
    expect("{{json .Text}}", R"("a<b>&\"c\"")");
    expect("{{json .Config.Cmd}}", "null");
}
Test(cli_template, index_reaches_into_maps_and_lists) {
    expect("{{(index (index .NetworkSettings.Ports \"80/tcp\") 0).HostPort}}", "8080");
    expect("{{index .Config.Labels \"a.b\"}}", "c d");
    expect("{{index .Config.Labels \"nope\"}}", "");
    expect("{{index .NetworkSettings.Ports \"80/tcp\" 0 \"HostIp\"}}", "0.0.0.0");
    expect("{{index .Config.Env 1}}", "PATH=/bin");
    expect("{{index .NetworkSettings.Ports \"9/tcp\"}} {{index .NetworkSettings.Networks \"x\"}}", "<no value> <nil>");
    expect("{{index \"abc\" 1}}", "98");
    expect("{{index .Config.Labels 1}}", "RUN template: index: a map wants a string");
    expect("{{index .RestartCount 1}}", "RUN template: index: a value of type int has no elements");
    expect("{{index nil 0}}", "RUN template: index of nothing: the value is empty");
    expect("{{index .Config.Env 5}}", "RUN template: index: 5 is out of range, there are 2");
}
Test(cli_template, ranges_go_over_lists_and_sorted_maps) {
    expect("{{range .Config.Env}}[{{.}}]{{end}}", "[A=1][PATH=/bin]");
    expect("{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", "10.0.0.2 172.17.0.2 ");
    expect("{{range $k, $v := .NetworkSettings.Networks}}{{$k}}={{$v.IPAddress}};{{end}}", "back=10.0.0.2;bridge=172.17.0.2;");
    expect("{{range $i, $e := .Config.Env}}{{$i}}{{$e}} {{end}}", "0A=1 1PATH=/bin ");
    expect("{{range $p, $conf := .NetworkSettings.Ports}}{{$p}} -> {{if $conf}}{{(index $conf 0).HostPort}}{{end}} {{end}}",
           "21/tcp ->  80/tcp -> 8080 ");
    expect("{{range .Empty}}x{{else}}none{{end}}", "none");
    expect("{{range 3}}{{.}}{{end}}{{range $i := 2}}{{$i}}{{end}}{{range 0}}x{{else}}none{{end}}", "01201none");
    expect("{{range $i, $e := 2}}x{{end}}", "RUN template: a range over a number has one variable");
    expect("{{range \"abc\"}}x{{end}}", "RUN template: range can't iterate over abc");
    expect("{{range .Config.Cmd}}x{{else}}none{{end}}", "none");
    expect("{{$x := 1}}{{range $x = .Config.Env}}{{end}}{{$x}}", "PATH=/bin");
    expect("{{range .Config.Env}}{{.}}{{break}}{{end}}", "A=1");
    expect("{{range .Config.Env}}{{if eq . \"A=1\"}}{{continue}}{{end}}{{.}}{{end}}", "PATH=/bin");
}
Test(cli_template, conditions_choose) {
    expect("{{if .State.Running}}up{{else}}down{{end}}", "up");
    expect("{{if .State.ExitCode}}bad{{else if eq .State.Pid 12}}twelve{{else}}other{{end}}", "twelve");
    expect("{{with .State}}{{.Pid}}{{end}}", "12");
    expect("{{with .Empty}}x{{else}}empty{{end}}", "empty");
    expect("{{with .Empty}}x{{else with .Id}}{{.}}{{else}}none{{end}}", "abc");
    expect("{{with .Empty}}x{{else if 1}}y{{end}}", "PARSE template: unexpected words in {{else if 1}}");
    expect("{{if .State}}struct{{end}}{{if .Config.Labels}}map{{end}}", "structmap");
}
Test(cli_template, comparisons_are_typed) {
    expect("{{eq .State.Pid 11 12}} {{ne .Id \"abc\"}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}",
           "true false true true false true");
    expect("{{eq .Id 1}}", "RUN template: incompatible types for comparison: string and int");
    expect("{{eq 1 1.0}}", "RUN template: incompatible types for comparison: int and float64");
    expect("{{eq .State.Pid 11 \"a\"}}", "RUN template: incompatible types for comparison: int and string");
    expect("{{lt true false}}", "RUN template: values of type bool have no order");
    expect("{{eq .Config.Env .Config.Env}}", "RUN template: lists cannot be compared");
    expect("{{lt \"a\" \"b\"}} {{lt 1.5 1.5}} {{le 1.5 1.5}}", "true false true");
}
Test(cli_template, only_nil_equals_nil) {
    expect("{{eq nil nil}} {{eq .Config.Cmd nil}} {{eq .Config.Env nil}} {{eq .Id nil}}", "true true false false");
}
Test(cli_template, and_and_or_stop_early) {
    expect("{{and .State.Running .State.Pid}} {{or .State.ExitCode \"x\"}} {{not .State.Running}}", "12 x false");
    expect("{{and false .Nope.Nope}}", "false");
}
Test(cli_template, pipes_pass_the_last_argument) {
    expect("{{.Config.Env | json}}", R"(["A=1","PATH=/bin"])");
    expect("{{.Id | printf \"%s-%d\" \"x\"}}", "x-%!d(string=abc)");
    expect("{{.Id | \"x\"}}", "PARSE template: behind '|' stands a function, not a value, in stage 2");
    expect("{{.Id | (print)}}", "RUN template: can't give argument to non-function value");
    expect("{{\"a\" | printf \"%s\" | upper}}", "A");
}
Test(cli_template, variables_are_set_and_changed) {
    expect("{{$x := .Id}}{{$x}}{{$x = \"y\"}}{{$x}}", "abcy");
    expect("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2");
    expect("{{range .Config.Env}}{{$.Id}}{{end}}", "abcabc");
    expect("{{$y}}", "PARSE template: undefined variable '$y'");
    expect("{{if true}}{{$x := 1}}{{end}}{{$x}}", "PARSE template: undefined variable '$x'");
    expect("{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21");
    expect("{{with $x := 1}}{{$x}}{{.}}{{end}}", "11");
    expect("{{$z = 1}}", "RUN template: undefined variable '$z'");
    expect("{{$a, $b := 1}}", "PARSE template: too many variables in command");
}
Test(cli_template, text_functions_work) {
    expect("{{join .Config.Entrypoint \" \"}}", "sh -c");
    expect("{{range split \"a,b\" \",\"}}<{{.}}>{{end}}", "<a><b>");
    expect("{{upper .Id}} {{lower \"ABC\"}} {{title \"hello world\"}}", "ABC abc Hello World");
    expect("{{pad .Id 1 2}}|{{truncate \"abcdef\" 3}}", " abc  |abc");
    expect("{{slice .Id 1}} {{slice .Id 0 2}} {{len .Config.Env}} {{len .Name}}", "bc ab 2 4");
}
Test(cli_template, print_and_printf_follow_go) {
    expect("{{print 1 2 \"a\" 3}}", "1 2a3");
    expect("{{println \"a\" 1}}", "a 1\n");
    expect("{{printf \"%-5s|%5d|%05d|%.2f|%q|%v|%%|%x\" \"ab\" 7 7 0.5 \"q\" true 255}}",
           "ab   |    7|00007|0.50|\"q\"|true|%|ff");
    expect("{{printf \"%s\"}}", "%!s(MISSING)");
    expect("{{print .Config.Labels}} {{println nil}}", "map[a.b:c d z:1] <nil>\n");
    expect("{{print .State}}", "&{running true 12 0}");
}
Test(cli_template, printf_has_the_verbs_of_go) {
    expect("{{printf \"%v %q %x %X % x %#x %#q\" \"a\" \"é\\t\" \"hé\" \"hé\" \"hé\" \"hé\" \"r\"}}",
           "a \"é\\t\" 68c3a9 68C3A9 68 c3 a9 0x68c3a9 `r`");
    expect("{{printf \"%d %b %o %O %#x %X %c %q %U %#U\" 65 5 8 8 255 255 65 65 65 65}}",
           "65 101 10 0o10 0xff FF A 'A' U+0041 U+0041 'A'");
    expect("{{printf \"%g %e %5.2f %v %v %v\" 1e6 1.5 2.5 1e6 0.00001 123456.0}}", "1e+06 1.500000e+00  2.50 1e+06 1e-05 123456");
    expect("{{printf \"%t %+q %T %T %T %T %T\" true \"é\" 1 1.5 \"s\" .Config.Env .Config.Labels}}",
           "true \"\\u00e9\" int float64 string []string map[string]string");
    expect("{{printf \"%+v %+v\" .State 5}}", "&{Status:running Running:true Pid:12 ExitCode:0} 5");
    expect("{{printf \"%#v %#v %#v\" \"s\" .Config.Env .Config.Labels}}",
           "\"s\" []string{\"A=1\", \"PATH=/bin\"} map[string]string{\"a.b\":\"c d\", \"z\":\"1\"}");
    expect("{{printf \"%q %x %d\" .Config.Labels .Config.Entrypoint .Config.Entrypoint}}",
           "map[\"a.b\":\"c d\" \"z\":\"1\"] [7368 2d63] [%!d(string=sh) %!d(string=-c)]");
}
Test(cli_template, printf_has_the_widths_of_go) {
    expect("{{printf \"%-10s|%10s|%.2s|%5.1s|%05s\" \"ab\" \"cd\" \"héllo\" \"xyz\" \"ab\"}}",
           "ab        |        cd|hé|    x|000ab");
    expect("{{printf \"%05d|%-5d|%+d|% d|%.3d|%8.3d|%06d\" -7 7 7 7 7 7 -42}}", "-0007|7    |+7| 7|007|     007|-00042");
    expect("{{printf \"%*d|%-*d|%.*f\" 5 7 3 7 2 1.5}}", "    7|7  |1.50");
    expect("{{printf \"%[2]s %[1]s\" \"a\" \"b\"}}", "b a");
}
Test(cli_template, printf_tells_what_does_not_fit) {
    expect("{{printf \"%s %d %t %f\" 5 true 1 1}}", "%!s(int=5) %!d(bool=true) %!t(int=1) %!f(int=1)");
    expect("{{printf \"%s %d %z %!\" nil nil 1}}", "%!s(<nil>) %!d(<nil>) %!z(int=1) %!!(MISSING)");
    expect("{{printf \"x\" 1 nil .Config.Entrypoint}}", "x%!(EXTRA int=1, <nil>, []string=[sh -c])");
    expect("{{printf \"%\"}} {{printf \"%[3]d\" 1}} {{printf \"%*d\" \"a\" 1}}", "%!(NOVERB) %!d(BADINDEX) %!(BADWIDTH)1");
}
Test(cli_template, numbers_are_written_as_in_go) {
    expect("{{0x1F}} {{0b11}} {{0o17}} {{017}} {{1_000}} {{-3}} {{+3}} {{1.5e+3}} {{.5}}", "31 3 15 15 1000 -3 3 1500 0.5");
    expect("{{'a'}} {{'é'}} {{'\\x41'}} {{'\\''}} {{'\\u00e9'}}", "97 233 65 39 233");
    expect("{{08}}", "PARSE template: bad number '08'");
    expect("{{0x}}", "PARSE template: bad number '0x'");
    expect("{{9223372036854775808}}", "PARSE template: 9223372036854775808 is too large a number");
    expect("{{'ab'}}", "PARSE template: 'ab' is not one character; strings stand in double quotes");
}
Test(cli_template, strings_have_the_escapes_of_go) {
    expect("{{\"a\\u00e9\\x41\\101\\U0001F600\\\"'\"}}", "aéAA😀\"'");
    expect("{{\"\\z\"}}", "PARSE template: unknown escape '\\z'");
    expect("{{\"\\x4\"}}", "PARSE template: an escape wants 2 hexadecimal digits");
    expect("{{\"a\nb\"}}", "PARSE template: a string ends with its line");
}
Test(cli_template, a_health_check_prints_all_of_its_durations) {
    expect("{{.Healthcheck}}", "{[] 1m30s 0s 0s 0s 3}");
    expect("{{printf \"%+v\" .Healthcheck}}", "&{Test:[] Interval:1m30s Timeout:0s StartPeriod:0s StartInterval:0s Retries:3}");
    expect("{{.Healthcheck.Timeout}} {{printf \"%d %T\" .Healthcheck.Interval .Healthcheck.Timeout}}",
           "0s 90000000000 time.Duration");
}
Test(cli_template, what_json_leaves_out_is_there) {
    expect("{{.Config.Shell}}|{{.Config.StopSignal}}|{{.Config.StopTimeout}}|{{.Config.NetworkDisabled}}", "[]||<nil>|false");
}
Test(cli_template, what_is_missing_has_no_parts_either) { expect("{{.Config.Labels.nope.deeper}}", "<no value>"); }
Test(cli_template, functions_keep_the_type_of_their_arguments) {
    expect("{{.Config.Labels | print}} {{len .Config.Cmd}} {{print .Config.Cmd}}", "map[a.b:c d z:1] 0 []");
    expect("{{len nil}}", "RUN template: len of nothing: the value is empty");
    expect("{{len 3}}", "RUN template: len: a value of type int has no length");
}
Test(cli_template, lists_are_cut_as_in_go) {
    expect("{{slice \"abc\" 1 2}} {{slice .Config.Env 0 1}} {{slice .Config.Env 0 1 1}} {{slice \"abc\" 3}}", "b [A=1] [A=1] ");
    expect("{{slice \"abc\" 2 1}}", "RUN template: slice: 2:1 runs backwards");
    expect("{{slice \"abc\" 0 9}}", "RUN template: slice: 9 is out of range, the size is 3");
    expect("{{slice \"abc\" 0 1 2}}", "RUN template: slice: a string takes two bounds");
}
Test(cli_template, the_functions_of_docker_treat_words_as_docker_does) {
    expect("{{title \"o'neil x_y 1a\"}} {{split \"aéb\" \"\"}} {{pad \"\" 1 1}}|{{truncate \"abc\" 9}}",
           "O'Neil X_y 1a [a é b] |abc");
    expect("{{html nil}} {{html 1 2}}", "&lt;no value&gt; 1 2");
    expect("{{call .Id}}", "RUN template: call: a value of type string is no function");
}
Test(cli_template, trim_markers_and_comments_vanish) {
    expect("a  {{- \"b\" -}}  c", "abc");
    expect("a{{/* not shown }} */}}b", "ab");
    expect("a {{- /* x */ -}} b", "ab");
}
Test(cli_template, strings_may_be_raw_and_hold_braces) {
    expect("{{`a\"b`}}{{\"}}\"}}", "a\"b}}");
    expect("{{\"tab\\tend\"}}", "tab\tend");
}
Test(cli_template, what_cannot_be_read_says_why) {
    expect("{{.Id", "PARSE template: unclosed action in '{{.Id'");
    expect("{{nope .Id}}", "PARSE template: function 'nope' not defined");
    expect("{{if .Id}}", "PARSE template: {{if}} has no {{end}}");
    expect("{{end}}", "PARSE template: unexpected {{end}}");
    expect("{{index}}", "RUN template: 'index' wants at least 1 argument, has 0");
    expect("{{end x}}", "PARSE template: unexpected {{end x}}");
    expect("{{if 1}}a{{end x}}", "PARSE template: unexpected {{end x}}, expected {{end}}");
    expect("{{if 1}}a{{else}}b{{else}}c{{end}}", "PARSE template: unexpected {{else}}, expected {{end}}");
    expect("{{if}}x{{end}}", "PARSE template: a value is missing for if");
    expect("{{}}", "PARSE template: a value is missing for command");
    expect("{{1)}}", "PARSE template: unexpected ')' in command");
    expect("{{\"x\".Foo}}", "PARSE template: unexpected '.Foo' behind '\"x\"'");
    expect("{{nil}}", "RUN template: nil is not a command");
    expect("{{break}}", "PARSE template: {{break}} stands outside any {{range}}");
    expect("{{range .Config.Env}}{{else}}{{continue}}{{end}}", "PARSE template: {{continue}} stands outside any {{range}}");
    expect("{{range .Config.Env}}{{break 1}}{{end}}", "PARSE template: unexpected words in {{break 1}}");
    expect("{{/* c */ .Id}}", "PARSE template: unexpected '/' in '/* c */ .Id'");
}
Test(cli_template, nesting_has_a_limit) {
    const std::string many(5000, '(');
    expect("{{" + many + "1}}", "PARSE template: parentheses nest too deeply");
    std::string blocks;
    for (int i = 0; i < 5000; ++i) blocks += "{{if 1}}";
    expect(blocks, "PARSE template: blocks nest too deeply");
}
Test(cli_template, templates_are_defined_and_called) {
    expect("{{define \"T\"}}[{{.}}]{{end}}{{template \"T\" .Name}}{{template \"T\" .State.Pid}}", "[/web][12]");
    expect("{{template \"T\" .Name}}{{define `T`}}<{{.}}>{{end}}", "</web>");
    expect("{{define \"a\"}}{{template \"b\" .Status}}{{end}}{{define \"b\"}}({{.}}){{end}}{{template \"a\" .State}}",
           "(running)");
    expect("{{range .Config.Env}}{{template \"e\" .}}{{end}}{{define \"e\"}}{{.}};{{end}}", "A=1;PATH=/bin;");
    expect("{{define \"T\"}}x{{end}}", "");
}
Test(cli_template, a_template_called_without_a_value_has_none) {
    expect("{{define \"T\"}}{{.}}|{{$}}|{{.Foo}}|{{if .}}y{{end}}{{end}}{{template \"T\"}}", "<no value>|<no value>|<no value>|");
}
Test(cli_template, a_template_sees_no_variables_but_its_own) {
    expect("{{$x := 1}}{{define \"T\"}}{{$x}}{{end}}", "PARSE template: undefined variable '$x'");
    expect("{{define \"T\"}}{{$.Pid}}{{end}}{{template \"T\" .State}}", "12");
    expect("{{$x := 1}}{{define \"T\"}}{{$x := 2}}{{$x}}{{end}}{{template \"T\"}}{{$x}}", "21");
    expect("{{range .Config.Env}}{{block \"b\" .}}{{break}}{{end}}{{end}}",
           "PARSE template: {{break}} stands outside any {{range}}");
}
Test(cli_template, a_block_is_defined_and_called_at_once) {
    expect("{{block \"b\" .Name}}<{{.}}>{{end}}{{template \"b\" 3}}", "</web><3>");
    expect("{{if true}}{{block \"b\" 1}}{{.}}{{end}}{{end}}", "1");
    expect("{{block \"b\"}}{{end}}", "PARSE template: a value is missing for block");
}
Test(cli_template, a_template_is_defined_once_but_for_white_space) {
    expect("{{define \"a\"}}1{{end}}{{define \"a\"}}2{{end}}", "PARSE template: multiple definition of template 'a'");
    expect("{{block \"a\" .}}1{{end}}{{define \"a\"}}2{{end}}", "PARSE template: multiple definition of template 'a'");
    expect("{{define \"a\"}} {{end}}{{define \"a\"}}2{{end}}{{define \"a\"}} {{end}}{{template \"a\"}}", "2");
}
Test(cli_template, a_template_that_is_not_defined_is_an_error_when_called) {
    expect("{{if false}}{{template \"x\"}}{{end}}ok", "ok");
    expect("{{template \"x\"}}", "RUN template: template 'x' not defined");
    const std::string hint = hint_of("{{define \"name\"}}{{end}}{{template \"nmae\"}}");
    cr_expect_str_eq(hint.c_str(), "did you mean 'name'?");
}
Test(cli_template, definitions_stand_outside_all_blocks) {
    expect("{{if true}}{{define \"x\"}}{{end}}{{end}}", "PARSE template: {{define}} stands outside all blocks");
    expect("{{define \"a\"}}{{define \"b\"}}{{end}}{{end}}", "PARSE template: {{define}} stands outside all blocks");
    expect("{{define x}}{{end}}", "PARSE template: {{define}} wants the name of a template in quotes");
    expect("{{template .Id}}", "PARSE template: {{template}} wants the name of a template in quotes");
    expect("{{define \"a\" .}}{{end}}", "PARSE template: unexpected words in {{define \"a\" .}}");
    expect("{{define \"a\"}}x", "PARSE template: {{define}} has no {{end}}");
    expect("{{define \"a\"}}x{{else}}y{{end}}", "PARSE template: unexpected {{else}} in {{define}}");
}
Test(cli_template, templates_may_call_themselves_to_a_depth) {
    expect("{{define \"r\"}}{{if .}}{{slice . 0 1}}.{{template \"r\" (slice . 1)}}{{end}}{{end}}{{template \"r\" .Id}}",
           "a.b.c.");
    expect("{{define \"r\"}}{{template \"r\"}}{{end}}{{template \"r\"}}", "RUN template: exceeded maximum template depth (500)");
    expect("x{{template \"\"}}", "RUN template: exceeded maximum template depth (500)");
}
Test(cli_template, methods_answer_what_is_no_field) {
    const TemplateMethod label = [](const Json&, std::string_view name,
                                    const std::vector<Json>& arguments) -> std::optional<Json> {
        return name == "Label" && arguments.size() == 1 ? std::optional<Json>("label:" + *arguments[0].string()) : std::nullopt;
    };
    const auto done = Template::parse("{{.Label \"k\"}}").value().execute(document(), label);
    cr_assert(done.ok());
    cr_expect_str_eq(done.value().c_str(), "label:k");
}

Test(cli_template, texts_are_escaped_for_other_languages) {
    expect("{{html .Text}}", "a&lt;b&gt;&amp;&#34;c&#34;");
    expect("{{js .Text}}", "a\\u003Cb\\u003E\\u0026\\\"c\\\"");
    expect("{{urlquery \"a b&c\"}}", "a+b%26c");
}
Test(cli_template, a_mount_without_a_name_has_an_empty_one) {
    const Json mounts = parse_json(R"({"Mounts": [{"Type": "bind", "Destination": "/d"}]})").value();
    const auto done = Template::parse("{{range .Mounts}}{{.Name}}|{{.Driver}}{{end}}").value().execute(mounts);
    cr_assert(done.ok());
    cr_expect_str_eq(done.value().c_str(), "|");
}
Test(cli_template, what_has_no_text_keeps_its_space) {
    const Json host = parse_json(R"({"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}})").value();
    const auto done = Template::parse("{{.PortBindings}}").value().execute(host);
    cr_assert(done.ok());
    cr_expect_str_eq(done.value().c_str(), "map[80/tcp:[{ 8080}]]");
}
Test(cli_template, the_options_of_a_log_are_a_map) {
    const Json host = parse_json(R"({"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}})").value();
    const auto done = Template::parse("{{.LogConfig.Config}} {{.LogConfig}}").value().execute(host);
    cr_assert(done.ok());
    cr_expect_str_eq(done.value().c_str(), "map[max-size:1m] {json-file map[max-size:1m]}");
}
Test(cli_template, moments_of_docker_print_as_go_prints_them) {
    const Json network =
        parse_json(R"({"Created": "2026-01-02T03:04:05.670Z", "IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}]}})").value();
    const auto done =
        Template::parse("{{.Created}} {{json .Created}} {{.IPAM.Config}} {{.Services}} {{.Peers}}").value().execute(network);
    cr_assert(done.ok());
    cr_expect_str_eq(done.value().c_str(),
                     "2026-01-02 03:04:05.67 +0000 UTC \"2026-01-02T03:04:05.670Z\" [{10.0.0.0/8   map[]}] map[] []");
    const Json health = parse_json(R"({"Log": [{"Start": "2026-01-02T03:04:05Z", "ExitCode": 0}]})").value();
    const auto log = Template::parse("{{(index .Log 0).Start}} {{.Log}}").value().execute(health);
    cr_expect_str_eq(log.value().c_str(), "2026-01-02 03:04:05 +0000 UTC [{2026-01-02 03:04:05 +0000 UTC 0}]");
}
Test(cli_template, documents_have_the_members_that_docker_leaves_out) {
    const Json volume = parse_json(R"({"Mountpoint": "/v", "Name": "v"})").value();
    const auto done = Template::parse("{{.Status}} {{.UsageData}}").value().execute(volume);
    cr_assert(done.ok());
    cr_expect_str_eq(done.value().c_str(), "map[] <nil>");
    const Json image = parse_json(R"({"RepoTags": [], "Id": "x"})").value();
    const auto other = Template::parse("{{.Variant}}|{{.Container}}|{{.Manifests}}").value().execute(image);
    cr_expect_str_eq(other.value().c_str(), "||[]");
}
