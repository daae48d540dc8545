// WORKDIR makes its folder at once, so that the next COPY or RUN finds it. New components belong to USER (BuildKit; the
// classic builder made them root's).

#include "builder/attributes.h"
#include "builder/keys.h"
#include "builder/layer_writer.h"
#include "builder/step.h"
#include "runtime/users.h"

namespace berth::builder {
namespace {

Result<Owner> owner_of_user(const std::string& user, const Root* below) {
    if (user.empty()) return Owner{};
    runtime::UserTables tables;
    if (below != nullptr) tables = TRY(runtime::UserTables::load(*below));
    const runtime::ResolvedUser resolved = TRY(runtime::resolve_user(tables, user), "USER ", user);
    return Owner{resolved.uid, resolved.gid};
}

}  // namespace

LayerStep plan_workdir(const StepContext& context, const std::string& path) {
    const std::string user = context.state.image.config.user;
    KeyText key("workdir");
    key.add("layers", layers_key(context.state.layers)).add("path", path).add("user", user);
    if (context.session.epoch) key.add("epoch", moment_text(*context.session.epoch));
    LayerStep step{key.digest(), cat("WORKDIR ", path), {}};
    step.working_dir = path;
    Session& session = context.session;
    step.make = [&session, path, user, layers = context.state.layers](image::Staging& staging, int) -> Result<void> {
        const Root upper = TRY(Root::open(staging.fs_path()));
        std::optional<Root> below;
        if (!layers.empty()) below.emplace(TRY(open_view(session.store, layers)));
        const Root* view = below ? &*below : nullptr;
        NewAttributes attributes;
        attributes.owner = TRY(owner_of_user(user, view));
        attributes.time = session.epoch;
        LayerWriter writer(upper, view, attributes);
        const LayerWriter::Place place = TRY(writer.resolve(path));
        if (place.status && !place.is_folder()) return Error(Kind::exists, cat("WORKDIR ", path, ": exists and is not a directory"));
        if (!place.status) TRY(writer.make_folder(place.path));
        return writer.finish();
    };
    return step;
}

}  // namespace berth::builder
