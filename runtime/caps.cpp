#include "runtime/caps.h"

#include <algorithm>
#include <cctype>

#include <sys/capability.h>

namespace berth::runtime {

namespace {

std::string upper(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return out;
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_all(const std::string& name) { return upper(name) == "ALL" || upper(name) == "CAP_ALL"; }

/// The names in full, "ALL" taken out and reported.
Result<std::vector<std::string>> full_names(const std::vector<std::string>& names, bool& all) {
    std::vector<std::string> out;
    for (const std::string& name : names) {
        if (is_all(name)) {
            all = true;
            continue;
        }
        const int number = TRY(parse_capability(name));
        out.push_back(capability_name(number));
    }
    return out;
}

}  // namespace

Result<int> parse_capability(std::string_view name) {
    std::string full = upper(name);
    if (!full.starts_with("CAP_")) full = cat("CAP_", full);
    cap_value_t number = 0;
    // libcap also understands numbers, which runtime-spec does not know.
    const bool named = full.size() > 4 && std::isalpha(static_cast<unsigned char>(full[4])) != 0;
    if (!named || cap_from_name(full.c_str(), &number) != 0)
        return Error(Kind::invalid, cat("unknown capability '", name, "'"));
    return number;
}

std::string capability_name(int number) {
    char* name = cap_to_name(number);
    if (name == nullptr) return cat("CAP_", number);
    const std::string out = upper(name);
    cap_free(name);
    return out;
}

int last_capability() { return cap_max_bits() - 1; }

std::vector<std::string> all_capabilities() {
    std::vector<std::string> names;
    for (int number = 0; number <= last_capability(); ++number) names.push_back(capability_name(number));
    return names;
}

Result<CapSet> capability_set(const std::vector<std::string>& names) {
    CapSet set = 0;
    for (const std::string& name : names) {
        const int number = TRY(parse_capability(name));
        set |= CapSet{1} << number;
    }
    return set;
}

Result<std::vector<std::string>> adjust_capabilities(const std::vector<std::string>& base, const std::vector<std::string>& add,
                                                     const std::vector<std::string>& drop) {
    bool add_all = false, drop_all = false;
    const std::vector<std::string> added = TRY(full_names(add, add_all));
    const std::vector<std::string> dropped = TRY(full_names(drop, drop_all));
    // docker: with ALL added, everything but what is dropped; with ALL dropped, only what is added; else what is added
    // by name wins over the same name dropped.
    std::vector<std::string> out;
    for (const std::string& name : all_capabilities()) {
        const bool based = add_all || (!drop_all && contains(base, name));
        if ((based && !contains(dropped, name)) || (!add_all && contains(added, name))) out.push_back(name);
    }
    return out;
}

}  // namespace berth::runtime
