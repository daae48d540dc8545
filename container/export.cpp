#include "container/export.h"

#include "container/engine.h"
#include "container/history.h"
#include "container/tree_view.h"
#include "image/stream.h"
#include "image/tar_writer.h"

namespace berth::container {

Result<void> export_container(Engine& engine, const Record& record, const Fd& to) {
    const TreeView view = TRY(TreeView::open_without_mounts(engine, record));
    const Fd folder = TRY(sys::openat(view.root().fd(), ".", O_RDONLY | O_DIRECTORY));
    image::FdSink sink(to);
    image::TarWriter writer(sink);
    TRY(image::write_tree(folder, writer, image::TreeOptions{}), "export ", record.name());
    TRY(writer.finish());
    TRY(sink.flush());
    note(engine.paths().root, {container_event(record, "export")});
    return {};
}

}  // namespace berth::container
