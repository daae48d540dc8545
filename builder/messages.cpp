#include "builder/messages.h"

#include <cstring>

#include "base/sys.h"

namespace berth::builder {
namespace {

constexpr std::size_t header = 4;
constexpr std::size_t largest = 256u << 20;

}  // namespace

Result<void> send_message(const Fd& socket, const Json& message) {
    const std::string text = json_text(message);
    const auto size = static_cast<std::uint32_t>(text.size());
    std::string frame(header, '\0');
    std::memcpy(frame.data(), &size, header);
    return sys::write_all(socket, frame + text);
}

Result<std::optional<Json>> take_message(std::string& buffer) {
    if (buffer.size() < header) return std::optional<Json>();
    std::uint32_t size = 0;
    std::memcpy(&size, buffer.data(), header);
    if (size > largest) return Error(Kind::corrupt, "a worker's message is too long");
    if (buffer.size() < header + size) return std::optional<Json>();
    Json message = TRY(parse_json(std::string_view(buffer).substr(header, size), largest));
    buffer.erase(0, header + size);
    return std::optional(std::move(message));
}

Result<Json> receive_message(const Fd& socket) {
    std::string buffer, piece(1 << 16, '\0');
    for (;;) {
        auto message = TRY(take_message(buffer));
        if (message) return std::move(*message);
        const std::size_t got = TRY(sys::read(socket, piece));
        if (got == 0) return Error(Kind::not_found, "the build has ended");
        buffer.append(piece, 0, got);
    }
}

}  // namespace berth::builder
