#pragma once
// Annotations that set properties of the scope: "org.systemd.property.NAME": "VALUE" (runc's docs/systemd.md). Pure.

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/systemd_unit.h"

namespace berth::runtime {

/// A value in GVariant's text form, of the types that systemd's properties have: true, 'text', ['a', 'b'], 1.5, and whole
/// numbers with their type before them (`uint64 5`), or int32 without.
Result<UnitValue> parse_unit_value(const std::string& text);

/// The properties that the annotations ask for. NAMESec is given in seconds and becomes NAMEUSec, as in unit files.
Result<std::vector<UnitProperty>> annotated_properties(const std::map<std::string, std::string>& annotations);

}  // namespace berth::runtime
