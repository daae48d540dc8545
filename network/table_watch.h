#pragma once
// Notices that somebody removed the firewall's table (`nft flush ruleset`, a reload of nftables.service) and has it made
// again. Each monitor watches; the first that gets the lock does the work, the others find it done.

#include <functional>
#include <memory>

#include "network/netlink.h"
#include "network/poller.h"

namespace berth::network {

class TableWatch : public Watched {
public:
    /// `heal` makes the table again unless it is there.
    static Result<std::unique_ptr<TableWatch>> create(const Poller& poller, std::function<void()> heal);
    void on_ready(std::uint32_t events) override;

private:
    TableWatch(Netlink netfilter, std::function<void()> heal) : netfilter_(std::move(netfilter)), heal_(std::move(heal)) {}
    Netlink netfilter_;
    std::function<void()> heal_;
    std::unique_ptr<Timer> timer_;
};

}  // namespace berth::network
