#include "image/registry/gzip.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include "base/cat.h"

namespace berth::image {
namespace {

constexpr std::size_t input_bytes = 256u << 10;
constexpr std::size_t chunk_bytes = 512u << 10;
constexpr std::uint32_t level = 1;
constexpr std::size_t level_buffer_bytes = ISAL_DEF_LVL1_DEFAULT;
// No name, no time, unknown system: nothing but the content decides the bytes (RFC 1952, 2.3.1).
constexpr std::string_view gzip_header("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
// An empty final block (RFC 1951, 3.2.4).
constexpr std::string_view last_block("\x01\0\0\xff\xff", 5);

Error corrupt(std::string text) { return Error(Kind::corrupt, std::move(text)); }

class FastGunzip final : public ByteSource {
public:
    explicit FastGunzip(ByteSource& source) : source_(source), buffer_(input_bytes) { begin(); }
    Result<std::size_t> read(std::span<char> into) override;
    void interrupt() override { source_.interrupt(); }

private:
    void begin() {
        ::isal_inflate_init(&state_);
        state_.crc_flag = ISAL_GZIP;
    }
    Result<bool> refill();
    Result<bool> next_member();

    ByteSource& source_;
    std::vector<char> buffer_;
    std::string_view rest_;
    inflate_state state_;
    bool is_between_ = true;
    bool had_member_ = false;
};

/// False at the end of the compressed bytes.
Result<bool> FastGunzip::refill() {
    if (!rest_.empty()) return true;
    const std::size_t got = TRY(source_.read(buffer_));
    rest_ = {buffer_.data(), got};
    return got != 0;
}

/// False at the end of the file.
Result<bool> FastGunzip::next_member() {
    bool has_padding = false;
    while (true) {
        if (!TRY(refill())) return had_member_ ? Result<bool>(false) : corrupt("gzip data is cut off");
        const std::size_t zeros = had_member_ ? std::min(rest_.find_first_not_of('\0'), rest_.size()) : 0;
        has_padding = has_padding || zeros != 0;
        rest_.remove_prefix(zeros);
        if (rest_.empty()) continue;
        if (has_padding) return corrupt("gzip data is followed by something else");
        begin();
        return had_member_ = true;
    }
}

Result<std::size_t> FastGunzip::read(std::span<char> into) {
    const std::uint32_t room = static_cast<std::uint32_t>(std::min(into.size(), std::size_t{1} << 20));
    state_.next_out = reinterpret_cast<std::uint8_t*>(into.data());
    state_.avail_out = room;
    while (state_.avail_out == room) {
        if (is_between_) {
            if (!TRY(next_member())) return std::size_t{0};
            is_between_ = false;
            state_.next_out = reinterpret_cast<std::uint8_t*>(into.data());
            state_.avail_out = room;
        }
        // What is in the decoder's own buffers may be all that is left.
        const bool has_input = TRY(refill());
        state_.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(rest_.data()));
        state_.avail_in = static_cast<std::uint32_t>(rest_.size());
        const int status = ::isal_inflate(&state_);
        rest_.remove_prefix(rest_.size() - state_.avail_in);
        if (status != ISAL_DECOMP_OK && status != ISAL_END_INPUT)
            return corrupt(status == ISAL_INCORRECT_CHECKSUM ? "gzip data is damaged: incorrect data check" : cat("gzip data is damaged (", status, ")"));
        if (state_.block_state == ISAL_BLOCK_FINISH) is_between_ = true;
        else if (!has_input && state_.avail_out == room) return corrupt("gzip data is cut off");
    }
    return std::size_t{room - state_.avail_out};
}

/// One piece of the content, compressed by itself; the pieces one after the other are one deflate stream.
struct Chunk {
    std::string plain;
    std::string compressed;
    bool is_done = false;
};

void compress(Chunk& chunk, std::vector<std::uint8_t>& level_buffer) {
    isal_zstream stream;
    ::isal_deflate_stateless_init(&stream);
    stream.level = level;
    stream.level_buf = level_buffer.data();
    stream.level_buf_size = static_cast<std::uint32_t>(level_buffer.size());
    stream.flush = FULL_FLUSH;  // Ends on a byte, refers to nothing before.
    stream.end_of_stream = 0;
    stream.next_in = reinterpret_cast<std::uint8_t*>(chunk.plain.data());
    stream.avail_in = static_cast<std::uint32_t>(chunk.plain.size());
    // Content that does not compress grows by a few bytes per 64 KiB.
    chunk.compressed.resize(chunk.plain.size() + chunk.plain.size() / 1024 + 1024);
    stream.next_out = reinterpret_cast<std::uint8_t*>(chunk.compressed.data());
    stream.avail_out = static_cast<std::uint32_t>(chunk.compressed.size());
    if (::isal_deflate_stateless(&stream) != COMP_OK) bug("gzip: a piece did not fit its buffer");
    chunk.compressed.resize(chunk.compressed.size() - stream.avail_out);
}

class ParallelGzip final : public GzipSource, private ByteSink {
public:
    ParallelGzip(std::function<Result<void>(ByteSink&)> plain, unsigned threads) : out_(gzip_header) {
        for (unsigned i = 0; i < threads; ++i) workers_.emplace_back([this] { work(); });
        producer_ = std::thread([this, plain = std::move(plain)] { produce(plain); });
    }
    ~ParallelGzip() override {
        {
            const std::lock_guard lock(mutex_);
            is_stopped_ = true;
        }
        changed_.notify_all();
        producer_.join();
        for (std::thread& worker : workers_) worker.join();
    }
    Result<std::size_t> read(std::span<char> into) override;

private:
    Result<void> write(std::string_view bytes) override;
    Result<void> pass_on();
    void produce(const std::function<Result<void>(ByteSink&)>& plain);
    void work();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::unique_ptr<Chunk>> chunks_;  ///< in order; the first `taken_` are with workers or done
    std::size_t taken_ = 0;
    bool is_complete_ = false;
    bool is_stopped_ = false;
    bool is_ended_ = false;
    std::optional<Error> failure_;
    std::string filling_;
    std::uint32_t crc_ = 0;
    std::uint32_t size_ = 0;
    std::string out_;
    std::size_t given_ = 0;
    std::vector<std::thread> workers_;
    std::thread producer_;
};

Result<void> ParallelGzip::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::string_view part = bytes.substr(0, chunk_bytes - filling_.size());
        filling_ += part;
        bytes.remove_prefix(part.size());
        if (filling_.size() == chunk_bytes) TRY(pass_on());
    }
    return {};
}

Result<void> ParallelGzip::pass_on() {
    auto chunk = std::make_unique<Chunk>();
    chunk->plain = std::exchange(filling_, {});
    filling_.reserve(chunk_bytes);
    crc_ = ::crc32_gzip_refl(crc_, reinterpret_cast<const unsigned char*>(chunk->plain.data()), chunk->plain.size());
    size_ += static_cast<std::uint32_t>(chunk->plain.size());
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_stopped_ || chunks_.size() < 4 * workers_.size() + 4; });
    if (is_stopped_) return Error(Kind::wrong_state, "compression was given up");
    chunks_.push_back(std::move(chunk));
    changed_.notify_all();
    return {};
}

void ParallelGzip::produce(const std::function<Result<void>(ByteSink&)>& plain) {
    Result<void> written = plain(*this);
    if (written.ok() && !filling_.empty()) written = pass_on();
    const std::lock_guard lock(mutex_);
    if (!written.ok()) failure_ = std::move(written).error();
    is_complete_ = true;
    changed_.notify_all();
}

void ParallelGzip::work() {
    std::vector<std::uint8_t> level_buffer(level_buffer_bytes);
    while (true) {
        Chunk* chunk = nullptr;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return is_stopped_ || taken_ < chunks_.size() || is_complete_; });
            if (is_stopped_ || taken_ == chunks_.size()) return;
            chunk = chunks_[taken_++].get();
        }
        compress(*chunk, level_buffer);
        const std::lock_guard lock(mutex_);
        chunk->is_done = true;
        changed_.notify_all();
    }
}

Result<std::size_t> ParallelGzip::read(std::span<char> into) {
    while (given_ == out_.size() && !is_ended_) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return (!chunks_.empty() && chunks_.front()->is_done) || (is_complete_ && chunks_.empty()); });
        if (failure_) return std::move(*std::exchange(failure_, Error(Kind::wrong_state, "compression failed before")));
        given_ = 0;
        if (!chunks_.empty()) {
            out_ = std::move(chunks_.front()->compressed);
            chunks_.pop_front();
            --taken_;
            changed_.notify_all();
            continue;
        }
        out_ = last_block;
        for (const std::uint32_t number : {crc_, size_})
            for (int shift = 0; shift < 32; shift += 8) out_ += static_cast<char>(number >> shift & 0xff);
        is_ended_ = true;
    }
    const std::size_t size = out_.copy(into.data(), into.size(), given_);
    given_ += size;
    return size;
}

}  // namespace

std::unique_ptr<ByteSource> make_fast_gunzip(ByteSource& compressed) { return std::make_unique<FastGunzip>(compressed); }

std::unique_ptr<GzipSource> GzipSource::start(std::function<Result<void>(ByteSink&)> plain, unsigned threads) {
    return std::make_unique<ParallelGzip>(std::move(plain), std::max(threads, 1u));
}

}  // namespace berth::image
