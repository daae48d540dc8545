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
    expect("{{range .Config.Env}}{{.}}{{break}}{{end}}", "A=1");
    expect("{{range .Config.Env}}{{if eq . \"A=1\"}}{{continue}}{{end}}{{.}}{{end}}", "PATH=/bin");
}
Test(cli_template, conditions_choose) {
    expect("{{if .State.Running}}up{{else}}down{{end}}", "up");
    expect("{{if .State.ExitCode}}bad{{else if eq .State.Pid 12}}twelve{{else}}other{{end}}", "twelve");
    expect("{{with .State}}{{.Pid}}{{end}}", "12");
    expect("{{with .Empty}}x{{else}}empty{{end}}", "empty");
}
Test(cli_template, comparisons_are_typed) {
    expect("{{eq .State.Pid 11 12}} {{ne .Id \"abc\"}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 2 2}}",
           "true false true true false true");
    expect("{{eq .Id 1}}", "RUN template: incompatible types for comparison");
}
Test(cli_template, and_and_or_stop_early) {
    expect("{{and .State.Running .State.Pid}} {{or .State.ExitCode \"x\"}} {{not .State.Running}}", "12 x false");
    expect("{{and false .Nope.Nope}}", "false");
}
Test(cli_template, pipes_pass_the_last_argument) {
    expect("{{.Config.Env | json}}", R"(["A=1","PATH=/bin"])");
    expect("{{.Id | printf \"%s-%d\" \"x\"}}", "x-%!d(abc)");
    expect("{{\"a\" | printf \"%s\" | upper}}", "A");
}
Test(cli_template, variables_are_set_and_changed) {
    expect("{{$x := .Id}}{{$x}}{{$x = \"y\"}}{{$x}}", "abcy");
    expect("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2");
    expect("{{range .Config.Env}}{{$.Id}}{{end}}", "abcabc");
    expect("{{$y}}", "RUN template: undefined variable '$y'");
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
    expect("{{template \"x\"}}", "PARSE template: {{template}} is not supported");
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
    const Json mounts = parse_json(R"([{"Type": "bind", "Destination": "/d"}])").value();
    const auto done = Template::parse("{{range .}}{{.Name}}|{{.Driver}}{{end}}").value().execute(mounts);
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
