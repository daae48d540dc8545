#pragma once
// The parsed form of a template, shared by its reader (template_parse.cpp), its executor (template.cpp) and the functions
// that it calls (template_functions.cpp, template_printf.cpp).

#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/template_value.h"

namespace berth::cli::template_detail {

struct Pipeline;

/// One word of a command: what it starts from, and the fields behind it (`$x.A.B`, `(pipe).A`, `.A.B`, `.`).
struct Operand {
    enum class From { dot, variable, literal, nil, function, pipeline } from = From::dot;
    std::string name;  ///< of the variable (with its $) or function; of a literal, as it was written
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
    std::vector<Command> commands;  ///< none: {{template "name"}}
};

struct Node {
    enum class Kind { text, action, if_true, with, range, leave, skip, call } kind = Kind::text;
    std::string text;  ///< or the name of the template that is called
    Pipeline pipeline;
    std::vector<Node> body;
    std::vector<Node> otherwise;
};

/// Templates by name; "" is the whole one, the others stand between {{define "name"}} and {{end}} in it.
using Templates = std::map<std::string, std::vector<Node>, std::less<>>;
Result<Templates> parse_templates(std::string_view text);

using Arguments = std::vector<Value>;
/// Go's function `name` over evaluated arguments. Not those that the executor calls itself: `and` and `or`, which stop early,
/// and `index`, whose result is a part of its argument.
Result<Json> call_function(const std::string& name, const Arguments& arguments);
/// Refuses a number of arguments that the function does not take.
Result<void> check_arguments(const std::string& name, std::size_t count);
Result<Value> find_element(const Arguments& arguments);
/// docker's, which answer their first argument when it is the header of a table.
bool keeps_header(std::string_view name);
bool is_function(std::string_view name);
std::vector<std::string> function_names();

/// Go's Sprint: a space between two of which neither is a string.
std::string printed(const Arguments& arguments);
/// Go's Sprintln: a space between any two, and an end of line.
std::string printed_line(const Arguments& arguments);
/// Go's Sprintf.
std::string printed_format(std::string_view format, const Arguments& arguments);
/// Go's %v, but for the & in front of what docker's types point to.
std::string plain_text(const Value& value);

}  // namespace berth::cli::template_detail
