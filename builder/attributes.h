#pragma once
// --chown and --chmod.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/result.h"
#include "base/root.h"

namespace berth::builder {

struct Owner {
    uid_t uid = 0;
    gid_t gid = 0;
    bool operator==(const Owner&) const = default;
};
/// `user[:group]` by the tables in `root`, which is only opened when a name must be looked up. A number alone is user and
/// group; a name alone takes its group from passwd; `name:` means group 0. Kind::not_found for an unknown name.
Result<Owner> resolve_owner(std::string_view spec, const Root* root);
/// True when the spec names anybody: then /etc/passwd and /etc/group are part of the step's inputs.
bool owner_has_names(std::string_view spec);

/// Octal ("755", "04755") or symbolic ("u=rwX,go=rX").
class ModeChange {
public:
    /// Kind::invalid: "invalid chmod parameter: 'x': expected …".
    static Result<ModeChange> parse(std::string_view text);
    mode_t apply(mode_t mode, bool is_folder) const;
    bool is_octal() const { return octal_.has_value(); }

private:
    struct Clause {
        mode_t who = 0;     ///< mask of the bits concerned
        char operation = '=';
        mode_t bits = 0;    ///< of 0777, one class spread over all
        bool executes_if_any = false;  ///< X
        bool sets_id = false, sticky = false;
        char copies = '\0'; ///< u, g or o as the source of the bits
    };
    static Result<Clause> parse_clause(std::string_view text);
    std::optional<mode_t> octal_;
    std::vector<Clause> clauses_;
};

}  // namespace berth::builder
