#pragma once
// Framed JSON over a stream socket, for worker.h.

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/json.h"

namespace berth::builder {

Result<void> send_message(const Fd& socket, const Json& message);
/// The next whole message in `buffer`, taken out of it; nothing when more must be read.
Result<std::optional<Json>> take_message(std::string& buffer);
/// Waits for one. Kind::not_found at end of file.
Result<Json> receive_message(const Fd& socket);

}  // namespace berth::builder
