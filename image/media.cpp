#include "image/media.h"

#include <algorithm>

#include "base/cat.h"
#include "image/config.h"

namespace berth::image {
namespace {

struct ManifestDocument {
    std::int64_t schema = 0;
    std::string media_type;
    std::optional<Descriptor> config;
    std::optional<std::vector<Descriptor>> layers;
    std::optional<std::vector<Descriptor>> manifests;
};
template <class Io>
void fields(Io& io, ManifestDocument& m) {
    io.optional("schemaVersion", m.schema);
    io.optional("mediaType", m.media_type);
    io.optional("config", m.config);
    io.optional("layers", m.layers);
    io.optional("manifests", m.manifests);
}

std::string lower(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

/// Go's GOARCH values for Linux: what a platform of one word may be.
constexpr std::string_view known_architectures[] = {"386",  "amd64",   "arm",   "arm64",    "loong64", "mips",   "mips64",
                                                    "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x"};

/// Other tools' words for architectures, and the variant that a plain word stands for.
Platform normal(Platform p) {
    p.os = lower(p.os.empty() ? "linux" : p.os);
    p.architecture = lower(p.architecture);
    p.variant = lower(p.variant);
    constexpr std::pair<std::string_view, std::string_view> words[] = {
        {"x86_64", "amd64"}, {"x86-64", "amd64"}, {"aarch64", "arm64"}, {"i386", "386"}, {"i686", "386"}, {"armhf", "arm"}, {"armel", "arm"}};
    if (p.architecture == "armhf") p.variant = "v7";
    if (p.architecture == "armel") p.variant = "v6";
    for (const auto& [word, go_word] : words)
        if (p.architecture == word) p.architecture = go_word;
    if (p.architecture == "arm64" && (p.variant == "8" || p.variant == "v8")) p.variant.clear();
    if (p.architecture == "amd64" && p.variant == "v1") p.variant.clear();
    if (p.architecture == "arm" && p.variant.empty()) p.variant = "v7";
    if (p.architecture == "arm" && !p.variant.starts_with('v')) p.variant.insert(0, "v");
    return p;
}

std::string shown(const Platform& p) { return cat(p.os, "/", p.architecture, p.variant.empty() ? "" : "/", p.variant); }

/// buildkit's attestations stand among the manifests of an index, for a platform that does not exist.
bool is_attestation(const Descriptor& descriptor) {
    if (descriptor.annotations.contains("vnd.docker.reference.type")) return true;
    return descriptor.platform && descriptor.platform->os == "unknown";
}

Error corrupt(std::string text) { return Error(Kind::corrupt, cat("manifest: ", text)); }

Result<void> check(const Descriptor& descriptor) {
    TRY(Digest::parse(descriptor.digest), "manifest");
    return descriptor.size < 0 ? Result<void>(corrupt("a size is negative")) : Result<void>();
}

}  // namespace

Platform host_platform() { return normal({"linux", host_architecture(), ""}); }

Result<Platform> parse_platform(std::string_view text) {
    std::vector<std::string> parts;
    for (std::string_view rest = text;;) {
        const std::size_t slash = rest.find('/');
        parts.emplace_back(rest.substr(0, slash));
        if (slash == rest.npos) break;
        rest.remove_prefix(slash + 1);
    }
    const bool has_empty = std::any_of(parts.begin(), parts.end(), [](const std::string& part) { return part.empty(); });
    if (has_empty || parts.size() > 3) return Error(Kind::invalid, cat("platform '", text, "': is not os/architecture[/variant]"));
    if (parts.size() == 1 && lower(parts[0]) == "linux") return host_platform();
    if (parts.size() == 1) {
        Platform platform = normal({"linux", parts[0], ""});
        if (std::find(std::begin(known_architectures), std::end(known_architectures), platform.architecture) == std::end(known_architectures))
            return Error(Kind::invalid, cat("platform '", text, "': unknown operating system or architecture"));
        return platform;
    }
    return normal({parts[0], parts[1], parts.size() == 3 ? parts[2] : ""});
}

int platform_rank(const Platform& offered_as, const Platform& wanted_as) {
    const Platform offered = normal(offered_as), wanted = normal(wanted_as);
    if (offered.os != wanted.os || offered.architecture != wanted.architecture) return 0;
    if (offered.variant == wanted.variant) return 100;
    // Variants are numbered; an older one runs on a newer machine, the newest of them best.
    const auto number = [](const std::string& variant) { return variant.size() == 2 && variant[0] == 'v' ? variant[1] - '0' : 0; };
    const int have = number(offered.variant), want = wanted.variant.empty() ? 1 : number(wanted.variant);
    return have <= want ? 10 + have : 0;
}

Result<Manifest> parse_manifest(std::string_view text) {
    constexpr std::size_t limit = 4u << 20;
    Result<Json> document = parse_json(text, limit);
    if (!document.ok()) return std::move(document).error().with_kind(Kind::corrupt).context("manifest");
    Result<ManifestDocument> parsed = from_json<ManifestDocument>(document.value());
    if (!parsed.ok()) return std::move(parsed).error().with_kind(Kind::corrupt).context("manifest");
    ManifestDocument& m = parsed.value();
    if (m.schema == 1)
        return Error(Kind::unsupported, "manifest: schema version 1 is not supported")
            .with_hint("docker gave it up in 2019; pull and push the image with a newer tool once");
    if (m.manifests && (m.layers || m.config)) return corrupt("is an image and an index at once");
    if (!m.manifests && !m.config) return corrupt("is neither an image nor an index");
    Manifest manifest{m.schema, std::move(m.media_type), std::move(m.config), m.layers.value_or(std::vector<Descriptor>()),
                      m.manifests.value_or(std::vector<Descriptor>())};
    if (manifest.config) TRY(check(*manifest.config));
    for (const Descriptor& layer : manifest.layers) TRY(check(layer));
    for (const Descriptor& member : manifest.manifests) TRY(check(member));
    return manifest;
}

Result<Descriptor> choose_manifest(const Manifest& index, const Platform& wanted) {
    const Descriptor* best = nullptr;
    int best_rank = 0;
    std::string offered;
    for (const Descriptor& member : index.manifests) {
        if (is_attestation(member)) continue;
        // Without a platform it is meant for all: layouts of one image leave it out.
        const int rank = member.platform ? platform_rank(*member.platform, wanted) : 1;
        if (member.platform) offered += cat(offered.empty() ? "" : ", ", shown(*member.platform));
        if (rank <= best_rank) continue;
        best = &member;
        best_rank = rank;
    }
    if (best != nullptr) return *best;
    return Error(Kind::not_found, cat("no image for ", shown(wanted), offered.empty() ? "" : cat(", only for ", offered)))
        .with_hint("choose one with --platform");
}

Json descriptor_json(std::string_view media_type, std::string_view digest, std::int64_t size) {
    Json json;
    json.set("mediaType", media_type);
    json.set("digest", digest);
    json.set("size", size);
    return json;
}

}  // namespace berth::image
