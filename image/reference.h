#pragma once
// Names of images as docker's users write them: "busybox", "me/app:1.0", "localhost:5000/x@sha256:…". The grammar and the
// normalisation are those of github.com/distribution/reference: a first component with '.' or ':', an upper-case letter or
// the word "localhost" is a registry's host, anything else lives on docker.io, single names there under "library/".

#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"

namespace berth::image {

class Reference {
public:
    /// Kind::invalid: "reference 'Alpine:3': repository name must be lower case, found 'A'".
    static Result<Reference> parse(std::string_view text);
    /// As parse, and a name with neither tag nor digest gets the tag "latest".
    static Result<Reference> parse_tagged(std::string_view text);

    const std::string& domain() const { return domain_; }  ///< "docker.io"
    const std::string& path() const { return path_; }      ///< "library/busybox"
    const std::string& tag() const { return tag_; }        ///< "" when none was given
    const std::string& digest() const { return digest_; }  ///< "sha256:…", "" when none was given

    /// "docker.io/library/busybox"
    std::string name() const;
    /// The same as people write it: "busybox".
    std::string familiar_name() const;
    /// familiar_name with tag and digest, what `images`, `ps` and messages show.
    std::string str() const;
    /// name with tag and digest.
    std::string full() const;

    Reference with_default_tag() const;
    Reference with_tag(std::string tag) const;
    /// Without tag, with this digest.
    Reference with_digest(const Digest& digest) const;

    auto operator<=>(const Reference&) const = default;

private:
    Reference() = default;
    std::string domain_;
    std::string path_;
    std::string tag_;
    std::string digest_;
};

/// Shell pattern of `images --filter reference=`: matched against familiar name, and familiar name with tag (Go's
/// path.Match: '*' and '?' stop at '/').
bool reference_matches(const Reference& reference, std::string_view pattern);

}  // namespace berth::image
