#pragma once
// Names and values in the order in which they were set, and where a build's first ones come from.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "builder/build.h"
#include "builder/expand.h"

namespace berth::builder {

class Variables {
public:
    Variables() = default;
    /// Of "NAME=value" texts; the last of a name wins, the place of its first stays.
    explicit Variables(const std::vector<std::string>& texts);

    void set(std::string_view name, std::string_view value);
    std::optional<std::string> find(std::string_view name) const;
    std::vector<std::string> names() const;
    /// "NAME=value" each.
    const std::vector<std::string>& texts() const { return texts_; }
    Lookup lookup() const;

private:
    std::vector<std::string> texts_;
};

/// --build-arg and --build-arg-file. A name without a value takes it from the environment; unset there, it is left out.
Result<std::map<std::string, std::string>> read_build_args(const BuildOptions& options);

/// "linux/amd64" in its parts. Kind::invalid with what is known.
struct Platform {
    std::string os, architecture, variant;
    std::string str() const;
    bool operator==(const Platform&) const = default;
};
Result<Platform> parse_platform(std::string_view text);
Platform host_platform();

/// TARGETPLATFORM, BUILDARCH, … and TARGETSTAGE, unless a build argument overrides them.
Variables platform_variables(const Platform& target, std::string_view stage,
                             const std::map<std::string, std::string>& build_args);

/// HTTP_PROXY and its like: usable in RUN without ARG, never in history or keys.
bool is_proxy_variable(std::string_view name);

}  // namespace berth::builder
