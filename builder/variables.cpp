#include "builder/variables.h"

#include <algorithm>
#include <cstdlib>

#include "base/file.h"
#include "builder/text.h"
#include "image/config.h"

namespace berth::builder {
namespace {

bool has_name(std::string_view text, std::string_view name) {
    return text.size() > name.size() && text.starts_with(name) && text[name.size()] == '=';
}

Result<void> add_build_arg(std::string_view text, std::map<std::string, std::string>& into) {
    const Cut parts = cut(text, '=');
    if (parts.before.empty()) return Error(Kind::invalid, cat("--build-arg '", text, "': expected NAME=VALUE"));
    const std::string name(parts.before);
    if (parts.after) into[name] = std::string(*parts.after);
    else if (const char* inherited = std::getenv(name.c_str())) into[name] = inherited;
    return {};
}

}  // namespace

Variables::Variables(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
        const Cut parts = cut(text, '=');
        set(parts.before, parts.after.value_or(""));
    }
}

void Variables::set(std::string_view name, std::string_view value) {
    const auto found = std::find_if(texts_.begin(), texts_.end(), [&](const std::string& text) { return has_name(text, name); });
    if (found != texts_.end()) *found = cat(name, '=', value);
    else texts_.push_back(cat(name, '=', value));
}

std::optional<std::string> Variables::find(std::string_view name) const {
    for (const std::string& text : texts_)
        if (has_name(text, name)) return text.substr(name.size() + 1);
    return std::nullopt;
}

std::vector<std::string> Variables::names() const {
    std::vector<std::string> names;
    for (const std::string& text : texts_) names.emplace_back(cut(text, '=').before);
    return names;
}

Lookup Variables::lookup() const {
    return [this](std::string_view name) { return find(name); };
}

Result<std::map<std::string, std::string>> read_build_args(const BuildOptions& options) {
    std::map<std::string, std::string> values;
    for (const std::string& path : options.build_arg_files) {
        const std::string text = TRY(read_file(path, 1 << 20), "--build-arg-file ", path);
        for (const std::string& line : split(text, '\n'))
            if (const std::string_view trimmed = trim(line); !trimmed.empty() && trimmed.front() != '#')
                TRY(add_build_arg(trimmed, values), path);
    }
    for (const std::string& text : options.build_args) TRY(add_build_arg(text, values));
    return values;
}

std::string Platform::str() const { return cat(os, '/', architecture, variant.empty() ? "" : "/", variant); }

Platform host_platform() { return {"linux", image::host_architecture(), ""}; }

Result<Platform> parse_platform(std::string_view text) {
    const std::vector<std::string> parts = split(to_lower(text), '/');
    Platform platform{parts[0], parts.size() > 1 ? parts[1] : "", parts.size() > 2 ? parts[2] : ""};
    if (parts.size() == 1 && parts[0] != "linux") platform = {"linux", parts[0], ""};
    if (platform.architecture.empty()) platform.architecture = image::host_architecture();
    if (platform.architecture == "x86_64") platform.architecture = "amd64";
    if (platform.architecture == "aarch64") platform.architecture = "arm64";
    if (platform.architecture == "arm64" && platform.variant == "v8") platform.variant.clear();
    static const std::vector<std::string> known = {"amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le", "loong64"};
    if (parts.size() > 3 || platform.os.empty() ||
        std::find(known.begin(), known.end(), platform.architecture) == known.end())
        return Error(Kind::invalid, cat("platform '", text, "': expected OS/ARCHITECTURE[/VARIANT] such as linux/amd64",
                                        suggestion(platform.architecture, known)));
    return platform;
}

Variables platform_variables(const Platform& target, std::string_view stage,
                             const std::map<std::string, std::string>& build_args) {
    const Platform host = host_platform();
    Variables out;
    const auto set = [&](const std::string& name, std::string_view value) {
        const auto given = build_args.find(name);
        out.set(name, given != build_args.end() ? std::string_view(given->second) : value);
    };
    const auto set_all = [&](const std::string& prefix, const Platform& platform) {
        set(prefix + "PLATFORM", platform.str());
        set(prefix + "OS", platform.os);
        set(prefix + "OSVERSION", "");
        set(prefix + "ARCH", platform.architecture);
        set(prefix + "VARIANT", platform.variant);
    };
    set_all("BUILD", host);
    set_all("TARGET", target);
    set("TARGETSTAGE", stage.empty() ? "default" : stage);
    return out;
}

bool is_proxy_variable(std::string_view name) {
    static const std::vector<std::string> names = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"};
    const std::string lower = to_lower(name);
    return (name == lower || name == to_upper(name)) && std::find(names.begin(), names.end(), lower) != names.end();
}

}  // namespace berth::builder
