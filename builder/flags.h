#pragma once
// The `--name=value` words of an instruction, checked against the names it knows.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace berth::builder {

enum class FlagKind { boolean, text, list };
struct KnownFlag {
    std::string name;
    FlagKind kind;
};

class FlagValues {
public:
    /// Kind::invalid: an unknown flag (with the nearest), one given twice, a missing or a wrong value.
    static Result<FlagValues> read(const std::vector<std::string>& flags, const std::vector<KnownFlag>& known);

    bool has(const std::string& name) const { return values_.count(name) != 0; }
    bool is_true(const std::string& name) const { return text(name) == "true"; }
    std::string text(const std::string& name) const;
    std::vector<std::string> list(const std::string& name) const;

private:
    std::map<std::string, std::vector<std::string>> values_;
};

}  // namespace berth::builder
