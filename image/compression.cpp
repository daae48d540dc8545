#include "image/compression.h"

#include <algorithm>
#include <vector>

#include <zlib.h>
#include <zstd.h>

#include "base/cat.h"

namespace berth::image {
namespace {

constexpr std::size_t buffer_size = 256u << 10;
constexpr int largest_window_log = 27;  // 128 MiB: what zstd itself allows without asking.

Error corrupt(std::string text) { return Error(Kind::corrupt, std::move(text)); }

/// Compressed bytes, a buffer at a time.
class Input {
public:
    explicit Input(ByteSource& source) : source_(source), buffer_(buffer_size) {}
    /// Makes rest() non-empty unless the source has ended.
    Result<void> refill() {
        if (!rest_.empty() || at_end_) return {};
        const std::size_t got = TRY(source_.read(buffer_));
        at_end_ = got == 0;
        rest_ = {buffer_.data(), got};
        return {};
    }
    std::string_view rest() const { return rest_; }
    void drop(std::size_t count) { rest_.remove_prefix(count); }
    void interrupt() { source_.interrupt(); }

private:
    ByteSource& source_;
    std::vector<char> buffer_;
    std::string_view rest_;
    bool at_end_ = false;
};

class Gunzip final : public ByteSource {
public:
    explicit Gunzip(ByteSource& source) : input_(source) {
        if (::inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) bug("zlib cannot be used");
    }
    ~Gunzip() override { ::inflateEnd(&stream_); }
    Result<std::size_t> read(std::span<char> into) override;
    void interrupt() override { input_.interrupt(); }

private:
    Result<bool> begin_member();
    Input input_;
    z_stream stream_{};
    enum class State { between, inside, ended } state_ = State::between;
    bool had_member_ = false;
};

/// False at the end of the file. Zeros behind the last member are padding (gzip(1) skips them, too).
Result<bool> Gunzip::begin_member() {
    while (true) {
        TRY(input_.refill());
        const std::string_view rest = input_.rest();
        if (rest.empty()) return had_member_ ? Result<bool>(false) : corrupt("gzip data is cut off");
        const std::size_t data = had_member_ ? std::min(rest.find_first_not_of('\0'), rest.size()) : 0;
        input_.drop(data);
        if (data == rest.size()) continue;
        if (had_member_ && data != 0) return corrupt("gzip data is followed by something else");
        ::inflateReset(&stream_);
        return had_member_ = true;
    }
}

Result<std::size_t> Gunzip::read(std::span<char> into) {
    stream_.next_out = reinterpret_cast<Bytef*>(into.data());
    stream_.avail_out = static_cast<uInt>(std::min(into.size(), std::size_t{1} << 30));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room) {
        if (state_ == State::ended) return std::size_t{0};
        if (state_ == State::between) {
            const bool has_member = TRY(begin_member());
            state_ = has_member ? State::inside : State::ended;
            continue;
        }
        TRY(input_.refill());
        if (input_.rest().empty()) return corrupt("gzip data is cut off");
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.rest().data()));
        stream_.avail_in = static_cast<uInt>(input_.rest().size());
        const int status = ::inflate(&stream_, Z_NO_FLUSH);
        input_.drop(input_.rest().size() - stream_.avail_in);
        if (status == Z_STREAM_END) state_ = State::between;
        else if (status != Z_OK && status != Z_BUF_ERROR) return corrupt(cat("gzip data is damaged: ", stream_.msg == nullptr ? "bad stream" : stream_.msg));
    }
    return std::size_t{room - stream_.avail_out};
}

class Unzstd final : public ByteSource {
public:
    explicit Unzstd(ByteSource& source) : input_(source), stream_(::ZSTD_createDCtx()) {
        if (stream_ == nullptr || ZSTD_isError(::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, largest_window_log)))
            bug("zstd cannot be used");
    }
    ~Unzstd() override { ::ZSTD_freeDCtx(stream_); }
    Unzstd(const Unzstd&) = delete;
    Unzstd& operator=(const Unzstd&) = delete;

    void interrupt() override { input_.interrupt(); }
    Result<std::size_t> read(std::span<char> into) override {
        ZSTD_outBuffer out{into.data(), into.size(), 0};
        while (out.pos == 0) {
            TRY(input_.refill());
            if (input_.rest().empty()) {
                if (is_inside_) return corrupt("zstd data is cut off");
                return std::size_t{0};
            }
            ZSTD_inBuffer in{input_.rest().data(), input_.rest().size(), 0};
            const std::size_t status = ::ZSTD_decompressStream(stream_, &out, &in);
            input_.drop(in.pos);
            if (ZSTD_isError(status)) return corrupt(cat("zstd data is damaged: ", ::ZSTD_getErrorName(status)));
            is_inside_ = status != 0;
        }
        return out.pos;
    }

private:
    Input input_;
    ZSTD_DCtx* stream_;
    bool is_inside_ = true;  ///< of a frame; an empty file is none
};

class Zstd final : public Compressor {
public:
    Zstd(ByteSink& to, int level) : to_(to), stream_(::ZSTD_createCCtx()), buffer_(buffer_size) {
        if (stream_ == nullptr || ZSTD_isError(::ZSTD_CCtx_setParameter(stream_, ZSTD_c_compressionLevel, level)) ||
            ZSTD_isError(::ZSTD_CCtx_setParameter(stream_, ZSTD_c_checksumFlag, 1)))
            bug("zstd cannot be used");
    }
    ~Zstd() override { ::ZSTD_freeCCtx(stream_); }
    Zstd(const Zstd&) = delete;
    Zstd& operator=(const Zstd&) = delete;

    Result<void> write(std::string_view bytes) override { return run(bytes, ZSTD_e_continue); }
    Result<void> finish() override { return run({}, ZSTD_e_end); }

private:
    Result<void> run(std::string_view bytes, ZSTD_EndDirective directive) {
        ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
        while (true) {
            ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
            const std::size_t left = ::ZSTD_compressStream2(stream_, &out, &in, directive);
            if (ZSTD_isError(left)) return Error(Kind::internal, cat("zstd: ", ::ZSTD_getErrorName(left)));
            if (out.pos != 0) TRY(to_.write({buffer_.data(), out.pos}));
            const bool is_done = directive == ZSTD_e_end ? left == 0 : in.pos == in.size;
            if (is_done) return {};
        }
    }
    ByteSink& to_;
    ZSTD_CCtx* stream_;
    std::vector<char> buffer_;
};

}  // namespace

Compression recognise_compression(std::string_view head) {
    if (head.starts_with("\x1f\x8b")) return Compression::gzip;
    if (head.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
    // A skippable frame in front, as zstd:chunked and pzstd write it.
    if (head.size() >= 4 && (head[0] & 0xf0) == 0x50 && head.substr(1, 3) == "\x2a\x4d\x18") return Compression::zstd;
    constexpr std::string_view others[] = {
        std::string_view("\xfd" "7zXZ\0", 6), "BZh", "PK\x03\x04", "070701", "070702", "070707", "\x5d\x00\x00\x80", "\x04\x22\x4d\x18",
        "LZIP", "!<arch>\n", "\x1f\x9d", "7z\xbc\xaf\x27\x1c",
    };
    for (const std::string_view magic : others)
        if (head.starts_with(magic)) return Compression::other;
    return Compression::none;
}

std::unique_ptr<ByteSource> make_gunzip(ByteSource& compressed) { return std::make_unique<Gunzip>(compressed); }
std::unique_ptr<ByteSource> make_unzstd(ByteSource& compressed) { return std::make_unique<Unzstd>(compressed); }
std::unique_ptr<Compressor> make_zstd(ByteSink& to, int level) { return std::make_unique<Zstd>(to, level); }

}  // namespace berth::image
