#include "image/reference.h"

#include <criterion/criterion.h>

#include <string>

using namespace berth;
using berth::image::Reference;

TestSuite(image_reference, .timeout = 10);

namespace {

/// domain | path | tag | digest, or the error.
std::string parts(std::string_view text) {
    const Result<Reference> parsed = Reference::parse(text);
    if (!parsed.ok()) return parsed.error().text();
    const Reference& r = parsed.value();
    return cat(r.domain(), "|", r.path(), "|", r.tag(), "|", r.digest());
}

void expect(const std::string& text, const std::string& want) {
    const std::string have = parts(text);
    cr_expect_str_eq(have.c_str(), want.c_str(), "%s gives %s, expected %s", text.c_str(), have.c_str(), want.c_str());
}

void expect_refused(const std::string& text) { cr_expect(!Reference::parse(text).ok(), "'%s' was accepted", text.c_str()); }
void expect_accepted(const std::string& text) {
    const Result<Reference> parsed = Reference::parse(text);
    cr_expect(parsed.ok(), "'%s' was refused", text.c_str());
}

const std::string hex64(64, 'a');
const std::string digest = "sha256:ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

}  // namespace

Test(image_reference, short_names_live_in_dockers_library) {
    expect("busybox", "docker.io|library/busybox||");
    expect("docker.io/busybox", "docker.io|library/busybox||");
    expect("index.docker.io/busybox", "docker.io|library/busybox||");
    expect("library/busybox", "docker.io|library/busybox||");
    expect("me/app:1.0", "docker.io|me/app|1.0|");
}

Test(image_reference, the_first_component_is_a_host_only_when_it_looks_like_one) {
    expect("localhost/foo", "localhost|foo||");
    expect("myhost/foo", "docker.io|myhost/foo||");
    expect("myhost.com/foo", "myhost.com|foo||");
    expect("myhost:5000/foo", "myhost:5000|foo||");
    expect("Foo/bar", "Foo|bar||");
    expect("[::1]:5000/x", "[::1]:5000|x||");
    expect("[2001:db8::1]/x:y", "[2001:db8::1]|x|y|");
    expect("192.168.1.1:5000/a/b", "192.168.1.1:5000|a/b||");
}

Test(image_reference, a_colon_without_a_slash_is_a_tag) {
    expect("host:5000", "docker.io|library/host|5000|");
    expect("192.168.0.1:80", "docker.io|library/192.168.0.1|80|");
    expect("sha256:abc", "docker.io|library/sha256|abc|");
}

Test(image_reference, tag_and_digest_stand_together) {
    expect("a:b@" + digest, "docker.io|library/a|b|" + digest);
    expect("test.com:8080/foo@" + digest, "test.com:8080|foo||" + digest);
    expect("localhost/repo:tag@" + digest, "localhost|repo|tag|" + digest);
}

Test(image_reference, good_names_of_distribution_are_accepted) {
    for (const char* name : {"docker/docker", "library/debian", "debian", "docker.io/docker/docker", "docker.io/library/debian",
                             "docker.io/debian", "index.docker.io/docker/docker", "index.docker.io/library/debian", "index.docker.io/debian",
                             "127.0.0.1:5000/docker/docker", "127.0.0.1:5000/library/debian", "127.0.0.1:5000/debian",
                             "192.168.0.1", "192.168.0.1:80", "192.168.0.1:8/debian", "192.168.0.2:25000/debian",
                             "thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev", "docker.io/1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
                             "xn--n3h.com/myimage", "xn--7o8h.com/myimage", "foo_bar.com:8080", "foo/foo_bar.com:8080",
                             "a-a/b__c/d--e/f.g", "long-name/x---y", "foo/bar:A_b.C-d"})
        expect_accepted(name);
}

Test(image_reference, bad_names_of_distribution_are_refused) {
    for (const char* name : {"https://github.com/docker/docker", "docker/Docker", "-docker", "-docker/docker", "-docker.io/docker/docker",
                             "docker///docker", "docker.io/docker/Docker", "docker.io/docker///docker", "", ":justtag", "@sha256:abc",
                             "repo@sha256:ffff", "validname@invaliddigest:ffff", "Uppercase:tag",
                             "test:5000/Uppercase/lowercase:tag", "lowercase:Uppercase/x", "aa/asdf$$^/aa", "aa/asdf\n", "a//b", "/a", "a/",
                             "a..b", "a___b", "a._b", ".a", "a.", "_a", "a_", "a-", "foo/bar:baz/qux", "::1:5000/x", "[fe80::1%eth0]/x",
                             "a:", "a:-b", "a:.b", "a b", "a:b c", "ex.com:/x", "ex.com:port/x", "-ex.com/x", "ex-.com/x", "a@b@c"})
        expect_refused(name);
}

Test(image_reference, errors_say_what_is_wrong_and_where) {
    expect("Alpine:3", "reference 'Alpine:3': repository name must be lower case, found 'A'");
    expect("", "reference is empty");
    expect(hex64, "reference '" + hex64 + "': 64 hexadecimal digits are an image id, not a name");
    expect("a:b:c", "reference 'a:b:c': 'b:c' is not a tag (letters, digits, '_', '.', '-', at most 128)");
    expect("a@sha256:12", "reference 'a@sha256:12': 'sha256:12' is not a digest");
}

Test(image_reference, sixty_four_digits_are_a_name_when_a_host_stands_before_them) { expect("docker.io/" + hex64, "docker.io|library/" + hex64 + "||"); }

Test(image_reference, upper_case_digests_and_unknown_algorithms_are_refused) {
    expect_refused("a@sha256:" + std::string(64, 'F'));
    expect_refused("a@md5:" + std::string(32, 'f'));
    expect_accepted("a@sha512:" + std::string(128, 'f'));
    expect_refused("a@sha512:" + std::string(64, 'f'));
}

Test(image_reference, paths_up_to_255_and_tags_up_to_128_characters_are_accepted) {
    expect_accepted("a.com/" + std::string(255, 'a'));
    expect_refused("a.com/" + std::string(256, 'a'));
    expect_accepted("a:" + std::string(128, 't'));
    expect_refused("a:" + std::string(129, 't'));
}

Test(image_reference, the_familiar_form_drops_what_docker_adds) {
    for (const auto& [text, want] : {std::pair{"docker.io/library/busybox:1", "busybox:1"}, {"docker.io/me/app", "me/app"},
                                     {"localhost:5000/busybox", "localhost:5000/busybox"}, {"library/a", "a"}}) {
        const std::string have = Reference::parse(text).value().str();
        cr_expect_str_eq(have.c_str(), want);
    }
    const std::string nested = Reference::parse("docker.io/library/a/b").value().str();
    cr_expect_str_eq(nested.c_str(), "library/a/b");
}

Test(image_reference, only_a_bare_name_gets_the_tag_latest) {
    const std::string bare = Reference::parse_tagged("busybox").value().full();
    cr_expect_str_eq(bare.c_str(), "docker.io/library/busybox:latest");
    const std::string digested = Reference::parse_tagged("busybox@" + digest).value().full();
    const std::string want = "docker.io/library/busybox@" + digest;
    cr_expect_str_eq(digested.c_str(), want.c_str());
}

Test(image_reference, patterns_match_name_or_name_with_tag) {
    const Reference app = Reference::parse("acc-im:0.2").value();
    cr_expect(image::reference_matches(app, "acc-i?"));
    cr_expect(image::reference_matches(app, "acc-*:0*"));
    cr_expect(!image::reference_matches(app, "acc-*:l*"));
    cr_expect(image::reference_matches(app, "[ab]cc-im"));
    const Reference deep = Reference::parse("me/app:1").value();
    cr_expect(!image::reference_matches(deep, "*"));
    cr_expect(image::reference_matches(deep, "*/*"));
    cr_expect(image::reference_matches(deep, "me/app:1"));
}
