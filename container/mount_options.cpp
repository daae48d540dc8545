// The grammars are docker's (moby volume/mounts/linux_parser.go, docker/cli opts/mount.go), with podman's U and idmap.
// Where docker's message leaves the user alone, ours names the word that is wrong and what may stand there.

#include "container/mount_options.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/cat.h"
#include "base/ids.h"
#include "base/root.h"

namespace berth::container {

namespace {

constexpr std::string_view propagations[] = {"rprivate", "private", "rshared", "shared", "rslave", "slave"};

bool is_propagation(std::string_view word) {
    return std::find(std::begin(propagations), std::end(propagations), word) != std::end(propagations);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const std::size_t at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

Error bad_flag(std::string_view flag, std::string_view text, std::string_view what) {
    return Error(Kind::invalid, cat("invalid ", flag, " '", text, "': ", what));
}

/// The absolute host path for a bind source as typed.
std::string host_path(std::string_view source, const MountPaths& paths) {
    if (source == "~" || source.starts_with("~/")) return join_path(paths.home, cat("./", source.substr(1)));
    return join_path(paths.working_folder, source);
}

Result<std::string> clean_target(std::string_view flag, std::string_view text, std::string_view target) {
    if (target.empty()) return bad_flag(flag, text, "the path in the container is missing");
    if (target[0] != '/') return bad_flag(flag, text, cat("the path in the container must be absolute, found '", target, "'"));
    std::string clean = clean_path(target);
    if (clean == "/") return bad_flag(flag, text, "the path in the container must not be '/'");
    return clean;
}

Result<void> check_volume_name(std::string_view flag, std::string_view text, const std::string& name) {
    const auto parsed = ObjectName::parse(name);
    if (parsed.ok() && parsed.value().str() == name) return {};
    return bad_flag(flag, text, cat("'", name, "' is no volume name: expected letters, digits, '_', '.' and '-', at least two"))
        .with_hint("a host folder is written as an absolute path, or with ./ in front");
}

/// One word of -v's option list. Each kind may stand once.
struct VolumeWords {
    bool access = false, label = false, propagation = false, copy = false, consistency = false, owner = false;
};
Result<void> apply_volume_word(std::string_view text, std::string_view word, VolumeWords& seen, Mount& mount) {
    const auto once = [&](bool& flag) -> Result<void> {
        if (flag) return bad_flag("-v", text, cat("option '", word, "' contradicts another"));
        flag = true;
        return {};
    };
    if (word == "ro" || word == "rw") return mount.read_only = word == "ro", once(seen.access);
    if (word == "rro") return mount.read_only = true, mount.recursion = BindRecursion::readonly, once(seen.access);
    if (word == "z" || word == "Z") return mount.relabel = true, once(seen.label);
    if (is_propagation(word)) return mount.propagation = word, once(seen.propagation);
    if (word == "nocopy") return mount.no_copy = true, once(seen.copy);
    if (word == "consistent" || word == "cached" || word == "delegated" || word == "default") return once(seen.consistency);
    if (word == "U") return mount.own = true, once(seen.owner);
    if (word == "idmap" || word.starts_with("idmap=")) return mount.id_map = word, once(seen.owner);
    return bad_flag("-v", text, cat("unknown option '", word, "'"))
        .with_hint("options are ro, rw, rro, z, Z, nocopy, U, idmap, [r]private, [r]shared, [r]slave");
}

Result<void> check_volume_options(std::string_view text, const Mount& mount) {
    if (mount.type == MountType::bind && mount.no_copy) return bad_flag("-v", text, "nocopy is for volumes");
    if (mount.type == MountType::volume && !mount.propagation.empty())
        return bad_flag("-v", text, cat("'", mount.propagation, "' is for host folders"));
    return {};
}

// --- --mount -----------------------------------------------------------------------------------------------------------

/// One line of CSV (RFC 4180): a field in double quotes may hold commas, and "" stands for one quote.
Result<std::vector<std::string>> split_csv(std::string_view text) {
    std::vector<std::string> fields_found(1);
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string& field = fields_found.back();
        if (quoted && text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') field.push_back(text[++i]);
        else if (quoted && text[i] == '"') quoted = false;
        else if (!quoted && text[i] == '"' && field.empty()) quoted = true;
        else if (!quoted && text[i] == ',') fields_found.emplace_back();
        else field.push_back(text[i]);
    }
    if (quoted) return bad_flag("--mount", text, "a double quote is not closed");
    return fields_found;
}

Result<bool> parse_switch(std::string_view text, std::string_view key, const std::optional<std::string>& value) {
    if (!value || *value == "true" || *value == "1" || *value == "t" || *value == "TRUE" || *value == "True") return true;
    if (*value == "false" || *value == "0" || *value == "f" || *value == "FALSE" || *value == "False") return false;
    return bad_flag("--mount", text, cat("'", key, "' is true or false, not '", *value, "'"));
}

Result<unsigned> parse_octal_mode(std::string_view text, std::string_view value) {
    unsigned mode = 0;
    const char* const end = value.data() + value.size();
    const auto parsed = std::from_chars(value.data(), end, mode, 8);
    if (parsed.ec != std::errc() || parsed.ptr != end || mode > 07777)
        return bad_flag("--mount", text, cat("tmpfs-mode is octal, as 1777, not '", value, "'"));
    return mode;
}

Result<void> add_pair(std::string_view text, std::string_view key, const std::string& value,
                      std::map<std::string, std::string>& into) {
    const std::size_t equals = value.find('=');
    if (equals == 0 || value.empty()) return bad_flag("--mount", text, cat("'", key, "' needs a name"));
    into[value.substr(0, equals)] = equals == std::string::npos ? "" : value.substr(equals + 1);
    return {};
}

Result<BindRecursion> parse_recursion(std::string_view text, std::string_view value) {
    const auto parsed = JsonText<BindRecursion>::parse(value);
    if (parsed.ok()) return parsed.value();
    return bad_flag("--mount", text, cat("bind-recursive is enabled, disabled, writable or readonly, not '", value, "'"));
}

/// Where the keys of a --mount are put: the mount itself, and which type each belongs to.
struct MountKeys {
    std::string_view text;
    const MountPaths& paths;
    Mount mount;
    std::string bind_key, volume_key, tmpfs_key, image_key;  ///< the first key of that sort, to name it
    bool has_recursion = false;

    Result<void> apply_common(std::string_view key, const std::optional<std::string>& value, bool& known);
    Result<void> apply_bind(std::string_view key, const std::optional<std::string>& value, bool& known);
    Result<void> apply_volume(std::string_view key, const std::optional<std::string>& value, bool& known);
    Result<void> apply_tmpfs(std::string_view key, const std::optional<std::string>& value, bool& known);
    Result<void> check() const;
};

Result<void> MountKeys::apply_common(std::string_view key, const std::optional<std::string>& value, bool& known) {
    known = true;
    const std::string word = value.value_or("");
    if (key == "type") {
        const auto type = JsonText<MountType>::parse(word);
        if (!type.ok()) return bad_flag("--mount", text, cat("type is bind, volume, tmpfs or image, not '", word, "'"));
        mount.type = type.value();
    } else if (key == "source" || key == "src") {
        mount.source = word;
    } else if (key == "target" || key == "dst" || key == "destination") {
        mount.target = TRY(clean_target("--mount", text, word));
    } else if (key == "readonly" || key == "ro") {
        mount.read_only = TRY(parse_switch(text, key, value));
    } else if (key == "readwrite" || key == "rw") {
        const bool writable = TRY(parse_switch(text, key, value));
        mount.read_only = !writable;
    } else if (key == "u" || key == "chown") {
        mount.own = TRY(parse_switch(text, key, value));
    } else if (key == "idmap") {
        mount.id_map = word.empty() ? "idmap" : cat("idmap=", word);
    } else if (key != "consistency" && key != "relabel" && key != "z") {
        known = false;
    }
    return {};
}

Result<void> MountKeys::apply_bind(std::string_view key, const std::optional<std::string>& value, bool& known) {
    const std::string word = value.value_or("");
    known = true;
    if (key == "bind-propagation") {
        if (!is_propagation(word))
            return bad_flag("--mount", text, cat("bind-propagation is [r]private, [r]shared or [r]slave, not '", word, "'"));
        mount.propagation = word;
    } else if (key == "bind-recursive") {
        mount.recursion = TRY(parse_recursion(text, word));
        has_recursion = true;
    } else if (key == "bind-nonrecursive") {
        const bool only_top = TRY(parse_switch(text, key, value));
        mount.recursion = only_top ? BindRecursion::disabled : BindRecursion::enabled;
    } else if (key == "bind-create-src" || key == "bind-create-mountpoint") {
        mount.create_source = TRY(parse_switch(text, key, value));
    } else {
        known = false;
    }
    if (known && bind_key.empty()) bind_key = key;
    return {};
}

Result<void> MountKeys::apply_volume(std::string_view key, const std::optional<std::string>& value, bool& known) {
    const std::string word = value.value_or("");
    known = true;
    if (key == "volume-nocopy") mount.no_copy = TRY(parse_switch(text, key, value));
    else if (key == "volume-subpath") mount.subpath = word;
    else if (key == "volume-label") TRY(add_pair(text, key, word, mount.labels));
    else if (key == "volume-driver") mount.driver = word;
    else if (key == "volume-opt") TRY(add_pair(text, key, word, mount.driver_options));
    else known = false;
    if (known && volume_key.empty()) volume_key = key;
    return {};
}

Result<void> MountKeys::apply_tmpfs(std::string_view key, const std::optional<std::string>& value, bool& known) {
    const std::string word = value.value_or("");
    known = true;
    if (key == "image-subpath" || key == "subpath") {
        mount.subpath = word;
        if (image_key.empty() && key == "image-subpath") image_key = key;
        return {};
    }
    if (key == "tmpfs-size") mount.tmpfs_size = TRY(parse_size(word), "invalid --mount '", text, "'");
    else if (key == "tmpfs-mode") mount.tmpfs_mode = TRY(parse_octal_mode(text, word));
    else if (key == "tmpfs-options") mount.tmpfs_options = word;
    else known = false;
    if (known && tmpfs_key.empty()) tmpfs_key = key;
    return {};
}

Result<void> MountKeys::check() const {
    const auto wrong = [&](const std::string& key) {
        return bad_flag("--mount", text, cat("'", key, "' does not go with type=", mount_type_text(mount.type)));
    };
    if (mount.target.empty()) return bad_flag("--mount", text, "target= is missing");
    if (!bind_key.empty() && mount.type != MountType::bind) return wrong(bind_key);
    if (!volume_key.empty() && mount.type != MountType::volume) return wrong(volume_key);
    if (!tmpfs_key.empty() && mount.type != MountType::tmpfs) return wrong(tmpfs_key);
    if (!image_key.empty() && mount.type != MountType::image) return wrong(image_key);
    if (mount.type == MountType::tmpfs && !mount.source.empty()) return wrong("source");
    if (mount.type != MountType::volume && mount.type != MountType::tmpfs && mount.source.empty())
        return bad_flag("--mount", text, "source= is missing");
    if (has_recursion && mount.recursion != BindRecursion::enabled && mount.recursion != BindRecursion::disabled &&
        !mount.read_only)
        return bad_flag("--mount", text, "bind-recursive=writable and =readonly go with readonly only");
    if (mount.recursion == BindRecursion::readonly && !mount.propagation.empty() && mount.propagation != "rprivate")
        return bad_flag("--mount", text, "bind-recursive=readonly needs bind-propagation=rprivate");
    if (mount.subpath.starts_with('/') || clean_path(mount.subpath).starts_with(".."))
        return bad_flag("--mount", text, cat("a subpath is relative and stays inside, found '", mount.subpath, "'"));
    return {};
}

// --- tmpfs -------------------------------------------------------------------------------------------------------------

constexpr std::string_view tmpfs_words[] = {"ro", "rw", "exec", "noexec", "suid", "nosuid", "dev", "nodev", "sync", "async",
                                            "dirsync", "atime", "noatime", "diratime", "nodiratime", "relatime",
                                            "norelatime", "strictatime", "nostrictatime", "mand", "nomand"};
constexpr std::string_view tmpfs_keys[] = {"size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol"};

Result<void> check_tmpfs_word(std::string_view text, std::string_view word) {
    const auto holds = [](const auto& list, std::string_view wanted) {
        return std::find(std::begin(list), std::end(list), wanted) != std::end(list);
    };
    if (holds(tmpfs_words, word)) return {};
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos && holds(tmpfs_keys, word.substr(0, equals))) return {};
    return bad_flag("--tmpfs", text, cat("unknown option '", word, "'"))
        .with_hint("options are size=, mode=, uid=, gid=, nr_inodes=, ro, exec, suid, dev, noatime");
}

}  // namespace

std::string_view mount_type_text(MountType type) {
    switch (type) {
        case MountType::bind: return "bind";
        case MountType::volume: return "volume";
        case MountType::tmpfs: return "tmpfs";
        case MountType::image: return "image";
    }
    bug("mount type out of range");
}

Result<Mount> parse_volume_flag(std::string_view text, const MountPaths& paths) {
    const std::vector<std::string_view> parts = split(text, ':');
    if (parts.size() > 3) return bad_flag("-v", text, "expected [SOURCE:]TARGET[:OPTIONS]");
    Mount mount;
    if (parts.size() == 1) {
        mount.target = TRY(clean_target("-v", text, parts[0]));
        return mount;
    }
    if (parts[0].empty()) return bad_flag("-v", text, "the part before ':' is empty");
    mount.target = TRY(clean_target("-v", text, parts[1]));
    if (parts[0][0] == '/' || parts[0][0] == '.' || parts[0][0] == '~') {
        mount.type = MountType::bind;
        mount.source = host_path(parts[0], paths);
        mount.create_source = true;
    } else {
        mount.source = parts[0];
        TRY(check_volume_name("-v", text, mount.source));
    }
    if (parts.size() == 3) {
        mount.mode = parts[2];
        VolumeWords seen;
        for (const std::string_view word : split(parts[2], ',')) TRY(apply_volume_word(text, word, seen, mount));
        TRY(check_volume_options(text, mount));
    }
    return mount;
}

Result<Mount> parse_mount_flag(std::string_view text, const MountPaths& paths) {
    MountKeys keys{.text = text, .paths = paths, .mount = {}, .bind_key = {}, .volume_key = {}, .tmpfs_key = {}, .image_key = {}};
    const std::vector<std::string> pairs = TRY(split_csv(text));
    for (const std::string& pair : pairs) {
        const std::size_t equals = pair.find('=');
        std::string key = pair.substr(0, equals);
        std::transform(key.begin(), key.end(), key.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        const auto value = equals == std::string::npos ? std::nullopt : std::optional<std::string>(pair.substr(equals + 1));
        constexpr std::string_view switches[] = {"readonly", "ro", "readwrite", "rw", "volume-nocopy", "bind-nonrecursive",
                                                 "bind-create-src", "bind-create-mountpoint", "u", "chown", "idmap"};
        if (!value && std::find(std::begin(switches), std::end(switches), key) == std::end(switches))
            return bad_flag("--mount", text, cat("'", pair, "' must be a key=value pair"));

        bool known = false;
        TRY(keys.apply_common(key, value, known));
        if (!known) TRY(keys.apply_bind(key, value, known));
        if (!known) TRY(keys.apply_volume(key, value, known));
        if (!known) TRY(keys.apply_tmpfs(key, value, known));
        if (!known) return bad_flag("--mount", text, cat("unknown key '", key, "'"));
    }
    TRY(keys.check());
    Mount& mount = keys.mount;
    if (mount.type == MountType::bind) {
        const bool is_relative = mount.source == "." || mount.source == ".." || mount.source.starts_with("./") ||
                                 mount.source.starts_with("../") || mount.source[0] == '~';
        if (mount.source[0] != '/' && !is_relative)
            return bad_flag("--mount", text, cat("the source of a bind is an absolute path, found '", mount.source, "'"));
        mount.source = host_path(mount.source, paths);
    }
    if (mount.type == MountType::volume && !mount.source.empty())
        TRY(check_volume_name("--mount", text, mount.source));
    return std::move(mount);
}

Result<Mount> parse_tmpfs_flag(std::string_view text) {
    const std::size_t colon = text.find(':');
    Mount mount;
    mount.type = MountType::tmpfs;
    mount.create_source = true;  // Tells it from --mount, whose place in inspect is another.
    mount.target = TRY(clean_target("--tmpfs", text, text.substr(0, colon)));
    if (colon == std::string_view::npos) return mount;
    mount.tmpfs_options = text.substr(colon + 1);
    mount.mode = mount.tmpfs_options;
    for (const std::string_view word : split(mount.tmpfs_options, ','))
        if (!word.empty()) TRY(check_tmpfs_word(text, word));
    return mount;
}

std::string bind_text(const Mount& mount) {
    return cat(mount.source, ":", mount.target, mount.mode.empty() ? "" : ":", mount.mode);
}

Result<VolumesFrom> parse_volumes_from(std::string_view text) {
    VolumesFrom from;
    const std::size_t colon = text.find(':');
    from.container = text.substr(0, colon);
    if (from.container.empty()) return bad_flag("--volumes-from", text, "the container is missing");
    if (colon == std::string_view::npos) return from;
    for (const std::string_view word : split(text.substr(colon + 1), ',')) {
        if (word == "ro") from.access = VolumesFrom::Access::read_only;
        else if (word == "rw") from.access = VolumesFrom::Access::read_write;
        else if (word != "z" && word != "Z")
            return bad_flag("--volumes-from", text, cat("expected ro or rw behind ':', found '", word, "'"));
    }
    return from;
}

Result<std::int64_t> parse_size(std::string_view text) {
    const auto bad = [&] {
        return Error(Kind::invalid, cat("invalid size '", text, "'")).with_hint("sizes look like 1024, 64m or 1.5g");
    };
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (parsed.ec != std::errc() || number < 0) return bad();
    std::string unit(parsed.ptr, end);
    if (unit.starts_with(' ')) unit.erase(0, 1);
    for (char& c : unit)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    constexpr std::string_view units = "kmgtp";
    double factor = 1;
    if (!unit.empty() && units.find(unit[0]) != std::string_view::npos) {
        factor = std::pow(1024.0, static_cast<double>(units.find(unit[0]) + 1));
        unit.erase(0, 1);
    }
    if (!unit.empty() && unit != "b" && unit != "ib") return bad();
    const double bytes = number * factor;
    if (!(bytes < 9.2e18)) return bad();
    return static_cast<std::int64_t>(bytes);
}

}  // namespace berth::container

namespace berth {

Result<container::MountType> JsonText<container::MountType>::parse(std::string_view text) {
    using container::MountType;
    for (const MountType type : {MountType::bind, MountType::volume, MountType::tmpfs, MountType::image})
        if (container::mount_type_text(type) == text) return type;
    return Error(Kind::invalid, cat("unknown mount type '", text, "'"));
}

Result<container::BindRecursion> JsonText<container::BindRecursion>::parse(std::string_view text) {
    using container::BindRecursion;
    for (const BindRecursion recursion :
         {BindRecursion::enabled, BindRecursion::disabled, BindRecursion::writable, BindRecursion::readonly})
        if (JsonText<BindRecursion>::text(recursion) == text) return recursion;
    return Error(Kind::invalid, cat("unknown recursion '", text, "'"));
}

std::string JsonText<container::BindRecursion>::text(const container::BindRecursion& recursion) {
    using container::BindRecursion;
    switch (recursion) {
        case BindRecursion::enabled: return "enabled";
        case BindRecursion::disabled: return "disabled";
        case BindRecursion::writable: return "writable";
        case BindRecursion::readonly: return "readonly";
    }
    bug("bind recursion out of range");
}

}  // namespace berth
