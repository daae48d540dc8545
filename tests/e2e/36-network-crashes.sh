# kill -9 of a monitor at any call by which it changes the network: no address and no port is lost or given twice, and after
# one more command nothing is left. Prints how many kills were tried.
# limit: 300
. "$(dirname "$0")/lib/common.sh"
if ! strace -f -o /dev/null true 2>/dev/null; then
    skip "kills at every call" "strace is missing or may not trace"
    finish
fi
bases busybox
berth network create --subnet 10.90.0.0/24 app >/dev/null
berth network create --subnet 10.91.0.0/24 side >/dev/null
wish=(--network app --ip 10.90.0.10 -p 8088:80)

lines_of_leases() { find "$BERTH_RUN_ROOT"/network/{attached,tables,ports} -type f 2>/dev/null; }
leases() { find "$BERTH_RUN_ROOT"/network/{attached,tables,ports,doomed} -type f 2>/dev/null | xargs -r cat; }
elements() { nft -j list table inet berth 2>/dev/null | jq -r '.nftables[] | .map // empty | select(.name | startswith("pub")) | .elem // [] | length' | awk '{ n += $1 } END { print n + 0 }'; }
veths() { ip -o link | grep -c veth; }
listeners() { grep -c ":1F98 .* 0A " /proc/net/tcp; }

inherit() {
    berth rm -f heir >/dev/null 2>&1
    berth run -d --name heir "${wish[@]}" busybox sleep 1000 >/dev/null 2>err
}

# sound WHAT: whoever lives has what it asked for alone, and what died has nothing.
sound() {
    berth ps -aq >/dev/null 2>err || { fail "$1: ps works" "$(cat err)"; return 1; }
    if [ -n "$(berth ps -q --filter name=victim --filter name=other)" ]; then
        berth run --rm "${wish[@]}" busybox true 2>err && { fail "$1: an address was given twice"; return 1; }
        grep -q "in use by" err || { fail "$1: says who has it" "$(cat err)"; return 1; }
    else
        # What died with its monitor may take a moment to be gone.
        soon 5 inherit || { fail "$1: address and port are free" "$(cat err)" "$(leases)"; return 1; }
        [ "$(leases | grep -c 10.90.0.10)" -ge 1 ] || { fail "$1: the heir holds its lease"; return 1; }
    fi
    berth rm -f victim other heir >/dev/null 2>&1
    soon 5 sh -c '[ "$(ip -o link | grep -c veth)" = 0 ]' || { fail "$1: no link is left" "$(ip -o link | grep veth)"; return 1; }
    [ -z "$(lines_of_leases)" ] || { fail "$1: no lease is left" "$(leases)"; return 1; }
    [ "$(elements)" = 0 ] || { fail "$1: no element is left" "$(nft list table inet berth)"; return 1; }
    [ "$(listeners)" = 0 ] || { fail "$1: no port is held"; return 1; }
}

kills=0
calls="sendmsg renameat unlinkat setns openat"
# Some of the moments; BERTH_LONG=1 tries all.
steps() {
    if [ -n "${BERTH_LONG:-}" ]; then seq 1 30; return; fi
    case $1 in openat) echo 4 25 64;; sendmsg) echo 1 3 6 10 15;; *) echo 1 2 4;; esac
}

# --- a start: berth and its monitor are traced from birth, and each dies at its n-th call
bad=0
exec 9>&2 2>/dev/null  # The shell tells of every one that is killed.
for call in $calls; do
    for n in $(steps "$call"); do
        timeout 20 strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" \
            berth run -d --name victim "${wish[@]}" busybox sleep 1000 >/dev/null 2>&1 </dev/null &
        tracer=$!
        # Nobody was killed when it runs: then there are no more calls of this kind.
        for i in $(seq 100); do
            kill -0 $tracer 2>/dev/null || break
            [ "$(inspect victim '{{.State.Running}}')" != true ] || break
            sleep 0.05
        done
        alive=no
        kill -0 $tracer 2>/dev/null && alive=yes
        kills=$((kills + 1))
        sound "a start, killed at $call $n" || { bad=1; break 2; }
        wait $tracer 2>/dev/null
        [ $alive = no ] || break
    done
done
exec 2>&9
[ $bad != 0 ] || pass "a start may be killed anywhere"

# at WHAT COMMAND...: kills the monitor at its n-th call during the command.
at() {
    local what=$1 call n tracer bad=0
    shift
    for call in sendmsg renameat unlinkat setns; do
        for n in $(steps "$call"); do
            berth run -d --name victim "${wish[@]}" busybox sleep 1000 >/dev/null || { fail "$what: start"; return; }
            [ "$what" != "a disconnect" ] || berth network connect side victim
            strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" -p "$(monitor_of victim)" 2>/dev/null &
            tracer=$!
            soon 5 grep -q "TracerPid:	[1-9]" "/proc/$(monitor_of victim)/status"
            timeout 20 "$@" >/dev/null 2>&1
            local status=$?
            kills=$((kills + 1))
            sound "$what, killed at $call $n" || { bad=1; break 2; }
            wait $tracer 2>/dev/null
            [ $status != 0 ] || break
        done
    done
    [ $bad != 0 ] || pass "$what may be killed anywhere"
}
at "a stop" berth stop -t 0 victim
at "a connect" berth network connect side victim
at "a disconnect" berth network disconnect app victim
at "a publication" berth update --publish-add 8089:81 victim
at "a withdrawal" berth update --publish-rm 8088:80 victim
at "a new name" berth rename victim other
echo "$kills kills"

# --- killed first starts are no secret: removing them gives all back at once
timeout -s KILL 5 strace -f -qq -o /dev/null -e trace=sendmsg -e inject=sendmsg:signal=KILL:when=3 berth run -d --name victim "${wish[@]}" busybox sleep 1000 >/dev/null 2>&1
berth rm -f victim >/dev/null 2>&1
equal "a removal gives back what a killed start had" "" "$(lines_of_leases)"

# --- the first look at a network finds nobody who was killed
berth run -d --name lone "${wish[@]}" busybox sleep 1000 >/dev/null
kill -9 "$(monitor_of lone)" "$(init_of lone)"
equal "inspect shows no killed container" 0 "$(soon 5 sh -c '! ip -o link | grep -q veth'; berth network inspect -f '{{len .Containers}}' app)"
berth rm -f lone >/dev/null

# --- a half-written record
berth run -d --name lone "${wish[@]}" busybox sleep 1000 >/dev/null
head -c 40 /dev/urandom > "$BERTH_RUN_ROOT/network/attached/$(printf 'e%.0s' $(seq 64)).new"
berth ps >/dev/null
equal "goes with the next command" "" "$(find "$BERTH_RUN_ROOT/network" -name '*.new')"
equal "and the living stay attached" 1 "$(ls "$BERTH_RUN_ROOT/network/attached" | wc -l)"
# --- somebody else took its link away
ip link del "$(ip -o link show type veth | awk -F': ' '{ print $2 }' | sed 's/@.*//' | head -1)"
works "and system prune sweeps" berth system prune -f
exits 125 "a container whose link was taken away" berth run --rm "${wish[@]}" busybox true
holds "keeps its address as long as it runs" "in use by" "$ERR"
berth rm -f lone >/dev/null
berth network rm app >/dev/null
finish
