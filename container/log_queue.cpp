#include "container/log_queue.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <deque>
#include <optional>

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/sys.h"
#include "base/worker.h"
#include "container/log_drivers.h"

namespace berth::container {

namespace {

constexpr std::string_view lock_name = "log.lock";
// One packet holds several lines of the longest kind; the queue holds some packets.
constexpr std::size_t packet_bytes = 64 * 1024;
constexpr std::int64_t least_queue_bytes = 4 * static_cast<std::int64_t>(packet_bytes);
// docker: how long the end of a container waits for its log.
constexpr int patience_milliseconds = 2000;

/// What the writing process tells: one page that both see.
struct Account {
    std::atomic<std::uint64_t> done;  ///< packets that it took out of the queue and dealt with
    std::atomic<std::uint64_t> lost;  ///< lines in them that the disk did not take
};

struct Unmap {
    void operator()(Account* account) const { ::munmap(account, sizeof(Account)); }
};
using SharedAccount = std::unique_ptr<Account, Unmap>;

Result<SharedAccount> make_account() {
    void* page = ::mmap(nullptr, sizeof(Account), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return Error::of_errno(errno, "mmap");
    return SharedAccount(new (page) Account{});
}

void write_packet(LogDriver& driver, std::string_view bytes, Account& account) {
    while (const std::optional<LogLine> line = take_packed(bytes)) driver.append(*line);
    account.lost += driver.flush();
    ++account.done;
    driver.reap_background();
}

/// The writing process: until its monitor closes the queue, or is gone, and all that is in it is written.
bool write_queue(const Fd& queue, const Fd& folder, const OpenLog& open, Account& account) {
    const auto lock = DirLock::wait_at(folder, std::string(lock_name), LockMode::exclusive);
    auto driver = open(folder);
    if (!lock.ok() || !driver.ok()) return false;
    std::string packet(packet_bytes, '\0');
    for (;;) {
        const auto got = sys::read(queue, packet);
        if (!got.ok() || got.value() == 0) return got.ok();
        write_packet(*driver.value(), std::string_view(packet).substr(0, got.value()), account);
    }
}

class QueuedLog : public LogDriver {
public:
    QueuedLog(Fd folder, std::int64_t queue_bytes, OpenLog open, SharedAccount account)
        : folder_(std::move(folder)), queue_bytes_(queue_bytes), open_(std::move(open)), account_(std::move(account)) {}
    ~QueuedLog() override { end_writer(0); }

    Result<void> start_writer() {
        auto [ours, theirs] = TRY(sys::socketpair(SOCK_SEQPACKET));
        const int size = static_cast<int>(std::clamp<std::int64_t>(queue_bytes_, least_queue_bytes, 1 << 30) / 2);  // The kernel doubles it.
        if (::setsockopt(ours.raw(), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) != 0) return Error::of_errno(errno, "size of the queue");
        const int kept[] = {theirs.raw(), folder_.raw()};
        writer_.emplace(TRY(fork_worker(kept, [this, &queue = theirs] { return write_queue(queue, folder_, open_, *account_); })));
        queue_ = std::move(ours);
        return {};
    }

    void append(const LogLine& line) override {
        if (batch_.size() + line.text.size() + line.process.size() + frame_bytes > packet_bytes) send_batch();
        append_packed(batch_, line);
        ++lines_;
    }
    std::uint64_t flush() override {
        send_batch();
        note_arrivals();
        note_losses_of_disk();
        return std::exchange(lost_, 0);
    }
    std::uint64_t close() override {
        end_writer(patience_milliseconds);
        note_losses_of_disk();
        return std::exchange(lost_, 0);
    }
    /// A writer that was killed: the next batch starts another.
    void reap_background() override {
        if (!writer_ || !wait_for_end(writer_->pidfd(), 0).value_or(true)) return;
        end_writer(0);
    }
    void give_back_memory() override { batch_ = {}; }

private:
    struct InFlight {
        std::uint64_t lines;
        std::uint64_t gap;  ///< lines whose loss it tells of
    };
    static constexpr std::size_t frame_bytes = 256;  // Of a line, and of a gap's whole text.

    void send_batch() {
        if (lines_ == 0) return;
        const InFlight travels{std::exchange(lines_, 0), gap_};
        std::string packet;
        if (gap_ != 0) {
            const std::string text = gap_text(gap_, "it could not be written as fast as it came");
            append_packed(packet, {LogStream::error_output, text, false, now(), {}});
        }
        packet += batch_;
        batch_.clear();
        if (send(packet)) in_flight_.push_back(travels), gap_ = 0;
        else lost_ += travels.lines, gap_ += travels.lines;
    }
    bool send(std::string_view packet) {
        if (!writer_ && !start_writer().ok()) return false;
        const ssize_t sent = ::send(queue_.raw(), packet.data(), packet.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) end_writer(0);
        return sent >= 0;
    }
    void note_arrivals() {
        for (const std::uint64_t done = account_->done; arrived_ < done; ++arrived_) in_flight_.pop_front();
    }
    void note_losses_of_disk() {
        const std::uint64_t lost = account_->lost;
        lost_ += lost - std::exchange(lost_on_disk_, lost);
    }
    /// Closes the queue, so that its writer ends when it has written all, and waits so long for that. One that takes longer
    /// is killed: then what was still in the queue is lost.
    void end_writer(int milliseconds) {
        if (!writer_) return;
        queue_.reset();
        if (!wait_for_end(writer_->pidfd(), milliseconds).value_or(false)) ignore(writer_->kill(Signal::of(SIGKILL)), "it may have ended");
        // On a disk that hangs it does not die either, and is reaped by who reaps what we leave.
        if (wait_for_end(writer_->pidfd(), 100).value_or(false)) ignore(writer_->wait(), "the account tells how far it came");
        writer_.reset();
        note_arrivals();
        for (const InFlight& left : in_flight_) lost_ += left.lines, gap_ += left.lines + left.gap;
        in_flight_.clear();
    }

    Fd folder_;
    std::int64_t queue_bytes_;
    OpenLog open_;
    SharedAccount account_;
    Fd queue_;
    std::optional<Child> writer_;
    std::string batch_;
    std::uint64_t lines_ = 0;  ///< in the batch
    std::deque<InFlight> in_flight_;
    std::uint64_t arrived_ = 0;  ///< packets
    std::uint64_t lost_ = 0;   ///< since the last flush
    std::uint64_t lost_on_disk_ = 0;
    std::uint64_t gap_ = 0;    ///< lost, and not yet told in the log
};

struct PackedHead {
    std::int64_t time;
    std::uint32_t text_bytes;
    std::uint16_t process_bytes;
    std::uint8_t stream;
    std::uint8_t is_part;
};

}  // namespace

void append_packed(std::string& out, const LogLine& line) {
    const PackedHead head{line.time.nanoseconds, static_cast<std::uint32_t>(line.text.size()), static_cast<std::uint16_t>(line.process.size()),
                          static_cast<std::uint8_t>(line.stream), line.is_part};
    out.append(static_cast<const char*>(static_cast<const void*>(&head)), sizeof head);
    out += line.process;
    out += line.text;
}

std::optional<LogLine> take_packed(std::string_view& bytes) {
    PackedHead head;
    if (bytes.size() < sizeof head) return std::nullopt;
    std::memcpy(&head, bytes.data(), sizeof head);
    bytes.remove_prefix(sizeof head);
    if (bytes.size() < std::size_t{head.text_bytes} + head.process_bytes) return std::nullopt;
    LogLine line;
    line.time = {head.time};
    line.stream = static_cast<LogStream>(head.stream);
    line.is_part = head.is_part != 0;
    line.process = bytes.substr(0, head.process_bytes);
    line.text = bytes.substr(head.process_bytes, head.text_bytes);
    bytes.remove_prefix(line.process.size() + line.text.size());
    return line;
}

Result<std::unique_ptr<LogDriver>> open_queued_log(const Fd& folder, std::int64_t queue_bytes, OpenLog open) {
    TRY(open(folder));
    auto log = std::make_unique<QueuedLog>(TRY(folder.duplicate()), queue_bytes, std::move(open), TRY(make_account()));
    TRY(log->start_writer());
    return std::unique_ptr<LogDriver>(std::move(log));
}

}  // namespace berth::container
