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
berth rm -f cc >/dev/null
finish
