#!/usr/bin/env bash
# limit: 150
# A log whose disk is full, or does not take what is written: the program goes on, what is lost is counted to the line and
# told in the log, and nothing else is lost with it. Also --log-opt mode=non-blocking, whose writer is stopped and killed here.
. "$(dirname "$0")/lib/common.sh"

# Stores of this test's own on a disk of 48 MB; what programs note lies elsewhere.
disk=$WORK/disk
mkdir disk data
mount -t tmpfs -o size=48m tmpfs disk || { skip "full disks" "no tmpfs can be mounted"; finish; }
trap 'berth rm -f $(berth ps -aq) >/dev/null 2>&1; umount -l "$disk"; rm -rf "$WORK"' EXIT
export BERTH_ROOT=$disk/root
bases busybox
fill() { dd if=/dev/zero of="$disk/fill" bs=4k 2>/dev/null; }
# The number that a program noted last; its file is empty for a moment each time.
counted() {
    local n=
    [ -e "data/$1" ] || { echo 0; return; }
    until [ -n "$n" ]; do n=$(cat "data/$1"); done
    echo "$n"
}
has_counted() { [ "$(counted "$1")" -ge "$2" ]; }
dropped() { inspect "$1" '{{.State.LogLinesDropped}}' | grep -E '^[0-9]+$' || echo 0; }
drops() { [ "$(dropped "$1")" -gt 0 ]; }
# NAME...: every line that was printed is in the log, or in the sum of its gaps, which is what inspect says.
accounts() {
    local printed=$2 lines told
    berth logs "$1" >log.out 2>log.gaps
    lines=$(sort -u log.out | grep -c '^line ')
    told=$(sed -n 's/^\[berth: \([0-9]*\) lines\{0,1\} of this log w[a-z]* lost: .*/\1/p' log.gaps | awk '{ n += $1 } END { print n + 0 }')
    equal "$3" "$printed $(dropped "$1")" "$((lines + told)) $told"
}
# Long lines: what a pipe holds is a megabyte, and a program that only fills that proves nothing.
count='pad=$(printf %01500d 0); i=0; while [ ! -e /data/end-$N ]; do i=$((i+1)); echo "line $i $pad"; echo $i > /data/$N; usleep 1000; done'

for driver in json-file local; do
    berth run -d --name $driver -e N=$driver --log-driver $driver --log-opt max-size=-1 -v "$PWD/data:/data" busybox sh -c "$count" >/dev/null
    soon 10 has_counted $driver 50
    fill
    before=$(counted $driver)
    soon 60 has_counted $driver $((before + 1500)) && pass "$driver: a full disk does not stop the program" || fail "$driver: a full disk does not stop the program" "$before, $(counted $driver)"
    soon 5 drops $driver && pass "$driver: inspect tells what was lost while it runs" || fail "$driver: inspect tells what was lost while it runs" "$(inspect $driver '{{json .State}}')"
    rm "$disk/fill"
    before=$(counted $driver)
    soon 20 has_counted $driver $((before + 100))
    touch data/end-$driver
    berth wait $driver >/dev/null
    holds "$driver: the log says so at its place" "lines of this log were lost: the disk was full" "$(berth logs $driver 2>&1 >/dev/null)"
    accounts $driver "$(counted $driver)" "$driver: every line is there or counted"
done
berth run -d --name late busybox sh -c 'trap "exit 7" TERM; while :; do usleep 50000; done' >/dev/null
berth run -d --name again --restart on-failure busybox sleep 1000 >/dev/null
sleep 0.3
fill
kill -9 "$(init_of again)"
soon 10 sh -c '[ "$(berth inspect -f "{{.RestartCount}}" again)" = 1 ]' && pass "a restart on a full disk" || fail "a restart on a full disk" "$(inspect again '{{json .State}}')"
works "a stop on a full disk" timeout 20 berth stop late
equal "keeps its exit code" "exited 7" "$(inspect late '{{.State.Status}} {{.State.ExitCode}}')"
works "rm on a full disk" berth rm -f late again json-file local
rm "$disk/fill"

# --- mode=non-blocking
writer_of() { pgrep -P "$(monitor_of "$1")" -f berth-monitor; }
burst='while [ ! -e /data/go-$N ]; do usleep 20000; done; i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo "line $i"; done; echo $i > /data/$N; while [ ! -e /data/end-$N ]; do usleep 20000; done; echo "line $((i+1))"'
queued() { # NAME OPTION...
    local name=$1
    shift
    berth run -d --name "$name" -e N="$name" --log-opt mode=non-blocking -v "$PWD/data:/data" "$@" busybox sh -c "$burst" >/dev/null
}
for driver in json-file local; do
    name=stuck-$driver
    queued $name --log-driver $driver --log-opt max-buffer-size=256k
    soon 10 writer_of $name
    kill -STOP "$(writer_of $name)"
    touch data/go-$name
    soon 20 has_counted $name 30000 && pass "$driver: a writer that hangs does not stop the program" || fail "$driver: a writer that hangs does not stop the program"
    soon 5 drops $name && pass "what the queue did not take is told while it runs" || fail "what the queue did not take is told while it runs" "$(inspect $name '{{json .State}}')"
    works "the monitor answers" timeout 5 berth exec $name true
    kill -CONT "$(writer_of $name)"
    sleep 0.3
    touch data/end-$name
    berth wait $name >/dev/null
    holds "and stands in the log at its place" "lost: it could not be written as fast as it came" "$(berth logs $name 2>&1 | tail -2 | head -1)"
    accounts $name 30001 "every line is there or counted"
done

queued hung --log-opt max-buffer-size=256k
soon 10 writer_of hung
kill -STOP "$(writer_of hung)"
touch data/go-hung
soon 20 has_counted hung 30000
touch data/end-hung
works "the end waits for a writer that hangs, but not for ever" timeout 10 berth wait hung
soon 5 sh -c '[ "$(berth inspect -f "{{.State.Status}}" hung)" = exited ]'
equal "what was on its way is counted too" 30001 "$(($(dropped hung) + $(berth logs hung 2>/dev/null | grep -c '^line ')))"

queued killed
soon 10 writer_of killed
first=$(writer_of killed)
kill -9 "$first"
soon 5 sh -c "! [ -d /proc/$first ]" && pass "a writer that is killed is reaped" || fail "a writer that is killed is reaped"
touch data/go-killed
soon 20 has_counted killed 30000
[ -n "$(writer_of killed)" ] && pass "and has a successor" || fail "and has a successor"
touch data/end-killed
berth wait killed >/dev/null
accounts killed 30001 "every line is there or counted"

queued adopted --log-opt max-buffer-size=16m
kill -9 "$(monitor_of adopted)"
works "a monitor that is killed" berth exec adopted true
touch data/go-adopted
soon 20 has_counted adopted 30000
kill -9 "$(monitor_of adopted)"
touch data/end-adopted
works "once more" berth wait adopted
equal "costs no line, since its writer writes what it has" "30001 0" "$(berth logs adopted | sort -u | grep -c '^line ') $(dropped adopted)"

prints "1 2 3" "a short run has its whole log when it ends" sh -c 'berth run --name short --log-opt mode=non-blocking busybox sh -c "echo 1; echo 2; echo 3" >/dev/null; berth logs short | xargs'
equal "and nothing is lost" 0 "$(dropped short)"
exits 125 "a buffer without the mode is refused, as by docker" berth run --rm --log-opt max-buffer-size=1m busybox true
holds "with the reason" "log option max-buffer-size is for mode=non-blocking only" "$ERR"
exits 125 "a size that is none" berth run --rm --log-opt mode=non-blocking --log-opt max-buffer-size=much busybox true
holds "is named" "log option max-buffer-size=much: give a size such as 10m" "$ERR"
exits 125 "a mode that is none" berth run --rm --log-opt mode=sometimes busybox true
finish
