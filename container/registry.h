#pragma once
// The containers on disk: their folders, names, locks and records.
//
//   <root>/containers/<id>/config.json   Definition     written under the container's definition lock (the folder)
//   <root>/containers/<id>/state.json    RunState       written by the holder of the run lock only
//   <root>/names/<name>                  link to the id; symlink(2) is the reservation, so no lock and no scan
//   <run>/containers/<id>/log-losses            how many lines its log lost, newer than state.json's number while it runs
//   <run>/containers/<id>/lock           the run lock: held by the monitor for all its life, else by who changes the state
//
// A container exists when its config.json does. A folder without one is what a crash left of a create; sweep() removes it.

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "container/record.h"

namespace berth::container {

class Registry {
public:
    static Result<Registry> open(const std::string& root, const std::string& run_root);

    /// A fresh container: its folders, with the run lock held. Nothing is visible to others before `publish`.
    struct Draft {
        ContainerId id;
        Fd folder;
        DirLock run_lock;
    };
    Result<Draft> make_draft() const;
    /// Reserves the name: Kind::exists with the owner's short id when it is taken.
    Result<void> reserve_name(const std::string& name, const std::string& id) const;
    Result<void> release_name(const std::string& name, const std::string& id) const;
    /// Writes config.json and state.json. From here on the container exists.
    Result<void> publish(const Record& record, const Fd& folder, Durability durability) const;

    /// Exact id, exact name, unique prefix of an id.
    Result<std::string> resolve(const std::string& reference) const;
    /// Kind::not_found when there is none.
    Result<Record> load(const std::string& id) const;
    /// All ids, unsorted.
    Result<std::vector<std::string>> ids() const;

    Result<Fd> folder(const std::string& id) const;
    std::string folder_path(const std::string& id) const;
    std::string run_folder_path(const std::string& id) const;

    Result<void> store_definition(const Definition& definition, Durability durability) const;
    /// On a full disk the old record is written over: no room is needed for that, and an exit code would be lost else.
    Result<void> store_state(const std::string& id, const RunState& run, Durability durability) const;
    /// The lines lost so far, where a disk that is full or hangs is not in the way.
    Result<void> note_log_losses(const std::string& id, std::uint64_t lines) const;

    /// Serialises changes of config.json.
    Result<DirLock> lock_definition(const std::string& id) const;
    /// The run lock; nothing when a monitor (or another command) holds it.
    Result<std::optional<DirLock>> try_run_lock(const std::string& id) const;
    /// Waits until the holder is gone. Kind::not_found when the container went with it.
    Result<DirLock> wait_run_lock(const std::string& id) const;
    /// True while a monitor or a command holds the run lock.
    Result<bool> is_run_locked(const std::string& id) const;

    /// Removes files, name and run folder. The caller holds the run lock and has undone what ran.
    Result<void> remove(const Definition& definition) const;
    /// What crashed commands left: folders without config.json that nobody holds. Cheap when there is none.
    Result<void> sweep() const;
    /// One of those; nothing happens to a container that exists.
    Result<void> sweep_container(const std::string& id) const;
    /// Run folders of none of these containers: of a command that was killed between the two.
    Result<void> sweep_run_folders(std::vector<std::string> ids) const;

private:
    Registry(std::string root, std::string run_root) : root_(std::move(root)), run_root_(std::move(run_root)) {}
    std::string root_;
    std::string run_root_;
};

}  // namespace berth::container
