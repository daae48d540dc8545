#include "image/config.h"

#include <sys/utsname.h>

namespace berth::image {
namespace {

std::string architecture_of(std::string_view machine) {
    // uname(2)'s word and Go's.
    constexpr std::pair<std::string_view, std::string_view> words[] = {
        {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"},      {"armv6l", "arm"},
        {"i686", "386"},     {"i386", "386"},      {"ppc64le", "ppc64le"}, {"loongarch64", "loong64"},
    };
    for (const auto& [uname_word, go_word] : words)
        if (machine == uname_word) return std::string(go_word);
    return std::string(machine);
}

}  // namespace

const std::string& host_architecture() {
    static const std::string architecture = [] {
        utsname names{};
        ::uname(&names);
        return architecture_of(names.machine);
    }();
    return architecture;
}

ImageConfig make_image_config() {
    ImageConfig config;
    config.architecture = host_architecture();
    config.os = "linux";
    config.created = now();
    return config;
}

void append_history(ImageConfig& config, HistoryEntry entry) {
    if (entry.created) config.created = entry.created;
    config.history.push_back(std::move(entry));
}

Result<ImageConfig> parse_image_config(std::string_view text) {
    constexpr std::size_t limit = 4u << 20;
    const auto corrupt = [](Error error) { return std::move(error).with_kind(Kind::corrupt).context("image configuration"); };
    Result<Json> document = parse_json(text, limit);
    if (!document.ok()) return corrupt(std::move(document).error());
    Result<ImageConfig> config = from_json<ImageConfig>(document.value());
    if (!config.ok()) return corrupt(std::move(config).error());
    if (config.value().rootfs.type != "layers")
        return corrupt(Error(Kind::corrupt, cat("rootfs.type: '", config.value().rootfs.type, "' is not 'layers'")));
    return config;
}

std::string image_config_text(const ImageConfig& config) { return json_text(to_json(config)); }

}  // namespace berth::image
