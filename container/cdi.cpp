#include "container/cdi.h"

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/sys.h"
#include "base/yaml.h"
#include "container/merge.h"
#include "runtime/defaults.h"

namespace berth::container {

namespace {

struct Node {
    std::string path, host_path, permissions;
};
template <class Io>
void fields(Io& io, Node& node) {
    io.required("path", node.path);
    io.optional("hostPath", node.host_path);
    io.optional("permissions", node.permissions);
}

struct BoundPath {
    std::string host, inside, type;
    Words options;
};
template <class Io>
void fields(Io& io, BoundPath& mount) {
    io.required("hostPath", mount.host);
    io.required("containerPath", mount.inside);
    io.optional("type", mount.type);
    io.optional("options", mount.options);
}

struct NamedHook {
    std::string when;
    runtime::Hook hook;
};
template <class Io>
void fields(Io& io, NamedHook& named) {
    io.required("hookName", named.when);
    io.required("path", named.hook.path);
    io.optional("args", named.hook.args);
    io.optional("env", named.hook.env);
    io.optional("timeout", named.hook.timeout);
}

struct Edits {
    Words env;
    std::vector<Node> nodes;
    std::vector<BoundPath> mounts;
    std::vector<NamedHook> hooks;
};
template <class Io>
void fields(Io& io, Edits& edits) {
    io.optional("env", edits.env);
    io.optional("deviceNodes", edits.nodes);
    io.optional("mounts", edits.mounts);
    io.optional("hooks", edits.hooks);
}

struct Device {
    std::string name;
    Edits edits;
};
template <class Io>
void fields(Io& io, Device& device) {
    io.required("name", device.name);
    io.required("containerEdits", device.edits);
}

/// One file: devices of one kind, and what each of them needs beside its own changes.
struct Description {
    std::string kind;
    std::vector<Device> devices;
    std::optional<Edits> common;
};
template <class Io>
void fields(Io& io, Description& description) {
    io.required("kind", description.kind);
    io.required("devices", description.devices);
    io.optional("containerEdits", description.common);
}

Result<void> add_node(runtime::Spec& spec, const Node& node) {
    const std::string& host = node.host_path.empty() ? node.path : node.host_path;
    for (const runtime::HostDevice& found : TRY(runtime::host_devices(host, node.path, node.permissions.empty() ? "rwm" : node.permissions))) {
        spec.linux->devices.push_back(found.device);
        spec.linux->resources->devices.push_back(found.rule);
    }
    return {};
}

Result<void> add_hook(runtime::Spec& spec, const NamedHook& named) {
    runtime::Hooks& hooks = spec.hooks ? *spec.hooks : spec.hooks.emplace();
    const std::pair<std::string_view, std::vector<runtime::Hook>*> known[] = {
        {"prestart", &hooks.prestart},           {"createRuntime", &hooks.create_runtime}, {"createContainer", &hooks.create_container},
        {"startContainer", &hooks.start_container}, {"poststart", &hooks.poststart},          {"poststop", &hooks.poststop}};
    for (const auto& [name, list] : known)
        if (name == named.when) return list->push_back(named.hook), Result<void>();
    return Error(Kind::invalid, cat("unknown hook '", named.when, "'"));
}

Result<void> apply(runtime::Spec& spec, const Edits& edits) {
    for (const std::string& entry : edits.env) set_env(spec.process->env, entry);
    for (const Node& node : edits.nodes) TRY(add_node(spec, node));
    for (const BoundPath& mount : edits.mounts) {
        runtime::Mount one{mount.inside, mount.type.empty() ? "bind" : mount.type, mount.host, mount.options, {}, {}};
        if (std::ranges::find(one.options, "bind") == one.options.end() && std::ranges::find(one.options, "rbind") == one.options.end())
            one.options.push_back("rbind");
        spec.mounts.push_back(std::move(one));
    }
    for (const NamedHook& hook : edits.hooks) TRY(add_hook(spec, hook));
    return {};
}

bool is_yaml(std::string_view name) { return name.ends_with(".yaml") || name.ends_with(".yml"); }

/// All descriptions of the folders, the last one first.
Result<std::vector<Description>> load_descriptions(std::span<const std::string_view> folders) {
    std::vector<Description> out;
    for (const std::string_view path : folders) {
        const auto folder = sys::open(std::string(path), O_RDONLY | O_DIRECTORY);
        if (!folder.ok()) continue;
        for (const std::string& name : TRY(list_folder(folder.value()), path)) {
            const std::string file = cat(path, '/', name);
            if (!is_yaml(name) && !name.ends_with(".json")) continue;
            const std::string text = TRY(read_file(file, 4u << 20));
            const Json document = TRY(is_yaml(name) ? parse_yaml(text) : parse_json(text), file);
            out.insert(out.begin(), TRY(from_json<Description>(document), file));
        }
    }
    return out;
}

Error no_such_device(std::string_view name, const std::vector<Description>& known) {
    std::string names;
    for (const Description& description : known)
        for (const Device& device : description.devices) names += cat(names.empty() ? "" : ", ", description.kind, '=', device.name);
    // Invalid, not absent: that would mean that the program is missing (exit code 127).
    return Error(Kind::invalid, cat("device ", name, ": no file in /etc/cdi or /var/run/cdi describes it"))
        .with_hint(names.empty() ? "the vendor's tool writes it: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml" : cat("there are: ", names));
}

}  // namespace

bool is_cdi_name(std::string_view text) {
    const std::size_t slash = text.find('/'), equals = text.find('=');
    return slash != 0 && slash != std::string_view::npos && equals != std::string_view::npos && slash < equals && equals + 1 < text.size();
}

Result<void> apply_cdi_device(runtime::Spec& spec, std::string_view name, std::span<const std::string_view> folders) {
    const std::vector<Description> known = TRY(load_descriptions(folders));
    const std::size_t equals = name.find('=');
    for (const Description& description : known) {
        if (description.kind != name.substr(0, equals)) continue;
        const auto device = std::ranges::find(description.devices, name.substr(equals + 1), &Device::name);
        if (device == description.devices.end()) continue;
        if (description.common) TRY(apply(spec, *description.common), "device ", name);
        TRY(apply(spec, device->edits), "device ", name);
        return {};
    }
    return no_such_device(name, known);
}

}  // namespace berth::container
