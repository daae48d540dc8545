# Nothing is lost, and nothing is given twice: many starts, starts at once, killed monitors.
# limit: 240
. "$(dirname "$0")/lib/common.sh"
bases busybox

links() { ip -o link | grep -c veth; }
berth run --rm -p 8080:80 busybox true
before=$(links) rules=$(nft list table inet berth | grep -c .)
for i in $(seq 60); do berth run --rm -p 8080:80 -p 20000-20999:20000-20999 busybox true || fail "cycle $i"; done
works "links go with their containers" soon 10 sh -c "[ \$(ip -o link | grep -c veth) -le $before ]"
equal "the table has no more lines" "$rules" "$(nft list table inet berth | grep -c .)"
equal "no lease is left" "" "$(find "$BERTH_RUN_ROOT"/network/{attached,tables,ports} -type f 2>/dev/null)"

# --- at once
for i in $(seq 12); do berth run -d --name "p$i" -p 80 busybox sleep 1000 >/dev/null 2>"err$i" & done
wait
equal "twelve at once all run" 12 "$(berth ps -q | wc -l)"
equal "each with an address of its own" 12 "$(for i in $(seq 12); do inspect p$i '{{.NetworkSettings.IPAddress}}'; done | sort -u | wc -l)"
equal "and a port of its own" 12 "$(for i in $(seq 12); do berth port p$i 80 | head -1; done | sort -u | wc -l)"

# --- killed
victim=$(inspect p1 '{{.State.Pid}}')
monitor=$(sed -n 's/^PPid:\t//p' "/proc/$victim/status")
port=$(berth port p1 80 | head -1)
kill -9 "$monitor" "$victim"
works "a port of the killed is free again" soon 5 berth run -d --name heir -p "${port##*:}:80" busybox sleep 1000
berth rm -f heir $(seq -f p%g 12) >/dev/null 2>&1
works "all links are gone" soon 10 sh -c '[ "$(ip -o link | grep -c veth)" = 0 ]'
equal "and all leases" "" "$(find "$BERTH_RUN_ROOT"/network/{attached,tables,ports} -type f 2>/dev/null)"
finish
