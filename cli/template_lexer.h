#pragma once
// The words of one template action, `{{…}}` without its braces. White space is kept as a word where it parts arguments:
// ".A .B" are two, ".A.B" is one.

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace berth::cli::template_detail {

struct Token {
    enum class Kind { word, field, variable, string, number, symbol, space, end } kind = Kind::end;
    std::string text;
    Json value;
};

Result<std::vector<Token>> split_words(std::string_view action);
/// Letters, digits, '_' and what is not ASCII.
bool is_name(char c);
/// "template: …"
Error wrong_template(std::string_view what);

}  // namespace berth::cli::template_detail
