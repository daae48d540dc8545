#include "runtime/criu.h"

#include <cerrno>
#include <cstdlib>

#include <sys/socket.h>
#include <unistd.h>

#include "base/rights.h"
#include "base/sys.h"

namespace berth::runtime {

namespace {

constexpr std::size_t longest_answer = 64 * 1024;

void add_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
    out += static_cast<char>(value);
}

std::optional<std::uint64_t> take_varint(std::string_view& bytes) {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (bytes.empty()) return std::nullopt;
        const auto byte = static_cast<unsigned char>(bytes[0]);
        bytes.remove_prefix(1);
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80) return value;
    }
    return std::nullopt;
}

struct Field {
    std::uint64_t number = 0, value = 0;
    std::string_view text;
};

/// The next field; nothing where the bytes are no protobuf. Wire types 0 and 2 are all that CRIU uses.
std::optional<Field> take_field(std::string_view& bytes) {
    const auto key = take_varint(bytes);
    if (!key) return std::nullopt;
    Field out;
    out.number = *key >> 3;
    const auto value = take_varint(bytes);
    if (!value || ((*key & 7) != 0 && (*key & 7) != 2)) return std::nullopt;
    out.value = *value;
    if ((*key & 7) == 0) return out;
    if (*value > bytes.size()) return std::nullopt;
    out.text = bytes.substr(0, *value);
    bytes.remove_prefix(*value);
    return out;
}

/// Calls `take` for each field; false where the bytes end too early.
template <class Take>
bool read_fields(std::string_view bytes, const Take& take) {
    while (!bytes.empty()) {
        const auto field = take_field(bytes);
        if (!field || !take(*field)) return false;
    }
    return true;
}

bool read_notice(std::string_view bytes, CriuAnswer& out) {
    return read_fields(bytes, [&](const Field& field) {
        if (field.number == 1) out.notice = field.text;
        if (field.number == 2) out.pid = static_cast<pid_t>(field.value);
        return true;
    });
}

bool read_version(std::string_view bytes, CriuAnswer& out) {
    int major = 0, minor = 0, sub = 0;
    const bool whole = read_fields(bytes, [&](const Field& field) {
        if (field.number == 1) major = static_cast<int>(field.value);
        if (field.number == 2) minor = static_cast<int>(field.value);
        if (field.number == 4) sub = static_cast<int>(field.value);
        return true;
    });
    out.version = major * 10000 + minor * 100 + sub;
    return whole;
}

Result<std::string> receive(const Fd& socket, std::optional<Fd>& descriptor) {
    std::string bytes(longest_answer, '\0');
    ReceivedRights received = TRY(receive_rights(socket, bytes, "hear from criu"));
    if (received.size == 0) return Error(Kind::system, "criu ended without an answer");
    if (!received.descriptors.empty()) descriptor = std::move(received.descriptors.front());
    bytes.resize(received.size);
    return bytes;
}

Result<void> say(const Fd& socket, const CriuMessage& message) {
    const std::string& bytes = message.bytes();
    if (::send(socket.raw(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return Error::of_errno(errno, "tell criu");
    return {};
}

}  // namespace

CriuMessage& CriuMessage::number(unsigned field, std::uint64_t value) {
    add_varint(bytes_, field << 3);
    add_varint(bytes_, value);
    return *this;
}

CriuMessage& CriuMessage::text(unsigned field, std::string_view value) {
    add_varint(bytes_, field << 3 | 2);
    add_varint(bytes_, value.size());
    bytes_ += value;
    return *this;
}

Result<CriuAnswer> parse_criu_answer(std::string_view bytes) {
    CriuAnswer out;
    const bool whole = read_fields(bytes, [&](const Field& field) {
        switch (field.number) {
            case 1: out.type = field.value; return true;
            case 2: out.success = field.value != 0; return true;
            case 4: return read_fields(field.text, [&](const Field& inner) {
                if (inner.number == 1) out.pid = static_cast<pid_t>(inner.value);
                return true;
            });
            case 5: return read_notice(field.text, out);
            case 7: out.code = static_cast<int>(field.value); return true;
            case 9: out.words = field.text; return true;
            case 10: return read_version(field.text, out);
            default: return true;
        }
    });
    if (!whole) return Error(Kind::corrupt, "criu's answer is no message of its RPC");
    return out;
}

Result<Criu> Criu::find() {
    const char* path = std::getenv("PATH");
    const std::string program = find_program(path == nullptr ? "/usr/sbin:/usr/bin:/sbin:/bin" : path, "criu");
    if (!program.empty()) return Criu(program);
    return Error(Kind::unsupported, "checkpoint and restore need criu, which is not installed")
        .with_hint("install the package criu");
}

Result<void> Criu::begin(const std::vector<int>& stdio, const std::vector<int>& extra) {
    auto pair = TRY(sys::socketpair(SOCK_SEQPACKET));
    SpawnOptions options;
    options.argv = {"criu", "swrk", "3"};
    options.descriptors = stdio;
    options.descriptors.push_back(pair.second.raw());
    options.descriptors.insert(options.descriptors.end(), extra.begin(), extra.end());
    process_ = TRY(spawn(program_, options));
    socket_ = std::move(pair.first);
    return {};
}

Result<pid_t> Criu::run(CriuTask task, const CriuMessage& options, const CriuNotices& notices) {
    TRY(say(socket_, CriuMessage().number(1, static_cast<std::uint64_t>(task)).message(2, options)));
    for (;;) {
        std::optional<Fd> descriptor;
        const std::string bytes = TRY(receive(socket_, descriptor));
        const CriuAnswer answer = TRY(parse_criu_answer(bytes));
        if (!answer.success) {
            const std::string words = answer.words.empty() ? "" : cat(": ", answer.words);
            return answer.code == 0 ? Error(Kind::system, cat("criu failed", words)) : Error::of_errno(answer.code, cat("criu failed", words));
        }
        if (answer.type != static_cast<std::uint64_t>(CriuTask::notify)) {
            socket_.reset();
            const ExitStatus status = TRY(process_->wait());
            // After a pre-dump it waits for the dump; without its socket it ends, and not with 0.
            if (status.shell_code() != 0 && task != CriuTask::pre_dump) return Error(Kind::system, cat("criu ended with ", status.shell_code()));
            return answer.pid;
        }
        auto noticed = notices(answer, std::move(descriptor));
        TRY(say(socket_, CriuMessage().number(1, static_cast<std::uint64_t>(CriuTask::notify)).number(3, noticed.ok() ? 1 : 0)));
        TRY(std::move(noticed), "criu: ", answer.notice);
    }
}

}  // namespace berth::runtime
