#include "cli/provide_image.h"

#include "cli/session.h"
#include "cli/texts.h"

namespace berth::cli {

Error no_such_image(container::Engine& engine, const std::string& reference) {
    std::string shown = reference;
    if (const auto parsed = image::Reference::parse_tagged(reference); parsed.ok()) shown = parsed.value().str();
    Error error(Kind::not_found, cat("No such image: ", shown));
    std::vector<std::string> names;
    if (auto store = engine.images(); store.ok())
        if (const auto listed = store.value()->list(); listed.ok())
            for (const auto& image : listed.value())
                for (const image::Reference& name : image.names) names.push_back(name.str());
    const std::string near = nearest_word(shown, names);
    if (!near.empty()) return std::move(error).with_hint(cat("did you mean '", near, "'?"));
    return std::move(error).with_hint("build it, or bring it with 'berth load' or 'berth import'; 'berth images' lists what is here");
}

Result<image::ImageId> provide_image(container::Engine& engine, const std::string& reference, std::string_view policy) {
    const image::Store* store = TRY(engine.images());
    const auto found = store->resolve(reference);
    if (found.ok() && policy != "always") return found.value();
    if (!found.ok() && found.error().kind() != Kind::not_found) return Error(found.error().kind(), found.error().text());
    if (!found.ok() && policy != "never" && image::Reference::parse_tagged(reference).ok())
        tell(cat("Unable to find image '", image::Reference::parse_tagged(reference).value().str(), "' locally\n"));
    if (!found.ok()) return no_such_image(engine, reference);
    return found.value();
}

}  // namespace berth::cli
