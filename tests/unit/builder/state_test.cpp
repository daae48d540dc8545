#include "builder/state.h"

#include <criterion/criterion.h>

#include "builder/stages.h"

#include "tests/unit/builder/buildkit.h"

using namespace berth;
using namespace berth::builder;

TestSuite(builder_state, .timeout = 5);

namespace {

struct Walked {
    StageState state;
    std::string error;
    const image::RunConfig& config() const { return state.image.config; }
    std::string history() const {
        std::string out;
        for (const image::HistoryEntry& entry : state.image.history) out += entry.created_by + "\n";
        return out;
    }
};

/// A stage FROM scratch (its own PATH taken away, for short tables) with these lines.
Walked walk(const std::string& lines, const std::map<std::string, std::string>& build_args = {}, const std::string& globals = "") {
    const Dockerfile file = parse_dockerfile(globals + "FROM scratch\n" + lines, "Dockerfile").value();
    Walked walked;
    auto plan = plan_stages(file, {"", "", host_platform(), build_args});
    if (!plan.ok()) return walked.error = plan.error().text(), walked;
    walked.state = start_from_scratch(host_platform());
    walked.state.image.config.env.clear();
    walked.state.variables = Variables();
    const StateContext context{'\\', &plan.value().globals, &build_args, {}};
    for (const Instruction& written : plan.value().stages.front().instructions) {
        auto expanded = expand_instruction(written, walked.state, context);
        auto applied = expanded.ok() ? apply_metadata(walked.state, expanded.value(), context) : Result<bool>(std::move(expanded).error());
        if (!applied.ok()) walked.error = applied.error().text();
        else if (const Workdir* workdir = std::get_if<Workdir>(&expanded.value().what))
            walked.state.image.config.working_dir = next_working_dir(walked.state, workdir->path);
    }
    return walked;
}

using Texts = std::vector<std::string>;

}  // namespace

Test(builder_state, one_instruction_sees_the_variables_before_it) {
    cr_expect(walk("ENV a=hello\nENV a=bye b=$a\nENV c=$a\n").config().env == (Texts{"a=bye", "b=hello", "c=bye"}));
}
Test(builder_state, a_variable_is_replaced_in_place) { cr_expect(walk("ENV a=1\nENV b=2\nENV a=3\n").config().env == (Texts{"a=3", "b=2"})); }
Test(builder_state, env_in_the_old_form) { cr_expect(walk("ENV ONE TWO= THREE=world\n").config().env == Texts{"ONE=TWO= THREE=world"}); }
Test(builder_state, a_build_argument_wins_over_the_default) { cr_expect(walk("ARG v=1\nENV k=$v\n", {{"v", "2"}}).config().env == Texts{"k=2"}); }
Test(builder_state, a_default_of_the_stage_wins_over_the_global_one) { cr_expect(walk("ARG v=2\nENV k=$v\n", {}, "ARG v=1\n").config().env == Texts{"k=2"}); }
Test(builder_state, a_global_argument_is_seen_when_it_is_declared) { cr_expect(walk("ENV j=$v\nARG v\nENV k=$v\n", {}, "ARG v=1\n").config().env == (Texts{"j=", "k=1"})); }
Test(builder_state, an_argument_with_a_value_overrides_an_earlier_variable) {
    const Walked walked = walk("ENV v=env\nARG v=arg\nENV k=$v\n");
    cr_expect(walked.config().env == (Texts{"v=env", "k=arg"}));
    cr_expect(walked.state.variables.find("v") == std::optional<std::string>("arg"));
}
Test(builder_state, an_argument_without_a_value_changes_nothing) { cr_expect(walk("ENV v=env\nARG v\nENV k=$v\n").config().env == (Texts{"v=env", "k=env"})); }
Test(builder_state, entrypoint_clears_an_inherited_cmd) {
    Walked walked = walk("CMD [\"a\"]\n");
    walked.state = start_from_stage(walked.state);
    const Instruction entrypoint{Entrypoint{{{"b"}, false, {}}}, "", 0, 0};
    const Variables none;
    const std::map<std::string, std::string> no_arguments;
    cr_expect(apply_metadata(walked.state, entrypoint, {'\\', &none, &no_arguments, {}}).ok());
    cr_expect(!walked.config().cmd && *walked.config().entrypoint == Texts{"b"});
}
Test(builder_state, entrypoint_keeps_a_cmd_of_the_same_stage) { cr_expect(*walk("CMD [\"a\"]\nENTRYPOINT [\"b\"]\n").config().cmd == Texts{"a"}); }
Test(builder_state, an_empty_entrypoint_is_none_and_an_empty_cmd_is_a_list) {
    const Walked walked = walk("ENTRYPOINT []\nCMD []\n");
    cr_expect(!walked.config().entrypoint && walked.config().cmd && walked.config().cmd->empty());
}
Test(builder_state, shell_form_takes_the_shell) { cr_expect(*walk("SHELL [\"/bin/bash\", \"-c\"]\nCMD a b\n").config().cmd == (Texts{"/bin/bash", "-c", "a b"})); }
Test(builder_state, working_folders_add_up) { support::same(walk("WORKDIR /a\nWORKDIR b/\nWORKDIR ../c\n").config().working_dir, "/a/c"); }
Test(builder_state, exposed_ports_are_expanded_words_and_ranges) {
    const Walked walked = walk("ENV p=\"80 81/UDP\"\nEXPOSE $p 90-92\n");
    Texts ports;
    for (const auto& [port, empty] : walked.config().exposed_ports) ports.push_back(port);
    cr_expect(ports == (Texts{"80/tcp", "81/udp", "90/tcp", "91/tcp", "92/tcp"}));
}
Test(builder_state, a_bad_port_is_named) { support::same(walk("EXPOSE 80/foo\n").error, "invalid port '80/foo': invalid protocol 'foo', expected tcp, udp or sctp"); }
Test(builder_state, labels_are_replaced) { cr_expect(walk("LABEL a=1 b=2\nLABEL a=3\n").config().labels == (std::map<std::string, std::string>{{"a", "3"}, {"b", "2"}})); }
Test(builder_state, volumes_are_a_set) { cr_expect_eq(walk("VOLUME /a /b\nVOLUME [\"/a\"]\n").config().volumes.size(), 2u); }
Test(builder_state, an_unknown_signal_is_refused) { cr_expect(!walk("STOPSIGNAL SIGFOO\n").error.empty()); }

Test(builder_state, history_has_buildkits_texts) {
    const Walked walked = walk("ENV a=b c=\"d e\"\nLABEL l=m\nARG x y=1\nCMD [\"q\\\"\", \"z\"]\nENTRYPOINT foo\nEXPOSE 80\nVOLUME /a /b\nUSER u\nSTOPSIGNAL SIGINT\n"
                               "SHELL [\"/bin/bash\",\"-c\"]\nMAINTAINER me\nHEALTHCHECK --interval=1s CMD x\nONBUILD RUN y\n");
    support::same(walked.history(), "ENV a=b c=d e\nLABEL l=m\nARG x y=1\nCMD [\"q\\\"\" \"z\"]\nENTRYPOINT [\"/bin/sh\" \"-c\" \"foo\"]\nEXPOSE [80/tcp]\nVOLUME [/a /b]\nUSER u\n"
                     "STOPSIGNAL SIGINT\nSHELL [/bin/bash -c]\nMAINTAINER me\n"
                     "HEALTHCHECK {Test:[CMD-SHELL x] Interval:1s Timeout:0s StartPeriod:0s StartInterval:0s Retries:0}\n");
}
Test(builder_state, run_shows_arguments_in_the_order_of_their_declaration) {
    const Walked walked = walk("ARG b=1\nARG a\nARG b=2\n", {{"a", "x"}});
    const std::string line = run_history(walked.state, {"/bin/sh", "-c", "true"});
    support::same(line, "RUN |2 b=2 a=x /bin/sh -c true # buildkit");
}
Test(builder_state, copy_shows_owner_and_mode_but_not_from) {
    Copy copy;
    copy.sources = {"a", "b"};
    copy.destination = "/c/";
    copy.from = "x";
    copy.chown = "1:2";
    const std::string line = copy_history(copy);
    support::same(line, "COPY --chown=1:2 a b /c/ # buildkit");
}
Test(builder_state, a_stage_on_a_stage_forgets_triggers_only) {
    const Walked walked = walk("ENV a=1\nARG b=2\nONBUILD RUN x\n");
    const StageState child = start_from_stage(walked.state);
    cr_expect(child.image.config.on_build.empty());
    cr_expect(child.variables.find("b") == std::optional<std::string>("2"));
}
Test(builder_state, what_a_container_had_is_no_part_of_a_new_image) {
    image::ImageConfig base;
    base.config.hostname = "abc";
    base.config.image = "sha256:x";
    base.config.tty = true;
    base.config.env = {"A=1"};
    const StageState state = start_from_image(base, {});
    cr_expect(state.image.config.hostname.empty() && state.image.config.image.empty() && !state.image.config.tty);
    cr_expect(state.image.config.env == (Texts{"A=1", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}));
}
