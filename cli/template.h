#pragma once
// Go's text/template over a Json value: all of its actions, Go's functions and those that docker adds.
//
// Differences from Go, on purpose: `.Id` and `.ID` both find a field, whatever its case; `join` takes any list; a field
// that does not exist is an error naming the nearest one; a comment may have spaces around it; templates call each other
// five hundred deep. Not there: complex numbers. `upper`, `lower` and `title` change the letters of ASCII only.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace berth::cli {

namespace template_detail {
struct Node;
}

/// Answers what is no plain field, such as `.Label "k"`: nothing when the name means nothing to it.
using TemplateMethod =
    std::function<std::optional<Json>(const Json& receiver, std::string_view name, const std::vector<Json>& arguments)>;

/// docker: functions that change words leave those of a table's header as they are, and a header goes as far as the template
/// can be followed with headers for values: `{{range split .Names ","}}` is no mistake.
enum class TemplateRun { value, header };

class Template {
public:
    /// Kind::invalid with "template: ..." when it cannot be read.
    static Result<Template> parse(std::string_view text);
    Result<std::string> execute(const Json& data, const TemplateMethod& method = {}, TemplateRun run = TemplateRun::value) const;

    Template(Template&&) noexcept;
    Template& operator=(Template&&) noexcept;
    ~Template();

private:
    using Templates = std::map<std::string, std::vector<template_detail::Node>, std::less<>>;
    explicit Template(Templates templates);
    Templates templates_;
};

/// A value as Go prints it with %v, fields of a document being structs or maps as docker has them.
std::string go_text(const Json& value, std::string_view field_name = "");

}  // namespace berth::cli
