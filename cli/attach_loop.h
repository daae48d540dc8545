#pragma once
// What `run`, `start -a`, `attach` and `exec` do while a program runs: bytes both ways, size of the terminal, signals,
// detach keys, and the exit status at the end.

#include <functional>
#include <string>

#include "container/engine.h"

namespace berth::cli {

struct StreamOptions {
    bool input = false;  ///< pass stdin on
    bool output = true, error_output = true;  ///< what the attachment was made with
    bool tty = false;    ///< the container has a terminal: raw mode, sizes, detach keys
    bool forward_signals = false;
    std::string detach_keys = "\x10\x11";
};

/// Blocks the signals that will be forwarded, from now on. Call it before the container starts, so that none is lost.
void hold_forwarded_signals();

struct StreamEnd {
    int status = 0;
    bool detached = false;
};
/// Until the container has ended or the user detached.
Result<StreamEnd> stream_attachment(container::Engine& engine, const std::string& id, container::Attachment& attachment,
                                    const StreamOptions& options);

/// exec: starts the process with pipes (or takes its terminal) and serves it to its end.
Result<StreamEnd> stream_exec(container::Engine& engine, const container::Record& record, container::ExecOptions request,
                              const StreamOptions& options);

}  // namespace berth::cli
