#include "cli/image_uses.h"

namespace berth::cli {

Result<std::vector<image::ImageUse>> image_uses(container::Engine& engine) {
    std::vector<image::ImageUse> uses;
    for (const container::Record& record : TRY(container::list(engine)))
        uses.push_back(
            {record.id(), record.name(), record.definition.image_id, record.definition.layers, record.run.state.running()});
    return uses;
}

}  // namespace berth::cli
