#include "image/v1_image.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "base/cat.h"
#include "image/config.h"

namespace berth::image {
namespace {

/// What history and the older documents need of a document.
struct Members {
    std::string id;
    std::string parent;
    std::string comment;
    std::optional<Moment> created;
    std::string container;
    RunConfig container_config;
    std::string docker_version;
    std::string author;
    std::optional<RunConfig> config;
    std::string architecture;
    std::string os;
};
template <class Io>
void fields(Io& io, Members& m) {
    io.optional("id", m.id);
    io.optional("parent", m.parent);
    io.optional("comment", m.comment);
    io.optional("created", m.created);
    io.optional("container", m.container);
    io.required("container_config", m.container_config);
    io.optional("docker_version", m.docker_version);
    io.optional("author", m.author);
    io.optional("config", m.config);
    io.optional("architecture", m.architecture);
    io.optional("os", m.os);
}

Result<Members> members_of(const Json& document) {
    Json whole = document;
    if (const Json* config = whole.find("container_config"); config == nullptr || config->is_null()) whole.set("container_config", Json(Json::Object{}));
    return from_json<Members>(whole);
}

/// Numbers between dots; what is no number counts as 0 (moby: versions.LessThan).
bool is_older(std::string_view version, const std::array<int, 3>& than) {
    for (const int limit : than) {
        const std::string_view part = version.substr(0, std::min(version.find('.'), version.size()));
        version.remove_prefix(std::min(part.size() + 1, version.size()));
        int number = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
        if (error != std::errc() || end != part.data() + part.size()) number = 0;
        if (number != limit) return number < limit;
    }
    return false;
}

/// Since docker 1.8.3 documents are taken member by member as they are; older ones are written anew.
bool is_kept_as_is(const Members& members) { return !is_older(members.docker_version, {1, 8, 3}); }

Json created_of(const Members& members) { return Json(moment_text(members.created.value_or(Moment{}))); }

Json history_entry(const Members& members) {
    Json entry;
    entry.set("created", created_of(members));
    if (!members.author.empty()) entry.set("author", members.author);
    std::string command;
    for (const std::string& word : members.container_config.cmd.value_or(Strings())) command += cat(command.empty() ? "" : " ", word);
    if (!command.empty()) entry.set("created_by", command);
    if (!members.comment.empty()) entry.set("comment", members.comment);
    return entry;
}

/// As Go writes JSON: these characters stand in texts only.
std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '<') out += "\\u003c";
        else if (c == '>') out += "\\u003e";
        else if (c == '&') out += "\\u0026";
        else out += c;
    }
    return out;
}

}  // namespace

Result<V1Image> parse_v1_image(std::string_view text) {
    Result<Json> document = parse_json(text);
    if (!document.ok()) return std::move(document).error().with_kind(Kind::corrupt);
    if (document.value().object() == nullptr) return Error(Kind::corrupt, "is no object");
    Result<Members> members = members_of(document.value());
    if (!members.ok()) return std::move(members).error().with_kind(Kind::corrupt);
    return V1Image{std::move(members).value().parent, std::move(document).value()};
}

Result<std::string> make_config_text(const std::vector<V1Image>& chain, const std::vector<Digest>& diff_ids) {
    Json::Array history;
    for (const V1Image& image : chain) history.push_back(history_entry(TRY(members_of(image.document))));

    Members top = TRY(members_of(chain.back().document));
    Json config = chain.back().document;
    if (!is_kept_as_is(top)) {
        config = to_json(top);
        config.set("created", created_of(top));
        if (const Json* size = chain.back().document.find("Size"); size != nullptr) config.set("Size", *size);
    }
    for (const std::string_view member : {"id", "parent", "Size", "parent_id", "layer_id", "throwaway"})
        std::erase_if(*config.object(), [&](const auto& known) { return known.first == member; });
    RootFs rootfs;
    rootfs.diff_ids = diff_ids;
    config.set("rootfs", to_json(rootfs));
    config.set("history", Json(std::move(history)));
    std::ranges::sort(*config.object(), {}, [](const auto& member) { return member.first; });
    return escaped(json_text(config));
}

}  // namespace berth::image
