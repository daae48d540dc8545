# limit: 180
# kill -9 of any process of berth, at any moment, leaves what the next command can read and tidy. The delays are random;
# FAULT_SEED repeats a run.
. "$(dirname "$0")/lib/common.sh"
bases busybox
RANDOM=${FAULT_SEED:=$$}
echo "fault seed: $FAULT_SEED"

delay() { printf '0.%03d' $((RANDOM % ${1:-40})); }
ids() { berth ps -aq --no-trunc; }
# Every container can be shown and removed, and then nothing of any is left.
tidy() {
    local id
    try berth ps -a
    [ $STATUS = 0 ] || { fail "$1: ps works" "$ERR"; return; }
    for id in $(ids); do
        try berth inspect "$id"
        [ $STATUS = 0 ] || { fail "$1: inspect works" "$ERR"; return; }
    done
    # A container that was being made when its command died may be complete or not be there; both are fine.
    try sh -c 'berth ps -aq | xargs -r berth rm -f'
    [ $STATUS = 0 ] || { fail "$1: rm -f works" "$ERR"; return; }
    [ -z "$(ids)" ] || { fail "$1: rm -f removes all" "$(berth ps -a)"; return; }
    soon 5 nothing_runs || { fail "$1: no process is left" "$(ps -e -o pid,args | grep -E 'berth|sleep 1000')"; return; }
    prints ok "$1: everything can be seen and removed, and the next container runs" berth run --rm busybox echo ok
}
nothing_runs() { ! pgrep -x berth-monitor && ! pgrep -f '^sleep 1000'; } >/dev/null

# --- the command
for round in 1 2 3 4 5 6 7 8 9 10 11 12; do
    berth run -d --name "c$round" -p $((9000 + round)):80 busybox sleep 1000 >/dev/null 2>&1 &
    sleep "$(delay)"
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
done
tidy "run -d killed 12 times"

for round in 1 2 3 4 5 6; do
    berth run --name "f$round" busybox sleep 1000 >/dev/null 2>&1 &
    sleep "$(delay 200)"
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
done
tidy "run in the foreground killed 6 times"

berth create --name busy busybox sleep 1000 >/dev/null
for round in 1 2 3 4 5 6; do
    for command in "start busy" "stop -t 0 busy" "rm -f busy"; do
        berth $command >/dev/null 2>&1 &
        sleep "$(delay 20)"
        kill -9 $! 2>/dev/null
        wait $! 2>/dev/null
    done
    berth inspect busy >/dev/null 2>&1 || berth create --name busy busybox sleep 1000 >/dev/null
done
tidy "start, stop and rm killed 6 times each"

# --- the monitor
berth run -d --name mon -p 9100:80 busybox sleep 1000 >/dev/null
init=$(init_of mon)
kill -9 "$(monitor_of mon)"
sleep 0.2
works "without its monitor a container is still shown" berth ps -a
if kill -0 "$init" 2>/dev/null; then
    equal "its program goes on, and is known to run" true "$(inspect mon '{{.State.Running}}')"
    prints ok "exec still works" berth exec mon echo ok
else
    equal "its program ended with it, and that is recorded" false "$(inspect mon '{{.State.Running}}')"
fi
works "it can be stopped" berth stop -t 1 mon
equal "then it is not running" false "$(inspect mon '{{.State.Running}}')"
works "and started again" berth start mon
equal "which it is" true "$(inspect mon '{{.State.Running}}')"
tidy "monitor killed"

for round in 1 2 3 4 5 6 7 8; do
    berth run -d --name "r$round" --restart always busybox sh -c 'sleep 0.1; exit 1' >/dev/null 2>&1
    sleep "$(delay 300)"
    pkill -9 -x berth-monitor
done
tidy "monitors killed at random while containers restart"

# --- the container's own first process
berth run -d --name own --restart always busybox sleep 1000 >/dev/null
for round in 1 2 3; do
    first=$(init_of own)
    kill -9 "$first"
    soon 10 sh -c "p=\$(berth inspect -f '{{.State.Pid}}' own); [ \$p -gt 1 ] && [ \$p != $first ]" || fail "restart after kill $round"
done
equal "three kills, three restarts" 3 "$(inspect own '{{.RestartCount}}')"
tidy "init killed"

# --- builds and images
printf 'FROM busybox\nRUN head -c 3000000 /dev/urandom > /big\nRUN sleep 0.1\nRUN echo done > /done\n' > Dockerfile
for round in 1 2 3 4 5 6; do
    berth build --no-cache -t killed . >/dev/null 2>&1 &
    sleep "$(delay 300)"
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
done
works "after builds that were killed, one goes through" berth build -t killed .
prints done "and is whole" berth run --rm killed cat /done
for round in 1 2 3 4; do
    berth import "$BASES/busybox.tar" "imported:$round" >/dev/null 2>&1 &
    sleep "$(delay 60)"
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
done
works "after imports that were killed, images works" berth images
broken=""
for image in $(berth images -q | sort -u); do berth run --rm --network none "$image" /bin/busybox true || broken+=" $image"; done
equal "and every image that is listed runs" "" "$broken"
works "prune tidies the rest" berth image prune -af
equal "no staging is left" "" "$(find "$BERTH_ROOT"/tmp "$BERTH_ROOT"/trash -mindepth 1 2>/dev/null)"
equal "no command leaves its lease" "" "$(find "$BERTH_ROOT/leases" -mindepth 1 2>/dev/null)"
finish
