#include "cli/dry_run.h"

#include "cli/provide_image.h"
#include "cli/session.h"
#include "image/store.h"

namespace berth::cli {

Result<int> print_dry_run(container::Engine& engine, const container::CreateOptions& options) {
    Json plan;
    plan.set("Name", options.name);
    if (options.rootfs.empty()) {
        const image::Store* store = TRY(engine.images());
        const auto id = store->resolve(options.config.image);
        if (!id.ok() && id.error().kind() == Kind::not_found) return no_such_image(engine, options.config.image);
        if (!id.ok()) return Error(id.error().kind(), id.error().text());
        plan.set("Image", id.value().str());
    }
    plan.set("Config", to_json(options.config));
    plan.set("HostConfig", to_json(options.host));
    plan.set("Networks", to_json(options.networks));
    print_line(json_text(plan, JsonStyle::indented));
    return 0;
}

}  // namespace berth::cli
