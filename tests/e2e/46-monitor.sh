#!/usr/bin/env bash
# limit: 90
# What a monitor costs: its private memory at rest, and after a burst of output.
. "$(dirname "$0")/lib/common.sh"
bases busybox

# Two run, so that the program's own pages are shared, as they are on any host with more than one container.
private_kb() { awk '/^Private_(Clean|Dirty)/ { sum += $2 } END { print sum }' "/proc/$(monitor_of "$1")/smaps_rollup"; }
is_small() { [ "$(private_kb "$1")" -le 160 ]; }  # 136 where this was written; the aim is 150.
for name in one two; do berth run -d --name $name -p "127.0.0.1:$(free_port):80" busybox sleep 1000 >/dev/null; done
soon 10 is_small one && pass "a monitor's private memory stays below 160 KB" || fail "a monitor's private memory" "$(private_kb one) KB"
equal "it has one thread" 1 "$(ls "/proc/$(monitor_of one)/task" | wc -l)"

berth run -d --name loud busybox sh -c 'yes 0123456789 | head -c 20000000; sleep 1000' >/dev/null
berth exec one true >/dev/null
soon 20 sh -c 'berth logs -n 1 loud | grep -q 0123456789'
soon 20 is_small one && pass "after an exec too" || fail "after an exec" "$(private_kb one) KB"
soon 20 is_small loud && pass "after a burst of output too" || fail "after a burst of output" "$(private_kb loud) KB" "$(cat "/proc/$(monitor_of loud)/smaps_rollup")"
berth rm -f one two loud >/dev/null
finish
