// open_decompressed of archive.h: by content, in this process or through berth-unpack.

#include <csignal>
#include <thread>

#include <unistd.h>

#include "base/file.h"
#include "base/helper.h"
#include "base/process.h"
#include "base/sys.h"
#include "image/archive.h"
#include "image/compression.h"

namespace berth::image {
namespace {

/// What was read to recognise the compression, then the rest.
class HeadSource final : public ByteSource {
public:
    static Result<std::unique_ptr<HeadSource>> open(const Fd& from) {
        std::unique_ptr<FdSource> source = TRY(FdSource::open(from));
        std::string head(recognised_bytes, '\0');
        std::size_t size = 0;
        while (size < head.size()) {
            const std::size_t got = TRY(source->read(std::span(head).subspan(size)));
            if (got == 0) break;
            size += got;
        }
        head.resize(size);
        return std::unique_ptr<HeadSource>(new HeadSource(std::move(source), std::move(head)));
    }
    std::string_view head() const { return head_; }
    Result<std::size_t> read(std::span<char> into) override {
        if (given_ == head_.size()) return source_->read(into);
        const std::size_t size = head_.copy(into.data(), into.size(), given_);
        given_ += size;
        return size;
    }
    void interrupt() override { source_->interrupt(); }

private:
    HeadSource(std::unique_ptr<FdSource> source, std::string head) : source_(std::move(source)), head_(std::move(head)) {}
    std::unique_ptr<FdSource> source_;
    std::string head_;
    std::size_t given_ = 0;
};

class InProcess final : public ByteSource {
public:
    InProcess(std::unique_ptr<HeadSource> head, Compression compression) : head_(std::move(head)) {
        if (compression == Compression::gzip) plain_ = make_gunzip(*head_);
        if (compression == Compression::zstd) plain_ = make_unzstd(*head_);
    }
    Result<std::size_t> read(std::span<char> into) override { return plain_ ? plain_->read(into) : head_->read(into); }
    void interrupt() override { head_->interrupt(); }

private:
    std::unique_ptr<HeadSource> head_;
    std::unique_ptr<ByteSource> plain_;
};

/// berth-unpack between two pipes; a thread feeds it.
class Helper final : public ByteSource {
public:
    static Result<std::unique_ptr<ByteSource>> start(std::unique_ptr<HeadSource> head) {
        sys::Pipe in = TRY(sys::pipe()), out = TRY(sys::pipe()), errors = TRY(sys::pipe());
        SpawnOptions options;
        options.argv = {"berth-unpack"};
        options.descriptors = {in.read.raw(), out.write.raw(), errors.write.raw()};
        const std::string path = helper_path("berth-unpack");
        Child child = TRY(spawn(path, options), "start ", path);
        auto helper = std::unique_ptr<Helper>(new Helper(std::move(head), std::move(child), std::move(in.write)));
        helper->out_ = std::move(out.read);
        helper->errors_ = std::move(errors.read);
        helper->plain_ = TRY(FdSource::open(helper->out_));
        helper->feeder_ = std::thread([self = helper.get()] { self->feed(); });
        return std::unique_ptr<ByteSource>(std::move(helper));
    }
    ~Helper() override {
        head_->interrupt();
        ignore(child_.kill(Signal::of(SIGKILL)), "it has ended already");
        if (feeder_.joinable()) feeder_.join();
        if (!is_reaped_) ignore(child_.wait(), "how it ended does not matter any more");
    }
    Result<std::size_t> read(std::span<char> into) override {
        const std::size_t got = TRY(plain_->read(into));
        // The end counts only when the helper says that it was one.
        if (got == 0 && !is_reaped_) TRY(reap());
        return got;
    }
    void interrupt() override { plain_->interrupt(); }

private:
    Result<void> reap() {
        const std::string text = TRY(read_all(errors_, 64u << 10));
        const ExitStatus status = TRY(child_.wait());
        is_reaped_ = true;
        feeder_.join();
        if (failure_) return std::move(*failure_);
        if (status.shell_code() == 0) return {};
        return Error(Kind::corrupt, text.empty() ? cat("berth-unpack ended with ", status.shell_code()) : text.substr(0, text.find('\n')));
    }
    Helper(std::unique_ptr<HeadSource> head, Child child, Fd in) : head_(std::move(head)), child_(std::move(child)), in_(std::move(in)) {}
    void feed() {
        // A helper that ended early is an error of this stream, not a signal to the program.
        sigset_t pipe;
        ::sigemptyset(&pipe);
        ::sigaddset(&pipe, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
        std::string buffer(256u << 10, '\0');
        while (true) {
            Result<std::size_t> got = head_->read(buffer);
            if (!got.ok()) failure_ = std::move(got).error();
            if (!got.ok() || got.value() == 0) break;
            // A helper that has ended says why itself.
            if (!sys::write_all(in_, std::string_view(buffer).substr(0, got.value())).ok()) break;
        }
        in_.reset();
    }
    std::unique_ptr<HeadSource> head_;
    Child child_;
    Fd in_;
    Fd out_;
    Fd errors_;
    std::unique_ptr<FdSource> plain_;
    std::optional<Error> failure_;
    std::thread feeder_;
    bool is_reaped_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> open_decompressed(const Fd& from) {
    std::unique_ptr<HeadSource> head = TRY(HeadSource::open(from));
    const Compression compression = recognise_compression(head->head());
    if (compression == Compression::other) return Helper::start(std::move(head));
    return std::unique_ptr<ByteSource>(std::make_unique<InProcess>(std::move(head), compression));
}

}  // namespace berth::image
