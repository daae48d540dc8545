#!/usr/bin/env bash
# A second process in a running container.
. "$(dirname "$0")/lib/common.sh"
bases busybox
berth run -d --name cc -e FROM=run -w /tmp busybox sleep 1000 >/dev/null

prints hi "exec prints" berth exec cc echo hi
exits 3 "its exit code" berth exec cc sh -c 'exit 3'
exits 127 "a command that is not there" berth exec cc nosuch
exits 126 "one that cannot be executed" berth exec cc /etc
prints "run /tmp" "environment and folder of the container" berth exec cc sh -c 'echo $FROM $(pwd)'
prints "exec /usr" "and others when asked" berth exec -e FROM=exec -w /usr cc sh -c 'echo $FROM $(pwd)'
prints "7" "another user" berth exec -u 7 cc id -u
equal "stdin" 6 "$(printf 'x y z\n' | berth exec -i cc wc -c)"
prints "" "without -i stdin is empty" sh -c 'echo text | berth exec cc cat'
works "detached" berth exec -d cc sh -c 'sleep 0.2; echo x > /tmp/made'
soon 5 berth exec cc test -f /tmp/made && pass "it ran" || fail "it ran"
exits 137 "ends with the container" sh -c 'berth exec cc sleep 1000 & p=$!; sleep 0.5; berth kill cc >/dev/null; wait $p'
exits 1 "exec into a stopped container is refused" berth exec cc true
holds "and says why" "is not running" "$ERR"
berth start cc >/dev/null
berth pause cc >/dev/null
exits 1 "exec into a paused one too" berth exec cc true
berth unpause cc >/dev/null
equal "no zombie is left" "" "$(ps -o stat= --ppid "$(monitor_of cc)" | grep Z)"

# --- what exec leaves -----------------------------------------------------------------------------------------------------
# Orphans are process 1's, as in docker: where that reaps nothing they stay as zombies until the container ends.
zombies_of() { ps -o stat= --ppid "$1" | grep -c Z; }
works "a tree behind a detached exec" berth exec -d cc sh -c 'sleep 0.3 & sh -c "sleep 0.2 &"; exit 3'
works "and one that is killed from outside" sh -c 'berth exec cc sh -c "sleep 1003 & sleep 1004" & soon() { until "$@" >/dev/null 2>&1; do sleep 0.1; done; }
    soon pgrep -x -f "sleep 1004"; kill -9 $(pgrep -x -f "sleep 1004"); wait $! ; [ $? = 137 ]'
sleep 0.5
equal "the exec'ed processes themselves are reaped" 0 "$(zombies_of "$(monitor_of cc)")"
holds "what they started goes on" "sleep 1003" "$(berth top cc)"
equal "as process 1's" "$(init_of cc)" "$(ps -o ppid= -p "$(pgrep -x -f "sleep 1003")" | tr -d ' ')"
works "with berth's init" berth run -d --init --name tidy busybox sleep 1000
berth exec -d tidy sh -c 'sleep 0.3 & sh -c "sleep 0.2 &"; exit 3'
sleep 0.6
equal "no orphan stays as a zombie" 0 "$(zombies_of "$(init_of tidy)")"

# Without process numbers of its own the kernel does not end a container's processes with its first one.
works "a container among the host's processes" berth run -d --name open --pid host --restart always busybox sleep 1000
monitor=$(monitor_of open)
berth exec -d open sh -c 'sleep 1005 & sleep 1006'
berth exec open sleep 1007 & client=$!
soon 5 sh -c 'pgrep -x -f "sleep 1006" && pgrep -x -f "sleep 1007"'
kill -9 "$(init_of open)"
wait $client
equal "its end ends exec" 137 $?
soon 10 sh -c '[ "$(berth inspect -f "{{.RestartCount}} {{.State.Status}}" open)" = "1 running" ]'
equal "and all that exec started" "" "$(pgrep -x -f 'sleep 100[567]')"
equal "the same monitor goes on, with no zombie" "$monitor 0" "$(monitor_of open) $(zombies_of "$monitor")"
berth rm -f cc tidy open >/dev/null

# --- as many arguments as the kernel takes: 2 MiB, each at most 128 KiB (execve(2))
berth run -d --name wide busybox sleep 1000 >/dev/null
long=$(printf '%0100000d' 0)
arguments=($(for i in {1..15}; do echo "$long"; done))
equal "a million and a half bytes of arguments arrive" "15 1500000" \
    "$(berth exec wide sh -c 'all=$*; echo $# $(( ${#all} - 14 ))' sh "${arguments[@]}")"
arguments+=($(for i in {1..10}; do echo "$long"; done))
exits 126 "more than the kernel takes" berth exec wide true "${arguments[@]}"
holds "is refused by its words" "argument list too long" "${ERR,,}"
berth rm -f wide >/dev/null
finish
