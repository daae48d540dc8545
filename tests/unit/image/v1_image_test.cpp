#include "image/v1_image.h"

#include <criterion/criterion.h>

#include "image/config.h"

using namespace berth;
using namespace berth::image;

TestSuite(image_v1, .timeout = 10);

namespace {

const char* const hex = "1111111111111111111111111111111111111111111111111111111111111111";

std::string config_of(const std::string& document) {
    std::vector<V1Image> chain;
    chain.push_back(parse_v1_image(document).value());
    return make_config_text(chain, {Digest::parse(std::string("sha256:") + hex).value()}).value();
}

void expect_text(const std::string& have, const std::string& want) { cr_expect_str_eq(have.c_str(), want.c_str()); }

}  // namespace

Test(image_v1, newer_documents_keep_their_members_in_order_of_name) {
    expect_text(config_of(R"({"id":"a","os":"linux","docker_version":"1.9.1","created":"2015-01-01T00:00:00Z","x":1.5,"Size":3,"container_config":{"Cmd":["a","&&","b"]}})"),
                std::string(R"({"container_config":{"Cmd":["a","\u0026\u0026","b"]},"created":"2015-01-01T00:00:00Z","docker_version":"1.9.1",)") +
                    R"("history":[{"created":"2015-01-01T00:00:00Z","created_by":"a \u0026\u0026 b"}],"os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:)" + hex + R"("]},"x":1.5})");
}

Test(image_v1, older_documents_are_written_anew) {
    const ImageConfig config = parse_image_config(config_of(R"({"id":"a","docker_version":"1.8.2","author":"me","unknown":1,"config":{"Cmd":["sh"]}})")).value();
    cr_expect(config.config.cmd == Strings{"sh"});
    expect_text(config.author, "me");
    cr_expect(config_of(R"({"docker_version":"1.8.2","unknown":1})").find("unknown") == std::string::npos);
    cr_expect(config_of(R"({"docker_version":"1.10","unknown":1})").find("unknown") != std::string::npos);
}

Test(image_v1, what_is_no_document_is_corrupt) {
    for (const char* text : {"[]", "{", R"({"parent":1})", R"({"container_config":[]})"}) {
        const auto parsed = parse_v1_image(text);
        cr_expect(!parsed.ok() && parsed.error().kind() == Kind::corrupt, "%s", text);
    }
}
