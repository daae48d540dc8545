#pragma once
// What a template works on: a part of a document, and the name that it was reached by. The name stands for Go's type, which
// JSON does not tell: whether an object is a struct or a map, a number a duration, an absent list nil.

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace berth::cli::template_detail {

struct Value {
    const Json* json;  ///< borrowed
    std::string_view field = "";
    bool is_missing = false;  ///< nil, or the key of a map that it has not
};

/// In docker's documents these are maps, whose keys a template may ask for in vain; all other objects are structs, where a
/// wrong name is a mistake worth an error.
bool is_map_field(std::string_view name);
/// Of a time.Duration, which prints as "1m30s" although its JSON is a number.
bool is_duration(const Value& value);
/// A time.Time, which prints otherwise than in JSON: "2026-01-02 03:04:05.678 +0000 UTC".
inline bool is_moment(const Value& value) { return value.field == "Moment" && value.json->string() != nullptr; }
std::string moment_of(const Value& value);
/// Of a pointer in docker's types: absent or null it is nil, and not an empty list.
bool is_pointer_field(std::string_view name);

/// A container, image, network or volume, or what info tells, is known by its members.
Value whole_document(const Json& document);
/// The type of the member `name` of what was reached by `parent`.
std::string_view field_in(std::string_view parent, std::string_view name);
Value element_of(const Value& list, const Json& element);
/// A member that docker's type has and its JSON leaves out when it is empty.
std::optional<Value> absent_member(const Value& object, std::string_view name);
/// All members as docker's type orders them, those that the JSON leaves out among them.
std::vector<std::pair<std::string_view, Value>> members_of(const Value& object);

/// What {{if}} asks: not false, 0, nil or empty. Structs are always true.
bool truth_of(const Value& value);
/// As Go's %T: "[]string".
std::string type_of(const Value& value);

}  // namespace berth::cli::template_detail
