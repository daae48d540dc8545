// import_image of archive.h.

#include "image/archive.h"
#include "image/ingest.h"

namespace berth::image {

Result<ImageId> import_image(const Store& store, const Fd& from, const ImportRequest& request) {
    if (request.name && !request.name->digest().empty())
        return Error(Kind::invalid, cat("'", request.name->str(), "': an imported image cannot be named by a digest"));
    const Lease lease = TRY(store.make_lease());
    const std::unique_ptr<ByteSource> archive = TRY(open_decompressed(from), "import");
    Ingested ingested = TRY(ingest_layer(store, *archive, EndMark::required), "import");
    const LayerRef layer = TRY(publish_ingested(store, lease, std::move(ingested), {}), "import");

    ImageConfig config = make_image_config();
    if (!request.os.empty()) config.os = request.os;
    if (!request.architecture.empty()) config.architecture = request.architecture;
    config.variant = request.variant;
    config.config = request.config;
    config.comment = request.message;
    HistoryEntry entry;
    entry.created = config.created;
    entry.comment = request.message;
    append_history(config, std::move(entry));
    ImageId id = TRY(store.write_image(lease, std::move(config), {layer}), "import");
    // The archive may be gone when the user hears of success.
    TRY(store.settle(), "import");
    if (request.name) TRY(store.tag(id, *request.name), "import");
    return id;
}

}  // namespace berth::image
