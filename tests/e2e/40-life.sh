#!/usr/bin/env bash
# limit: 120
# The life of a container: run, its exit codes, create, start, stop, kill, restart, pause, rename, wait, rm, and what each refuses.
. "$(dirname "$0")/lib/common.sh"
bases busybox

# --- run -----------------------------------------------------------------------------------------------------------------
prints hello "run prints what the program prints" berth run --rm busybox echo hello
exits 7 "the program's exit code is run's" berth run --rm busybox sh -c 'exit 7'
exits 127 "a command that is not there gives 127" berth run --rm busybox nosuch
exits 126 "a command that cannot be executed gives 126" berth run --rm busybox /etc
exits 125 "a user that is not there gives 125" berth run --rm -u nobody9 busybox true
equal "failed starts leave no container" "" "$(berth ps -aq)"
prints "out" "stdout and stderr stay apart" sh -c 'berth run --rm busybox sh -c "echo out; echo err >&2" 2>/dev/null'
equal "stdin reaches the program and ends" 13 "$(printf 'one two three' | berth run --rm -i busybox wc -c)"
big=$(berth run --rm busybox sh -c 'dd if=/dev/zero bs=1M count=20 2>/dev/null' | wc -c)
equal "twenty megabytes arrive whole" 20971520 "$big"
equal "as many in the other direction" 20971520 "$(dd if=/dev/zero bs=1M count=20 2>/dev/null | berth run --rm -i busybox wc -c)"
prints "a=b /w" "environment and working folder, made when absent" berth run --rm -e a=b -w /w busybox sh -c 'echo a=$a $(pwd)'
prints "5 6" "a user by number" berth run --rm -u 5:6 busybox sh -c 'echo $(id -u) $(id -g)'
prints "1" "the program is process 1" berth run --rm busybox sh -c 'echo $$'

# --- detached ------------------------------------------------------------------------------------------------------------
works "run -d" berth run -d --name web busybox sleep 1000
matches "and it prints the id" '^[0-9a-f]{64}$' "$OUT"
exits 125 "a name is given once" berth run -d --name web busybox true
holds "the refusal names the owner" "the name 'web' is in use by container" "$ERR"
equal "it runs" "running true 0" "$(inspect web '{{.State.Status}} {{.State.Running}} {{.State.ExitCode}}')"
works "a running container is not started twice" berth start web
exits 1 "nor removed" berth rm web
works "pause" berth pause web
equal "paused" paused "$(inspect web '{{.State.Status}}')"
exits 1 "pausing again is refused" berth pause web
works "unpause" berth unpause web
works "rename" berth rename web site
exits 1 "the old name is free" berth inspect web
exits 1 "the new one is taken" berth create --name site busybox
exits 1 "kill with an unknown signal" berth kill -s NOPE site
works "stop" berth stop -t 0 site
equal "killed after its time-out" "exited 137" "$(inspect site '{{.State.Status}} {{.State.ExitCode}}')"
works "stopping a stopped one is no error" berth stop site
exits 1 "killing it is" berth kill site
prints 137 "wait gives the code of one that ended" berth wait site
works "start again" berth start site
works "restart" berth restart -t 0 site
equal "running after restart" running "$(inspect site '{{.State.Status}}')"
works "kill" berth kill site
equal "a program that a signal ended gives 128 and the signal" 137 "$(inspect site '{{.State.ExitCode}}')"
works "rm" berth rm site
exits 1 "gone" berth inspect site
works "rm -f of what is absent is no error" berth rm -f site

# --- signals -------------------------------------------------------------------------------------------------------------
works "a program with a handler" berth run -d --name polite busybox sh -c 'trap "exit 3" TERM; while :; do sleep 0.05; done'
begin=$SECONDS
works "is stopped by TERM at once" berth stop polite
[ $((SECONDS - begin)) -lt 5 ] && pass "without waiting for the time-out" || fail "without waiting for the time-out"
equal "with its own code" 3 "$(inspect polite '{{.State.ExitCode}}')"
# Why a stop took its whole time: told to people, not to scripts.
stop_of() { berth run -d --name slow "$@" >/dev/null; }
on_terminal() { timeout 20 python3 -c 'import pty,sys,os; s=pty.spawn(sys.argv[1:]); sys.exit(os.waitstatus_to_exitcode(s))' "$@" | tr -d '\r'; }
stop_of busybox sleep 1000
equal "stop of a process 1 without a handler says why on a terminal" "berth: warning: slow: process 1 has no handler for SIGTERM, so the kernel drops it; it was killed when the time was up (run it with --init to stop at once)
slow" "$(on_terminal berth stop -t 1 slow)"
berth rm slow >/dev/null
stop_of busybox sh -c 'trap "" TERM; while :; do sleep 0.05; done'
soon 5 sh -c "grep -q 'SigIgn:.*[4567cdef]...$' /proc/$(init_of slow)/status"
holds "also of one that ignores the signal" "slow: " "$(on_terminal berth stop -t 1 slow)"
berth rm slow >/dev/null
stop_of busybox sh -c 'trap : TERM; while :; do sleep 0.05; done'
soon 5 sh -c "grep -q 'SigCgt:.*[4567cdef]...$' /proc/$(init_of slow)/status"
equal "one that has a handler and goes on is told apart" "berth: warning: slow: did not end on SIGTERM in time, it was killed
slow" "$(on_terminal berth stop -t 1 slow)"
berth start slow >/dev/null
try berth stop -t 0 slow
equal "a script reads the name and nothing else" "0 slow " "$STATUS $OUT $ERR"
berth start slow >/dev/null
holds "restart tells it too" "slow: " "$(on_terminal berth restart -t 0 slow)"
berth rm -f slow >/dev/null

works "create" berth create --name later busybox sh -c 'echo started; exit 4'
equal "created" created "$(inspect later '{{.State.Status}}')"
exits 4 "start -a shows output and code" berth start -a later
equal "the output is the program's" started "$OUT"
berth rm polite later >/dev/null

# --- wait ----------------------------------------------------------------------------------------------------------------
berth run -d --name ww busybox sh -c 'sleep 0.5; exit 9' >/dev/null
prints 9 "wait waits for a running one" berth wait ww
berth rm ww >/dev/null
finish
