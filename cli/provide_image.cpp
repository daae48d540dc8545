#include "cli/provide_image.h"

#include "cli/session.h"
#include "cli/texts.h"
#include "cli/transfer_progress.h"
#include "container/history.h"

namespace berth::cli {

Result<void> push_image(const image::Store& store, const image::Reference& name, const PushWishes& wishes) {
    TransferPrinter printer(wishes.descriptor, wishes.quiet);
    printer.line(cat("The push refers to repository [", name.name(), "]"));
    const auto pushed =
        TRY(image::push_image(store, name, wishes.access, [&](const image::TransferEvent& event) { printer.show(event); }));
    printer.finish();
    container::note(store.root(), {container::transfer_event(store, name, "push")});
    printer.line(cat(name.tag(), ": digest: ", pushed.digest, " size: ", pushed.size));
    return {};
}

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
    return std::move(error).with_hint(
        "'berth images' lists what is here; 'berth pull', 'berth load', 'berth import' and 'berth build' bring more");
}

Result<image::ImageId> pull_image(const image::Store& store, const image::Reference& name, const PullWishes& wishes) {
    image::PullRequest request{name, std::nullopt, wishes.access};
    if (!wishes.platform.empty()) request.platform = TRY(image::parse_platform(wishes.platform), "--platform");
    TransferPrinter printer(wishes.descriptor, wishes.quiet);
    const std::string shown_tag = name.tag().empty() ? name.digest() : name.tag();
    printer.line(cat(shown_tag, ": Pulling from ", name.path()));
    const auto pulled = TRY(image::pull_image(store, request, [&](const image::TransferEvent& event) { printer.show(event); }));
    printer.finish();
    container::note(store.root(), {container::transfer_event(store, name, "pull")});
    printer.line(cat("Digest: ", pulled.digest));
    printer.line(cat("Status: ", pulled.is_new ? "Downloaded newer image for " : "Image is up to date for ", name.str()));
    return image::ImageId::parse(pulled.image);
}

namespace {

/// --platform: an image that was made for another is as good as none.
Result<bool> fits_platform(const image::Store& store, const image::ImageId& id, const std::string& wanted) {
    if (wanted.empty()) return true;
    const image::Platform platform = TRY(image::parse_platform(wanted), "--platform");
    const std::string text = TRY(store.load_config_text(id));
    const image::ImageConfig config = TRY(image::parse_image_config(text));
    return image::platform_rank({config.os, config.architecture, config.variant}, platform) > 0;
}

}  // namespace

Result<image::ImageId> provide_image(container::Engine& engine, const std::string& reference, const PullWishes& wishes) {
    const image::Store* store = TRY(engine.images());
    auto found = store->resolve(reference);
    if (found.ok() && !TRY(fits_platform(*store, found.value(), wishes.platform)))
        found = Error(Kind::not_found, cat("No such image for ", wishes.platform, ": ", reference));
    if (found.ok() && wishes.policy != "always") return found;
    if (!found.ok() && found.error().kind() != Kind::not_found) return found;
    const auto name = image::Reference::parse_tagged(reference);
    if (wishes.policy == "never" || !name.ok()) return no_such_image(engine, reference);
    if (!found.ok() && !wishes.quiet) tell(cat("Unable to find image '", name.value().str(), "' locally\n"));
    auto pulled = pull_image(*store, name.value(), wishes);
    if (pulled.ok() || pulled.error().kind() != Kind::not_found) return pulled;
    // Neither here nor there: the nearest name that is here may be the one that was meant.
    Error missing = no_such_image(engine, reference);
    return Error(Kind::not_found, cat(missing.text(), " (", pulled.error().text(), ")")).with_hint(missing.hint());
}

}  // namespace berth::cli
