#pragma once
// What attach (attach.cpp) and changes of an attached container (change.cpp) are made of. Private to this folder. Every
// function here works under the lock of state.h.

#include <vector>

#include "network/endpoint.h"
#include "network/publish.h"
#include "network/service.h"
#include "network/state.h"

namespace berth::network {

/// Everything that a change of one container's attachment works with.
struct Work {
    const Networks& networks;
    const State& state;
    const Fd& netns;
    const AttachRequest& request;
    Netlink route;
    Netlink netfilter;
    Netlink inside;
    AttachedRecord record;
    std::vector<EndpointPlan> plans;  ///< one for each endpoint of the record
};
/// With an empty record.
Result<Work> open_work(const Networks& networks, const State& state, const Fd& netns, const AttachRequest& request);
/// With the record and the plans of a container that is attached.
Result<Work> open_change(const Networks& networks, const State& state, const Fd& netns, const AttachRequest& request);

Result<AttachedRecord> require_attached(const State& state, const ContainerId& id);
/// The plans of a record's endpoints; networks that are gone are left out.
std::vector<EndpointPlan> plans_of(const Networks& networks, const State& state, const AttachedRecord& record);

/// Adds an endpoint to plans and record; makes the network's bridge or parent when it is missing.
Result<void> plan_one(Work& work, const EndpointRequest& request);
/// Chooses and holds ports; `held` sockets exist already.
Result<Published> plan_ports(const Work& work, const std::vector<PortMapping>& mappings, std::size_t held);
/// Stores the port table. The kernel's choice of free ports follows when a range comes or goes.
Result<void> record_ports(const State& state, std::string_view table, const std::vector<PublishedPort>& changed);
Result<void> store_member(const State& state, const EndpointPlan& plan);

PublishTarget target_of(const Endpoint& endpoint);
/// Ports lead to the endpoint with the default route when that is on a bridge, else to the first that is.
const EndpointPlan* find_publish_endpoint(const std::vector<EndpointPlan>& plans);
std::vector<nft::Element> port_elements_of(const std::vector<EndpointPlan>& plans, const std::vector<PublishedPort>& ports);

/// Names of user-defined networks: what the container may look up.
NameScope name_scope(const Networks& networks, const std::vector<EndpointPlan>& plans);
/// Without ports yet; with name service when one of the networks has names.
Result<std::unique_ptr<Service>> start_service(const Networks& networks, const Fd& netns, const AttachRequest& request,
                                               const std::vector<EndpointPlan>& plans);

/// Forwarding, bridges and these ports; makes the table when it is missing.
Result<void> add_to_firewall(Work& work, const std::vector<PublishedPort>& ports);
/// All that should be in the table, from the records: for a table that somebody flushed, or the first of this boot.
Result<void> reassert(const Networks& networks, const State& state, Netlink& netfilter);

/// The same by whoever notices, unless another was quicker. Takes the lock.
Result<void> heal(const Networks& networks);

/// A link is taken away at once when its namespace lives on, and later when it is about to die with its link: the
/// kernel lets nobody wait less than a grace period for the removal of a link (here 20 ms).
enum class Removal { now, later };
Result<void> remove_endpoint(const Networks& networks, const State& state, const Endpoint& endpoint, const std::string& container,
                             Removal removal);

/// Removes those that were left for later and have not gone with their namespace. Not done by attach: a start must not
/// wait for what another container left, and a disabled port harms nobody.
Result<void> bury_links(const State& state);

/// Gives back all that the container's record says; nothing to do without one. `netns` as in detach().
Result<void> detach_locked(const Networks& networks, const State& state, const std::string& container, const Fd* netns = nullptr);
/// Detaches those that are gone, `alive` (sorted) unseen; how many there were. `newcomer` is the number of a namespace that is
/// being attached, 0 without one: whoever else is recorded with it is gone.
Result<unsigned> sweep_locked(const Networks& networks, const State& state, const std::vector<std::string>& alive,
                              std::uint64_t newcomer = 0);

}  // namespace berth::network
