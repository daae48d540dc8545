#!/usr/bin/env bash
# limit: 120
# A thousand health probes that time out, each with children that outlive it: none may leave a process, a zombie or a descriptor.
. "$(dirname "$0")/lib/common.sh"
bases busybox
wanted=1000
names=(p1 p2 p3 p4 p5 p6 p7 p8)
for name in "${names[@]}"; do
    berth run -d --network none --name $name --health-interval 10ms --health-timeout 30ms --health-retries 3 \
        --health-cmd 'sleep 77 & setsid sleep 78 & sleep 79' busybox sleep 1000 >/dev/null
done
streaks() { for name in "${names[@]}"; do inspect $name '{{.State.Health.FailingStreak}}'; done | awk '{ sum += $1 } END { print sum }'; }
# While paused a container has no probes, and its monitor nothing of theirs.
quiet_descriptors() {
    berth pause "${names[@]}" >/dev/null
    for name in "${names[@]}"; do ls "/proc/$(monitor_of $name)/fd"; done | wc -l
}
sleep 1
before=$(quiet_descriptors)
berth unpause "${names[@]}" >/dev/null
enough() { [ "$(streaks)" -ge $wanted ]; }
works "a thousand probes time out" soon 60 enough
timed_out=$(streaks)
# At most one probe of each is under way, and its three.
left=$(pgrep -c -x -f 'sleep 7[789]')
[ "$left" -le $((4 * ${#names[@]})) ] && pass "none of $timed_out left a process" || fail "none of $timed_out left a process" "$left of them"
zombies=$(for name in "${names[@]}"; do ps -o stat= --ppid "$(init_of $name)"; done | grep -c Z)
equal "nor a zombie that the container's init would have to reap" 0 "$zombies"
equal "nor a descriptor in a monitor" "$before" "$(quiet_descriptors)"
gone() { ! pgrep -x -f 'sleep 7[789]' >/dev/null; }
works "while they are paused all probes are gone" soon 5 gone
berth rm -f "${names[@]}" >/dev/null
equal "and all with their containers" 0 "$(pgrep -c -x -f 'sleep 7[789]')"
finish
