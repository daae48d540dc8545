# Who reaches whom: the traffic table of the firewall, for tcp and udp, IPv4 and IPv6, from outside, from the host and from
# other containers; with bridged packets passing the IP hooks and without. Servers and clients are socat, put into the
# containers' networks from the host.
# limit: 240
. "$(dirname "$0")/lib/common.sh"
bases busybox

# A client outside: another namespace on a wire of its own.
unshare -n sleep 1000 &
out=$!
sleep 0.2
ip link add lan0 type veth peer name wire netns $out
ip addr add 203.0.113.1/24 dev lan0
ip addr add 2001:db8::1/64 dev lan0 nodad
ip link set lan0 up
outside() { nsenter --net=/proc/$out/ns/net "$@"; }
outside ip link set lo up
outside ip addr add 203.0.113.9/24 dev wire
outside ip addr add 2001:db8::9/64 dev wire nodad
outside ip link set wire up
outside ip route add 172.16.0.0/12 via 203.0.113.1

# Servers are sessions of their own, so that each ends with all its children.
servers=()
inside() { local pid; pid=$(inspect "$1" '{{.State.Pid}}'); shift; nsenter --net="/proc/$pid/ns/net" "$@"; }
serve() {
    setsid $(from "$1") socat "$2,fork,reuseaddr" "SYSTEM:$3" 2>/dev/null &
    servers+=($!)
}
get() { timeout 4 "${@:2}" socat -T2 - "$1" </dev/null 2>/dev/null; }
echoed() { echo ping | timeout 4 "${@:2}" socat -T1 - "$1" 2>/dev/null; }
from_outside="nsenter --net=/proc/$out/ns/net"
from() { echo "nsenter --net=/proc/$(inspect "$1" '{{.State.Pid}}')/ns/net"; }

works "a network with IPv6" berth network create --ipv6 --subnet 10.66.0.0/24 --subnet fd66::/64 six
works "a second one" berth network create --subnet 10.67.0.0/24 other
berth run -d --name web -p 8080:80 -p 127.0.0.1:8081:80 -p 20000-29999:20000-29999 -p 5300:53/udp busybox sleep 1000 >/dev/null
berth run -d --name dual --network six -p 8090:80 -p 5390:53/udp busybox sleep 1000 >/dev/null
berth run -d --name peer busybox sleep 1000 >/dev/null
berth run -d --name stranger --network other busybox sleep 1000 >/dev/null
serve web TCP4-LISTEN:80 'echo hello from $SOCAT_PEERADDR'
serve web TCP4-LISTEN:25000 'echo range'
serve web UDP4-LISTEN:53 cat
serve dual TCP6-LISTEN:80,ipv6only=0 'echo hello from $SOCAT_PEERADDR'
serve dual UDP6-LISTEN:53,ipv6only=0 cat
sleep 0.5
ip=$(inspect web '{{.NetworkSettings.IPAddress}}')
# CVE-2020-13401: a container that may send raw packets says that it is a router, to all on its bridge.
cat > router.py <<'P'
import socket, struct
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("eth0", 0))
own = wire.getsockname()[4]
source, everybody = socket.inet_pton(socket.AF_INET6, "fe80::bad"), socket.inet_pton(socket.AF_INET6, "ff02::1")
prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 86400, 14400, 0) + socket.inet_pton(socket.AF_INET6, "2001:db8:bad::")
text = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + struct.pack("!BB", 1, 1) + own + prefix
whole = source + everybody + struct.pack("!II", len(text), 58) + text
total = sum(struct.unpack("!%dH" % (len(whole) // 2), whole))
while total >> 16: total = (total & 0xffff) + (total >> 16)
text = text[:2] + struct.pack("!H", ~total & 0xffff) + text[4:]
wire.send(bytes.fromhex("333300000001") + own + struct.pack("!HIHBB", 0x86dd, 6 << 28, len(text), 58, 255) + source + everybody + text)
P
berth run -d --name rogue busybox sleep 1000 >/dev/null
berth run -d --name rogue6 --network six busybox sleep 1000 >/dev/null
inside rogue python3 router.py && inside rogue6 python3 router.py
sleep 0.5
equal "no container takes another for a router, with IPv6 and without" "" \
    "$(for name in web peer dual rogue; do inside $name ip -6 addr; inside $name ip -6 route; done | grep 'db8:bad:\|fe80::bad')"
equal "nor does the host" "" "$(ip -6 route | grep 'db8:bad:\|fe80::bad')"
berth rm -f rogue rogue6 >/dev/null

# CVE-2020-8558: route_localnet lets a packet for 127.0.0.1 in that comes by the wire, made by hand; the guard does not.
cat > loopback.py <<'P'
import socket, struct, sys
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
source, gateway_mac, own_mac, port = sys.argv[1], bytes.fromhex(sys.argv[2].replace(":", "")), bytes.fromhex(sys.argv[3].replace(":", "")), int(sys.argv[4])
for target in sys.argv[5:]:
    text = b"wire"
    udp = struct.pack("!HHHH", 4000, port, 8 + len(text), 0) + text
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, socket.inet_aton(source), socket.inet_aton(target))
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind(("eth0", 0))
    wire.send(gateway_mac + own_mac + b"\x08\x00" + head + udp)
P
bridge=$(ip -4 -o addr show to "$(inspect peer '{{.NetworkSettings.Gateway}}')" | awk '{print $2}')
timeout 3 socat -u UDP4-RECVFROM:5999,bind=127.0.0.1 OPEN:heard-loopback,creat & listener=$!
timeout 3 socat -u UDP4-RECVFROM:5999,bind="$(inspect peer '{{.NetworkSettings.Gateway}}')" OPEN:heard-bridge,creat & listener="$listener $!"
sleep 0.3
$(from peer) python3 loopback.py "$(inspect peer '{{.NetworkSettings.IPAddress}}')" "$(cat "/sys/class/net/$bridge/address")" \
    "$(inspect peer '{{.NetworkSettings.MacAddress}}')" 5999 127.0.0.1 "$(inspect peer '{{.NetworkSettings.Gateway}}')"
wait $listener
equal "a packet made by hand reaches the bridge" wire "$(cat heard-bridge 2>&1)"
equal "but not the host's loopback" "" "$(cat heard-loopback 2>/dev/null)"
# CVE-2020-13401: a container that says it is a router.
equal "the host takes no router advertisements from a container" 0 \
    "$(cat "/proc/sys/net/ipv6/conf/$(ip -6 -o addr show to fd66::/64 | awk '{print $2}')/accept_ra")"

# A flow opened in the name of another network's container: led back by a published port, its answers would be taken for
# that container's, and go in where nothing may.
cat > forge.py <<'P'
import socket, struct, sys, time
victim, way, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
v6 = ":" in victim
family = socket.AF_INET6 if v6 else socket.AF_INET
heard = socket.socket(family, socket.SOCK_DGRAM)
heard.bind(("", port))
heard.settimeout(2)
def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
source, target = socket.inet_pton(family, victim), socket.inet_pton(family, way)
udp = struct.pack("!HHHH", 7777, port, 12, 0) + b"hole"
udp = udp[:6] + struct.pack("!H", checksum(source + target + struct.pack("!II", 12, 17) + udp)) + udp[8:]
head = struct.pack("!IHBB", 6 << 28, 12, 17, 64) if v6 else struct.pack("!BBHHHBBH", 0x45, 0, 32, 0, 0, 64, 17, 0)
socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW).sendto(head + source + target + udp, (way, 0))
try:
    sender = heard.recvfrom(100)[1]
    for i in range(3):
        heard.sendto(b"intruder", sender)
        time.sleep(0.1)
except socket.timeout: pass
P
works "an internal network with IPv6" berth network create --internal --ipv6 --subnet 10.68.0.0/24 --subnet fd68::/64 vault
berth run -d --name victim --network vault busybox sleep 1000 >/dev/null
berth run -d --name forger4 -p 5301:5301/udp busybox sleep 1000 >/dev/null
berth run -d --name forger6 --network six -p 5302:5302/udp busybox sleep 1000 >/dev/null
forge() { # FAMILY VICTIM WAY PORT
    inside victim timeout 6 socat -u "UDP$1-RECVFROM:7777" "OPEN:forged$1,creat" & local listener=$!
    sleep 0.3
    inside "forger$1" python3 forge.py "$2" "$3" "$4"
    kill $listener 2>/dev/null
    equal "nobody opens a way into an internal network by a forged address, IPv$1" "" "$(cat "forged$1" 2>/dev/null)"
}
forge 4 10.68.0.2 10.68.0.1 5301
forge 6 fd68::2 fd68::1 5302
equal "nor does one inside reach another network by its published port" "" "$(get TCP:10.68.0.1:8080,connect-timeout=1 $(from victim))"
works "while the host itself still answers it" berth exec victim ping -c 1 -W 2 10.68.0.1
berth rm -f victim forger4 forger6 >/dev/null
berth network rm vault >/dev/null

for filter in 0 1; do
    for kind in ip ip6; do [ ! -e /proc/sys/net/bridge/bridge-nf-call-${kind}tables ] || echo $filter > /proc/sys/net/bridge/bridge-nf-call-${kind}tables; done
    with="(bridge-nf-call $filter)"
    if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
        equal "the kernel is set so $with" $filter "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)"
    elif [ $filter = 1 ]; then
        skip "bridged packets in the IP hooks" "this kernel has no br_netfilter"
        break
    fi
    equal "outside reaches a published port, seen by its own address $with" "hello from 203.0.113.9" "$(get TCP:203.0.113.1:8080 $from_outside)"
    equal "and a port inside a range $with" range "$(get TCP:203.0.113.1:25000 $from_outside)"
    equal "but not one published on loopback $with" "" "$(get TCP:203.0.113.1:8081 $from_outside)"
    holds "the host reaches it on 127.0.0.1 $with" hello "$(get TCP:127.0.0.1:8080)"
    holds "and on loopback's own $with" hello "$(get TCP:127.0.0.1:8081)"
    holds "and on its address $with" hello "$(get TCP:203.0.113.1:8080)"
    holds "and on [::1], to a container without IPv6 $with" hello "$(get 'TCP6:[::1]:8080')"
    holds "outside over IPv6, to a container without $with" hello "$(get 'TCP6:[2001:db8::1]:8080' $from_outside)"
    equal "outside over IPv6, to one with $with" "hello from [2001:0db8:0000:0000:0000:0000:0000:0009]" "$(get 'TCP6:[2001:db8::1]:8090' $from_outside)"
    holds "the host on [::1], to one with $with" hello "$(get 'TCP6:[::1]:8090')"
    holds "the container reaches itself by the host $with" hello "$(get TCP:203.0.113.1:8080 $(from web))"
    holds "over IPv6 too $with" hello "$(get 'TCP6:[2001:db8::1]:8090' $(from dual))"
    holds "its neighbour reaches it by the host $with" hello "$(get TCP:203.0.113.1:8080 $(from peer))"
    holds "and directly $with" hello "$(get "TCP:$ip:80" $(from peer))"
    holds "another network reaches it by the host $with" hello "$(get TCP:203.0.113.1:8080 $(from stranger))"
    equal "but not directly $with" "" "$(get "TCP:$ip:80,connect-timeout=1" $(from stranger))"
    equal "nor does outside $with" "" "$(get "TCP:$ip:80,connect-timeout=1" $from_outside)"
    equal "a container does not reach the host's loopback $with" "" "$(get TCP:127.0.0.1:8081,connect-timeout=1 $(from peer))"
    equal "nor by naming the bridge as the way $with" "" "$(inside peer ip route replace table 7 127.0.0.1 via "$(inside peer ip route | sed -n 's/default via \([0-9.]*\).*/\1/p')" dev eth0 2>/dev/null; get TCP:127.0.0.1:8081,connect-timeout=1 $(from peer))"
    equal "udp from outside $with" ping "$(echoed UDP:203.0.113.1:5300 $from_outside)"
    equal "udp on 127.0.0.1 $with" ping "$(echoed UDP:127.0.0.1:5300)"
    equal "udp on [::1], to a container without IPv6 $with" ping "$(echoed 'UDP6:[::1]:5300')"
    equal "udp over IPv6 from outside, to one without $with" ping "$(echoed 'UDP6:[2001:db8::1]:5300' $from_outside)"
    equal "udp over IPv6 from outside, to one with $with" ping "$(echoed 'UDP6:[2001:db8::1]:5390' $from_outside)"
done
head -c 20000000 /dev/urandom > big
inside web timeout 20 socat -u TCP4-LISTEN:25001,reuseaddr CREATE:"$WORK/came" &
timeout 20 socat -u FILE:big TCP4:127.0.0.1:25001,retry=50,interval=0.1
wait $!
equal "many bytes arrive unchanged" "$(sha256sum < big)" "$(sha256sum < came)"
berth run -d --name sink -p 8060:80 busybox sleep 1000 >/dev/null
inside sink timeout 20 socat -u TCP4-LISTEN:80,reuseaddr CREATE:"$WORK/relayed" &
soon 5 inside sink sh -c 'grep -q ":0050 .* 0A " /proc/net/tcp'
timeout 20 socat -u FILE:big 'TCP6:[::1]:8060'
wait $!
equal "and through the relay" "$(sha256sum < big)" "$(sha256sum < relayed)"

# --- many at once through the relay, whatever the starter's soft limit of descriptors
cat > crowd.py <<'P'
# serve PROTOCOL PORT CROWD: greets nobody until so many clients are there, then each of them, and begins anew.
# call PROTOCOL ADDRESS PORT CLIENTS: so many clients at once; prints how many of them were greeted.
import socket, sys
is_tcp = sys.argv[2] == "tcp"
kind = socket.SOCK_STREAM if is_tcp else socket.SOCK_DGRAM
def serve(port, crowd):
    server = socket.socket(socket.AF_INET, kind)
    server.bind(("0.0.0.0", port))
    if is_tcp: server.listen(4096)
    while True:
        if is_tcp:
            for client in [server.accept()[0] for _ in range(crowd)]: client.send(b"hello"); client.close()
        else:
            for client in [server.recvfrom(9)[1] for _ in range(crowd)]: server.sendto(b"hello", client)
def call(address, port, count):
    clients = [socket.socket(socket.AF_INET6, kind) for _ in range(count)]
    for client in clients:
        client.settimeout(10)
        client.connect((address, port))
        if not is_tcp: client.send(b"hi")
    greeted = 0
    for client in clients:
        try: greeted += client.recv(9) == b"hello"
        except OSError: break  # The first that waits in vain tells enough.
        client.close()
    print(greeted)
if sys.argv[1] == "serve": serve(int(sys.argv[3]), int(sys.argv[4]))
else: call(sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
P
crowd() {
    setsid $(from "$1") python3 crowd.py serve "${@:2}" 2>/dev/null &
    servers+=($!)
}
( ulimit -Sn 256; exec berth run -d --name popular -p 8062:80 -p 8062:53/udp busybox sleep 1000 ) >/dev/null
crowd popular tcp 80 300
crowd popular udp 53 150
soon 5 inside popular grep -q ":0050 .* 0A " /proc/net/tcp
soon 5 inside popular grep -q ":0035 " /proc/net/udp
prints 300 "three hundred connections at once pass the relay" timeout 60 python3 crowd.py call tcp ::1 8062 300
prints 150 "a hundred and fifty clients of udp get their late answers through it" timeout 60 python3 crowd.py call udp ::1 8062 150
prints 256 "its container keeps the starter's limit of descriptors" berth exec popular sh -c 'ulimit -n'
( ulimit -n 700; exec berth run -d --name full -p 8063:80 busybox sleep 1000 ) >/dev/null
crowd full tcp 80 1
soon 5 inside full grep -q ":0050 .* 0A " /proc/net/tcp
prints 200 "who finds it full waits until a connection ends" timeout 60 python3 crowd.py call tcp ::1 8063 200
works "and an exec finds descriptors left" berth exec full true
berth rm -f popular full >/dev/null

# --- a flow that is older than the publication
berth rm -f web >/dev/null
( exec 3<>/dev/udp/203.0.113.1/5300; for i in 1 2 3 4 5 6 7 8 9; do echo ping >&3; sleep 0.3; done 2>/dev/null; timeout 2 head -c 5 <&3 > late ) 2>/dev/null &
old=$!
sleep 0.5
berth run -d --name web -p 5300:53/udp -p 8080:80 busybox sleep 1000 >/dev/null
serve web UDP4-LISTEN:53 cat
serve web TCP4-LISTEN:80 'echo hello from $SOCAT_PEERADDR'
wait $old
equal "a udp flow older than the port is led to the container" ping "$(cat late)"

# --- sctp: an association has no half that could be closed, so the client is one that only listens
cat > sctp.py <<'P'
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
link = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
link.settimeout(4)
link.connect((sys.argv[1], int(sys.argv[2])))
print(link.recv(100).decode(), end="")
P
associate() { timeout 4 "${@:3}" python3 sctp.py "$1" "$2" 2>/dev/null; }
if python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)' 2>/dev/null; then
    works "an sctp port" berth run -d --name stream --network six -p 9300:9000/sctp -p 127.0.0.1:9301:9000/sctp busybox sleep 1000
    serve stream SCTP6-LISTEN:9000,ipv6only=0 'echo association'
    sleep 0.5
    equal "is reached from outside" association "$(associate 203.0.113.1 9300 $from_outside)"
    equal "over IPv6" association "$(associate 2001:db8::1 9300 $from_outside)"
    equal "from another container" association "$(associate 203.0.113.1 9300 $(from peer))"
    equal "from the host's loopback" association "$(associate 127.0.0.1 9301)"
    equal "and where it is not published it is not" "" "$(associate 203.0.113.1 9301 $from_outside)"
    berth rm -f stream >/dev/null
else
    skip "sctp" "this kernel has no sctp"
fi

# --- the way out, and none
works "the way out is translated" inside web socat -T1 - UDP:203.0.113.9:9,connect-timeout=1 </dev/null
setsid $from_outside socat -T3 TCP-LISTEN:7070,fork,reuseaddr SYSTEM:'echo $SOCAT_PEERADDR' &
servers+=($!)
sleep 0.3
equal "to the host's address" 203.0.113.1 "$(get TCP:203.0.113.9:7070 $(from web))"
berth network create --internal inner >/dev/null
berth run -d --name shut --network inner busybox sleep 1000 >/dev/null
equal "an internal network has no way out" "" "$(get TCP:203.0.113.9:7070,connect-timeout=1 $(from shut))"
berth network create -o com.docker.network.bridge.enable_icc=false apart >/dev/null
berth run -d --name one --network apart -p 8050:80 busybox sleep 1000 >/dev/null
berth run -d --name two --network apart busybox sleep 1000 >/dev/null
serve one TCP4-LISTEN:80 'echo hello'
sleep 0.3
equal "without icc neighbours do not talk" "" "$(get "TCP:$(inspect one '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'):80,connect-timeout=1" $(from two))"
equal "but the world does" hello "$(get TCP:203.0.113.1:8050 $from_outside)"

# --- somebody flushes all rules
nft flush ruleset
works "a flushed ruleset is healed" soon 5 nft list table inet berth
holds "and traffic goes on" hello "$(get TCP:203.0.113.1:8080 $from_outside)"
elements() { nft -j list table inet berth | jq '[.nftables[] | (.map // .set // empty) | .elem // [] | length] | add'; }
had=$(elements)
for i in 1 2 3 4 5; do nft flush ruleset; sleep 0.0$i; done
works "also one that is flushed again and again, by several monitors at once" soon 5 nft list table inet berth
sleep 0.5
equal "with all its elements, each once" "$had" "$(elements)"
holds "other containers' ports work as well" hello "$(get 'TCP6:[2001:db8::1]:8090' $from_outside)"
equal "and what was closed is closed" "" "$(get TCP:203.0.113.9:7070,connect-timeout=1 $(from shut))$(get "TCP:$(inspect web '{{.NetworkSettings.IPAddress}}'):80,connect-timeout=1" $from_outside)"
nft delete table inet berth
works "a deleted table is healed too" soon 5 nft list table inet berth

berth rm -f web dual peer stranger sink shut one two >/dev/null 2>&1
for pid in "${servers[@]}"; do kill -- "-$pid" 2>/dev/null; done
ip link del lan0
kill $out
soon 10 sh -c '! ip -o link | grep -q veth'
finish
