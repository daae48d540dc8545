#include "image/layer.h"

#include <cerrno>

#include <unistd.h>

#include "base/sys.h"
#include "image/recipe.h"
#include "image/tar_writer.h"

namespace berth::image {
namespace {

constexpr std::int64_t disk_block = 4096;

TreeOptions layer_options() {
    TreeOptions options;
    options.form = TreeOptions::Form::layer;
    options.root_entry = TreeOptions::RootEntry::when_changed;
    return options;
}

}  // namespace

Result<void> write_layer_tar(const Fd& layer_folder, ByteSink& sink) {
    if (::faccessat(layer_folder.raw(), "recipe.zst", F_OK, 0) == 0) return write_by_recipe(layer_folder, sink);
    const Fd fs = TRY(sys::openat(layer_folder, "fs", O_RDONLY | O_DIRECTORY));
    TarWriter writer(sink);
    TRY(write_tree(fs, writer, layer_options()));
    return writer.finish();
}

Result<LayerDigest> digest_layer(const Fd& upper) {
    DigestSink sink;
    std::int64_t size = 0, allocated = 0, inodes = 0;
    TreeOptions options = layer_options();
    options.edit = [&](TarEntry& entry) {
        if (entry.type == TarType::hard_link) return;
        size += entry.size;
        allocated += (entry.size + disk_block - 1) / disk_block * disk_block + (entry.type == TarType::folder ? disk_block : 0);
        ++inodes;
    };
    TarWriter writer(sink);
    TRY(write_tree(upper, writer, options));
    TRY(writer.finish());
    const std::int64_t tar_size = sink.size();
    return LayerDigest{sink.finish(), tar_size, size, allocated, inodes};
}

}  // namespace berth::image
