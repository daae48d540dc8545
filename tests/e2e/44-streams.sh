#!/usr/bin/env bash
# limit: 90
# Output, input and terminals: attach by several clients, half-close, a terminal's size, detaching, slow readers.
. "$(dirname "$0")/lib/common.sh"
bases busybox

berth run -d --name two busybox sh -c 'sleep 1; for i in 1 2 3; do echo $i; done; echo e >&2; exit 6' >/dev/null
(berth attach --no-stdin two >a.out 2>a.err; echo $? >a.code) &
(berth attach --no-stdin two >b.out 2>b.err; echo $? >b.code) &
wait
equal "two clients get the same output" "$(cat a.out)" "$(cat b.out)"
equal "all of it" "1 2 3" "$(xargs <a.out)"
equal "stderr apart" "e e" "$(cat a.err b.err | xargs)"
equal "and the exit code" "6 6" "$(cat a.code b.code | xargs)"
equal "the log has it too" "1 2 3" "$(berth logs two 2>/dev/null | xargs)"

equal "stdin's end reaches the program, its output still comes" "3 lines" "$(printf 'a\nb\nc\n' | berth run --rm -i busybox sh -c 'n=$(wc -l); sleep 0.3; echo $n lines')"
equal "a program that does not read its stdin ends all the same" done "$(yes 2>/dev/null | head -c 3000000 | berth run --rm -i busybox echo done)"
equal "a reader that is slow gets every byte" 3000000 "$(berth run --rm busybox sh -c 'head -c 3000000 /dev/zero' | (sleep 1; wc -c))"
exits 0 "a reader that goes away does not hold the container" sh -c 'berth run --rm busybox sh -c "yes | head -c 2000000" | head -c 10 >/dev/null'

# What /proc tells a program about its streams holds no path of the host's, and they can be opened again by any user.
links='for fd in 0 1 2; do readlink /proc/self/fd/$fd; done'
berth run --name bare busybox sh -c "$links" > links.out
equal "streams show nothing of the host" "/dev/null /stdout /stderr" "$(xargs <links.out)"
equal "nor does the log know another" "/dev/null /stdout /stderr" "$(berth logs bare | xargs)"
matches "nor an open stdin" '^pipe:\[[0-9]+\] /stdout /stderr$' "$(berth run --rm -i busybox sh -c "$links" </dev/null | xargs)"
matches "nor streams of exec" '^/dev/null pipe:\[[0-9]+\] pipe:\[[0-9]+\]$' "$(berth run -d --name exec busybox sleep 1000 >/dev/null; berth exec exec sh -c "$links" | xargs)"
for user in 0 7; do
    equal "/dev/stdout and /dev/stderr open again for user $user" "err out" \
        "$(berth run --rm -u $user busybox sh -c 'echo out > /dev/stdout; echo err > /dev/stderr' 2>&1 | sort | xargs)"
done
works "declared processes too" berth run --name procs --proc "p1=sh -c 'readlink /proc/self/fd/1'" busybox
equal "each by its name" "/stdout.p1" "$(berth logs procs)"
berth rm -f bare exec procs >/dev/null

# A terminal: script(1) gives the client one.
tty() { script -qec "$1" /dev/null </dev/null | tr -d '\r'; }
holds "with -t the program has a terminal" "/dev/pts/0" "$(tty 'berth run --rm -t busybox tty')"
holds "of the caller's size" "24 80" "$(script -qec 'stty rows 24 cols 80; berth run --rm -it busybox stty size' /dev/null </dev/null)"
try sh -c 'echo x | berth run --rm -it busybox true'
holds "-t with a stdin that is no terminal is refused" "the input device is not a TTY" "$STATUS $ERR"
holds "exec -t has one too" "/dev/pts" "$(berth run -d --name term busybox sleep 1000 >/dev/null; tty 'berth exec -t term tty')"
berth run -dit --name typed busybox sh >/dev/null
exits 1 "attach to a terminal asks for one too" timeout 10 berth attach typed
equal "and says so" "berth: the input device is not a TTY" "${ERR%%$'\n'*}"
exits 124 "not with --no-stdin" timeout 1 berth attach --no-stdin --sig-proxy=false typed
berth rm -f two term typed >/dev/null
finish
