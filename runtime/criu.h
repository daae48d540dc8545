#pragma once
// CRIU, which writes processes to files and brings them back, driven through its RPC: `criu swrk 3`, protobuf messages over
// a socket (criu.org/RPC; the field numbers are those of its rpc.proto, which never change). We speak the few messages by
// hand: a library for them would be in every start.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/process.h"
#include "base/result.h"

namespace berth::runtime {

/// A protobuf message under construction.
class CriuMessage {
public:
    CriuMessage& number(unsigned field, std::uint64_t value);
    /// Only when true: absent is false.
    CriuMessage& flag(unsigned field, bool value) { return value ? number(field, 1) : *this; }
    CriuMessage& text(unsigned field, std::string_view value);
    CriuMessage& message(unsigned field, const CriuMessage& value) { return text(field, value.bytes()); }
    const std::string& bytes() const { return bytes_; }

private:
    std::string bytes_;
};

enum class CriuTask : std::uint8_t { dump = 1, restore = 2, pre_dump = 4, notify = 6, version = 10 };

/// What CRIU says, and the answer to a task.
struct CriuAnswer {
    std::uint64_t type = 0;
    bool success = false;
    int code = 0;          ///< errno, when it failed
    std::string words;
    std::string notice;    ///< "post-dump", "setup-namespaces", "orphan-pts-master", …
    pid_t pid = 0;         ///< the restored process, in a notice or in the answer
    int version = 0;       ///< 31700
};
/// Kind::corrupt for bytes that are no such message.
Result<CriuAnswer> parse_criu_answer(std::string_view bytes);

/// A notice and the descriptor that may come with it. An error ends the task.
using CriuNotices = std::function<Result<void>(const CriuAnswer& notice, std::optional<Fd> descriptor)>;

class Criu {
public:
    /// Finds the program in PATH. Kind::unsupported when there is none.
    static Result<Criu> find();
    /// Starts it: `stdio` become its 0, 1, 2; `extra` its 4, 5, …
    Result<void> begin(const std::vector<int>& stdio, const std::vector<int>& extra);
    pid_t pid() const { return process_->pid(); }
    /// One task, to its end; afterwards CRIU is gone. Returns the restored process's pid, or 0.
    Result<pid_t> run(CriuTask task, const CriuMessage& options, const CriuNotices& notices);

private:
    explicit Criu(std::string program) : program_(std::move(program)) {}
    std::string program_;
    Fd socket_;
    std::optional<Child> process_;
};

}  // namespace berth::runtime
