# Starts and stops over and over: what there is of links, leases, elements, namespaces, files and descriptors is the same
# afterwards. 50 times here; BERTH_LONG=1 does it 1,000 times.
# limit: 900
. "$(dirname "$0")/lib/common.sh"
bases busybox
cycles=50
[ -z "${BERTH_LONG:-}" ] || cycles=1000

berth network create --ipv6 app >/dev/null
berth run -d --name stays --network app -p 9001:80 busybox sleep 1000 >/dev/null
monitor=$(monitor_of stays)
# Everything that a run could leave, one line a thing.
count() {
    echo "links $(ip -o link | wc -l)"
    echo "neighbours $(ip neigh show nud permanent | wc -l)"
    echo "elements $(nft -j list ruleset | jq '[.nftables[] | (.map // .set // empty) | .elem // [] | length] | add')"
    echo "rules $(nft -j list ruleset | jq '[.nftables[] | .rule // empty] | length')"
    echo "namespaces $(readlink /proc/[0-9]*/ns/net 2>/dev/null | sort -u | wc -l)"
    echo "leases $(find "$BERTH_RUN_ROOT/network" -type f ! -name doomed -exec cat {} + | wc -c)"
    echo "run files $(find "$BERTH_RUN_ROOT" ! -name doomed | wc -l)"
    echo "files $(find "$BERTH_ROOT" -path "*/layers/*/*/*" -prune -o -print | wc -l)"
    echo "mounts $(grep -vc /run/netns/ /proc/self/mountinfo)"
    echo "processes $(ps -e -o comm= | grep -c '^berth')"
    echo "descriptors of a monitor $(ls "/proc/$monitor/fd" | wc -l)"
    echo "sockets $(wc -l < /proc/net/tcp)"
}
cycle() {
    berth run -d --name comes --network app --network-alias x -p 9002:80 -p 9100-9199:9100-9199/udp busybox sleep 1000 >/dev/null || fail "run, cycle $1"
    case $(($1 % 4)) in
        0) berth rm -f comes >/dev/null;;
        1) berth stop -t 0 comes >/dev/null && berth start comes >/dev/null && berth rm -f comes >/dev/null;;
        2) berth network connect bridge comes && berth network disconnect app comes && berth rm -f comes >/dev/null;;
        3) berth kill comes >/dev/null; berth wait comes >/dev/null; berth rm comes >/dev/null;;
    esac || fail "end, cycle $1"
}
for i in 1 2 3 4; do cycle $i; done  # What is made once is there.
settled() { [ "$(ip -o link | grep -c veth)" = 1 ]; }
soon 10 settled
count > before
started=$SECONDS
for i in $(seq "$cycles"); do cycle "$i"; done
took=$((SECONDS - started))
works "links go with their containers" soon 15 settled
count > after
equal "$cycles cycles leave everything as it was" "$(cat before)" "$(cat after)"
echo "$cycles cycles in $took s"
berth rm -f stays >/dev/null
berth network rm app >/dev/null
finish
