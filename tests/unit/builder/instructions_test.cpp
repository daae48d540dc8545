#include "builder/instructions.h"

#include <criterion/criterion.h>

using namespace berth;
using namespace berth::builder;

TestSuite(builder_instructions, .timeout = 5);

namespace {

Result<Instruction> parse(const std::string& line) {
    auto file = parse_dockerfile("FROM x\n" + line + "\n", "Dockerfile");
    if (!file.ok()) return std::move(file).error();
    return parse_instruction(file.value().nodes[1], file.value());
}

template <class T>
T read(const std::string& line) {
    auto parsed = parse(line);
    cr_assert(parsed.ok(), "%s: %s", line.c_str(), parsed.ok() ? "" : parsed.error().text().c_str());
    return std::get<T>(parsed.value().what);
}

void refuses(const std::string& line, const std::string& wanted) {
    const auto parsed = parse(line);
    cr_assert(!parsed.ok(), "%s is taken", line.c_str());
    const std::string text = parsed.error().text();
    cr_expect_str_eq(text.c_str(), wanted.c_str());
}

}  // namespace

Test(builder_instructions, an_unknown_word_gets_the_nearest) { refuses("RUNN true", "Dockerfile:2: unknown instruction: RUNN (did you mean RUN?)"); }
Test(builder_instructions, a_word_that_is_near_nothing_gets_none) { refuses("ABRACADABRA true", "Dockerfile:2: unknown instruction: ABRACADABRA"); }
Test(builder_instructions, an_unknown_flag_gets_the_nearest) { refuses("COPY --form=a b c", "Dockerfile:2: unknown flag: --form (did you mean --from?)"); }
Test(builder_instructions, a_flag_where_none_is_taken_is_refused) { refuses("ENV --x=1 a=b", "Dockerfile:2: unknown flag: --x"); }
Test(builder_instructions, a_flag_given_twice_is_refused) { refuses("COPY --from=a --from=b c d", "Dockerfile:2: duplicate flag specified: --from"); }
Test(builder_instructions, a_flag_without_a_value_is_refused) { refuses("COPY --from b c", "Dockerfile:2: missing a value on flag: --from"); }
Test(builder_instructions, a_boolean_is_true_or_false) { refuses("COPY --link=yes b c", "Dockerfile:2: flag --link is 'yes': expected true or false"); }
Test(builder_instructions, copy_needs_a_destination) { refuses("COPY a", "Dockerfile:2: COPY requires at least two arguments: expected COPY SOURCE… DESTINATION"); }
Test(builder_instructions, a_heredoc_is_no_destination) { refuses("COPY a <<E\nE", "Dockerfile:2: COPY cannot accept a heredoc as a destination: found '<<E'"); }
Test(builder_instructions, from_has_one_or_three_words) { refuses("FROM a b", "Dockerfile:2: FROM requires either one or three arguments: expected FROM IMAGE [AS NAME]"); }
Test(builder_instructions, a_stage_name_starts_with_a_letter) {
    refuses("FROM a AS 1", "Dockerfile:2: invalid name for build stage: '1', a name starts with a letter and holds letters, digits, '-', '_' and '.'");
}
Test(builder_instructions, a_stage_name_is_lower_case) { cr_expect_str_eq(read<From>("FROM --platform=linux/amd64 a AS Two").stage_name.c_str(), "two"); }
Test(builder_instructions, shell_takes_json_only) { refuses("SHELL bash -c", "Dockerfile:2: SHELL requires the arguments to be in JSON form: found bash -c"); }
Test(builder_instructions, workdir_needs_one_path) { refuses("WORKDIR", "Dockerfile:2: WORKDIR requires exactly one argument: expected WORKDIR PATH"); }
Test(builder_instructions, an_empty_volume_is_refused) { refuses("VOLUME [\"\"]", "Dockerfile:2: VOLUME specified can not be an empty string"); }
Test(builder_instructions, a_wrong_interval_is_named) { refuses("HEALTHCHECK --interval=foo CMD true", "Dockerfile:2: --interval: invalid duration 'foo': expected a number with a unit, such as 30s or 1m30s"); }
Test(builder_instructions, an_interval_is_a_millisecond_at_least) { refuses("HEALTHCHECK --timeout=1us CMD true", "Dockerfile:2: --timeout '1us' is less than 1ms"); }
Test(builder_instructions, negative_retries_are_refused) { refuses("HEALTHCHECK --retries=-1 CMD true", "Dockerfile:2: --retries is '-1': expected a number that is not negative"); }
Test(builder_instructions, healthcheck_knows_two_types) { refuses("HEALTHCHECK FOO true", "Dockerfile:2: unknown type 'FOO' in HEALTHCHECK: expected CMD or NONE"); }
Test(builder_instructions, onbuild_of_onbuild_is_refused) { refuses("ONBUILD ONBUILD RUN a", "Dockerfile:2: ONBUILD ONBUILD isn't allowed: a trigger is one instruction"); }
Test(builder_instructions, onbuild_of_from_is_refused) { refuses("ONBUILD FROM a", "Dockerfile:2: FROM isn't allowed as an ONBUILD trigger"); }
Test(builder_instructions, a_blank_name_is_refused) { refuses("ENV =x", "Dockerfile:2: ENV names can not be blank: found '=x'"); }

Test(builder_instructions, healthcheck_in_shell_form) {
    const auto health = read<Healthcheck>("HEALTHCHECK --interval=1s --retries=2 CMD a b").config;
    cr_expect(health.test == (std::vector<std::string>{"CMD-SHELL", "a b"}));
    cr_expect_eq(health.interval.milliseconds(), 1000);
    cr_expect_eq(health.retries, 2);
}
Test(builder_instructions, healthcheck_in_exec_form) { cr_expect(read<Healthcheck>("HEALTHCHECK CMD [\"a\",\"b\"]").config.test == (std::vector<std::string>{"CMD", "a", "b"})); }
Test(builder_instructions, healthcheck_none) { cr_expect(read<Healthcheck>("HEALTHCHECK none").config.test == std::vector<std::string>{"NONE"}); }
Test(builder_instructions, run_in_both_forms) {
    cr_expect(read<Run>("RUN a  b").command == (CommandLine{{"a  b"}, true, {}}));
    cr_expect(read<Run>("RUN [\"a\", \"b\"]").command == (CommandLine{{"a", "b"}, false, {}}));
}
Test(builder_instructions, an_empty_command_stays_a_list) { cr_expect(read<Cmd>("CMD []").command == (CommandLine{{}, false, {}})); }
Test(builder_instructions, copy_reads_its_flags) {
    const auto copy = read<Copy>("COPY --from=b --chown=1:2 --chmod=755 --link --parents --exclude=*.md --exclude=*.o a b /c/");
    cr_expect(copy.sources == (std::vector<std::string>{"a", "b"}));
    cr_expect(copy.excludes == (std::vector<std::string>{"*.md", "*.o"}));
    cr_expect(copy.link && copy.parents && !copy.is_add && copy.destination == "/c/" && copy.from == "b");
}
Test(builder_instructions, copy_takes_heredocs_as_sources) {
    const auto copy = read<Copy>("COPY a <<-E /c/\n\thi\nE");
    cr_expect(copy.sources == std::vector<std::string>{"a"});
    cr_expect(copy.documents.size() == 1 && copy.documents[0].content == "hi\n");
}
Test(builder_instructions, arg_has_names_and_defaults) {
    cr_expect(read<Arg>("ARG a b= c=\"d e\"").pairs == (std::vector<KeyValue>{{"a", {}, false}, {"b", "", false}, {"c", "\"d e\"", false}}));
}
Test(builder_instructions, onbuild_keeps_its_text) { cr_expect_str_eq(read<Onbuild>("ONBUILD  RUN [ \"a\" ]").text.c_str(), "RUN [ \"a\" ]"); }
