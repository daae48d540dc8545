#pragma once
// What berth knows about this boot's network, below <run-root>/network, and the one lock that guards it. Whoever holds a
// State holds the lock: attach, detach and changes of networks come one after the other, as they would in the kernel's
// rtnl anyway.
//
//   lock                 flock(2)
//   tables/NETWORK-ID    members of a network (tables.h); also what name service reads, without the lock
//   ports                published ports of all containers (tables.h)
//   attached/CONTAINER   everything that detach has to give back
//   doomed               links that die with their namespaces
//   reserved             host ports that berth put into ip_local_reserved_ports (local_ports.h)
//   closed               families that berth made this host forward

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "network/attach.h"

namespace berth::network {

/// Written before the kernel is told, removed after the kernel has forgotten.
struct AttachedRecord {
    std::int64_t version = 1;
    std::string container;
    std::string name;
    std::vector<Endpoint> endpoints;
    std::vector<PublishedPort> ports;
    std::uint64_t netns = 0;  ///< its inode: tells whether a container without links of ours on the host is alive
};
template <class Io>
void fields(Io& io, AttachedRecord& record) {
    io.required("version", record.version);
    io.required("container", record.container);
    io.required("name", record.name);
    io.optional("endpoints", record.endpoints);
    io.optional("ports", record.ports);
    io.optional("netns", record.netns);
}

/// Path of a network's table, for readers without the lock.
std::string table_path(const Paths& paths, std::string_view network_id);

class State {
public:
    /// Waits for the lock.
    static Result<State> lock(const Paths& paths);

    /// Empty when there is none.
    Result<std::string> table(const std::string& network_id) const;
    /// An empty table is removed.
    Result<void> store_table(const std::string& network_id, std::string_view text) const;
    Result<std::string> ports() const;
    Result<void> store_ports(std::string_view text) const;

    Result<std::string> reserved_ports() const;
    Result<void> store_reserved_ports(std::string_view text) const;

    Result<std::optional<AttachedRecord>> find(const std::string& container) const;
    Result<void> store(const AttachedRecord& record) const;
    Result<void> remove(const std::string& container) const;
    /// Families ("ipv4", "ipv6") that berth made this host forward; the firewall keeps others from using that.
    Result<std::string> closed_families() const;
    Result<void> store_closed_families(std::string_view text) const;
    /// "LINK TICK": links that are about to go with their namespaces.
    Result<std::string> doomed_links() const;
    Result<void> store_doomed_links(std::string_view text) const;
    /// Container ids.
    Result<std::vector<std::string>> list() const;
    /// Removes what writers left that were killed: while the lock is ours there are none at work.
    Result<void> remove_unfinished() const;

    const Paths& paths() const { return paths_; }

private:
    State(Paths paths, DirLock lock, Fd folder) : paths_(std::move(paths)), lock_(std::move(lock)), folder_(std::move(folder)) {}
    Paths paths_;
    DirLock lock_;
    Fd folder_;
};

/// The names of all records without the lock, half-written ones too.
Result<std::vector<std::string>> list_attached(const Paths& paths);

/// A container's record without the lock: for readers, who see it whole because it is replaced by rename.
Result<std::optional<AttachedRecord>> read_attached(const Paths& paths, const std::string& container);

}  // namespace berth::network
