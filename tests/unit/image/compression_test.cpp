#include "image/compression.h"

#include <criterion/criterion.h>

#include <zlib.h>

using namespace berth;
using namespace berth::image;

TestSuite(image_compression, .timeout = 20);

namespace {

std::string gzip(const std::string& text) {
    z_stream stream{};
    ::deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    std::string out(text.size() + 1024, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream, Z_FINISH);
    out.resize(out.size() - stream.avail_out);
    ::deflateEnd(&stream);
    return out;
}

class TextSink final : public ByteSink {
public:
    Result<void> write(std::string_view bytes) override {
        text += bytes;
        return {};
    }
    std::string text;
};

std::string zstd(const std::string& text) {
    TextSink sink;
    const auto compressor = make_zstd(sink, 1);
    compressor->write(text).value();
    compressor->finish().value();
    return sink.text;
}

/// The whole content, or the error.
std::string read_all_of(ByteSource& source) {
    std::string out;
    char buffer[1000];
    while (true) {
        const auto got = source.read(buffer);
        if (!got.ok()) return got.error().text();
        if (got.value() == 0) return out;
        out.append(buffer, got.value());
    }
}

std::string gunzipped(const std::string& bytes) {
    TextSource source(bytes);
    return read_all_of(*make_gunzip(source));
}
std::string unzstded(const std::string& bytes) {
    TextSource source(bytes);
    return read_all_of(*make_unzstd(source));
}

const std::string text = [] {
    std::string out;
    for (int i = 0; i < 20000; ++i) out += cat("line ", i, "\n");
    return out;
}();

}  // namespace

Test(image_compression, is_recognised_by_content) {
    cr_expect(recognise_compression(gzip("x")) == Compression::gzip);
    cr_expect(recognise_compression(zstd("x")) == Compression::zstd);
    cr_expect(recognise_compression("\x5a\x2a\x4d\x18 skippable") == Compression::zstd);
    cr_expect(recognise_compression("BZh91AY") == Compression::other);
    cr_expect(recognise_compression("hello") == Compression::none);
    cr_expect(recognise_compression("") == Compression::none);
}

Test(image_compression, all_members_of_a_gzip_file_are_read) { cr_expect(gunzipped(gzip(text) + gzip("") + gzip("end")) == text + "end"); }
Test(image_compression, zeros_behind_gzip_are_padding) { cr_expect(gunzipped(gzip(text) + std::string(5000, '\0')) == text); }
Test(image_compression, anything_else_behind_gzip_is_corrupt) {
    const std::string have = gunzipped(gzip("x") + std::string(10, '\0') + "junk");
    cr_expect_str_eq(have.c_str(), "gzip data is followed by something else");
}
Test(image_compression, cut_gzip_is_corrupt) {
    const std::string whole = gzip(text);
    for (const std::size_t size : {std::size_t{0}, std::size_t{5}, whole.size() / 2, whole.size() - 1}) {
        const std::string have = gunzipped(whole.substr(0, size));
        cr_expect_str_eq(have.c_str(), "gzip data is cut off");
    }
}
Test(image_compression, damaged_gzip_is_corrupt) {
    std::string bytes = gzip(text);
    bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] + 1);
    const std::string have = gunzipped(bytes);
    cr_expect_str_eq(have.c_str(), "gzip data is damaged: incorrect data check");
}

Test(image_compression, all_frames_of_a_zstd_file_are_read) {
    const std::string skippable("\x50\x2a\x4d\x18\x04\0\0\0junk", 12);
    cr_expect(unzstded(skippable + zstd(text) + zstd("end")) == text + "end");
}
Test(image_compression, cut_zstd_is_corrupt) {
    const std::string whole = zstd(text);
    const std::string have = unzstded(whole.substr(0, whole.size() / 2));
    cr_expect_str_eq(have.c_str(), "zstd data is cut off");
}
