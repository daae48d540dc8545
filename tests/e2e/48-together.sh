#!/usr/bin/env bash
# limit: 180
# Containers that need each other, come back after a boot; declared processes; probes over gRPC; and a
# terminal whose monitor is killed.
. "$(dirname "$0")/lib/common.sh"
bases busybox
is_state() { [ "$(inspect "$1" '{{.State.Status}}')" = "$2" ]; }
health_is() { [ "$(inspect "$1" '{{.State.Health.Status}}')" = "$2" ]; }
fast="--health-interval 200ms --health-timeout 2s --health-retries 2"

# --- --requires
berth create --name store --health-interval 200ms --health-timeout 2s --health-retries 50 --health-cmd 'test -e /ready' busybox sh -c 'sleep 1; touch /ready; sleep 1000' >/dev/null
berth create --name cache busybox sleep 1000 >/dev/null
works "a container starts what it requires" berth run -d --name shop --requires store:healthy --requires cache busybox sleep 1000
equal "one of them healthy, as asked" "running healthy running" "$(inspect store '{{.State.Status}} {{.State.Health.Status}}') $(inspect cache '{{.State.Status}}')"
exits 125 "what is required must exist" berth run -d --name lost --requires nothing busybox true
holds "and is named" "--requires nothing" "$ERR"
berth create --name sick $fast --health-cmd false busybox sleep 1000 >/dev/null
exits 125 "what never becomes healthy stops the start" timeout 30 berth run -d --name late --requires sick:healthy busybox true
holds "and says why" "sick did not become healthy" "$ERR"
berth rm -f shop store cache lost late sick >/dev/null 2>&1

# --- after a boot: the state of another boot, and start --boot
boot_again() {
    local folder
    berth ps -q --no-trunc > ids
    for folder in $(cat ids); do
        kill -9 "$(monitor_of "$folder")" "$(init_of "$folder")" 2>/dev/null
    done
    for folder in "$BERTH_ROOT"/containers/*/; do
        # What a boot takes away.
        find /sys/fs/cgroup -depth -type d -path "*$(basename "$folder")*" -exec rmdir {} + 2>/dev/null
        sed -i 's/"boot":"[^"]*"/"boot":"00000000-0000-0000-0000-000000000000"/' "$folder/state.json"
    done
}
berth run -d --name base --restart always $fast --health-cmd 'true' busybox sleep 1000 >/dev/null
berth run -d --name web --restart unless-stopped --requires base:healthy busybox sleep 1000 >/dev/null
berth run -d --name down --restart unless-stopped busybox sleep 1000 >/dev/null
berth run -d --name once busybox sleep 1000 >/dev/null
berth stop -t 0 down >/dev/null
boot_again
equal "after a boot nothing runs" "" "$(berth ps -q)"
works "start --boot" berth start --boot
soon 10 is_state base running && soon 10 is_state web running && pass "brings back what should be up" || fail "brings back what should be up" "$(berth ps -a)"
equal "not what was stopped, nor what has no policy" "exited exited" "$(inspect down '{{.State.Status}}') $(inspect once '{{.State.Status}}')"
berth rm -f base web down once >/dev/null

# --- the host goes down: TERM to monitors, and stop --shutdown, which keep the wish to run
deaf='trap "" TERM; while :; do sleep 0.05; done'
polite='trap "echo asked; exit 0" QUIT; echo ready; while :; do sleep 0.05; done'
is_wanted() { [ "$(jq -r '.State.ManuallyStopped // false' "$BERTH_ROOT/containers/$(inspect "$1" '{{.Id}}')/state.json")" = false ]; }
berth run -d --name polite --restart unless-stopped --stop-signal QUIT busybox sh -c "$polite" >/dev/null
berth run -d --name deaf --restart always --stop-timeout 1 busybox sh -c "$deaf" >/dev/null
berth run -d --name again --restart always busybox sh -c 'exit 1' >/dev/null
berth run -d --name fleeting --rm --init busybox sleep 1000 >/dev/null
soon 10 is_state again restarting
soon 10 sh -c "berth logs polite | grep -q ready"
monitors="$(monitor_of polite) $(monitor_of deaf) $(monitor_of fleeting)"
last=$(pgrep -f "berth-monitor .* $(inspect again '{{.Id}}') ")
begin=$(date +%s%N)
# As systemd does: TERM to all, and once more to those that are still there.
kill -TERM $monitors $last
for i in 1 2 3 4; do sleep 0.4; kill -TERM $monitors 2>/dev/null; done
soon 10 is_state deaf exited && soon 10 is_state polite exited && soon 10 is_state again exited
took=$((($(date +%s%N) - begin) / 1000000))
equal "TERM to a monitor stops its container with its own signal" "exited 0" "$(inspect polite '{{.State.Status}} {{.State.ExitCode}}')"
equal "which its program sees" asked "$(berth logs polite | tail -1)"
equal "or kills it when its time is up" "exited 137" "$(inspect deaf '{{.State.Status}} {{.State.ExitCode}}')"
[ $took -ge 900 ] && [ $took -lt 2900 ] && pass "which further TERMs do not prolong" || fail "which further TERMs do not prolong" "$took ms"
equal "and ends what waits for its restart" exited "$(inspect again '{{.State.Status}}')"
exits 1 "one with --rm goes" berth inspect fleeting
is_wanted polite && is_wanted deaf && is_wanted again && pass "none of it is a wish to stay down" || fail "none of it is a wish to stay down"
equal "no monitor is left" "" "$(ps -o pid= -p "${monitors// /,},$last")"
works "start --boot" berth start --boot
equal "brings them back" "running running" "$(inspect polite '{{.State.Status}}') $(inspect deaf '{{.State.Status}}')"
berth rm -f again >/dev/null

berth run -d --name deaf2 --stop-timeout 1 busybox sh -c "$deaf" >/dev/null
berth run -d --name client --restart always --requires polite busybox sleep 1000 >/dev/null
berth run -d --name halted --restart unless-stopped --init busybox sleep 1000 >/dev/null
berth run -d --name frozen --restart always busybox sleep 1000 >/dev/null
berth pause frozen >/dev/null
berth stop halted >/dev/null
works "stop --shutdown" berth stop --shutdown
equal "names what it stopped" "client deaf deaf2 frozen polite" "$(sort <<<"$OUT" | xargs)"
equal "nothing runs" "" "$(berth ps -q)"
[ "$(grep -n client <<<"$OUT" | cut -d: -f1)" -lt "$(grep -n polite <<<"$OUT" | cut -d: -f1)" ] && pass "who requires another ends first" || fail "who requires another ends first" "$OUT"
equal "each was asked in its own way" "137 137 0" "$(inspect deaf '{{.State.ExitCode}}') $(inspect deaf2 '{{.State.ExitCode}}') $(inspect polite '{{.State.ExitCode}}')"
works "with nothing left to stop it is content" berth stop --shutdown
works "start --boot" berth start --boot
soon 10 is_state client running
equal "brings back what has a policy and was not stopped by hand" "client deaf frozen polite" "$(berth ps --format '{{.Names}}' | sort | xargs)"
exits 1 "--shutdown with names is refused" berth stop --shutdown deaf
holds "since it stops all" "--shutdown stops all containers" "$ERR"
exits 1 "stop without names is refused" berth stop
holds "by its usage" "requires at least 1 argument" "$ERR"
unit=$HERE/../../debian/berth-boot.service
holds "the unit calls the one" "ExecStart=/usr/bin/berth start --boot" "$(cat "$unit")"
holds "and the other" "exec /usr/bin/berth stop --shutdown" "$(cat "$unit")"
if [ -e "$unit" ] && command -v systemd-analyze >/dev/null; then
    sed "s,=/usr/bin/berth,=$(command -v berth)," "$unit" > berth-boot.service
    works "and systemd understands it" systemd-analyze verify --man=no ./berth-boot.service
fi
berth rm -f polite deaf deaf2 client halted frozen >/dev/null

# --- --proc with its options, from the command line
works "declared processes with user, restart and order" berth run -d --name procs \
    --proc 'first=sh -c "echo first by $(id -u); sleep 1000",user=7' \
    --proc 'second=sh -c "echo second; sleep 1000",restart=on-failure:2,after=first' --proc 'short=sh -c "echo short; exit 3"' --end-when first busybox
soon 10 sh -c 'berth logs procs 2>/dev/null | grep -q second'
holds "as its user" "first by 7" "$(berth logs procs)"
equal "logs of one of them" "second" "$(berth logs --proc second procs 2>/dev/null)"
works "kill of one" berth kill --proc second -s KILL procs
soon 10 sh -c '[ "$(berth logs --proc second procs | grep -c second)" = 2 ]' && pass "which its policy brings back" || fail "which its policy brings back" "$(berth logs procs)"
works "restart of one" berth restart --proc first procs
soon 10 sh -c '[ "$(berth logs --proc first procs | grep -c "first by 7")" = 2 ]' && pass "starts it again, the container goes on" || fail "restart of one" "$(berth logs procs)"
works "the one that decides ends" berth kill --proc first -s TERM procs
soon 15 is_state procs exited && pass "and the container with it" || fail "and the container with it"
exits 125 "an order in a circle is refused" berth run -d --proc 'aa=true,after=bb' --proc 'bb=true,after=aa' busybox
holds "and said" "goes in a circle" "$ERR"
berth rm -f procs >/dev/null

# --- grpc:// probes
for answer in serving not-serving unknown; do
    port=$(free_port)
    "$HERE/lib/grpc-health" "$port" $answer & server=$!
    soon 30 sh -c "ss -Hltn 'sport = :$port' | grep -q ."
    wanted=unhealthy
    [ $answer != serving ] || wanted=healthy
    berth run -d --name g-$answer --network host $fast --health-cmd "grpc://127.0.0.1:$port/shop" busybox sleep 1000 >/dev/null
    soon 15 health_is g-$answer $wanted && pass "gRPC: $answer is $wanted" || fail "gRPC: $answer is $wanted" "$(inspect g-$answer '{{json .State.Health}}')"
    berth rm -f g-$answer >/dev/null
    kill $server
    wait $server 2>/dev/null
done

# --- the monitor of a container with a terminal is killed
berth run -d -t --name term busybox sh -c 'trap "" HUP; i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done' >/dev/null
pid=$(init_of term)
kill -9 "$(monitor_of term)"
soon 10 sh -c "[ \"\$(berth inspect -f '{{.State.Pid}}' term)\" = $pid ]"
equal "a program that ignores the hang-up of its terminal goes on" "running $pid" "$(inspect term '{{.State.Status}} {{.State.Pid}}')"
works "and can be stopped" berth stop -t 0 term
equal "with a known exit code" "$(adopted 137)" "$(inspect term '{{.State.ExitCode}}')"
berth rm -f term >/dev/null
finish
