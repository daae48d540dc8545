#include <criterion/criterion.h>

#include "container/merge.h"

using namespace berth;
using namespace berth::container;

TestSuite(container_merge, .timeout = 5);

namespace {

Config image_with(std::optional<Words> entrypoint, std::optional<Words> cmd) {
    Config image;
    image.entrypoint = std::move(entrypoint);
    image.cmd = std::move(cmd);
    return image;
}

std::string joined(const Words& words) {
    std::string out;
    for (const std::string& word : words) out += cat(out.empty() ? "" : " ", word);
    return out;
}

std::string command(Config user, const Config& image) {
    const auto words = command_of(merge_config(std::move(user), image));
    return words.ok() ? joined(words.value()) : words.error().text();
}

}  // namespace

Test(container_merge, without_arguments_the_image_decides) {
    const std::string ran = command({}, image_with(Words{"entry"}, Words{"a", "b"}));
    cr_assert_str_eq(ran.c_str(), "entry a b");
}

Test(container_merge, arguments_replace_cmd_and_keep_the_entrypoint) {
    Config user;
    user.cmd = Words{"x"};
    const std::string ran = command(user, image_with(Words{"entry"}, Words{"a", "b"}));
    cr_assert_str_eq(ran.c_str(), "entry x");
}

Test(container_merge, a_new_entrypoint_drops_the_images_cmd) {
    Config user;
    user.entrypoint = Words{"mine"};
    const std::string ran = command(user, image_with(Words{"entry"}, Words{"a", "b"}));
    cr_assert_str_eq(ran.c_str(), "mine");
}

Test(container_merge, a_new_entrypoint_takes_the_users_arguments) {
    Config user;
    user.entrypoint = Words{"mine"};
    user.cmd = Words{"x"};
    const std::string ran = command(user, image_with(Words{"entry"}, Words{"a"}));
    cr_assert_str_eq(ran.c_str(), "mine x");
}

Test(container_merge, an_empty_entrypoint_resets_the_images) {
    Config user;
    user.entrypoint = Words{""};
    user.cmd = Words{"sh"};
    const std::string ran = command(user, image_with(Words{"entry"}, Words{"a"}));
    cr_assert_str_eq(ran.c_str(), "sh");
}

Test(container_merge, nothing_to_run_is_told_with_a_way_out) {
    Config user;
    user.image = "scratchy";
    const auto words = command_of(merge_config(user, {}));
    cr_assert(!words.ok());
    const std::string text = words.error().text();
    const std::string hint = words.error().hint();
    cr_expect_str_eq(text.c_str(), "no command specified");
    cr_expect_str_eq(hint.c_str(), "image 'scratchy' has neither CMD nor ENTRYPOINT: give a command after its name, such as 'sh'");
}

Test(container_merge, the_users_environment_comes_first_and_wins) {
    Config user, image;
    user.env = {"B=mine", "C=new"};
    image.env = {"A=1", "B=2"};
    const std::string env = joined(merge_config(user, image).env);
    cr_assert_str_eq(env.c_str(), "B=mine C=new A=1");
}

Test(container_merge, labels_ports_and_volumes_are_united) {
    Config user, image;
    user.labels = {{"a", "mine"}};
    image.labels = {{"a", "theirs"}, {"b", "2"}};
    image.exposed_ports["80/tcp"];
    user.exposed_ports["90/tcp"];
    const Config merged = merge_config(user, image);
    cr_expect_eq(merged.exposed_ports.size(), 2u);
    cr_expect_str_eq(merged.labels.at("a").c_str(), "mine");
    cr_expect_str_eq(merged.labels.at("b").c_str(), "2");
}

Test(container_merge, the_environment_has_path_hostname_and_home_below_what_is_configured) {
    Config config;
    config.hostname = "abc";
    config.tty = true;
    config.env = {"PATH=/bin", "X=1"};
    const std::string env = joined(make_environment(config, "/root"));
    cr_assert_str_eq(env.c_str(), "PATH=/bin HOSTNAME=abc TERM=xterm X=1 HOME=/root");
}

Test(container_merge, a_home_that_is_configured_stays) {
    Config config;
    config.hostname = "abc";
    config.env = {"PATH=/bin", "HOME=/srv"};
    const std::string env = joined(make_environment(config, "/root"));
    cr_assert_str_eq(env.c_str(), "PATH=/bin HOSTNAME=abc HOME=/srv");
}

Test(container_merge, an_entry_without_equals_sign_unsets) {
    Words env{"A=1", "B=2"};
    set_env(env, "A");
    const std::string left = joined(env);
    cr_assert_str_eq(left.c_str(), "B=2");
}
