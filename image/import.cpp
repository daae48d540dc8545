// import_image of archive.h.

#include "image/archive.h"
#include "image/ingest.h"

namespace berth::image {

Result<ImageId> import_image(const Store& store, const Fd& from, const ImportRequest& request) {
    if (request.name && !request.name->digest().empty())
        return Error(Kind::invalid, cat("'", request.name->str(), "': an imported image cannot be named by a digest"));
    const Lease lease = TRY(store.make_lease());
    const std::unique_ptr<ByteSource> archive = TRY(open_decompressed(from));
    Ingested ingested = TRY(ingest_layer(store, *archive, EndMark::required));
    const LayerRef layer = TRY(publish_ingested(store, lease, std::move(ingested), {}));

    ImageConfig config = make_image_config();
    if (!request.os.empty()) config.os = request.os;
    if (!request.architecture.empty()) config.architecture = request.architecture;
    config.variant = request.variant;
    config.config = request.config;
    // docker's words, whatever the archive came from: its client sends a stream.
    config.comment = request.message.empty() ? "Imported from -" : request.message;
    HistoryEntry entry;
    entry.created = config.created;
    entry.comment = config.comment;
    append_history(config, std::move(entry));
    ImageId id = TRY(store.write_image(lease, std::move(config), {layer}));
    // The archive may be gone when the user hears of success.
    TRY(store.settle());
    if (request.name) TRY(store.tag(id, *request.name));
    return id;
}

}  // namespace berth::image
