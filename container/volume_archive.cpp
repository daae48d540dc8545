#include "container/volume_archive.h"

#include "image/archive.h"
#include "image/tar_writer.h"
#include "image/unpack.h"

namespace berth::container {

Result<void> export_volume(const Volume& volume, const Fd& to) {
    const Fd folder = TRY(sys::open(volume.mountpoint, O_RDONLY | O_DIRECTORY), "export volume ", volume.name);
    image::FdSink sink(to);
    image::TarWriter writer(sink);
    image::TreeOptions options;
    options.root_entry = image::TreeOptions::RootEntry::always;  // Owner and mode of the volume's own folder come along.
    TRY(image::write_tree(folder, writer, options), "export volume ", volume.name);
    TRY(writer.finish());
    return sink.flush();
}

Result<void> import_volume(const Volume& volume, const Fd& from) {
    const Root root = TRY(Root::open(volume.mountpoint), "import volume ", volume.name);
    const std::unique_ptr<image::ByteSource> archive = TRY(image::open_decompressed(from), "import volume ", volume.name);
    image::UnpackOptions options;
    options.keep_nanoseconds = true;
    TRY(image::unpack(*archive, root, options), "import volume ", volume.name);
    return {};
}

}  // namespace berth::container
