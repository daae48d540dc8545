#pragma once
// YAML files of other programs, read as the JSON that they stand for, over libyaml.

#include <string_view>

#include "base/json.h"

namespace berth {

/// One document. Plain words are null, booleans and numbers as YAML 1.2's core schema says (section 10.3.2); everything else is a
/// string. Refused: more than `limit` bytes, anchors and aliases, tags, nesting over 64, keys that are no text or stand twice,
/// a second document. An empty text is null. Errors name the line.
Result<Json> parse_yaml(std::string_view text, std::size_t limit = 4u << 20);

}  // namespace berth
