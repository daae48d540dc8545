#include "image/registry/client.h"

#include <criterion/criterion.h>

#include <cstdlib>

#include "image/media.h"
#include "image/registry/credentials.h"
#include "image/registry/settings.h"
#include "tests/unit/support.h"

using namespace berth;
using namespace berth::image;

TestSuite(image_credentials, .timeout = 20);

namespace {

void expect_text(const std::string& have, const std::string& want) { cr_expect_str_eq(have.c_str(), want.c_str()); }

std::string account(const std::string& repository, const std::string& file) {
    const auto found = find_credentials(repository, file);
    if (!found.ok()) return found.error().text();
    return found.value() ? cat(found.value()->user, ":", found.value()->password, ":", found.value()->identity_token) : "none";
}

}  // namespace

Test(image_credentials, base64_goes_both_ways) {
    for (const char* text : {"", "a", "ab", "abc", "me:secret\xff"}) expect_text(parse_base64(base64(text)).value(), text);
    expect_text(base64("me:secret"), "bWU6c2VjcmV0");
    cr_expect(!parse_base64("a*b").ok());
}

Test(image_credentials, the_most_specific_entry_wins) {
    const std::string file = support::write_file(support::temporary_folder() + "/auth.json",
                                                 R"({"auths": {"r.test": {"auth": "YTox"}, "r.test/team": {"auth": "Yjoy"}, "https://index.docker.io/v1/": {"auth": "Yzoz"}}})");
    expect_text(account("r.test/x", file), "a:1:");
    expect_text(account("r.test/team/x", file), "b:2:");
    expect_text(account("r.test/teams/x", file), "a:1:");
    expect_text(account("docker.io/library/x", file), "c:3:");
    expect_text(account("other.test/x", file), "none");
}

Test(image_credentials, identity_tokens_are_no_passwords) {
    const std::string file = support::write_file(support::temporary_folder() + "/auth.json", R"({"auths": {"r.test": {"auth": "YTo=", "identitytoken": "tok"}}})");
    expect_text(account("r.test/x", file), "a::tok");
}

Test(image_credentials, a_helper_is_asked_for_its_host) {
    const std::string folder = support::temporary_folder();
    support::write_file(folder + "/docker-credential-test", "#!/bin/sh\nread key; [ \"$key\" = r.test ] || exit 1\necho '{\"ServerURL\":\"r.test\",\"Username\":\"h\",\"Secret\":\"s\"}'\n", 0755);
    const std::string file = support::write_file(folder + "/auth.json", R"({"credHelpers": {"r.test": "test", "q.test": "test", "n.test": "nosuch"}})");
    ::setenv("PATH", cat(folder, ":", ::getenv("PATH")).c_str(), 1);
    expect_text(account("r.test/x", file), "h:s:");
    expect_text(account("q.test/x", file), "none");
    expect_text(account("n.test/x", file), cat(file, ": credential helper docker-credential-nosuch: not found in PATH"));
}

Test(image_credentials, a_helper_for_all_comes_before_the_file_and_a_refusal_is_quoted) {
    const std::string folder = support::temporary_folder();
    support::write_file(folder + "/docker-credential-all", "#!/bin/sh\nread key; [ \"$key\" = r.test ] || { echo credentials not found in native keychain; exit 1; }\necho '{\"Username\":\"<token>\",\"Secret\":\"s\"}'\n", 0755);
    support::write_file(folder + "/docker-credential-locked", "#!/bin/sh\necho locked\necho more\nexit 1\n", 0755);
    const std::string file = support::write_file(folder + "/auth.json", R"({"credsStore": "all", "credHelpers": {"l.test": "locked", "p.test": "../all"}, "auths": {"r.test": {"auth": "YTox"}, "q.test": {"auth": "Yjoy"}}})");
    ::setenv("PATH", cat(folder, ":", ::getenv("PATH")).c_str(), 1);
    expect_text(account("r.test/x", file), "::s");
    expect_text(account("q.test/x", file), "b:2:");
    expect_text(account("l.test/x", file), cat(file, ": credential helper docker-credential-locked: locked"));
    expect_text(account("p.test/x", file), cat(file, ": credential helper docker-credential-../all: not found in PATH"));
}

Test(image_credentials, login_keeps_what_else_the_file_says_and_logout_takes_one_away) {
    const std::string file = support::write_file(support::temporary_folder() + "/config.json", R"({"psFormat": "x", "auths": {"a.test": {"auth": "YTox"}}})");
    expect_text(store_credentials("https://index.docker.io/v1/", {"me", "secret", ""}, file).value(), file);
    expect_text(account("docker.io/library/x", file), "me:secret:");
    expect_text(account("a.test/x", file), "a:1:");
    cr_expect(support::read_file(file).find("psFormat") != std::string::npos);
    cr_expect(erase_credentials("", file).value());
    expect_text(account("docker.io/library/x", file), "none");
    cr_expect(!erase_credentials("", file).value());
}

TestSuite(image_platform, .timeout = 10);

Test(image_platform, other_tools_words_are_understood) {
    const auto text = [](const char* given) {
        const Platform p = parse_platform(given).value();
        return cat(p.os, "/", p.architecture, "/", p.variant);
    };
    expect_text(text("x86_64"), "linux/amd64/");
    expect_text(text("linux/aarch64"), "linux/arm64/");
    expect_text(text("linux/arm64/v8"), "linux/arm64/");
    expect_text(text("linux/arm"), "linux/arm/v7");
    expect_text(text("linux/arm/6"), "linux/arm/v6");
    expect_text(parse_platform("nosuch").error().text(), "platform 'nosuch': unknown operating system or architecture");
    expect_text(parse_platform("a/b/c/d").error().text(), "platform 'a/b/c/d': is not os/architecture[/variant]");
}

Test(image_platform, an_older_variant_will_do_and_the_newest_of_them_is_taken) {
    const Platform wanted = parse_platform("linux/arm/v7").value();
    cr_expect_eq(platform_rank({"linux", "arm", "v8"}, wanted), 0);
    cr_expect_gt(platform_rank({"linux", "arm", "v7"}, wanted), platform_rank({"linux", "arm", "v6"}, wanted));
    cr_expect_gt(platform_rank({"linux", "arm", "v6"}, wanted), platform_rank({"linux", "arm", "v5"}, wanted));
    cr_expect_eq(platform_rank({"windows", "amd64", ""}, {"linux", "amd64", ""}), 0);
}

TestSuite(image_manifest, .timeout = 10);

namespace {

std::string manifest_kind(const std::string& text) {
    const Result<Manifest> parsed = parse_manifest(text);
    if (!parsed.ok()) return parsed.error().text();
    return parsed.value().is_index() ? "index" : "image";
}
const std::string some_digest = "sha256:" + std::string(64, 'a');
const std::string descriptor = R"({"mediaType": "x", "digest": ")" + some_digest + R"(", "size": 5})";

}  // namespace

Test(image_manifest, content_decides_what_it_is) {
    expect_text(manifest_kind(R"({"schemaVersion": 2, "config": )" + descriptor + R"(, "layers": []})"), "image");
    expect_text(manifest_kind(R"({"schemaVersion": 2, "manifests": [)" + descriptor + "]}"), "index");
    // CVE-2021-41190: one document that two readers take for two things.
    expect_text(manifest_kind(R"({"manifests": [], "config": )" + descriptor + "}"), "manifest: is an image and an index at once");
    expect_text(manifest_kind("{}"), "manifest: is neither an image nor an index");
    expect_text(manifest_kind(R"({"schemaVersion": 1, "fsLayers": []})"), "manifest: schema version 1 is not supported");
    expect_text(manifest_kind(R"({"config": {"digest": "sha256:../../x", "size": 1}})"),
                "manifest: digest 'sha256:../../x': " + Digest::parse("sha256:../../x").error().text().substr(std::string("digest 'sha256:../../x': ").size()));
    expect_text(manifest_kind(R"({"config": {"digest": ")" + some_digest + R"(", "size": -1}})"), "manifest: a size is negative");
}

// CVE-2020-1702: a registry that sends without end.
Test(image_manifest, a_huge_document_is_refused) {
    const std::string filler((4 << 20) + 1, ' ');
    expect_text(manifest_kind(R"({"schemaVersion": 2, "config": )" + descriptor + R"(, "layers": []})" + filler), "manifest: larger than 4194304 bytes");
}

Test(image_manifest, attestations_are_no_images) {
    const std::string member = R"({"mediaType": "x", "digest": ")" + some_digest + R"(", "size": 5, "platform": {"os": "unknown", "architecture": "unknown"}})";
    const Manifest index = parse_manifest(R"({"manifests": [)" + member + "]}").value();
    cr_expect(!choose_manifest(index, host_platform()).ok());
}

TestSuite(image_challenge, .timeout = 10);

Test(image_challenge, several_in_one_header_with_commas_in_quotes) {
    const auto found = parse_challenges(R"(Basic realm="a, \"b\"", charset=UTF-8, Bearer realm="https://t/", service="s",scope="repository:x:pull,push" , Negotiate)");
    cr_assert_eq(found.size(), 3u);
    expect_text(found[0].scheme + found[0].parameters.at("realm"), R"(basica, "b")");
    expect_text(found[1].parameters.at("scope"), "repository:x:pull,push");
    expect_text(found[2].scheme, "negotiate");
}

Test(image_challenge, junk_is_nothing) {
    for (const char* text : {"", ",,,", "=", "\"", "a=b", "Bearer realm=\"open"}) parse_challenges(text);
    cr_expect(parse_challenges("=x").empty());
}

TestSuite(image_urls, .timeout = 10);

Test(image_urls, redirects_are_absolute_or_relative) {
    expect_text(resolve_url("https://r.test/v2/x/blobs/uploads/", "https://c.test/y?z"), "https://c.test/y?z");
    expect_text(resolve_url("https://r.test/v2/x/blobs/uploads/", "/v2/u/1"), "https://r.test/v2/u/1");
    expect_text(resolve_url("https://r.test/v2/x/blobs/uploads/?a=/b", "1?s=2"), "https://r.test/v2/x/blobs/uploads/1?s=2");
    expect_text(resolve_url("http://r.test:5000/x", "//c.test/y"), "http://c.test/y");
}

TestSuite(image_settings, .timeout = 10);

namespace {

std::string places(const std::string& toml, const std::string& name, Purpose purpose = Purpose::pull) {
    const Result<RegistrySettings> settings = RegistrySettings::parse(toml, "f");
    if (!settings.ok()) return settings.error().text();
    const auto endpoints = endpoints_of(settings.value(), Reference::parse(name).value(), purpose, false);
    if (!endpoints.ok()) return endpoints.error().text();
    std::string out;
    for (const Endpoint& endpoint : endpoints.value()) out += cat(endpoint.host, " ", endpoint.path, endpoint.is_insecure ? " insecure" : "", "\n");
    return out;
}

}  // namespace

Test(image_settings, without_any_a_name_is_where_it_says) {
    expect_text(places("", "busybox"), "registry-1.docker.io library/busybox\n");
    expect_text(places("", "r.test:5000/a/b"), "r.test:5000 a/b\n");
    expect_text(places("", "localhost:5000/a"), "localhost:5000 a insecure\n");
}

Test(image_settings, mirrors_come_first_and_take_no_pushes) {
    const std::string toml = "[[registry]]\nprefix = 'docker.io'\n[[registry.mirror]]\nlocation = 'm.test/hub'\ninsecure = true\n"
                             "[[registry.mirror]]\nlocation = 'd.test'\npull-from-mirror = 'digest-only'\n";
    expect_text(places(toml, "busybox"), "m.test hub/library/busybox insecure\nregistry-1.docker.io library/busybox\n");
    expect_text(places(toml, "busybox@" + some_digest), "m.test hub/library/busybox insecure\nd.test library/busybox\nregistry-1.docker.io library/busybox\n");
    expect_text(places(toml, "busybox", Purpose::push), "registry-1.docker.io library/busybox\n");
}

Test(image_settings, the_longest_prefix_decides_and_location_rewrites) {
    const std::string toml = "[[registry]]\nprefix = 'r.test'\nblocked = true\n[[registry]]\nprefix = 'r.test/good'\nlocation = 'other.test/x'\n";
    expect_text(places(toml, "r.test/bad"), "registry r.test is blocked by the registry settings");
    expect_text(places(toml, "r.test/good/app"), "other.test x/app\n");
    expect_text(places(toml, "r.test/goodness"), "registry r.test is blocked by the registry settings");
}

Test(image_settings, wildcards_cover_hosts) {
    const std::string toml = "[[registry]]\nprefix = '*.test'\ninsecure = true\n";
    expect_text(places(toml, "a.test/x"), "a.test x insecure\n");
    expect_text(places(toml, "a.best/x"), "a.best x\n");
}

Test(image_settings, bad_files_are_told_with_their_line) {
    const std::string text = places("\n[[registry]\n", "a");
    cr_expect(text.starts_with("f line 2: "));
    expect_text(places("[[registry]]\ninsecure = true\n", "a"), "f: a [[registry]] has neither prefix nor location");
}
