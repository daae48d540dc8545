#include "cli/template_value.h"

#include <algorithm>

#include "cli/template.h"
#include "cli/template_nodes.h"

namespace berth::cli::template_detail {
namespace {

const Json nothing;
const Json no_text("");
const Json no_number(0);
const Json not_true(false);

/// Members in docker's order, which {{.}} prints them in, and what they are when the JSON leaves them out.
struct Member {
    std::string_view parent;
    std::string_view name;
    const Json* when_absent;  ///< nullptr: never
};
const Member members[] = {
    {"Healthcheck", "Test", &nothing},
    {"Healthcheck", "Interval", &no_number},
    {"Healthcheck", "Timeout", &no_number},
    {"Healthcheck", "StartPeriod", &no_number},
    {"Healthcheck", "StartInterval", &no_number},
    {"Healthcheck", "Retries", &no_number},
    {"Mount", "Type", &no_text},
    {"Mount", "Name", &no_text},
    {"Mount", "Source", nullptr},
    {"Mount", "Destination", nullptr},
    {"Mount", "Driver", &no_text},
    {"Mount", "Mode", nullptr},
    {"Mount", "RW", nullptr},
    {"Mount", "Propagation", nullptr},
    {"Config", "ExposedPorts", &nothing},
    {"Config", "Healthcheck", &nothing},
    {"Config", "ArgsEscaped", &not_true},
    {"Config", "NetworkDisabled", &not_true},
    {"Config", "MacAddress", &no_text},
    {"Config", "StopSignal", &no_text},
    {"Config", "StopTimeout", &nothing},
    {"Config", "Shell", &nothing},
    {"HostConfig", "Annotations", &nothing},
    {"HostConfig", "StorageOpt", &nothing},
    {"HostConfig", "Tmpfs", &nothing},
    {"HostConfig", "Sysctls", &nothing},
    {"HostConfig", "Runtime", &no_text},
    {"HostConfig", "Mounts", &nothing},
    {"HostConfig", "Init", &nothing},
    {"HostConfig", "KernelMemory", &no_number},
    {"HostConfig", "KernelMemoryTCP", &no_number},
    {"Pool", "Subnet", &no_text},
    {"Pool", "IPRange", &no_text},
    {"Pool", "Gateway", &no_text},
    {"Pool", "AuxiliaryAddresses", &nothing},
    {"Container", "ImageManifestDescriptor", &nothing},
    {"Image", "Variant", &no_text},
    {"Image", "OsVersion", &no_text},
    {"Image", "Container", &no_text},
    {"Image", "ContainerConfig", &nothing},
    {"Image", "Manifests", &nothing},
    {"Info", "ServerErrors", &nothing},
    {"Info", "DriverStatus", &nothing},
    {"Info", "DefaultAddressPools", &nothing},
    {"Info", "HttpProxy", &no_text},
    {"Info", "HttpsProxy", &no_text},
    {"Info", "NoProxy", &no_text},
    {"Info", "Isolation", &no_text},
    {"Info", "OSVersion", &no_text},
    {"Info", "ProductLicense", &no_text},
    {"Network", "Peers", &nothing},
    {"Network", "Services", &nothing},
    {"Volume", "Status", &nothing},
    {"Volume", "UsageData", &nothing},
    {"Volume", "ClusterVolume", &nothing},
};

// Of these the table has every member.
bool is_whole(std::string_view parent) { return parent == "Healthcheck" || parent == "Mount" || parent == "Pool"; }

bool is_list_of_texts(const Json::Array& array) {
    return std::ranges::all_of(array, [](const Json& element) { return element.string() != nullptr; });
}

}  // namespace

bool is_map_field(std::string_view name) {
    static constexpr std::string_view names[] = {
        "Labels",       "Networks",         "Ports",       "ExposedPorts", "Volumes",    "PortBindings", "Sysctls",
        "Tmpfs",        "StorageOpt",       "Data",        "Options",      "DriverOpts", "Containers",   "Annotations",
        "Attributes",   "Details",          "annotations", "labels",       "Runtimes",   "Services",     "AuxiliaryAddresses",
        "IndexConfigs", "GenericResources", "Status"};
    return std::ranges::find(names, name) != std::ranges::end(names);
}

bool is_pointer_field(std::string_view name) {
    static constexpr std::string_view names[] = {
        "Health",      "Healthcheck", "MemorySwappiness", "OomKillDisable", "PidsLimit",       "Init",
        "StopTimeout", "IPAMConfig",  "SizeRw",           "SizeRootFs",     "GraphDriver",     "ConfigFrom",
        "Actor",       "Descriptor",  "UsageData",        "ClusterVolume",  "ContainerConfig", "ImageManifestDescriptor"};
    return std::ranges::find(names, name) != std::ranges::end(names);
}

bool is_duration(const Value& value) {
    static constexpr std::string_view names[] = {"Interval", "Timeout", "StartPeriod", "StartInterval"};
    return value.json->integer() != nullptr && std::ranges::find(names, value.field) != std::ranges::end(names);
}

// Two members of docker's documents are called Config: that of LogConfig is a map, the options of a log.
std::string_view field_in(std::string_view parent, std::string_view name) {
    if (parent == "LogConfig" && name == "Config") return "Options";
    const bool is_moment = (parent == "Network" && name == "Created") || (parent == "Metadata" && name == "LastTagTime") ||
                           (parent == "Probe" && (name == "Start" || name == "End"));
    return is_moment ? "Moment" : name;
}

Value whole_document(const Json& document) {
    static constexpr std::pair<std::string_view, std::string_view> marks[] = {{"RepoTags", "Image"},
                                                                              {"IPAM", "Network"},
                                                                              {"Mountpoint", "Volume"},
                                                                              {"HostConfig", "Container"},
                                                                              {"DockerRootDir", "Info"}};
    for (const auto& [member, type] : marks)
        if (document.find(member) != nullptr) return {&document, type};
    return {&document};
}

std::string moment_of(const Value& value) {
    std::string text = *value.json->string();
    const std::size_t t = text.find('T');
    if (t == std::string::npos || !text.ends_with('Z')) return text;
    text[t] = ' ';
    text.pop_back();
    if (text.find('.') != std::string::npos) text.erase(text.find_last_not_of("0") + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + " +0000 UTC";
}

Value element_of(const Value& list, const Json& element) {
    if (list.field == "Mounts") return {&element, "Mount"};
    if (list.field == "Config") return {&element, "Pool"};
    if (list.field == "Log") return {&element, "Probe"};
    return {&element, element.is_null() ? "null" : ""};
}

std::optional<Value> absent_member(const Value& object, std::string_view name) {
    for (const Member& member : members)
        if (member.parent == object.field && member.name == name && member.when_absent != nullptr)
            return Value{member.when_absent, member.name};
    if (is_pointer_field(name)) return Value{&nothing, "Health"};
    return std::nullopt;
}

std::vector<std::pair<std::string_view, Value>> members_of(const Value& object) {
    std::vector<std::pair<std::string_view, Value>> out;
    if (is_whole(object.field))
        for (const Member& member : members) {
            if (member.parent != object.field) continue;
            const Json* found = object.json->find(member.name);
            if (found == nullptr) found = member.when_absent;
            if (found != nullptr) out.push_back({member.name, {found, member.name}});
        }
    for (const auto& [name, json] : *object.json->object())
        if (std::ranges::find(out, std::string_view(name), [](const auto& known) { return known.first; }) == out.end())
            out.push_back({name, {&json, field_in(object.field, name)}});
    if (is_map_field(object.field)) std::ranges::sort(out, {}, [](const auto& member) { return member.first; });
    return out;
}

bool truth_of(const Value& value) {
    const Json& json = *value.json;
    if (const bool* boolean = json.boolean()) return *boolean;
    if (const std::int64_t* integer = json.integer()) return *integer != 0;
    if (const double* number = json.number()) return *number != 0;
    if (const std::string* text = json.string()) return !text->empty();
    if (const Json::Array* array = json.array()) return !array->empty();
    if (const Json::Object* object = json.object()) return !is_map_field(value.field) || !object->empty();
    return json.large() != nullptr;
}

std::string type_of(const Value& value) {
    const Json& json = *value.json;
    if (is_duration(value)) return "time.Duration";
    if (json.boolean() != nullptr) return "bool";
    if (json.integer() != nullptr) return "int";
    if (json.large() != nullptr) return "uint64";
    if (json.number() != nullptr) return "float64";
    if (json.string() != nullptr) return "string";
    if (const Json::Array* array = json.array()) return is_list_of_texts(*array) ? "[]string" : "[]interface {}";
    if (const Json::Object* object = json.object()) {
        const bool holds_texts =
            std::ranges::all_of(*object, [](const auto& member) { return member.second.string() != nullptr; });
        return is_map_field(value.field) && holds_texts ? "map[string]string" : "map[string]interface {}";
    }
    if (is_map_field(value.field)) return "map[string]string";
    return value.field.empty() || is_pointer_field(value.field) ? "<nil>" : "[]string";
}

}  // namespace berth::cli::template_detail

namespace berth::cli {

std::string go_text(const Json& value, std::string_view field) { return template_detail::plain_text({&value, field}); }

}  // namespace berth::cli
