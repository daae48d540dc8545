# What a network cannot hold any more is said, and nothing is left of what did not fit.
# limit: 120
. "$(dirname "$0")/lib/common.sh"
bases busybox

berth network create --subnet 10.96.0.0/30 tiny >/dev/null
berth run -d --name first --network tiny busybox sleep 1000 >/dev/null
refuses 125 "a network without a free address" "berth: attach networks: network tiny: no free address in 10.96.0.0/30
hint: containers that have stopped give theirs back; or create a network with a larger --subnet than that of tiny" \
    berth run --rm --name second --network tiny busybox true
berth rm -f first >/dev/null
works "has one again when its holder has gone" berth run --rm --network tiny busybox true

# A bridge takes 1,023 ports. The other ends lie in a namespace of their own, with which they all go at once.
berth network create --subnet 10.97.0.0/20 -o com.docker.network.bridge.name=wide0 wide >/dev/null
berth run --rm --network wide busybox true
unshare -n sleep 1000 &
far=$!
soon 5 sh -c "[ \"\$(readlink /proc/$far/ns/net)\" != \"\$(readlink /proc/self/ns/net)\" ]"
soon 5 sh -c '! ip -o link | grep -q veth'
for i in $(seq 1022); do echo "link add name f$i master wide0 type veth peer name g$i netns $far"; done > batch
works "1,022 ports are on the bridge" ip -batch batch
works "one more fits" berth run -d --name last --network wide -p 8087:80 busybox sleep 1000
refuses 125 "the next does not" "berth: attach networks: network wide: the bridge has 1023 containers, as many as the kernel allows
hint: put further containers on another network: berth network create NAME" berth run --rm --network wide -p 8086:80 busybox true
equal "and holds no lease" 1 "$(find "$BERTH_RUN_ROOT/network/attached" -type f | wc -l)"
equal "nor port" 0 "$(grep -c 8086 "$BERTH_RUN_ROOT/network/ports")"
works "with its place on the bridge it starts" sh -c 'berth rm -f last >/dev/null; until ! ip -o link | grep -q veth; do sleep 0.1; done; berth run --rm --network wide -p 8087:80 busybox true'
kill $far
wait $far 2>/dev/null
soon 20 sh -c '! ip -o link | grep -q " f[0-9]"'
berth network rm tiny wide >/dev/null
finish
