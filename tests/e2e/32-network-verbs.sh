# network create, ls, inspect, connect, disconnect, rm, prune; addresses and ports that users choose; what is refused.
# limit: 120
. "$(dirname "$0")/lib/common.sh"
bases busybox

matches "create prints the id" '^[0-9a-f]{64}$' "$(berth network create --subnet 10.71.0.0/24 --gateway 10.71.0.254 --ip-range 10.71.0.128/25 --label a=b app)"
equal "ls shows the three and the new one" "app bridge host none" "$(berth network ls --format '{{.Name}}' | sort | xargs)"
equal "inspect has what was asked for" '[{"Subnet":"10.71.0.0/24","IPRange":"10.71.0.128/25","Gateway":"10.71.0.254"}] b bridge' \
    "$(berth network inspect -f '{{json .IPAM.Config}} {{.Labels.a}} {{.Driver}}' app)"
berth run -d --name one --network app busybox sleep 1000 >/dev/null
equal "addresses come from the range" 10.71.0.128 "$(inspect one '{{.NetworkSettings.Networks.app.IPAddress}}')"
berth run -d --name two --network app --ip 10.71.0.9 --mac-address 02:00:00:00:00:09 busybox sleep 1000 >/dev/null
equal "a chosen address" "10.71.0.9 02:00:00:00:00:09" "$(inspect two '{{.NetworkSettings.Networks.app.IPAddress}} {{.NetworkSettings.Networks.app.MacAddress}}')"
holds "and MAC address, inside too" "02:00:00:00:00:09" "$(berth exec two cat /sys/class/net/eth0/address)"
equal "the network knows who is on it" "one two" "$(berth network inspect -f '{{range .Containers}}{{.Name}} {{end}}' app | xargs -n1 | sort | xargs)"

exits 125 "a taken address" berth run --rm --network app --ip 10.71.0.9 busybox true
holds "names who has it" "10.71.0.9 is in use by container" "$ERR"
exits 125 "an address of elsewhere" berth run --rm --network app --ip 10.72.0.9 busybox true
holds "says where it should lie" "10.72.0.9 does not lie in 10.71.0.0/24" "$ERR"
exits 125 "an unknown network" berth run --rm --network nowhere busybox true
holds "is named" "network nowhere not found" "$ERR"
exits 1 "a network in use is not removed" berth network rm app
holds "and that is said" "has active endpoints" "$ERR"
exits 1 "nor is a predefined one" berth network rm bridge
exits 1 "a taken name" berth network create app
holds "is told" "network with name app already exists" "$ERR"
exits 1 "a subnet that overlaps" berth network create --subnet 10.71.0.0/25 again
holds "names the other" "overlaps 10.71.0.0/24" "$ERR"
exits 1 "a subnet of the host's own" berth network create --subnet "$(ip -4 route show dev uplink scope link | cut -d' ' -f1)" again

# --- several networks, changed while it runs
berth network create --subnet 10.72.0.0/24 back >/dev/null
works "connect a running container" berth network connect --ip 10.72.0.7 back one
equal "it has a second interface" "eth0 eth1 lo" "$(berth exec one ls /sys/class/net | xargs)"
equal "with the address" 10.72.0.7 "$(inspect one '{{.NetworkSettings.Networks.back.IPAddress}}')"
works "disconnect it" berth network disconnect app one
equal "the default route moves" 10.72.0.1 "$(berth exec one ip route | sed -n 's/^default via \([0-9.]*\).*/\1/p')"
exits 1 "twice is an error" berth network disconnect app one
berth restart -t 0 one >/dev/null
equal "a restart keeps what was chosen" "back 10.72.0.7" "$(inspect one '{{range $n, $e := .NetworkSettings.Networks}}{{$n}} {{$e.IPAddress}}{{end}}')"

# --- other kinds
works "a macvlan of a link" sh -c 'ip link add par0 type veth peer name par1; ip link set par0 up; ip link set par1 up; berth network create -d macvlan --subnet 10.73.0.0/24 -o parent=par0 wire'
equal "is a link of its own" 10.73.0.2 "$(berth run --rm --network wire busybox ip -4 addr show eth0 | sed -n 's/.*inet \([0-9.]*\).*/\1/p')"
exits 1 "a macvlan without a parent" berth network create -d macvlan broken
prints "lo" "none has the loopback only" berth run --rm --network none busybox ls /sys/class/net
equal "host is the host" "$(ls /sys/class/net | grep -v veth | sort | xargs)" "$(berth run --rm --network host busybox ls /sys/class/net | grep -v veth | sort | xargs)"
equal "container: is the other's" "$(berth exec one cat /sys/class/net/eth0/address)" "$(berth run --rm --network container:one busybox cat /sys/class/net/eth0/address)"
equal "mtu is an option" 1400 "$(berth network create -o com.docker.network.driver.mtu=1400 small >/dev/null; berth run --rm --network small busybox cat /sys/class/net/eth0/mtu)"

# --- ports
berth run -d --name held -p 7000:80 busybox sleep 1000 >/dev/null
exits 125 "a port of another container" berth run --rm -p 7000:81 busybox true
holds "is named" "port 7000/tcp on 0.0.0.0 is in use by container held" "$ERR"
python3 -c 'import socket, time; s = socket.socket(); s.bind(("0.0.0.0", 7001)); s.listen(); time.sleep(1000)' &
soon 5 sh -c 'ss -ltn | grep -q :7001 || netstat -ltn | grep -q :7001 || socat -u /dev/null TCP:127.0.0.1:7001'
exits 125 "a port of another program" berth run --rm -p 7001:80 busybox true
holds "names the program" "in use by python3 (pid $!)" "$ERR"
exits 125 "also inside a range" berth run --rm -p 6900-7899:6900-7899 busybox true
kill $!
equal "a random port is one above 32767" yes "$(berth run -d --name any -p 80 busybox sleep 100 >/dev/null; p=$(berth port any 80/tcp | head -1); [ "${p##*:}" -ge 32768 ] && echo yes)"
berth run -d --name pool1 -p 12200-12201:80 busybox sleep 1000 >/dev/null
berth run -d --name pool2 -p 12200-12201:80 busybox sleep 1000 >/dev/null
equal "a range of host ports gives one each" "0.0.0.0:12200 0.0.0.0:12201" "$(berth port pool1 80 | head -1) $(berth port pool2 80 | head -1)"
exits 125 "until all are in use" berth run --rm -p 12200-12201:80 busybox true

# --- ranges, which no socket holds: the kernel gives their ports to nobody who asks for any
reserved=/proc/sys/net/ipv4/ip_local_reserved_ports
echo 41000-41010 > $reserved
berth run -d --name long -p 40000-41005:40000-41005 busybox sleep 1000 >/dev/null
equal "a range among the kernel's own is reserved" 40000-41010 "$(cat $reserved)"
works "opening another reserves that too" berth update --publish-add 50000-50099:50000-50099 long
equal "beside the first" 40000-41010,50000-50099 "$(cat $reserved)"
works "closing it" berth update --publish-rm 50000-50099:50000-50099 long
equal "gives it back" 40000-41010 "$(cat $reserved)"
kill -9 "$(monitor_of long)" "$(init_of long)"
soon 5 sh -c 'berth ps -aq >/dev/null; [ -z "$(ls "$BERTH_RUN_ROOT"/network/reserved 2>/dev/null)" ]'
equal "and so does a killed container, what was there before stays" 41000-41010 "$(cat $reserved)"
berth run -d --name low -p 9000-9999:9000-9999 busybox sleep 1000 >/dev/null
equal "ports that the kernel does not give out need no reservation" 41000-41010 "$(cat $reserved)"
echo > $reserved
berth rm -f long low >/dev/null

berth rm -f one two held any pool1 pool2 >/dev/null 2>&1
ip link del par0
equal "prune removes what nobody is on" "app back small wire" "$(berth network prune -f | grep -v : | sort | xargs)"
equal "and leaves the three" "bridge host none" "$(berth network ls --format '{{.Name}}' | sort | xargs)"
finish
