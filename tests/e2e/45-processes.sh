#!/usr/bin/env bash
# limit: 90
# berth's own init: --init alone, and declared processes with --proc.
. "$(dirname "$0")/lib/common.sh"
bases busybox

prints "docker-init" "--init is process 1" berth run --rm --init busybox sh -c 'tr "\0" "\n" </proc/1/cmdline | head -1 | xargs basename'
exits 9 "the exit code is the command's" berth run --rm --init busybox sh -c 'exit 9'
exits 127 "a missing command gives 127" berth run --rm --init busybox nosuch
berth run -d --name in --init busybox sleep 1000 >/dev/null
begin=$SECONDS
works "stop" berth stop in
[ $((SECONDS - begin)) -lt 5 ] && pass "a program without handlers ends at TERM" || fail "a program without handlers ends at TERM"
equal "with 143" 143 "$(inspect in '{{.State.ExitCode}}')"
berth run -d --name reap --init busybox sh -c 'for i in 1 2 3; do sh -c "sleep 0.1 &"; done; sleep 1000' >/dev/null
sleep 0.6
equal "orphans are reaped" "" "$(berth exec reap ps -o stat | grep Z)"

if berth run --help | grep -q -- --proc; then
    works "two processes" berth run -d --name pp --proc 'web=httpd -f -p 8080,restart=always' --proc 'tick=sh -c "while :; do echo tick; sleep 0.1; done"' busybox
    soon 5 sh -c 'berth logs pp | grep -q tick' && pass "their output is in the log" || fail "their output is in the log"
    holds "top shows them" "httpd -f -p 8080" "$(berth top pp)"
    berth exec pp killall httpd
    soon 5 sh -c 'berth top pp | grep -q httpd' && pass "each has its own restart policy" || fail "each has its own restart policy" "$(berth top pp)"
    works "rm" berth rm -f pp
fi
berth rm -f in reap >/dev/null
finish
