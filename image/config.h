#pragma once
// What an image says about itself: docker's and OCI's configuration document (image-spec config.md), typed. Documents that
// came from elsewhere are stored byte for byte (their digest is the image's id); this is the view of them.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/health.h"
#include "base/json.h"

namespace berth::image {

/// "{}": Go's struct{} as the value of a map that is meant as a set.
struct EmptyObject {
    bool operator==(const EmptyObject&) const = default;
};
template <class Io>
void fields(Io&, EmptyObject&) {}
/// {"80/tcp": {}, "443/tcp": {}}
using NameSet = std::map<std::string, EmptyObject>;
using Strings = std::vector<std::string>;

/// Read when there, always written: docker writes these members even when empty.
template <class Io, class T>
void always(Io& io, std::string_view name, T& value) {
    if constexpr (Io::reads) io.optional(name, value);
    else io.required(name, value);
}
/// As always, but an empty list or map is written as null, as Go does with a nil slice.
template <class Io, class T>
void always_or_null(Io& io, std::string_view name, T& value) {
    if constexpr (Io::reads) {
        io.optional(name, value);
    } else {
        const Json written = value.empty() ? Json() : to_json(value);
        io.required(name, written);
    }
}

/// docker: Config, as an image carries it and a container starts from it.
struct RunConfig {
    std::string hostname;
    std::string domainname;
    std::string user;
    bool attach_stdin = false;
    bool attach_stdout = false;
    bool attach_stderr = false;
    NameSet exposed_ports;
    bool tty = false;
    bool open_stdin = false;
    bool stdin_once = false;
    Strings env;
    /// Absent and empty differ: an absent one is inherited, `CMD []` clears.
    std::optional<Strings> cmd;
    std::optional<HealthConfig> healthcheck;
    bool args_escaped = false;
    std::string image;
    NameSet volumes;
    std::string working_dir;
    std::optional<Strings> entrypoint;
    bool network_disabled = false;
    std::string mac_address;
    Strings on_build;
    std::map<std::string, std::string> labels;
    std::string stop_signal;
    std::optional<std::int64_t> stop_timeout;
    Strings shell;
    bool operator==(const RunConfig&) const = default;
};
template <class Io>
void fields(Io& io, RunConfig& c) {
    always(io, "Hostname", c.hostname);
    always(io, "Domainname", c.domainname);
    always(io, "User", c.user);
    always(io, "AttachStdin", c.attach_stdin);
    always(io, "AttachStdout", c.attach_stdout);
    always(io, "AttachStderr", c.attach_stderr);
    io.optional("ExposedPorts", c.exposed_ports);
    always(io, "Tty", c.tty);
    always(io, "OpenStdin", c.open_stdin);
    always(io, "StdinOnce", c.stdin_once);
    always_or_null(io, "Env", c.env);
    always(io, "Cmd", c.cmd);
    io.optional("Healthcheck", c.healthcheck);
    io.optional("ArgsEscaped", c.args_escaped);
    always(io, "Image", c.image);
    always_or_null(io, "Volumes", c.volumes);
    always(io, "WorkingDir", c.working_dir);
    always(io, "Entrypoint", c.entrypoint);
    io.optional("NetworkDisabled", c.network_disabled);
    io.optional("MacAddress", c.mac_address);
    always_or_null(io, "OnBuild", c.on_build);
    always_or_null(io, "Labels", c.labels);
    io.optional("StopSignal", c.stop_signal);
    io.optional("StopTimeout", c.stop_timeout);
    io.optional("Shell", c.shell);
}

/// One line of `history`, oldest first in the document.
struct HistoryEntry {
    std::optional<Moment> created;
    std::string created_by;
    std::string author;
    std::string comment;
    bool empty_layer = false;
    bool operator==(const HistoryEntry&) const = default;
};
template <class Io>
void fields(Io& io, HistoryEntry& h) {
    io.optional("created", h.created);
    io.optional("created_by", h.created_by);
    io.optional("author", h.author);
    io.optional("comment", h.comment);
    io.optional("empty_layer", h.empty_layer);
}

struct RootFs {
    std::string type = "layers";
    std::vector<Digest> diff_ids;  ///< bottom first
};
template <class Io>
void fields(Io& io, RootFs& r) {
    always(io, "type", r.type);
    always(io, "diff_ids", r.diff_ids);
}

/// The whole document.
struct ImageConfig {
    std::string architecture;
    std::string variant;
    std::string os;
    std::string os_version;
    std::optional<Moment> created;
    std::string author;
    std::string comment;
    std::string docker_version;
    std::string container;
    RunConfig config;
    RootFs rootfs;
    std::vector<HistoryEntry> history;
};
template <class Io>
void fields(Io& io, ImageConfig& c) {
    always(io, "architecture", c.architecture);
    io.optional("variant", c.variant);
    io.optional("author", c.author);
    io.optional("comment", c.comment);
    io.optional("config", c.config);
    io.optional("container", c.container);
    io.optional("created", c.created);
    io.optional("docker_version", c.docker_version);
    io.optional("history", c.history);
    always(io, "os", c.os);
    io.optional("os.version", c.os_version);
    always(io, "rootfs", c.rootfs);
}

/// A new configuration for this machine: its architecture and os, created now.
ImageConfig make_image_config();
/// The configuration with one more history entry; `created` follows it.
void append_history(ImageConfig& config, HistoryEntry entry);
/// The document; Kind::corrupt with the member's path when it does not fit, when rootfs is of another type than "layers".
Result<ImageConfig> parse_image_config(std::string_view text);
std::string image_config_text(const ImageConfig& config);

/// Go's word for this machine's architecture: "amd64", "arm64", …
const std::string& host_architecture();

}  // namespace berth::image
