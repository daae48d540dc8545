#pragma once
// The seccomp listener: a descriptor that goes to an agent of the user's (config-linux.md "seccomp", listenerPath).

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace berth::runtime {

/// Connects to the AF_UNIX stream socket at `path` and sends `document` with `descriptor` in one message.
Result<void> send_to_socket(const std::string& path, const std::string& document, const Fd& descriptor);
/// The connection alone, for paths that must be opened before the container exists.
Result<Fd> connect_to_socket(const std::string& path);
Result<void> send_descriptor(const Fd& socket, const std::string& document, const Fd& descriptor);

/// runtime-spec config-linux.md "The Container Process State".
std::string process_state_document(const std::string& state, pid_t pid, const std::string& metadata);

}  // namespace berth::runtime
