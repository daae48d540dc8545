#pragma once
// Media types of image documents (image-spec media-types.md, docker's distribution manifests) and descriptors.

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"

namespace berth::image {

namespace media {
constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";
constexpr std::string_view oci_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
constexpr std::string_view oci_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
constexpr std::string_view docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
constexpr std::string_view docker_manifest_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws";
constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
constexpr std::string_view docker_layer_gzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}  // namespace media

struct Platform {
    std::string os;
    std::string architecture;
    std::string variant;
    bool operator==(const Platform&) const = default;
};
template <class Io>
void fields(Io& io, Platform& p) {
    io.optional("os", p.os);
    io.optional("architecture", p.architecture);
    io.optional("variant", p.variant);
}
/// "linux/arm64/v8", "arm64", with the names that uname and other tools use. Kind::invalid.
Result<Platform> parse_platform(std::string_view text);
Platform host_platform();
/// How well `offered` runs where `wanted` is meant: 0 not at all, more is better.
int platform_rank(const Platform& offered, const Platform& wanted);

/// image-spec descriptor.md.
struct Descriptor {
    std::string media_type;
    std::string digest;
    std::int64_t size = 0;
    std::map<std::string, std::string> annotations;
    std::optional<Platform> platform;
};
template <class Io>
void fields(Io& io, Descriptor& d) {
    io.optional("mediaType", d.media_type);
    io.required("digest", d.digest);
    io.required("size", d.size);
    io.optional("annotations", d.annotations);
    io.optional("platform", d.platform);
}

/// A manifest of one image, or an index of several; which one, its content says, not what a server calls it.
struct Manifest {
    std::int64_t schema = 0;
    std::string media_type;
    std::optional<Descriptor> config;
    std::vector<Descriptor> layers;
    std::vector<Descriptor> manifests;
    bool is_index() const { return !manifests.empty() || !config; }
};
/// Kind::corrupt, also for a document that is both (CVE-2021-41190).
Result<Manifest> parse_manifest(std::string_view text);
/// The best manifest of an index for the platform; attestations and the like are passed over. Kind::not_found says what there
/// is.
Result<Descriptor> choose_manifest(const Manifest& index, const Platform& wanted);

Json descriptor_json(std::string_view media_type, std::string_view digest, std::int64_t size);

}  // namespace berth::image
