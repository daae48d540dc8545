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
equal "with a known exit code" 137 "$(inspect term '{{.State.ExitCode}}')"
berth rm -f term >/dev/null
finish
