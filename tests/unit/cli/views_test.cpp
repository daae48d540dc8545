#include <algorithm>

#include <criterion/criterion.h>

#include "cli/as_run.h"
#include "cli/build_progress.h"
#include "cli/dash_view.h"
#include "cli/settings.h"
#include "cli/stats_text.h"
#include "cli/status_text.h"
#include "cli/texts.h"
#include "cli/transfer_progress.h"

using namespace berth;
using namespace berth::cli;

namespace {

void expect(const std::string& found, const std::string& wanted) { cr_expect_str_eq(found.c_str(), wanted.c_str()); }
constexpr Moment present{1'000'000'000'000};
Moment ago(std::int64_t seconds) { return {present.nanoseconds - seconds * 1'000'000'000}; }

container::Record record() {
    container::Record out;
    out.definition.id = "0123456789ab0123456789ab0123456789ab0123456789ab0123456789ab0123";
    out.definition.name = "web";
    out.definition.config.image = "busybox";
    out.definition.config.hostname = "0123456789ab";
    out.definition.path = "sh";
    out.definition.args = {"-c", "echo 'a b'"};
    return out;
}

}  // namespace

TestSuite(cli_status_text, .timeout = 5);
TestSuite(cli_as_run, .timeout = 5);
TestSuite(cli_settings, .timeout = 5);
TestSuite(cli_dash_view, .timeout = 5);
TestSuite(cli_progress, .timeout = 5);

Test(cli_status_text, states_are_dockers_words) {
    container::State state;
    expect(status_text(state, present), "Created");
    state.status = container::Status::running;
    state.started_at = ago(5);
    expect(status_text(state, present), "Up 5 seconds");
    state.status = container::Status::paused;
    expect(status_text(state, present), "Up 5 seconds (Paused)");
    state.status = container::Status::exited;
    state.exit_code = 3;
    state.finished_at = ago(4);
    expect(status_text(state, present), "Exited (3) 4 seconds ago");
    state.status = container::Status::restarting;
    expect(status_text(state, present), "Restarting (3) 4 seconds ago");
}
Test(cli_status_text, health_stands_in_brackets) {
    container::State state;
    state.status = container::Status::running;
    state.started_at = ago(7200);
    state.health.emplace();
    state.health->status = healthcheck::Status::starting;
    expect(status_text(state, present), "Up 2 hours (health: starting)");
    state.health->status = healthcheck::Status::unhealthy;
    expect(status_text(state, present), "Up 2 hours (unhealthy)");
    state.health->status = healthcheck::Status::none;
    expect(status_text(state, present), "Up 2 hours");
}
Test(cli_status_text, commands_are_quoted_and_cut) {
    container::Definition definition = record().definition;
    expect(command_column(definition, true), "\"sh -c 'echo 'a b''\"");
    definition.args = {"-c", "echo a very long line"};
    expect(command_column(definition, false), "\"sh -c 'echo a very …\"");
}

Test(cli_as_run, the_command_line_is_quoted_for_a_shell) {
    container::Record r = record();
    r.definition.config.env = {"A=b c"};
    r.definition.host.restart_policy = {"on-failure", 3};
    r.definition.host.nano_cpus = 1'500'000'000;
    r.definition.host.port_bindings = {network::PortMapping::parse("8080:80").value()};
    const auto line = run_command_of(r);
    cr_assert(line.ok());
    expect(
        line.value(),
        "berth run -d --name web --restart on-failure:3 -e 'A=b c' -p 8080:80/tcp --cpus 1.5 busybox sh -c 'echo '\\''a b'\\'''");
}
Test(cli_as_run, a_host_name_that_nobody_chose_is_left_out) {
    container::Record r = record();
    r.definition.config.hostname = "chosen";
    cr_expect(run_command_of(r).value().find("--hostname chosen") != std::string::npos);
    cr_expect(run_command_of(record()).value().find("--hostname") == std::string::npos);
}

Test(cli_settings, tables_are_commands_and_keys_options) {
    const auto settings = Settings::parse("f.toml", "[run]\ninit = true\nlabel = [\"a=1\", \"b=2\"]\n[berth]\nroot = \"/srv\"\n");
    cr_assert(settings.ok());
    std::string all;
    for (const Setting& setting : settings.value().all())
        all += cat(setting.section, ".", setting.key, "=", join_text(setting.values, "+"), " ");
    expect(all, "berth.root=/srv run.init=true run.label=a=1+b=2 ");
}
Test(cli_settings, they_count_before_the_command_line) {
    const auto settings = Settings::parse("f.toml", "[x]\nname = \"file\"\nflag = true\n");
    std::string name;
    bool flag = false;
    Parser parser;
    parser.text("--name", name, "NAME", "");
    parser.flag("--flag", flag, "");
    cr_assert(settings.value().apply("x", parser).ok());
    cr_expect(flag);
    cr_assert(parser.parse({"--name", "typed", "--flag=false"}).ok());
    expect(name, "typed");
    cr_expect(!flag);
}
Test(cli_settings, an_unknown_key_is_told_with_its_line) {
    const auto settings = Settings::parse("f.toml", "[x]\n\nnane = 1\n");
    std::string name;
    Parser parser;
    parser.text("--name", name, "NAME", "");
    const auto applied = settings.value().apply("x", parser);
    cr_assert(!applied.ok());
    expect(applied.error().text(), "f.toml:3: 'nane' is no option of x");
    expect(applied.error().hint(), "did you mean 'name'?");
}
Test(cli_settings, a_broken_file_is_told_with_its_line) {
    const auto settings = Settings::parse("f.toml", "[x]\na = \n");
    cr_assert(!settings.ok());
    cr_expect(settings.error().text().starts_with("f.toml:2: "));
    const auto outside = Settings::parse("f.toml", "a = 1\n");
    cr_assert(!outside.ok());
    expect(outside.error().text(), "f.toml:1: 'a' stands outside of a table");
}

Test(cli_dash_view, the_screen_has_as_many_lines_as_the_terminal) {
    DashView view;
    for (int i = 0; i < 40; ++i)
        view.rows.push_back({cat("id", i), cat("name", i), "image", "Up 1 second", "0.00%", "1MiB / 2GiB", "", true, false});
    view.selected = 39;
    view.log = {"one", "two"};
    const std::string screen = dash_screen(view, 24, 80, false);
    cr_expect_eq(std::ranges::count(screen, '\n'), 23);
    cr_expect(screen.find("> name39") != std::string::npos);
    cr_expect(screen.find("two") != std::string::npos);
    cr_expect(screen.find("\x1b[7m") == std::string::npos);
}
Test(cli_dash_view, control_characters_of_a_log_are_shown_and_not_obeyed) {
    DashView view;
    view.rows.push_back({"id", "n", "i", "Up", "", "", "", true, false});
    view.log = {"a\x1b[2Jb"};
    cr_expect(dash_screen(view, 24, 80, false).find("a\\x1b[2Jb") != std::string::npos);
}

Test(cli_progress, seconds_are_rounded) {
    expect(seconds_text({1'249'000'000}, 1), "1.2");
    expect(seconds_text({999'960'000}, 1), "1.0");
    expect(seconds_text({123'456'789}, 3), "0.123");
    expect(seconds_text({-5}, 1), "0.0");
}
Test(cli_progress, a_bar_needs_a_wide_terminal) {
    expect(progress_bar(12'300'000, 45'000'000, 80), "12.3MB/45MB");
    expect(progress_bar(50, 100, 120), "[=========================>                        ]  50B/100B");
    expect(progress_bar(500, 0, 120), "500B");
}
Test(cli_progress, percents_have_two_decimals) {
    expect(percent_text(0), "0.00%");
    expect(percent_text(150.456), "150.46%");
}
Test(cli_progress, nothing_is_shown_of_what_does_not_run) { expect(stats_texts(nullptr, std::nullopt).cpu, "--"); }
