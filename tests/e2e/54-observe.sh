# limit: 90
# top, stats and events: looking at containers from outside.
. "$(dirname "$0")/lib/common.sh"
bases busybox
since=$(date +%s.%N)
berth run -d --name busy -m 64m busybox sh -c 'sleep 1001 & sleep 1002 & while :; do :; done' >/dev/null
soon 5 sh -c 'berth top busy | grep -q "sleep 1002"'

# --- top
out=$(berth top busy)
matches "top is ps -ef" '^UID +PID +PPID +C +STIME +TTY +TIME +CMD' "$out"
holds "with every process" "sleep 1001" "$out"
equal "and no other" 4 "$(wc -l <<<"$out")"
equal "columns are chosen as for ps" "PID COMMAND sh sleep sleep" "$(berth top busy -o pid,comm | awk 'NR == 1 || NR > 1 { print (NR == 1) ? $0 : $2 }' | xargs)"
matches "aux too" '^USER +PID +%CPU +%MEM +VSZ +RSS +TTY +STAT +START +TIME +COMMAND' "$(berth top busy aux)"
holds "pids are the host's" "$(init_of busy)" "$(berth top busy -o pid)"
berth create --name idle busybox true >/dev/null
exits 1 "top of one that does not run" berth top idle
holds "says so" "is not running" "$ERR"

# --- stats
sleep 1
row=$(berth stats --no-stream --format '{{.Name}}|{{.CPUPerc}}|{{.MemUsage}}|{{.PIDs}}' busy)
matches "stats gives figures" '^busy\|[0-9.]+%\|[0-9.]+[kKMG]i?B / 64MiB\|3$' "$row"
cpu=$(cut -d'|' -f2 <<<"$row" | tr -d %)
equal "a loop takes a processor" yes "$(awk -v c="$cpu" 'BEGIN { print (c > 20) ? "yes" : c }')"
matches "with -a those that do not run" 'idle +--' "$(berth stats --no-stream -a)"

# --- events
berth stop -t 0 busy >/dev/null
berth rm busy idle >/dev/null
events() { timeout 20 berth events --since "$since" --until "$(date +%s.%N)" "$@"; }
all=$(events --format '{{.Action}}' --filter type=container --filter container=busy | xargs)
for action in create start die stop destroy; do holds "events tell of $action" "$action" "$all"; done
equal "filters choose" "create" "$(events --filter event=create --filter container=idle --format '{{.Action}}')"
equal "another container's are another's" "" "$(events --filter container=nobody)"
matches "a line has time, type, action, id and attributes" '^20[0-9-]+T[0-9:.]+Z? ?.* container create [0-9a-f]{64} \(.*name=idle.*\)$' "$(events --filter event=create --filter container=idle)"
exits 1 "an unknown filter" berth events --filter colour=red --until 0
timeout 10 berth events --filter event=create --format '{{.Actor.Attributes.name}}' > seen &
watcher=$!
sleep 0.5
berth create --name new busybox true >/dev/null
works "events are seen as they happen" soon 3 grep -q new seen
kill $watcher
berth rm new >/dev/null
finish
