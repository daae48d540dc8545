// The order matters: what can be refused (names, addresses, ports) comes before what has to be undone, the record comes
// before the kernel, and the firewall comes last, when there is something to send packets to. Undoing is detaching: the
// record says all that can be there.

#include "network/attach.h"

#include <algorithm>

#include "base/sys.h"
#include "network/service.h"
#include "network/work.h"

namespace berth::network {

namespace {

Result<void> store_plans(const Work& work, const Published& published) {
    TRY(work.state.store(work.record), "record attachment");
    for (const EndpointPlan& plan : work.plans) TRY(store_member(work.state, plan), "record address");
    if (!published.ports.empty()) TRY(record_ports(work.state, published.table, published.ports), "record ports");
    return {};
}

Result<void> create_all_links(Work& work) {
    TRY(configure_loopback(work.inside));
    const EndpointPlan* with_default = find_default(work.plans);
    for (const EndpointPlan& plan : work.plans)
        TRY(create_links({work.route, work.inside, work.netns}, plan, &plan == with_default), "network ", plan.network.name);
    return {};
}

Result<Attachment> attach_work(Work& work) {
    for (const EndpointRequest& request : work.request.networks) TRY(plan_one(work, request));
    // docker: without a bridge that leads out, ports are not published. Whoever creates the container is warned.
    Published published;
    if (find_publish_endpoint(work.plans) != nullptr) published = TRY(plan_ports(work, work.request.publish, 0));
    work.record.ports = published.ports;
    TRY(store_plans(work, published));
    TRY(create_all_links(work));
    TRY(add_to_firewall(work, published.ports), "publish");
    Attachment attachment;
    attachment.endpoints = work.record.endpoints;
    attachment.ports = work.record.ports;
    attachment.service = TRY(start_service(work.networks, work.netns, work.request, work.plans));
    attachment.service->relay().add(std::move(published.holds));
    return attachment;
}

Result<Attachment> attach_locked(const Networks& networks, const State& state, const Fd& netns, const AttachRequest& request) {
    Work work = TRY(open_work(networks, state, netns, request));
    auto attached = attach_work(work);
    if (attached.ok()) return attached;
    Error failure = std::move(attached).error();
    auto undone = detach_locked(networks, state, request.id.str());
    if (!undone.ok()) return Error(failure.kind(), cat(failure.text(), "; undo: ", undone.error().text())).with_hint(failure.hint());
    return failure;
}

}  // namespace

Result<Attachment> attach(const Networks& networks, const Fd& netns, const AttachRequest& request) {
    const State state = TRY(State::lock(networks.paths()));
    TRY(detach_locked(networks, state, request.id.str()), "detach what an earlier run left");
    auto attached = attach_locked(networks, state, netns, request);
    const bool contended = !attached.ok() && (attached.error().kind() == Kind::exists || attached.error().kind() == Kind::busy);
    if (!contended) return attached;
    // Perhaps in the way is only what a killed process left.
    const struct stat status = TRY(sys::fstat(netns));
    const unsigned swept = TRY(sweep_locked(networks, state, {}, status.st_ino));
    return swept == 0 ? std::move(attached) : attach_locked(networks, state, netns, request);
}

Result<Attachment> adopt(const Networks& networks, const Fd& netns, const AttachRequest& request) {
    const State state = TRY(State::lock(networks.paths()));
    const AttachedRecord record = TRY(require_attached(state, request.id));
    const std::vector<EndpointPlan> plans = plans_of(networks, state, record);
    Attachment attachment;
    attachment.endpoints = record.endpoints;
    attachment.ports = record.ports;
    attachment.service = TRY(start_service(networks, netns, request, plans));
    if (const EndpointPlan* endpoint = find_publish_endpoint(plans))
        attachment.service->relay().add(hold_published(record.ports, target_of(endpoint->endpoint)));
    return attachment;
}

Result<void> detach(const Networks& networks, const ContainerId& id, const Fd* netns) {
    const State state = TRY(State::lock(networks.paths()));
    TRY(bury_links(state));
    TRY(detach_locked(networks, state, id.str(), netns), "detach networks");
    return {};
}

Result<void> sweep(const Networks& networks) {
    const State state = TRY(State::lock(networks.paths()));
    TRY(sweep_locked(networks, state, {}));
    return {};
}

Result<void> sweep_others(const Networks& networks, const std::vector<std::string>& alive) {
    const auto is_alive = [&](const std::string& name) { return std::binary_search(alive.begin(), alive.end(), name); };
    const std::vector<std::string> attached = TRY(list_attached(networks.paths()));
    if (std::all_of(attached.begin(), attached.end(), is_alive)) return {};
    const State state = TRY(State::lock(networks.paths()));
    TRY(sweep_locked(networks, state, alive));
    return {};
}

Result<void> bring_up_loopback(const Fd& netns) {
    Netlink inside = TRY(Netlink::open_inside(netns, Netlink::Protocol::route));
    return configure_loopback(inside);
}

}  // namespace berth::network
