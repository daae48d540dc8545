#pragma once
// Volumes: folders that outlive containers, `<root>/volumes/<name>/{_data,volume.json}`. A volume exists when its
// volume.json does; the folder is made under a temporary name and renamed, so that a crash leaves no half volume.
// Who uses a volume is not recorded here: it follows from the containers' records, and callers pass it in.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/root.h"

namespace berth::container {

/// volume inspect's shape.
struct Volume {
    Moment created_at;
    std::string driver = "local";
    std::map<std::string, std::string> labels;
    std::string mountpoint;  ///< the host's path of the data; not stored, so that a store can be moved
    std::string name;
    std::map<std::string, std::string> options;
    std::string scope = "local";

    /// docker marks volumes that a run made without a name by this label.
    bool is_anonymous() const { return labels.count("com.docker.volume.anonymous") != 0; }
};
template <class Io>
void fields(Io& io, Volume& volume) {
    io.required("CreatedAt", volume.created_at);
    io.required("Driver", volume.driver);
    io.required("Labels", volume.labels);
    // Empty while it is being stored, hence left out there.
    if constexpr (!Io::reads) io.optional("Mountpoint", volume.mountpoint);
    io.required("Name", volume.name);
    io.required("Options", volume.options);
    io.required("Scope", volume.scope);
}

struct VolumeRequest {
    std::string name = {};  ///< empty: 64 random hexadecimal digits, marked anonymous
    std::string driver = "local";
    std::map<std::string, std::string> labels = {};
    std::map<std::string, std::string> options = {};  ///< type, device, o: as for mount(8)
};

class Volumes {
public:
    /// `root` is berth's root folder; the volumes folder is made when absent.
    static Result<Volumes> open(const std::string& root);

    /// Makes the volume, of which the history tells, or returns the one there is when driver and options agree (docker: create is idempotent).
    Result<Volume> create(const VolumeRequest& request) const;
    /// By its whole name, as docker.
    Result<std::optional<Volume>> find(const std::string& name) const;
    /// The same, absence being docker's error "no such volume".
    Result<Volume> get(const std::string& name) const;
    /// Sorted by name.
    Result<std::vector<Volume>> list() const;
    /// Removes it with its data; absent is success. The caller has made sure that no container uses it, under the
    /// exclusive lock unless nobody else can know the name yet (prune.h does that).
    Result<void> remove(const std::string& name) const;
    /// Removes what interrupted commands left. The caller holds the exclusive lock.
    Result<void> sweep() const;
    /// Bytes that its files take on disk.
    Result<std::int64_t> size_bytes(const Volume& volume) const;

    /// Copies what the image has at `path` into the volume, with owners, modes, times and attributes, when the volume is
    /// empty; its own folder takes those of the image's. Nothing at that path is no error.
    Result<void> fill(const Volume& volume, const Root& image, const std::string& path) const;

    /// Shared: from choosing volumes until the container that uses them is published. Exclusive: from looking who uses a
    /// volume until it is removed. create() takes it shared by itself.
    Result<DirLock> lock(LockMode mode) const;

private:
    Volumes(std::string root, Fd folder) : root_(std::move(root)), path_(root_ + "/volumes"), folder_(std::move(folder)) {}
    Result<Volume> make(const Volume& volume) const;
    std::string root_;
    std::string path_;
    Fd folder_;
};

}  // namespace berth::container
