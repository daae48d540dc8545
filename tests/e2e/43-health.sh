#!/usr/bin/env bash
# limit: 120
# Health checks: docker's states, time-outs that kill everything, built-in probes, actions, waiting.
. "$(dirname "$0")/lib/common.sh"
bases busybox

health() { inspect "$1" '{{.State.Health.Status}}'; }
is() { [ "$(health "$1")" = "$2" ]; }
fast="--health-interval 200ms --health-timeout 300ms --health-retries 2"

berth run -d --name hh $fast --health-cmd 'test -f /tmp/ok && echo fine' busybox sleep 1000 >/dev/null
equal "starting at first" starting "$(health hh)"
soon 10 is hh unhealthy && pass "two failures: unhealthy" || fail "two failures: unhealthy" "$(health hh)"
berth exec hh touch /tmp/ok
soon 10 is hh healthy && pass "one success: healthy" || fail "one success: healthy" "$(health hh)"
holds "the output is kept" fine "$(inspect hh '{{json .State.Health}}')"
holds "ps shows it" "(healthy)" "$(berth ps)"
prints hh "ps filters by it" sh -c "berth ps --filter health=healthy --format '{{.Names}}'"
berth exec hh rm /tmp/ok
soon 10 is hh unhealthy && pass "and back" || fail "and back"

berth run -d --name tt $fast --health-cmd 'sleep 77 & sleep 78' busybox sleep 1000 >/dev/null
soon 10 is tt unhealthy && pass "a time-out is a failure" || fail "a time-out is a failure" "$(health tt)"
holds "it says so" "Health check exceeded timeout (300ms)" "$(inspect tt '{{json .State.Health.Log}}')"
soon 3 sh -c '[ -z "$(berth top tt | grep "sleep 7[78]")" ]' || true
equal "no zombie of theirs either, though the container's init reaps none" "" "$(ps -o pid=,stat=,args= --ppid "$(init_of tt)")"
many=$(berth top tt | grep -c 'sleep 7[78]')
[ "$many" -le 2 ] && pass "probes that timed out are gone, children too" || fail "probes that timed out are gone" "$many left" "$(berth top tt)"

berth run -d --name nosy $fast --health-cmd 'for file in /proc/[0-9]*/cmdline; do tr "\0" " " <$file; done' busybox sleep 1000 >/dev/null
soon 10 is nosy healthy
seen=$(inspect nosy '{{json .State.Health.Log}}')
holds "what a probe sees of its neighbours" "sleep 1000" "$seen"
lacks "names no store of the host" "$BERTH_ROOT" "$seen"
berth rm -f nosy >/dev/null

berth run -d --name tcp $fast --health-cmd 'tcp://127.0.0.1:8080' busybox sh -c 'sleep 1; httpd -f -p 8080' >/dev/null
soon 10 is tcp healthy && pass "tcp:// needs no program in the image" || fail "tcp://" "$(inspect tcp '{{json .State.Health}}')"
berth run -d --name http $fast --health-cmd 'http://127.0.0.1:8080/x' busybox sh -c 'mkdir /w; echo hi > /w/x; httpd -f -p 8080 -h /w' >/dev/null
soon 10 is http healthy && pass "http://" || fail "http://" "$(inspect http '{{json .State.Health}}')"
works "wait --condition healthy" berth wait --condition healthy http

berth run -d --name killer $fast --health-on-failure kill --health-cmd false busybox sleep 1000 >/dev/null
soon 10 sh -c '[ "$(berth inspect -f "{{.State.Status}}" killer)" = exited ]' && pass "--health-on-failure kill" || fail "--health-on-failure kill"
berth run -d --name again $fast --health-on-failure restart --health-cmd false busybox sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' >/dev/null
soon 15 sh -c '[ "$(berth inspect -f "{{.RestartCount}}" again)" -ge 1 ]' && pass "--health-on-failure restart" || fail "--health-on-failure restart"
works "no health check on request" berth run -d --name none --no-healthcheck busybox sleep 1000
equal "nothing is recorded" "<no value>" "$(inspect none '{{.State.Health}}' | sed 's/<nil>/<no value>/')"
berth rm -f hh tt tcp http killer again none >/dev/null

# --- pausing in the middle of a probe: a frozen one could neither be killed nor waited for
through=0
for delay in 05 11 14 20 23 31; do
    berth run -d --name busy --health-cmd 'sleep 0.05' --health-interval 50ms busybox sleep 1000 >/dev/null
    sleep 0.$delay
    timeout 10 berth pause busy >/dev/null && timeout 10 berth rm -f busy >/dev/null && through=$((through + 1))
done
equal "pause and rm -f go through whatever the probe does" 6 $through
finish
