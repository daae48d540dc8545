#!/usr/bin/env bash
# limit: 120
# Restart policies, what stop and kill mean for them, and what is repaired after kill -9 of monitor and program.
. "$(dirname "$0")/lib/common.sh"
bases busybox

count() { inspect "$1" '{{.RestartCount}}'; }
state() { inspect "$1" '{{.State.Status}}'; }
is_state() { [ "$(state "$1")" = "$2" ]; }
count_is() { [ "$(count "$1")" = "$2" ]; }
count_at_least() { [ "$(count "$1")" -ge "$2" ]; }

works "on-failure:3" berth run -d --name ff --restart on-failure:3 busybox sh -c 'exit 5'
soon 10 is_state ff exited && pass "ends after three restarts" || fail "ends after three restarts" "$(state ff)"
equal "RestartCount" 3 "$(count ff)"
equal "exit code of the last run" 5 "$(inspect ff '{{.State.ExitCode}}')"
works "a success is not restarted by on-failure" berth run -d --name ss --restart on-failure busybox true
soon 5 is_state ss exited && equal "RestartCount 0" 0 "$(count ss)"

works "always" berth run -d --name aa --restart always busybox sh -c 'sleep 0.1'
soon 10 count_at_least aa 2 && pass "comes back each time" || fail "comes back each time" "$(count aa)"
works "stop ends it" berth stop -t 1 aa
sleep 1
equal "and it stays down" exited "$(state aa)"

works "unless-stopped" berth run -d --name uu --restart unless-stopped busybox sleep 1000
kill -9 "$(init_of uu)"
soon 5 count_is uu 1 && pass "a killed program is restarted" || fail "a killed program is restarted" "$(count uu)"
soon 5 is_state uu running
works "a HUP is no stop" berth kill -s HUP uu
soon 5 is_state uu running && pass "it still runs" || fail "it still runs" "$(state uu)"
works "kill ends it for good" berth kill uu
sleep 0.5
equal "no restart" exited "$(state uu)"
exits 125 "--rm and --restart exclude each other" berth run --rm --restart always busybox true
berth rm -f ff ss aa uu >/dev/null

# --- the monitor is killed -------------------------------------------------------------------------------------------------
berth run -d --name kk busybox sh -c 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done' >/dev/null
soon 5 sh -c 'berth logs kk | grep -q "line 5"'
pid=$(init_of kk)
kill -9 "$(monitor_of kk)"
sleep 0.3
equal "a container whose monitor died still runs" running "$(state kk)"
equal "and is the same process" "$pid" "$(init_of kk)"
sleep 0.3
logged=$(berth logs kk | sed 's/line //')
equal "no line of its log is lost" "$(seq 1 "$(echo "$logged" | tail -1)")" "$logged"
works "exec reaches it" berth exec kk true
works "stop reaches it" berth stop -t 0 kk
equal "its exit code is known" "$(adopted 137)" "$(inspect kk '{{.State.ExitCode}}')"
berth rm kk >/dev/null

# A monitor is gone when it is gone, though a process of its own still compresses a rotated log.
berth run -d --name zip --log-opt max-size=100k busybox sh -c 'yes | head -n 20000; sleep 1000' >/dev/null
soon 10 sh -c 'ls "$BERTH_ROOT"/containers/*/*-json.log.1*'
monitor=$(monitor_of zip)
soon 2 pgrep -P "$monitor" -f berth-monitor
kill -9 "$monitor"
works "exec does not wait for what a killed monitor began" timeout 2 berth exec zip true
works "nor does stop" timeout 2 berth stop -t 0 zip
berth rm zip >/dev/null

# A client that is attached goes on below the next monitor.
berth run --name seen busybox sh -c 'i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo $i; usleep 20000; done; exit 7' >seen.out 2>seen.err & client=$!
soon 5 grep -q '^5$' seen.out
for i in 1 2 3; do kill -9 "$(monitor_of seen)"; sleep 0.1; done
wait $client
status=$?
equal "a client outlives its container's monitor" "$(adopted 7) " "$status $(cat seen.err)"
equal "and misses nothing" "$(seq 60)" "$(cat seen.out)"
equal "nor does the log" "$(seq 60)" "$(berth logs seen)"
equal "the status is known" "$(adopted 7)" "$(inspect seen '{{.State.ExitCode}}')"
berth rm seen >/dev/null

# It keeps what tells how a program ended while no monitor was there: stopped, it takes no part in what happens meanwhile.
berth run --name gap busybox sh -c 'echo up; until [ -e /go ]; do usleep 20000; done; exit 7' >gap.out 2>gap.err & client=$!
soon 5 grep -q up gap.out
pid=$(init_of gap)
kill -STOP $client
kill -9 "$(monitor_of gap)"
touch "/proc/$pid/root/go"
soon 5 sh -c "! kill -0 $pid"
kill -CONT $client
wait $client
status=$?
equal "a client knows the status of a program that ended while it had no monitor" "$(adopted 7) " "$status $(cat gap.err)"
equal "and the record has it" "$(adopted 7)" "$(inspect gap '{{.State.ExitCode}}')"
berth rm gap >/dev/null

# A request that no monitor has read is made again to the next one.
unread() {
    local monitor client
    monitor=$(monitor_of asked)
    kill -STOP "$monitor"
    "$@" >asked.out 2>asked.err & client=$!
    sleep 0.3
    kill -9 "$monitor"
    wait $client
    echo "$? $(cat asked.out asked.err)"
}
berth run -d --name asked busybox sleep 1000 >/dev/null
equal "exec reaches a container whose monitor is killed before it listens" "3 here" "$(unread berth exec asked sh -c 'echo here; exit 3')"
equal "so does pause" "0 asked" "$(unread berth pause asked)"
equal "which is done" paused "$(state asked)"
berth unpause asked >/dev/null
holds "and stop" "0 asked" "$(unread berth stop -t 0 asked)"
equal "which has stopped it" exited "$(state asked)"
berth rm asked >/dev/null

# Neither does exec depend on the monitor once it runs.
berth run -d --name ex busybox sleep 1000 >/dev/null
berth exec ex sh -c 'echo up; until [ -e /go ]; do usleep 20000; done; echo done; exit 6' >ex.out 2>ex.err & client=$!
soon 5 grep -q up ex.out
kill -9 "$(monitor_of ex)"
sleep 0.2
touch "/proc/$(init_of ex)/root/go"
wait $client
status=$?
equal "what exec started outlives the monitor, and its status is known" "$(adopted 6) up done " "$status $(echo $(cat ex.out)) $(cat ex.err)"
berth rm -f ex >/dev/null

berth run -d --name bb busybox sleep 1000 >/dev/null
init=$(init_of bb) monitor=$(monitor_of bb)
kill -9 "$monitor" "$init"
sleep 0.2
equal "monitor and program killed: recorded as lost" "exited 255" "$(inspect bb '{{.State.Status}} {{.State.ExitCode}}')"
works "and it starts again" berth start bb
equal "running" running "$(state bb)"
works "rm -f" berth rm -f bb

berth run -d --name rr --restart always busybox sleep 1000 >/dev/null
init=$(init_of rr) monitor=$(monitor_of rr)
kill -9 "$monitor" "$init"
berth ps >/dev/null
soon 5 is_state rr running && pass "with a policy the next command brings it back" || fail "with a policy the next command brings it back" "$(state rr)"
berth rm -f rr >/dev/null
# Adopted while it is just ending: what the new monitor would open of it may be gone already.
reached=0
for round in 1 2 3 4 5 6 7 8; do
    berth run -d --name rr --restart always busybox sleep 1000 >/dev/null
    init=$(init_of rr) monitor=$(monitor_of rr)
    kill -9 "$monitor" "$init"
    berth ps >/dev/null
    timeout 5 berth rm -f rr >/dev/null && reached=$((reached + 1))
    berth rm -f rr >/dev/null 2>&1
done
equal "a container that is adopted while it ends can be removed at once" 8 $reached

# A lock that holds a pid, as an X server's does: who finds it asks whether that process lives.
cat > locking.sh <<'S'
sh -c 'if [ -e /lock ] && kill -0 $(cat /lock); then exit 9; fi; echo $$ > /lock; exec sleep 1000' &
wait $!
S
berth run -d --name locked -v "$WORK/locking.sh:/locking.sh:ro" busybox sh /locking.sh >/dev/null
soon 5 berth exec locked test -s /lock
works "a container that left such a lock" berth kill locked
works "starts again" berth start locked
sleep 0.5
equal "and does not take its own process for that of the run before" "running 0" "$(inspect locked '{{.State.Status}} {{.State.ExitCode}}')"
equal "the program is pid 1 as ever" "sh /locking.sh " "$(berth exec locked cat /proc/1/cmdline | tr '\0' ' ')"
berth rm -f locked >/dev/null

# What a monitor made that was killed before it recorded anything: its control group stands for it here.
berth create --name begun busybox true >/dev/null
id=$(inspect begun '{{.Id}}')
for folder in /sys/fs/cgroup /sys/fs/cgroup/*; do [ ! -d "$folder/berth" ] || mkdir -p "$folder/berth/$id/health"; done
works "rm takes what a start left half-way" berth rm begun
equal "all of it" "" "$(find /sys/fs/cgroup -type d -path "*$id*")"

# --- a reboot ----------------------------------------------------------------------------------------------------------------
berth create --name boot busybox true >/dev/null
file=$BERTH_ROOT/containers/$(inspect boot '{{.Id}}')/state.json
sed -i 's/"boot":"[^"]*"/"boot":"00000000-0000-0000-0000-000000000000"/; s/"Status":"created"/"Status":"running"/' "$file"
equal "running in another boot is stale" "exited 255" "$(inspect boot '{{.State.Status}} {{.State.ExitCode}}')"
finish
