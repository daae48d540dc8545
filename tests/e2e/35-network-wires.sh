# macvlan and ipvlan: containers with an address of their own on a wire of the host. Who hears whom, what is refused, links
# that berth makes itself (VLANs, dummies) and takes away again. The wire is a pair of links with another host at its end.
# limit: 120
. "$(dirname "$0")/lib/common.sh"
bases busybox

unshare -n sleep 1000 &
lan=$!
soon 5 sh -c "[ \"\$(readlink /proc/$lan/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
on_lan() { nsenter --net=/proc/$lan/ns/net "$@"; }
ip link add par0 type veth peer name wire netns $lan
ip addr add 10.73.0.1/24 dev par0
ip link set par0 up
on_lan ip addr add 10.73.0.200/24 dev wire
on_lan ip link set wire up
on_lan ip link set lo up

kernel_has() {
    case $1 in
        vlan) ip link add link par0 name probe0 type vlan id 4000;;
        dummy) ip link add probe0 type dummy;;
        *) ip link add link par0 name probe0 type "$1";;
    esac 2>/dev/null || return 1
    ip link del probe0
}
up() { berth run -d --name "$1" "${@:2}" busybox sleep 1000 >/dev/null || fail "start $1"; }
address() { inspect "$1" "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}"; }
hears() { berth exec "$1" ping -c 1 -W 1 "$2" >/dev/null 2>&1 && echo yes || echo no; }
links_of_host() { ip -o link | awk -F': ' '{ print $2 }' | sed 's/@.*//' | sort | xargs; }
before=$(links_of_host)

# --- macvlan
works "a macvlan on a link of the host, whose subnet is the wire's" berth network create -d macvlan --subnet 10.73.0.0/24 --gateway 10.73.0.200 --ip-range 10.73.0.64/26 -o parent=par0 wire
up one --network wire
up two --network wire --ip 10.73.0.99 --mac-address 02:00:00:00:00:99
equal "its containers have addresses of the range" "10.73.0.64 10.73.0.99" "$(address one wire) $(address two wire)"
equal "and the MAC addresses that were asked for" 02:00:00:00:00:99 "$(berth exec two cat /sys/class/net/eth0/address)"
equal "they hear each other" yes "$(hears one 10.73.0.99)"
equal "by name too" yes "$(hears one two)"
equal "the wire hears them" yes "$(on_lan busybox ping -c 1 -W 1 10.73.0.64 >/dev/null && echo yes)"
equal "they hear the wire" yes "$(hears two 10.73.0.200)"
equal "the gateway is their way out" 10.73.0.200 "$(berth exec one ip route | sed -n 's/^default via \([0-9.]*\) .*/\1/p')"
equal "the host does not hear them" no "$(busybox ping -c 1 -W 1 10.73.0.64 >/dev/null && echo yes || echo no)"
equal "nor they the host" no "$(hears one 10.73.0.1)"
equal "nothing of them stands on the host" "$before" "$(links_of_host)"
exits 125 "a MAC address that a neighbour has" berth run --rm --network wire --mac-address 02:00:00:00:00:99 busybox true
holds "is named" "the MAC address 02:00:00:00:00:99 is in use on 'par0'" "$ERR"
works "restarts find their address free again" sh -c 'for i in 1 2 3 4 5; do berth restart -t 0 one >/dev/null || exit 1; done'
equal "and so do runs one after the other" "10.73.0.65 10.73.0.65 10.73.0.65" "$(for i in 1 2 3; do berth run --rm --network wire busybox ip -4 addr show eth0; done | sed -n 's/.*inet \([0-9.]*\).*/\1/p' | xargs)"
works "a published port" berth create --name loud --network wire -p 80:80 busybox true
holds "is discarded with a warning, as docker does" "Published ports are discarded: none of the container's networks is a bridge that leads out" "$ERR"
works "and the container runs" berth start -a loud

# --- live changes
up late
works "a running container joins" berth network connect --ip 10.73.0.100 wire late
equal "with a second link" "eth0 eth1 lo" "$(berth exec late ls /sys/class/net | xargs)"
equal "and is heard" yes "$(hears one 10.73.0.100)"
works "it leaves" berth network disconnect wire late
equal "without its link" "eth0 lo" "$(berth exec late ls /sys/class/net | xargs)"
equal "and its address is free" 10.73.0.100 "$(berth run --rm --network wire --ip 10.73.0.100 busybox ip -4 addr show eth0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p')"
works "it joins again" berth network connect wire late
works "and leaves the bridge" berth network disconnect bridge late
equal "then the wire is its way out" 10.73.0.200 "$(berth exec late ip route | sed -n 's/^default via \([0-9.]*\) .*/\1/p')"

# --- killed, link and all
victim=$(init_of two)
kill -9 "$(monitor_of two)" "$victim"
works "the address of a killed container is free again" soon 30 berth run --rm --network wire --ip 10.73.0.99 busybox true

# --- modes
works "macvlans share a link" berth network create -d macvlan --subnet 10.74.0.0/24 -o parent=par0 -o macvlan_mode=private apart
up hermit1 --network apart
up hermit2 --network apart
equal "those of mode private do not hear each other" no "$(hears hermit1 "$(address hermit2 apart)")"
on_lan ip addr add 10.74.0.200/24 dev wire
equal "but the wire" yes "$(hears hermit1 10.74.0.200)"
refuses 1 "a passthru beside others" "berth: network sole: network apart is already using parent interface par0
hint: only macvlan networks share a link, and none shares it with mode passthru" berth network create -d macvlan --subnet 10.75.0.0/24 -o parent=par0 -o macvlan_mode=passthru sole
ip link add par2 type veth peer name par3
ip link set par2 up
ip link set par3 up
works "a passthru alone" berth network create -d macvlan --subnet 10.75.0.0/24 -o parent=par2 -o macvlan_mode=passthru sole
up only --network sole
equal "has its parent's MAC address" "$(cat /sys/class/net/par2/address)" "$(berth exec only cat /sys/class/net/eth0/address)"
exits 125 "and one container" berth run --rm --network sole busybox true
holds "as is said" "a link with mode passthru takes one container, and 'par2' has one" "$ERR"
works "which restarts" berth restart -t 0 only
berth rm -f only hermit1 hermit2 >/dev/null
berth network rm sole >/dev/null

# --- without a way out
works "an internal macvlan" berth network create -d macvlan --internal --subnet 10.76.0.0/24 -o parent=par2 shut
up inmate --network shut
equal "has no default route" "" "$(berth exec inmate ip route | grep default)"
berth rm -f inmate >/dev/null

# --- what is refused
hint="hint: see 'ip link'; a VLAN's is written LINK.NUMBER, such as eth0.10, and made when it is missing"
refuses 1 "an unknown parent" "berth: network bad: --opt parent: this host has no link 'nowhere'
$hint" berth network create -d macvlan -o parent=nowhere bad
refuses 1 "a VLAN of an unknown one" "berth: network bad: --opt parent: this host has no link 'nowhere'
$hint" berth network create -d ipvlan -o parent=nowhere.10 bad
refuses 1 "a number that no VLAN has" "berth: network bad: --opt parent: 'par0.5000' is not LINK.NUMBER with a VLAN's number between 1 and 4094" berth network create -d macvlan -o parent=par0.5000 bad
refuses 1 "the loopback" "berth: network bad: loopback interface is not a valid macvlan parent link" berth network create -d macvlan -o parent=lo bad
refuses 1 "an unknown mode" "berth: network bad: --opt macvlan_mode: 'loud' is no mode of macvlan" berth network create -d macvlan -o parent=par0 -o macvlan_mode=loud bad
refuses 1 "a subnet of another network" "berth: network bad: --subnet: 10.73.0.0/25 overlaps 10.73.0.0/24, which this host or another network uses" berth network create -d macvlan --subnet 10.73.0.0/25 -o parent=par0 bad
equal "no record is left of them" "" "$(berth network ls -q --filter name=bad)"
ip link set par3 nomaster
ip link add br9 type bridge
ip link set par3 master br9
works "a port of a bridge is a link" berth network create -d macvlan --subnet 10.77.0.0/24 -o parent=par3 ported
exits 125 "that takes no macvlan" berth run --rm --network ported busybox true
holds "which is said" "parent link 'par3' is in use otherwise" "$ERR"
ip link del br9

# --- links that berth makes
if kernel_has vlan; then
    works "a VLAN's link is made with its network" berth network create -d macvlan --subnet 10.78.0.0/24 -o parent=par0.10 tagged
    holds "up, with its number" "802.1Q id 10 " "$(ip -d link show par0.10)"
    works "another shares it" berth network create -d macvlan --subnet 10.79.0.0/24 -o parent=par0.10 tagged2
    on_lan ip link add link wire name wire.10 type vlan id 10
    on_lan ip addr add 10.78.0.200/24 dev wire.10
    on_lan ip link set wire.10 up
    up tag --network tagged
    equal "its containers hear the wire, tagged" yes "$(hears tag 10.78.0.200)"
    berth rm -f tag >/dev/null
    berth network rm tagged >/dev/null
    works "it stays for the other" ip link show par0.10
    ip link del par0.10
    works "it is made again when it is missing" berth run --rm --network tagged2 busybox true
    berth network rm tagged2 >/dev/null
    exits 1 "and goes with the last" ip link show par0.10
    ip link add link par0 name par0.11 type vlan id 11
    berth network create -d macvlan --subnet 10.78.0.0/24 -o parent=par0.11 theirs >/dev/null
    berth network rm theirs >/dev/null
    works "one that was there before stays" ip link show par0.11
    ip link del par0.11
else
    refuses 1 "a VLAN without the kernel's help" "berth: network tagged: this kernel has no links of kind vlan" berth network create -d macvlan -o parent=par0.10 tagged
    skip "traffic of VLANs" "this kernel has no links of kind vlan"
fi
if kernel_has dummy; then
    works "without a parent" berth network create -d macvlan --subnet 10.80.0.0/24 island
    dummy=dm-$(berth network inspect -f '{{.Id}}' island | cut -c1-12)
    works "a dummy is made" ip link show "$dummy"
    up castaway --network island
    up friday --network island
    equal "its containers hear each other" yes "$(hears castaway friday)"
    equal "and have no way out" "" "$(berth exec friday ip route | grep default)"
    berth rm -f castaway friday >/dev/null
    berth network rm island >/dev/null
    exits 1 "it goes with its network" ip link show "$dummy"
else
    refuses 1 "without a parent and the kernel's help" "berth: network island: this kernel has no links of kind dummy
hint: name a link of the host to hang the network on: --opt parent=LINK" berth network create -d macvlan island
    skip "networks without a parent" "this kernel has no links of kind dummy"
fi
equal "no record is left" "" "$(berth network ls -q --filter name=tagged --filter name=island)"

# --- ipvlan
berth rm -f one two late loud >/dev/null
berth network rm wire apart shut >/dev/null
works "an ipvlan" berth network create -d ipvlan --subnet 10.73.0.0/24 --gateway 10.73.0.200 --ip-range 10.73.0.64/26 -o parent=par0 wire
refuses 125 "a MAC address for it" "berth: attach networks: network wire: ipvlan interfaces do not support custom mac address assignment
hint: they all have their parent's" berth run --rm --network wire --mac-address 02:00:00:00:00:99 busybox true
refuses 1 "a second network on its link" "berth: network bad: network wire is already using parent interface par0
hint: only macvlan networks share a link, and none shares it with mode passthru" berth network create -d macvlan --subnet 10.81.0.0/24 -o parent=par0 bad
if kernel_has ipvlan; then
    up one --network wire
    up two --network wire
    equal "its containers hear each other" yes "$(hears one two)"
    equal "and the wire" yes "$(hears one 10.73.0.200)"
    equal "the wire hears them" yes "$(on_lan busybox ping -c 1 -W 1 "$(address two wire)" >/dev/null && echo yes)"
    equal "with their parent's MAC address" "$(cat /sys/class/net/par0/address)" "$(berth exec one cat /sys/class/net/eth0/address)"
    equal "the host does not" no "$(busybox ping -c 1 -W 1 "$(address one wire)" >/dev/null && echo yes || echo no)"
    berth rm -f one two >/dev/null
    berth network rm wire >/dev/null
    works "one of mode l3" berth network create -d ipvlan --subnet 10.82.0.0/24 -o parent=par0 -o ipvlan_mode=l3 routed
    up one --network routed
    equal "has its link for a default route" "default dev eth0" "$(berth exec one ip route | sed -n 's/^\(default dev eth0\).*/\1/p')"
    equal "and no gateway" "" "$(inspect one '{{.NetworkSettings.Networks.routed.Gateway}}')"
    on_lan ip route add 10.82.0.0/24 via 10.73.0.1
    equal "the wire hears it by a route" yes "$(on_lan busybox ping -c 1 -W 1 "$(address one routed)" >/dev/null && echo yes)"
    berth rm -f one >/dev/null
else
    exits 125 "without the kernel's help" berth run --rm --network wire busybox true
    holds "that is said" "network wire: this kernel has no links of kind ipvlan" "$ERR"
    skip "traffic of ipvlans" "this kernel has no links of kind ipvlan"
fi

berth rm -f $(berth ps -aq) >/dev/null 2>&1
berth network prune -f >/dev/null
equal "no lease is left" "" "$(find "$BERTH_RUN_ROOT"/network/{attached,tables,ports} -type f 2>/dev/null)"
ip link del par2
ip link del par0
kill $lan
finish
