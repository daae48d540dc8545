// The executor of templates (Go: text/template/exec). Values are borrowed from the document where they can be; what a
// function makes is kept until the run ends.

#include "cli/template.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "cli/template_nodes.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

using template_detail::absent_member;
using template_detail::Arguments;
using template_detail::Command;
using template_detail::element_of;
using template_detail::field_in;
using template_detail::is_map_field;
using template_detail::Node;
using template_detail::Operand;
using template_detail::Pipeline;
using template_detail::plain_text;
using template_detail::Templates;
using template_detail::truth_of;
using template_detail::Value;
using template_detail::whole_document;

const Json null_value;

// Go allows templates to call each other 100000 deep, on machines with a small stack 1000. Here blocks count too, and a level
// takes 1 kB of the stack, 10 kB of it in a build with sanitizers.
constexpr int deepest = 500;

enum class Flow { on, leave, skip };

class Executor {
public:
    Executor(const Templates& templates, const TemplateMethod& method, TemplateRun run)
        : templates_(templates), method_(method), is_header_(run == TemplateRun::header) {}

    Result<Flow> call(std::string_view name, Value dot) {
        const auto found = templates_.find(name);
        if (found == templates_.end()) return not_defined(name);
        // A template sees no variables but its own.
        std::vector<Variable> outer = std::exchange(variables_, {{"$", dot}});
        auto flow = run(found->second, dot);
        variables_ = std::move(outer);
        return flow;
    }
    std::string take() && { return std::move(out_); }

private:
    struct Variable {
        std::string name;
        Value value;
    };

    Value keep(Json json) { return {&made_.emplace_back(std::move(json))}; }

    Error not_defined(std::string_view name) const {
        std::vector<std::string> names;
        for (const auto& [known, nodes] : templates_)
            if (!known.empty()) names.push_back(known);
        Error error(Kind::invalid, cat("template: template '", name, "' not defined"));
        const std::string near = nearest_word(name, names);
        return near.empty() ? std::move(error) : std::move(error).with_hint(cat("did you mean '", near, "'?"));
    }

    Result<Flow> run(const std::vector<Node>& nodes, Value dot) {
        if (depth_ == deepest) return Error(Kind::invalid, cat("template: exceeded maximum template depth (", deepest, ")"));
        ++depth_;
        for (const Node& node : nodes) {
            const Flow flow = TRY(run(node, dot));
            if (flow != Flow::on) return --depth_, flow;
        }
        --depth_;
        return Flow::on;
    }

    Result<Flow> run(const Node& node, Value dot) {
        switch (node.kind) {
            case Node::Kind::text:
                out_ += node.text;
                return Flow::on;
            case Node::Kind::leave:
                return Flow::leave;
            case Node::Kind::skip:
                return Flow::skip;
            case Node::Kind::action: {
                const Value value = TRY(pipeline(node.pipeline, dot));
                if (node.pipeline.variables.empty()) print(value);
                return Flow::on;
            }
            case Node::Kind::call: {
                if (node.pipeline.commands.empty()) return call(node.text, {&null_value, "", true});
                const Value value = TRY(pipeline(node.pipeline, dot));
                return call(node.text, value);
            }
            default:
                break;
        }
        const std::size_t scope = variables_.size();
        auto flow = node.kind == Node::Kind::range ? range(node, dot) : branch(node, dot);
        variables_.resize(scope);
        return flow;
    }

    Result<Flow> branch(const Node& node, Value dot) {
        const Value value = TRY(pipeline(node.pipeline, dot));
        if (!truth_of(value)) return run(node.otherwise, dot);
        return run(node.body, node.kind == Node::Kind::with ? value : dot);
    }

    Result<Flow> range(const Node& node, Value dot) {
        // The variables of a range are its elements, so the pipeline itself must not set them.
        Pipeline plain = node.pipeline;
        plain.variables.clear();
        const Value subject = TRY(pipeline(plain, dot));
        const auto items = TRY(items_of(subject, node.pipeline.variables.size()));
        if (items.empty()) return run(node.otherwise, dot);
        for (const auto& [key, element] : items) {
            const std::size_t scope = variables_.size();
            TRY(set_range_variables(node.pipeline, key, element));
            const Flow flow = TRY(run(node.body, element));
            variables_.resize(scope);
            if (flow == Flow::leave) break;
        }
        return Flow::on;
    }

    Result<std::vector<std::pair<Value, Value>>> items_of(Value subject, std::size_t variables) {
        std::vector<std::pair<Value, Value>> items;
        const Json& json = *subject.json;
        if (const Json::Array* array = json.array()) {
            for (std::size_t i = 0; i < array->size(); ++i)
                items.emplace_back(keep(static_cast<std::int64_t>(i)), element_of(subject, (*array)[i]));
        } else if (const Json::Object* object = json.object()) {
            for (const auto& [name, member] : *object) items.emplace_back(keep(name), Value{&member, name});
            std::ranges::sort(items, {}, [](const auto& item) { return *item.first.json->string(); });
        } else if (const std::int64_t* count = json.integer()) {
            if (variables > 1) return Error(Kind::invalid, "template: a range over a number has one variable");
            for (std::int64_t i = 0; i < *count && i < 1'000'000; ++i) items.emplace_back(keep(i), keep(i));
        } else if (!json.is_null()) {
            return Error(Kind::invalid, cat("template: range can't iterate over ", plain_text(subject)));
        }
        return items;
    }

    Result<void> set_range_variables(const Pipeline& pipeline, Value key, Value element) {
        const auto& names = pipeline.variables;
        for (std::size_t i = 0; i < names.size(); ++i) {
            const Value value = i + 1 == names.size() ? element : key;
            if (pipeline.declares) {
                variables_.push_back({names[i], value});
                continue;
            }
            Variable* known = TRY(find_variable(names[i]));
            known->value = value;
        }
        return {};
    }

    Result<Value> pipeline(const Pipeline& pipeline, Value dot) {
        std::optional<Value> piped;
        for (const Command& command : pipeline.commands) piped = TRY(this->command(command, dot, piped));
        const Value value = *piped;
        for (const std::string& name : pipeline.variables) {
            if (pipeline.declares) {
                variables_.push_back({name, value});
                continue;
            }
            Variable* known = TRY(find_variable(name));
            known->value = value;
        }
        return value;
    }

    Result<Value> command(const Command& command, Value dot, std::optional<Value> piped) {
        const Operand& first = command.words.front();
        if (first.from == Operand::From::function && first.fields.empty()) return function(command, dot, piped);
        if (first.from == Operand::From::nil) return Error(Kind::invalid, "template: nil is not a command");
        const bool has_arguments = command.words.size() > 1 || piped;
        if (!has_arguments) return operand(first, dot);
        if (first.fields.empty())
            return Error(Kind::invalid,
                         cat("template: can't give argument to non-function ", first.name.empty() ? "value" : first.name));
        Operand receiver = first;
        receiver.fields.pop_back();
        const Value object = TRY(operand(receiver, dot));
        std::vector<Json> arguments;
        for (const Value& argument : TRY(evaluate_arguments(command, dot, piped))) arguments.push_back(*argument.json);
        if (method_)
            if (auto answer = method_(*object.json, first.fields.back(), arguments)) return keep(std::move(*answer));
        return Error(Kind::invalid, cat("template: '", first.fields.back(), "' takes no arguments"));
    }

    Result<Arguments> evaluate_arguments(const Command& command, Value dot, std::optional<Value> piped) {
        Arguments arguments;
        for (std::size_t i = 1; i < command.words.size(); ++i) arguments.push_back(TRY(operand(command.words[i], dot)));
        if (piped) arguments.push_back(*piped);
        return arguments;
    }

    Result<Value> function(const Command& command, Value dot, std::optional<Value> piped) {
        const std::string& name = command.words.front().name;
        TRY(template_detail::check_arguments(name, command.words.size() - 1 + (piped ? 1 : 0)), "template");
        if (name == "and" || name == "or") return and_or(command, dot, piped);
        const Arguments arguments = TRY(evaluate_arguments(command, dot, piped));
        if (is_header_ && template_detail::keeps_header(name)) return arguments.front();
        if (name == "index") return TRY(template_detail::find_element(arguments), "template");
        return keep(TRY(template_detail::call_function(name, arguments), "template"));
    }

    // Go stops at the first argument that decides.
    Result<Value> and_or(const Command& command, Value dot, std::optional<Value> piped) {
        const bool wanted = command.words.front().name == "or";
        std::optional<Value> last;
        for (std::size_t i = 1; i < command.words.size(); ++i) {
            last = TRY(operand(command.words[i], dot));
            if (truth_of(*last) == wanted) return *last;
        }
        return piped ? *piped : *last;
    }

    Result<Variable*> find_variable(const std::string& name) {
        for (auto variable = variables_.rbegin(); variable != variables_.rend(); ++variable)
            if (variable->name == name) return &*variable;
        return Error(Kind::invalid, cat("template: undefined variable '", name, "'"));
    }

    Result<Value> operand(const Operand& operand, Value dot) {
        Value value = dot;
        std::string path;
        switch (operand.from) {
            case Operand::From::dot:
                break;
            case Operand::From::variable: {
                const Variable* variable = TRY(find_variable(operand.name));
                value = variable->value;
                path = operand.name;
                break;
            }
            case Operand::From::nil:
                return Value{&null_value, "", true};
            case Operand::From::literal:
                return Value{&operand.literal};
            case Operand::From::function: {
                Command alone;
                alone.words.push_back(operand);
                value = TRY(function(alone, dot, std::nullopt));
                path = operand.name;
                break;
            }
            case Operand::From::pipeline: {
                const std::size_t scope = variables_.size();
                value = TRY(pipeline(operand.pipeline.front(), dot));
                variables_.resize(scope);
                path = "(…)";
            }
        }
        for (const std::string& field : operand.fields) {
            value = TRY(member(value, field, path));
            path += cat(".", field);
        }
        return value;
    }

    Result<Value> member(Value value, const std::string& name, const std::string& path) {
        const Json::Object* object = value.json->object();
        if (value.is_missing) return value;
        if (object == nullptr) {
            if (value.json->is_null())
                return Error(Kind::invalid,
                             cat("template: ", path, ".", name, ": '", path.empty() ? "." : path, "' has no value here"));
            return Error(Kind::invalid,
                         cat("template: can't read field '", name, "' of ", path.empty() ? "." : path, ", which is no object"));
        }
        for (const auto& [key, json] : *object)
            if (key == name) return Value{&json, field_in(value.field, key)};
        if (is_map_field(value.field)) return Value{&null_value, "", true};
        const std::string folded = lower_case(name);
        for (const auto& [key, json] : *object)
            if (lower_case(key) == folded) return Value{&json, field_in(value.field, key)};
        if (method_)
            if (auto answer = method_(*value.json, name, {})) return keep(std::move(*answer));
        if (const auto absent = absent_member(value, name)) return *absent;
        std::vector<std::string> names;
        for (const auto& [key, json] : *object) names.push_back(key);
        Error error(Kind::invalid, cat("template: no field '", name, "' in ", path.empty() ? "." : path));
        const std::string near = nearest_word(name, names);
        if (!near.empty()) return std::move(error).with_hint(cat("did you mean '", path, ".", near, "'?"));
        std::ranges::sort(names);
        return names.empty() ? std::move(error) : std::move(error).with_hint(cat("there are: ", join_text(names, ", ")));
    }

    void print(Value value) { out_ += value.is_missing ? "<no value>" : plain_text(value); }

    const Templates& templates_;
    const TemplateMethod& method_;
    bool is_header_;
    int depth_ = 0;
    std::deque<Json> made_;
    std::vector<Variable> variables_;
    std::string out_;
};

}  // namespace

Template::Template(Templates templates) : templates_(std::move(templates)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view text) { return Template(TRY(template_detail::parse_templates(text))); }

Result<std::string> Template::execute(const Json& data, const TemplateMethod& method, TemplateRun run) const {
    Executor executor(templates_, method, run);
    auto done = executor.call("", whole_document(data));
    if (!done.ok() && run == TemplateRun::value) return std::move(done).error();
    return std::move(executor).take();
}

}  // namespace berth::cli
