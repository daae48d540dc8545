#pragma once
// The parsed form of a template, shared by its reader (template_parse.cpp) and its executor (template.cpp).

#include <string>
#include <vector>

#include "base/json.h"

namespace berth::cli::template_detail {

struct Pipeline;

/// One word of a command: what it starts from, and the fields behind it (`$x.A.B`, `(pipe).A`, `.A.B`, `.`).
struct Operand {
    enum class From { dot, variable, literal, function, pipeline } from = From::dot;
    std::string name;  ///< of the variable (with its $) or function
    Json literal;
    std::vector<Pipeline> pipeline;  ///< one, when from == pipeline
    std::vector<std::string> fields;
};

/// Words; the first decides: a function or a field with arguments.
struct Command {
    std::vector<Operand> words;
};

struct Pipeline {
    std::vector<std::string> variables;  ///< set by := (declares) or =
    bool declares = false;
    std::vector<Command> commands;
};

struct Node {
    enum class Kind { text, action, if_true, with, range, leave, skip } kind = Kind::text;
    std::string text;
    Pipeline pipeline;
    std::vector<Node> body;
    std::vector<Node> otherwise;
};

Result<std::vector<Node>> parse_nodes(std::string_view text);

/// Go's function `name` over evaluated arguments; `and` and `or` are the executor's, since they stop early.
Result<Json> call_function(const std::string& name, const std::vector<Json>& arguments);
bool is_function(std::string_view name);
std::vector<std::string> function_names();

}  // namespace berth::cli::template_detail
