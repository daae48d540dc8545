#include "network/table_watch.h"

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

namespace berth::network {

namespace {

/// As a big-endian load of the field in host byte order sees it.
constexpr std::uint32_t seen(std::uint16_t message) {
    return __builtin_bswap16(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message));
}

// Elements come and go with every container: the kernel drops these notices before they wake anybody. A removed table is
// told rule by rule first, so the type of the first message is enough.
constexpr std::uint32_t type_offset = 4;
const sock_filter only_changes_of_rules[] = {
    BPF_STMT(BPF_LD | BPF_H | BPF_ABS, type_offset),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seen(NFT_MSG_DELTABLE), 3, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seen(NFT_MSG_DELCHAIN), 2, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, seen(NFT_MSG_DELRULE), 1, 0),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
};

}  // namespace

Result<std::unique_ptr<TableWatch>> TableWatch::create(const Poller& poller, std::function<void()> heal) {
    Netlink netfilter = TRY(Netlink::open(Netlink::Protocol::netfilter));
    TRY(netfilter.set_filter(only_changes_of_rules), "watch firewall");
    TRY(netfilter.join(NFNLGRP_NFTABLES), "watch firewall");
    std::unique_ptr<TableWatch> watch(new TableWatch(std::move(netfilter), std::move(heal)));
    TRY(poller.add(watch->netfilter_.raw(), EPOLLIN, *watch));
    watch->timer_ = TRY(Timer::create(poller, [object = watch.get()] { object->heal_(); }));
    return watch;
}

void TableWatch::on_ready(std::uint32_t) {
    netfilter_.drop_received();
    // The one who flushed may be about to load rules that conflict for a moment; and not all monitors at once.
    timer_->arm(Duration::of_milliseconds(100 + ::getpid() % 64));
}

}  // namespace berth::network
