#include "container/control.h"

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/rights.h"
#include "base/sys.h"
#include "base/unix_address.h"

namespace berth::container {

namespace {

struct OpWord {
    Op op;
    std::string_view text;
};
constexpr OpWord op_words[] = {
    {Op::attach, "attach"},   {Op::exec, "exec"},     {Op::stop, "stop"},     {Op::kill, "kill"},
    {Op::wait, "wait"},       {Op::pause, "pause"},   {Op::unpause, "unpause"}, {Op::update, "update"},
    {Op::resize, "resize"},   {Op::reload, "reload"}, {Op::health, "health"}, {Op::state, "state"},
    {Op::connect, "connect"}, {Op::disconnect, "disconnect"},
};

}  // namespace

}  // namespace berth::container

namespace berth {

template <>
struct JsonText<container::Op> {
    static Result<container::Op> parse(std::string_view text) {
        for (const auto& word : container::op_words)
            if (word.text == text) return word.op;
        return Error(Kind::invalid, cat("unknown operation '", text, "'"));
    }
    static std::string text(const container::Op& op) {
        for (const auto& word : container::op_words)
            if (word.op == op) return std::string(word.text);
        bug("operation without a word");
    }
};

}  // namespace berth

namespace berth::container {

namespace {

struct KindWord {
    Kind kind;
    std::string_view text;
};
constexpr KindWord kind_words[] = {
    {Kind::invalid, "invalid"},         {Kind::not_found, "not_found"}, {Kind::exists, "exists"},
    {Kind::wrong_state, "wrong_state"}, {Kind::denied, "denied"},       {Kind::unsupported, "unsupported"},
    {Kind::corrupt, "corrupt"},         {Kind::busy, "busy"},           {Kind::system, "system"},
    {Kind::internal, "internal"},
};

Result<Fd> open_socket(const std::string& run_folder, UnixAddress& address, Fd& folder) {
    folder = TRY(sys::open(run_folder, O_PATH | O_DIRECTORY));
    address = TRY(unix_address_in(folder, "control.sock"));
    const int raw = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (raw < 0) return Error::of_errno(errno, "socket");
    return Fd(raw);
}

}  // namespace

template <class Io>
void fields(Io& io, Request& r) {
    io.required("Op", r.op);
    io.optional("Input", r.input);
    io.optional("Output", r.output);
    io.optional("ErrorOutput", r.error_output);
    io.optional("Rows", r.rows);
    io.optional("Columns", r.columns);
    io.optional("Signal", r.signal);
    io.required("TimeoutSeconds", r.timeout_seconds);
    io.optional("ForRestart", r.for_restart);
    io.optional("ForBoot", r.for_boot);
    io.optional("Process", r.process);
    io.optional("Condition", r.condition);
    io.optional("Argv", r.argv);
    io.optional("Env", r.env);
    io.optional("User", r.user);
    io.optional("WorkingDir", r.working_dir);
    io.optional("Tty", r.tty);
    io.optional("Privileged", r.privileged);
    io.optional("Detach", r.detach);
    io.optional("Endpoint", r.endpoint);
}

template <class Io>
void fields(Io& io, Answer& a) {
    io.required("OK", a.ok);
    io.optional("Kind", a.kind);
    io.optional("Error", a.error);
    io.optional("Hint", a.hint);
    io.optional("Code", a.code);
    io.required("Exit", a.exit);
    io.optional("Pid", a.pid);
    io.optional("Killed", a.killed);
    io.optional("IgnoredSignal", a.ignored_signal);
    io.optional("Warnings", a.warnings);
    io.optional("Health", a.health);
}

Answer answer_of(const Error& error) {
    Answer answer;
    answer.ok = false;
    answer.error = error.text();
    answer.hint = error.hint();
    answer.code = error.code();
    for (const KindWord& word : kind_words)
        if (word.kind == error.kind()) answer.kind = word.text;
    return answer;
}

std::optional<Error> error_of(const Answer& answer) {
    if (answer.ok) return std::nullopt;
    Kind kind = Kind::internal;
    for (const KindWord& word : kind_words)
        if (word.text == answer.kind) kind = word.kind;
    Error error(kind, answer.error);
    return answer.hint.empty() ? std::move(error) : std::move(error).with_hint(answer.hint);
}

Result<Fd> connect_control(const std::string& run_folder) {
    UnixAddress address;
    Fd folder;
    auto opened = open_socket(run_folder, address, folder);
    if (!opened.ok()) return std::move(opened).error().with_kind(Kind::not_found);
    Fd socket = std::move(opened).value();
    int result;
    do result = ::connect(socket.raw(), address.any(), address.size());
    while (result != 0 && errno == EINTR);
    if (result == 0) return socket;
    const int code = errno;
    Error error = Error::of_errno(code, "connect to monitor");
    if (code == ENOENT || code == ECONNREFUSED) return std::move(error).with_kind(Kind::not_found);
    return error;
}

Result<Fd> listen_control(const std::string& run_folder) {
    UnixAddress address;
    Fd folder;
    Fd socket = TRY(open_socket(run_folder, address, folder));
    if (auto gone = sys::unlinkat(folder, "control.sock"); !gone.ok() && gone.error().code() != ENOENT)
        return std::move(gone).error();
    if (::bind(socket.raw(), address.any(), address.size()) != 0) return Error::of_errno(errno, "bind control socket");
    if (::listen(socket.raw(), 64) != 0) return Error::of_errno(errno, "listen on control socket");
    // What was reported as waiting may have been accepted meanwhile: then accept(2) must not wait for another.
    if (::fcntl(socket.raw(), F_SETFL, O_NONBLOCK) != 0) return Error::of_errno(errno, "control socket");
    return socket;
}

namespace {

/// A packet with these bytes has its text in a file in memory, the last of its descriptors: the kernel takes no packet larger
/// than a socket's buffer, 208 KiB as a rule (unix(7)).
constexpr std::string_view text_in_memory = "memory";
constexpr std::size_t largest_plain_packet = 64 * 1024;

Result<void> send_text(const Fd& socket, const std::string& text, std::span<const int> descriptors) {
    if (text.size() <= largest_plain_packet) return send_rights(socket, text, descriptors, "send to monitor");
    const Fd memory(::memfd_create("berth-request", MFD_CLOEXEC));
    if (!memory.valid()) return Error::of_errno(errno, "memfd_create");
    TRY(sys::write_all(memory, text), "send to monitor");
    std::vector<int> all(descriptors.begin(), descriptors.end());
    all.push_back(memory.raw());
    return send_rights(socket, text_in_memory, all, "send to monitor");
}

Result<std::string> read_memory(const Fd& memory, std::size_t limit) {
    if (::lseek(memory.raw(), 0, SEEK_SET) != 0) return Error::of_errno(errno, "receive from monitor");
    return read_all(memory, limit);
}

}  // namespace

Result<void> send_request(const Fd& socket, const Request& request, std::span<const int> descriptors) {
    return send_text(socket, json_text(to_json(request)), descriptors);
}

Result<void> send_answer(const Fd& socket, const Answer& answer, std::span<const int> descriptors) {
    return send_text(socket, json_text(to_json(answer)), descriptors);
}

namespace {

/// Waits for the next packet and tells its size, so that no more memory is taken than it needs: the monitor keeps what it
/// once took.
Result<std::size_t> next_packet_size(const Fd& socket, bool& went_unread) {
    char nothing;
    ssize_t size;
    // A peer that went with a packet of ours unread resets the connection; what it had sent before still follows, then its end.
    do {
        size = ::recv(socket.raw(), &nothing, 0, MSG_PEEK | MSG_TRUNC);
        if (size < 0 && errno == ECONNRESET) went_unread = true;
    } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
    if (size < 0) return Error::of_errno(errno, "receive from monitor");
    return static_cast<std::size_t>(size);
}

}  // namespace

Result<Packet> receive_packet(const Fd& socket, std::size_t limit) {
    Packet packet;
    const std::size_t size = TRY(next_packet_size(socket, packet.went_unread));
    if (size > limit) return Error(Kind::invalid, cat("packet larger than ", limit, " bytes"));
    packet.bytes.resize(size);
    ReceivedRights received = TRY(receive_rights(socket, packet.bytes, "receive from monitor"));
    packet.bytes.resize(received.size);
    packet.descriptors = std::move(received.descriptors);
    if (packet.bytes != text_in_memory || packet.descriptors.empty()) return packet;
    const Fd memory = std::move(packet.descriptors.back());
    packet.descriptors.pop_back();
    packet.bytes = TRY(read_memory(memory, limit));
    return packet;
}

Result<Request> parse_request(std::string_view text) {
    const Json json = TRY(parse_json(text), "request");
    return TRY(from_json<Request>(json), "request");
}

Result<Answer> parse_answer(std::string_view text) {
    const Json json = TRY(parse_json(text), "answer");
    return TRY(from_json<Answer>(json), "answer");
}

Result<Answer> receive_answer(const Fd& socket) {
    const Packet packet = TRY(receive_packet(socket, control_packet_bytes));
    if (packet.bytes.empty()) return Error(Kind::wrong_state, "the container ended before its monitor answered");
    Answer answer = TRY(parse_answer(packet.bytes));
    if (auto error = error_of(answer)) return std::move(*error);
    return answer;
}

}  // namespace berth::container
