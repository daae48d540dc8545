#pragma once
// Go's text/template over a Json value, as far as --format needs it (facts of docker's formatter): actions, pipelines,
// variables, if/else/with/range/break/continue, comments, trim markers, Go's functions and those that docker adds.
// Not there: define, template, block.
//
// Differences from Go, on purpose: `.Id` and `.ID` both find a field, whatever its case; `join` takes any list; a field
// that does not exist is an error naming the nearest one.

#include <functional>
#include <memory>
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

class Template {
public:
    /// Kind::invalid with "template: ..." when it cannot be read.
    static Result<Template> parse(std::string_view text);
    Result<std::string> execute(const Json& data, const TemplateMethod& method = {}) const;

    Template(Template&&) noexcept;
    Template& operator=(Template&&) noexcept;
    ~Template();

private:
    explicit Template(std::vector<template_detail::Node> nodes);
    std::vector<template_detail::Node> nodes_;
};

/// A value as Go prints it with %v, fields of a document being structs or maps as docker has them.
std::string go_text(const Json& value, std::string_view field_name = "");
/// What {{if}} asks: not false, 0, null or empty.
bool go_truth(const Json& value);

}  // namespace berth::cli
