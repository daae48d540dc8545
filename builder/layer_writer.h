#pragma once
// Writes into the upper folder of a layer that is being made, with the layers below in view. The folder itself is written,
// not an overlay mount: what is created there *is* the layer, at the speed of the file system. What overlayfs would do on
// the way is done here: a folder that exists below is made again with its attributes before anything goes into it.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <sys/stat.h>

#include "base/clock.h"
#include "base/root.h"
#include "builder/attributes.h"
#include "builder/file_copier.h"

namespace berth::builder {

struct NewAttributes {
    std::optional<Owner> owner;       ///< --chown: for all that is made
    const ModeChange* mode = nullptr; ///< --chmod
    std::optional<Moment> time;       ///< SOURCE_DATE_EPOCH: of what has no time of its own
};

class LayerWriter {
public:
    /// `below` is the read-only view of the layers below, null when there is none (scratch, --link). Both are borrowed.
    LayerWriter(const Root& upper, const Root* below, const NewAttributes& attributes)
        : upper_(upper), below_(below), attributes_(attributes), copier_(upper) {}

    /// Where `path` leads, links followed in the image; components that do not exist stay as they are written.
    struct Place {
        std::string path;  ///< without a leading slash; "" is the root
        std::optional<struct stat> status;
        bool is_folder() const { return status && S_ISDIR(status->st_mode); }
    };
    Result<Place> resolve(std::string_view path) const;
    /// What stands at a resolved path now.
    Result<std::optional<struct stat>> look(const std::string& path) const;

    /// The folder and those above it; missing ones are made 0755 (or as the attributes say). Kind::exists when something
    /// else than a folder stands there. Returns the upper folder, open.
    Result<Fd> make_folder(const std::string& path);

    /// Copies one entry of a source there. `source` is its place in `tree`.
    struct Entry {
        const Root& tree;
        std::string source;
        const struct stat& status;
        const std::string& link;
        bool keeps_owner = false;  ///< from a stage or image; else root's
    };
    /// A nested folder: takes the source's attributes, also when it is there already.
    Result<void> put_folder(const Entry& entry, const std::string& path);
    Result<void> put_other(const Entry& entry, const std::string& path);
    /// A file with this text: a heredoc.
    Result<void> put_text(std::string_view text, const std::string& path, mode_t mode);

    /// A source has been put whole: its files get no further names, and what comes now may lie over them.
    Result<void> end_source();
    /// The last files, and the times of folders, which writing into them has changed. Call once, at the end.
    Result<void> finish();
    /// Sets the time of the folder `path` in finish().
    void set_time_later(const std::string& path, const struct timespec& time) { times_[path] = time; }

private:
    /// Makes the folder above. Kind::exists when a folder of the layers below stands at the path itself.
    Result<void> prepare(const std::string& path);
    Result<void> put_regular(const Entry& entry, const std::string& path);
    Result<void> put_link_or_device(const Entry& entry, const std::string& path);
    /// Copies what has been put off.
    Result<void> flush();
    Result<void> make_missing(const std::string& path, const std::optional<struct stat>& status);
    Owner owner_of(const Entry& entry) const;
    mode_t mode_of(const Entry& entry) const;
    bool is_new(const std::string& folder) const;

    const Root& upper_;
    const Root* below_;
    NewAttributes attributes_;
    std::set<std::string> ready_;     ///< folders that stand in the upper folder
    std::set<std::string> only_here_; ///< … and not below: nothing in them can be hidden or in the way
    std::map<std::string, struct timespec> times_;
    std::map<std::pair<dev_t, ino_t>, std::string> links_;
    FileCopier copier_;
    std::vector<FileCopy> put_off_;   ///< ordinary files, which are copied side by side
};

}  // namespace berth::builder
