#include "runtime/handshake.h"

#include <cctype>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>

#include "base/rights.h"
#include "base/sys.h"

namespace berth::runtime {

namespace {

Error program_error(const Step& step, const Message& failure, const Plan& plan) {
    const std::string program = plan.program;
    const bool searched = step.kind == StepKind::find_program && program.find('/') == std::string::npos;
    if (failure.code == ENOENT && searched) {
        const std::string path = plan.search_path;
        if (path.empty()) return Error(Kind::not_found, cat(program, ": not found, and PATH is empty"));
        return Error(Kind::not_found, cat(program, ": not found in PATH ", path));
    }
    const bool found = failure.code != ENOENT && failure.code != ENOTDIR;
    Error error = Error::of_errno(failure.code, cat("exec ", program));
    if (failure.code == ENOEXEC)
        error = std::move(error).with_hint("it is neither a binary for this machine nor a script that begins with #!");
    if (step.kind == StepKind::execute && failure.code == ENOENT)
        error = std::move(error).with_hint("the file is there: its interpreter or loader is missing in the image");
    return std::move(error).with_kind(found ? Kind::denied : Kind::not_found);
}

/// "bad system call"; seccomp's way of saying no.
std::string signal_words(int number) {
    const char* known = sigdescr_np(number);
    std::string out = known == nullptr ? "unknown" : known;
    out[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(out[0])));
    return out;
}

Error hook_error(const Step& step, const Message& failure) {
    const std::string what = cat("error running ", step.text, " hook #", step.value, ": ", step.path);
    const int value = failure.code;
    std::string words(failure.text, ::strnlen(failure.text, sizeof failure.text));
    while (words.ends_with('\n')) words.pop_back();
    switch (failure.detail) {
        case hook_exited: return Error(Kind::system, cat(what, ": exit status ", value, words.empty() ? "" : ": ", words));
        case hook_signalled: return Error(Kind::system, cat(what, ": killed by signal ", value, " (", signal_words(value), ")"));
        case hook_timed_out: return Error(Kind::system, cat(what, ": no answer within ", value, " s"));
        default: return Error::of_errno(value, what).with_kind(Kind::system);
    }
}

std::string detail_text(std::uint32_t detail) {
    switch (detail) {
        case unreachable_folder: return "it is outside the container's root";
        case not_a_terminal_device: return "/dev/pts/ptmx is not a terminal of the container's devpts";
        case symlink_in_the_way: return "it must be mounted on ordinary directory, and a symbolic link is in the way";
        default: return {};
    }
}

}  // namespace

Result<Handshake> Handshake::create() {
    Handshake out;
    auto pair = TRY(sys::socketpair(SOCK_SEQPACKET));
    out.parent_ = std::move(pair.first);
    out.child_ = std::move(pair.second);
    return out;
}

Result<std::optional<Heard>> Handshake::hear() const {
    Heard heard{};
    const std::span<char> buffer(static_cast<char*>(static_cast<void*>(&heard.message)), sizeof heard.message);
    ReceivedRights received = TRY(receive_rights(parent_, buffer, "hear from the container's process"));
    if (received.size == 0) return std::optional<Heard>();
    if (received.size != sizeof heard.message) return Error(Kind::internal, "the container's process sent half a message");
    if (!received.descriptors.empty()) heard.descriptor = std::move(received.descriptors.front());
    return std::optional(std::move(heard));
}

Result<void> Handshake::say_go() const {
    const Message go{MessageType::go, 0, 0, 0, {}};
    if (::send(parent_.raw(), &go, sizeof go, MSG_NOSIGNAL) != sizeof go)
        return Error::of_errno(errno, "answer the container's process");
    return {};
}

Error error_of_failure(const Message& failure, const Plan& plan) {
    if (failure.step >= plan.step_count) return Error(Kind::internal, "the container's process failed in an unknown step");
    const Step& step = plan.steps[failure.step];
    if (step.kind == StepKind::find_program || step.kind == StepKind::execute) return program_error(step, failure, plan);
    if (step.kind == StepKind::run_hook) return hook_error(step, failure);
    if (step.kind == StepKind::set_scheduler && failure.code == EPERM && step.text != nullptr)
        return Error(Kind::invalid, "set scheduler: process scheduler can't be used together with AllowedCPUs (cpu.cpus)");
    if (const std::string detail = detail_text(failure.detail); !detail.empty())
        return Error(Kind::system, cat(describe(step), ": ", detail));
    return Error::of_errno(failure.code, describe(step)).with_kind(Kind::system);
}

}  // namespace berth::runtime
