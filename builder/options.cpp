#include "builder/options.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

#include "builder/text.h"

namespace berth::builder {
namespace {

Result<void> set_secret_part(Secret& secret, std::string& id, std::string& type, std::string_view field) {
    const Cut parts = cut(field, '=');
    const std::string key = to_lower(parts.before);
    const std::string value(parts.after.value_or(""));
    if (!parts.after) return Error(Kind::invalid, cat("invalid field '", field, "' must be a key=value pair"));
    if (key == "id") id = value;
    else if (key == "src" || key == "source") secret.file = value;
    else if (key == "env") secret.variable = value;
    else if (key == "type") type = value;
    else return Error(Kind::invalid, cat("unexpected key '", key, "'", suggestion(key, {"id", "src", "source", "env", "type"})));
    return {};
}

Result<CachePlace> parse_cache_place(const std::string& text, CacheUse use) {
    const auto fields = split_csv(text);
    if (!fields) return Error(Kind::invalid, "a quote stands wrong");
    const std::string_view folder_key = use == CacheUse::import_from ? "src" : "dest";
    CachePlace place;
    std::string type;
    for (const std::string& field : *fields) {
        const Cut parts = cut(field, '=');
        const std::string value(parts.after.value_or(""));
        // docker: a word alone is an image of a registry.
        if (!parts.after) return Error(Kind::unsupported, "results are not taken from or left in a registry").with_hint(cat("use type=local,", folder_key, "=FOLDER"));
        if (parts.before == "type") type = value;
        else if (parts.before == folder_key) place.folder = value;
        else if (parts.before == "mode" && use == CacheUse::export_to && (value == "min" || value == "max")) place.all_stages = value == "max";
        else return Error(Kind::unsupported, cat("'", field, "' is not supported")).with_hint(cat("use type=local,", folder_key, "=FOLDER"));
    }
    if (type != "local") return Error(Kind::unsupported, cat("type '", type, "' is not supported")).with_hint(cat("use type=local,", folder_key, "=FOLDER"));
    if (place.folder.empty()) return Error(Kind::invalid, cat(folder_key, "=FOLDER is missing"));
    return place;
}

Result<Moment> parse_epoch_text(const std::string& text) {
    std::int64_t seconds = 0;
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failure == std::errc() && end == text.data() + text.size()) return Moment{seconds * 1'000'000'000};
    auto moment = parse_moment(text);
    if (moment.ok()) return moment;
    return Error(Kind::invalid, cat("invalid SOURCE_DATE_EPOCH '", text, "': expected seconds since 1970 or a date"));
}

}  // namespace

Result<std::map<std::string, Secret>> parse_secrets(const std::vector<std::string>& texts) {
    std::map<std::string, Secret> secrets;
    for (const std::string& text : texts) {
        const auto fields = split_csv(text);
        if (!fields) return Error(Kind::invalid, cat("--secret '", text, "': a quote stands wrong"));
        Secret secret;
        std::string id, type;
        for (const std::string& field : *fields) TRY(set_secret_part(secret, id, type, field), "--secret '", text, "'");
        if (id.empty()) return Error(Kind::invalid, cat("--secret '", text, "': id is missing"));
        // docker: `type=env` makes the source a variable's name, and so does a variable that has the secret's name.
        if (type == "env" && secret.variable.empty()) secret.variable = std::exchange(secret.file, {});
        if (secret.file.empty() && secret.variable.empty()) (std::getenv(id.c_str()) != nullptr ? secret.variable : secret.file) = id;
        if (!secret.file.empty() && ::access(secret.file.c_str(), R_OK) != 0) return Error::of_errno(errno, cat("--secret id=", id, ": ", secret.file));
        secrets[id] = std::move(secret);
    }
    return secrets;
}

Result<std::map<std::string, SshSource>> parse_ssh(const std::vector<std::string>& texts) {
    std::map<std::string, SshSource> sources;
    for (const std::string& text : texts) {
        const Cut parts = cut(text, '=');
        std::string places(parts.after.value_or(""));
        if (places.empty()) {
            const char* agent = std::getenv("SSH_AUTH_SOCK");
            if (agent == nullptr || *agent == '\0')
                return Error(Kind::invalid, cat("--ssh ", text, ": invalid empty ssh agent socket: SSH_AUTH_SOCK is not set")).with_hint("start an agent: eval $(ssh-agent); ssh-add");
            places = agent;
        }
        SshSource source;
        for (const std::string& place : split(places, ',')) {
            struct stat status {};
            if (::stat(place.c_str(), &status) != 0) return Error::of_errno(errno, cat("--ssh ", text, ": ", place));
            if (S_ISSOCK(status.st_mode)) source.socket = place;
            else source.keys.push_back(place);
        }
        if (!source.socket.empty() && places.find(',') != std::string::npos) return Error(Kind::invalid, cat("--ssh ", text, ": an agent's socket stands alone"));
        sources[std::string(parts.before)] = std::move(source);
    }
    return sources;
}

Result<container::Ulimit> parse_ulimit(std::string_view text) {
    const Cut parts = cut(text, '=');
    const Cut numbers = cut(parts.after.value_or(""), ':');
    container::Ulimit limit;
    limit.name = parts.before;
    const auto parse = [&](std::string_view number, std::int64_t& into) {
        const auto [end, failure] = std::from_chars(number.data(), number.data() + number.size(), into);
        return !number.empty() && failure == std::errc() && end == number.data() + number.size();
    };
    if (!parts.after || !parse(numbers.before, limit.soft) || !parse(numbers.after.value_or(numbers.before), limit.hard))
        return Error(Kind::invalid, "expected NAME=SOFT[:HARD]");
    return limit;
}

std::map<std::string, std::string> parse_labels(const std::vector<std::string>& texts) {
    std::map<std::string, std::string> labels;
    for (const std::string& text : texts) {
        const Cut parts = cut(text, '=');
        labels[std::string(parts.before)] = std::string(parts.after.value_or(""));
    }
    return labels;
}

Result<std::set<std::string>> parse_allowed(const std::vector<std::string>& texts) {
    const std::vector<std::string> known = {"network.host", "security.insecure", "device"};
    std::set<std::string> allowed;
    for (const std::string& text : texts) {
        const std::string name(text.substr(0, text.find('=')));
        if (std::find(known.begin(), known.end(), name) == known.end())
            return Error(Kind::invalid, cat("invalid entitlement '", text, "'", suggestion(name, known)));
        allowed.insert(name);
    }
    return allowed;
}

Result<std::vector<image::Reference>> parse_tags(const std::vector<std::string>& texts) {
    std::vector<image::Reference> tags;
    for (const std::string& text : texts) {
        image::Reference tag = TRY(image::Reference::parse_tagged(text), "invalid tag '", text, "'");
        tags.push_back(std::move(tag));
    }
    return tags;
}

Result<NamedContext> parse_named_context(std::string_view text) {
    const Cut parts = cut(text, '=');
    if (!parts.after || parts.before.empty()) return Error(Kind::invalid, "expected NAME=PATH|docker-image://IMAGE|oci-layout://PATH|URL");
    return NamedContext{to_lower(parts.before), std::string(*parts.after)};
}

Result<std::vector<BuildVolume>> parse_volumes(const std::vector<std::string>& texts) {
    std::vector<BuildVolume> volumes;
    for (const std::string& text : texts) {
        const std::vector<std::string> parts = split(text, ':');
        if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || !parts[1].starts_with('/'))
            return Error(Kind::invalid, cat("--volume '", text, "': expected HOST:PATH[:ro]"));
        BuildVolume volume{parts[0], parts[1], false};
        if (parts.size() == 3)
            for (const std::string& option : split(parts[2], ',')) {
                if (option == "ro") volume.read_only = true;
                else if (option != "rw" && option != "z" && option != "Z") return Error(Kind::unsupported, cat("--volume '", text, "': option '", option, "' is not supported"));
            }
        char resolved[PATH_MAX];
        if (::realpath(volume.source.c_str(), resolved) == nullptr) return Error::of_errno(errno, cat("--volume ", volume.source));
        volume.source = resolved;
        volumes.push_back(std::move(volume));
    }
    return volumes;
}

Result<std::vector<CachePlace>> parse_cache_places(const std::vector<std::string>& texts, CacheUse use) {
    std::vector<CachePlace> places;
    for (const std::string& text : texts) {
        CachePlace place = TRY(parse_cache_place(text, use), use == CacheUse::import_from ? "--cache-from '" : "--cache-to '", text, "'");
        places.push_back(std::move(place));
    }
    return places;
}

Result<std::optional<Moment>> parse_epoch(const BuildOptions& options, const std::map<std::string, std::string>& build_args) {
    std::string text = options.source_date_epoch;
    const auto argument = build_args.find("SOURCE_DATE_EPOCH");
    if (text.empty() && argument != build_args.end()) text = argument->second;
    if (text.empty()) return std::optional<Moment>();
    const Moment moment = TRY(parse_epoch_text(text));
    return std::optional(moment);
}

}  // namespace berth::builder
