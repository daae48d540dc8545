#include "base/digest.h"

#include <criterion/criterion.h>

using namespace berth;

TestSuite(base_digest, .timeout = 5);

Test(base_digest, the_empty_text_and_abc_have_their_known_digests) {
    // FIPS 180-4 examples.
    const std::string empty = Digest::of_bytes("").str(), abc = Digest::of_bytes("abc").str();
    cr_expect_str_eq(empty.c_str(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    cr_expect_str_eq(abc.c_str(), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

Test(base_digest, a_stream_in_parts_gives_the_digest_of_the_whole) {
    Sha256 hash;
    hash.update("a");
    hash.update("");
    hash.update("bc");
    cr_expect(hash.finish() == Digest::of_bytes("abc"));
}

Test(base_digest, a_parsed_digest_is_its_text) {
    const std::string text = Digest::of_bytes("x").str();
    const auto parsed = Digest::parse(text);
    cr_assert(parsed.ok());
    cr_expect_str_eq(parsed.value().str().c_str(), text.c_str());
    cr_expect_eq(parsed.value().hex().size(), 64u);
}

Test(base_digest, upper_case_is_refused) {
    const std::string text = "sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const std::string error = Digest::parse(text).error().text();
    const std::string wanted = "digest '" + text + "': expected sha256: and 64 lower-case hexadecimal digits";
    cr_expect_str_eq(error.c_str(), wanted.c_str());
}

Test(base_digest, other_algorithms_short_ones_and_paths_are_refused) {
    cr_expect_not(Digest::parse("").ok());
    cr_expect_not(Digest::parse("sha256:").ok());
    cr_expect_not(Digest::parse("md5:d41d8cd98f00b204e9800998ecf8427e").ok());
    cr_expect_not(Digest::parse("sha256:" + std::string(63, 'a')).ok());
    cr_expect_not(Digest::parse("sha256:" + std::string(65, 'a')).ok());
    cr_expect_not(Digest::parse("sha256:../" + std::string(61, 'a')).ok());
}
