// The executor of templates (Go: text/template/exec). Values are borrowed from the document where they can be; what a
// function makes is kept until the run ends.

#include "cli/template.h"

#include <algorithm>
#include <deque>

#include "base/clock.h"

#include "cli/template_nodes.h"
#include "cli/texts.h"

namespace berth::cli {
namespace {

using template_detail::call_function;
using template_detail::Command;
using template_detail::Node;
using template_detail::Operand;
using template_detail::parse_nodes;
using template_detail::Pipeline;

// In docker's documents these are maps, whose keys a template may ask for in vain; all other objects are structs, where
// a wrong name is a mistake worth an error.
bool is_map_field(std::string_view name) {
    static constexpr std::string_view names[] = {"Labels",
                                                 "Networks",
                                                 "Ports",
                                                 "ExposedPorts",
                                                 "Volumes",
                                                 "PortBindings",
                                                 "Sysctls",
                                                 "Tmpfs",
                                                 "StorageOpt",
                                                 "Data",
                                                 "Options",
                                                 "DriverOpts",
                                                 "Containers",
                                                 "Annotations",
                                                 "Attributes",
                                                 "Details",
                                                 "annotations",
                                                 "labels",
                                                 "Runtimes",
                                                 "UsageData",
                                                 "IndexConfigs",
                                                 "GenericResources",
                                                 "Status"};
    return std::ranges::find(names, name) != std::ranges::end(names);
}
// Pointers in docker's types: absent or null they are nil, and not an empty list.
bool is_pointer_field(std::string_view name) {
    static constexpr std::string_view names[] = {
        "Health",     "Healthcheck", "MemorySwappiness", "OomKillDisable", "PidsLimit",  "Init",  "StopTimeout",
        "IPAMConfig", "SizeRw",      "SizeRootFs",       "GraphDriver",    "ConfigFrom", "Actor", "Descriptor"};
    return std::ranges::find(names, name) != std::ranges::end(names);
}

// docker's type there is time.Duration, which prints as "1m30s" although its JSON is a number.
bool is_duration_field(std::string_view name) {
    return name == "Interval" || name == "Timeout" || name == "StartPeriod" || name == "StartInterval";
}

struct Value {
    const Json* json;
    std::string_view field;  ///< the name it was reached by, which tells maps from structs
    bool is_missing = false;
};

const Json null_value;

enum class Flow { on, leave, skip };

// Two members of docker's documents are called Config: that of LogConfig is a map, the options of a log.
std::string_view field_in(std::string_view parent, std::string_view name) {
    return parent == "LogConfig" && name == "Config" ? "Options" : name;
}

class Executor {
public:
    Executor(const Json& data, const TemplateMethod& method) : method_(method) { variables_.push_back({"$", {&data, ""}}); }

    Result<Flow> run(const std::vector<Node>& nodes, Value dot) {
        for (const Node& node : nodes) {
            const Flow flow = TRY(run(node, dot));
            if (flow != Flow::on) return flow;
        }
        return Flow::on;
    }
    std::string take() && { return std::move(out_); }

private:
    struct Variable {
        std::string name;
        Value value;
    };

    Value keep(Json json) { return {&made_.emplace_back(std::move(json)), ""}; }

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
        if (!go_truth(*value.json)) return run(node.otherwise, dot);
        return run(node.body, node.kind == Node::Kind::with ? value : dot);
    }

    Result<Flow> range(const Node& node, Value dot) {
        // The variables of a range are its elements, so the pipeline itself must not set them.
        Pipeline plain = node.pipeline;
        plain.variables.clear();
        const Value subject = TRY(pipeline(plain, dot));
        std::vector<std::pair<Value, Value>> items;
        if (const Json::Array* array = subject.json->array()) {
            for (std::size_t i = 0; i < array->size(); ++i)
                items.push_back({keep(static_cast<std::int64_t>(i)), {&(*array)[i], ""}});
        } else if (const Json::Object* object = subject.json->object()) {
            for (const auto& [name, member] : *object) items.push_back({keep(name), {&member, name}});
            std::ranges::sort(items, {}, [](const auto& item) { return *item.first.json->string(); });
        } else if (const std::int64_t* count = subject.json->integer()) {
            for (std::int64_t i = 0; i < *count && i < 1'000'000; ++i) items.push_back({keep(i), keep(i)});
        } else if (!subject.json->is_null()) {
            return Error(Kind::invalid, cat("template: range can't iterate over ", go_text(*subject.json)));
        }
        if (items.empty()) return run(node.otherwise, dot);
        for (const auto& [key, element] : items) {
            const std::size_t scope = variables_.size();
            const auto& names = node.pipeline.variables;
            if (names.size() == 1) variables_.push_back({names[0], element});
            if (names.size() == 2) {
                variables_.push_back({names[0], key});
                variables_.push_back({names[1], element});
            }
            const Flow flow = TRY(run(node.body, element));
            variables_.resize(scope);
            if (flow == Flow::leave) break;
        }
        return Flow::on;
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
        if (first.from == Operand::From::function) return function(command, dot, piped);
        const bool has_arguments = command.words.size() > 1 || piped;
        if (!has_arguments) return operand(first, dot);
        if (first.fields.empty())
            return Error(Kind::invalid,
                         cat("template: can't give argument to non-function ", first.name.empty() ? "value" : first.name));
        Operand receiver = first;
        receiver.fields.pop_back();
        const Value object = TRY(operand(receiver, dot));
        std::vector<Json> arguments = TRY(evaluate_arguments(command, dot, piped));
        if (method_)
            if (auto answer = method_(*object.json, first.fields.back(), arguments)) return keep(std::move(*answer));
        return Error(Kind::invalid, cat("template: '", first.fields.back(), "' takes no arguments"));
    }

    Result<std::vector<Json>> evaluate_arguments(const Command& command, Value dot, std::optional<Value> piped) {
        std::vector<Json> arguments;
        for (std::size_t i = 1; i < command.words.size(); ++i) {
            const Value value = TRY(operand(command.words[i], dot));
            arguments.push_back(*value.json);
        }
        if (piped) arguments.push_back(*piped->json);
        return arguments;
    }

    Result<Value> function(const Command& command, Value dot, std::optional<Value> piped) {
        const std::string& name = command.words.front().name;
        if (name == "and" || name == "or") {
            // Go stops at the first argument that decides.
            std::optional<Value> last = piped && command.words.size() == 1 ? piped : std::nullopt;
            for (std::size_t i = 1; i < command.words.size(); ++i) {
                last = TRY(operand(command.words[i], dot));
                if (go_truth(*last->json) == (name == "or")) return *last;
            }
            if (piped) last = piped;
            if (!last) return Error(Kind::invalid, cat("template: '", name, "' wants arguments"));
            return *last;
        }
        const std::vector<Json> arguments = TRY(evaluate_arguments(command, dot, piped));
        return keep(TRY(call_function(name, arguments), "template"));
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
            case Operand::From::literal:
                return Value{&operand.literal, ""};
            case Operand::From::function: {
                Command alone;
                alone.words.push_back(operand);
                return function(alone, dot, std::nullopt);
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
            if (lower_case(key) == folded) return Value{&json, key};
        if (method_)
            if (auto answer = method_(*value.json, name, {})) return keep(std::move(*answer));
        if (is_pointer_field(name)) return Value{&null_value, "Health"};
        // Of a mount: docker's type has them, its JSON leaves them out when they are empty.
        if (value.json->find("Destination") != nullptr && (name == "Name" || name == "Driver")) return keep(Json(""));
        std::vector<std::string> names;
        for (const auto& [key, json] : *object) names.push_back(key);
        Error error(Kind::invalid, cat("template: no field '", name, "' in ", path.empty() ? "." : path));
        const std::string near = nearest_word(name, names);
        if (!near.empty()) return std::move(error).with_hint(cat("did you mean '", path, ".", near, "'?"));
        std::ranges::sort(names);
        return names.empty() ? std::move(error) : std::move(error).with_hint(cat("there are: ", join_text(names, ", ")));
    }

    void print(Value value) { out_ += value.is_missing ? "<no value>" : go_text(*value.json, value.field); }

    const TemplateMethod& method_;
    std::deque<Json> made_;
    std::vector<Variable> variables_;
    std::string out_;
};

std::string number_text(double number) {
    char digits[32];
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    return std::string(digits, end);
}

}  // namespace

std::string go_text(const Json& value, std::string_view field) {
    if (value.is_null())
        return is_map_field(field) ? "map[]" : is_pointer_field(field) ? "<nil>" : field.empty() ? "<nil>" : "[]";
    if (const bool* boolean = value.boolean()) return *boolean ? "true" : "false";
    if (const std::int64_t* integer = value.integer())
        return is_duration_field(field) ? duration_text({*integer}) : cat(*integer);
    if (const double* number = value.number()) return number_text(*number);
    if (const std::string* text = value.string()) return *text;
    // An element without a text has its space all the same: "{ 8080}" is a port without an address.
    std::vector<std::string> texts;
    if (const Json::Array* array = value.array()) {
        for (const Json& element : *array) texts.push_back(go_text(element, element.is_null() ? "null" : ""));
        return cat("[", join_text(texts, " "), "]");
    }
    std::vector<std::pair<std::string_view, const Json*>> members;
    for (const auto& [name, member] : *value.object()) members.emplace_back(name, &member);
    if (!is_map_field(field)) {
        for (const auto& [name, member] : members) texts.push_back(go_text(*member, field_in(field, name)));
        return cat("{", join_text(texts, " "), "}");
    }
    std::ranges::sort(members, {}, [](const auto& member) { return member.first; });
    for (const auto& [name, member] : members) texts.push_back(cat(name, ":", go_text(*member, name)));
    return cat("map[", join_text(texts, " "), "]");
}

bool go_truth(const Json& value) {
    if (const bool* boolean = value.boolean()) return *boolean;
    if (const std::int64_t* integer = value.integer()) return *integer != 0;
    if (const double* number = value.number()) return *number != 0;
    if (const std::string* text = value.string()) return !text->empty();
    if (const Json::Array* array = value.array()) return !array->empty();
    // A struct is always true in Go, a map only when it holds something; an empty object can be both and says no.
    if (const Json::Object* object = value.object()) return !object->empty();
    return false;
}

Template::Template(std::vector<Node> nodes) : nodes_(std::move(nodes)) {}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Result<Template> Template::parse(std::string_view text) { return Template(TRY(parse_nodes(text))); }

Result<std::string> Template::execute(const Json& data, const TemplateMethod& method) const {
    Executor executor(data, method);
    TRY(executor.run(nodes_, {&data, ""}));
    return std::move(executor).take();
}

}  // namespace berth::cli
