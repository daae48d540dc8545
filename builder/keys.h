#pragma once
// Cache keys: what a step's result depends on, as one digest. A key holds the layers below by content (their diff ids), the
// instruction in canonical form and the content of its inputs; never times, names of the host, secrets or proxies.

#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "builder/file_digests.h"
#include "builder/source.h"
#include "image/layer.h"

namespace berth::builder {

/// Collects the parts of a key; each is delimited, so that no two lists of parts give one text.
class KeyText {
public:
    explicit KeyText(std::string_view kind) { add("kind", kind); }
    KeyText& add(std::string_view name, std::string_view value);
    KeyText& add(std::string_view name, const std::vector<std::string>& values);
    Digest digest() const { return Digest::of_bytes(text_); }

private:
    std::string text_;
};

/// The layers, by content.
std::string layers_key(const std::vector<image::LayerRef>& layers);

struct ContentOptions {
    bool with_owner = true;  ///< false for a context, whose files become root's, and with --chown
    bool with_mode = true;   ///< false with an octal --chmod
};
/// Names, types, links, attributes and content of what was selected.
Result<std::string> selection_key(const Root& tree, const Selection& selection, FileDigests& digests, const ContentOptions& options);

}  // namespace berth::builder
