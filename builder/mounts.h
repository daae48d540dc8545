#pragma once
// `RUN --mount=…`: one option text as a value. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::builder {

struct RunMount {
    enum class Type { bind, cache, tmpfs, secret, ssh } type = Type::bind;
    enum class Sharing { shared, exclusive, locked } sharing = Sharing::shared;  ///< exclusive: "private"
    std::string from, source, target, id;
    bool read_only = true;
    bool required = false;
    std::int64_t size = 0;
    std::optional<std::string> env;
    std::optional<std::uint32_t> mode, uid, gid;
};
/// The text with its variables replaced. Kind::invalid: unknown keys and values, with the nearest.
Result<RunMount> parse_run_mount(std::string_view text);
/// What can be told before variables are known: `from=` may not hold one.
Result<void> check_run_mount(std::string_view text);

/// "64m", "1gb", "1024": bytes.
Result<std::int64_t> parse_bytes(std::string_view text);

}  // namespace berth::builder
