#!/usr/bin/env bash
# limit: 1000
# Monitors, programs and commands are killed at random, for $BERTH_KILL_SECONDS (20). No exit status, no line of a log and no
# restart may be lost, no command may be confused for good, and nothing may be left. $BERTH_KILL_SEED repeats a run.
# One exception: between its read of a pipe and its write to the log a monitor has some lines in its hands for microseconds.
. "$(dirname "$0")/lib/common.sh"
bases busybox
RANDOM=${BERTH_KILL_SEED:=$$}
echo "seed $BERTH_KILL_SEED"
end=$((SECONDS + ${BERTH_KILL_SECONDS:-20}))

pause() { sleep "0.$(printf %03d $((RANDOM % $1)))"; }
monitors_of() { pgrep -f "berth-monitor .* $1 "; }
# by NAME: what a command says of the container, all repaired on the way.
state() { inspect "$1" '{{.State.Status}}'; }
comes_back() { [[ $(inspect "$1" '{{.State.Status}} {{.RestartCount}}') =~ ^(running|restarting)\ $2$ ]]; }
is_state() { [ "$(state "$1")" = "$2" ]; }
confused() { fail "$@"; end=0; }

# --- the containers
# Prints numbers and notes each one behind it: what is noted must be in the log. One file is replaced whole.
mkdir data
count='n=$(cat /data/n 2>/dev/null || echo 0); while :; do n=$((n+1)); echo "line $n"; echo $n > /data/new && mv /data/new /data/n; done'
berth run -d --name counter --restart always -p "127.0.0.1:$(free_port):80" -v "$PWD/data:/data" busybox sh -c "$count" >/dev/null
berth run -d --name victim --restart always --init busybox sleep 1000 >/dev/null
counter=$(inspect counter '{{.Id}}') victim=$(inspect victim '{{.Id}}')

# --- what happens to them
monitor_kills=0
kill_monitor_of_counter() {
    monitor_kills=$((monitor_kills + 1))
    kill -9 $(monitors_of "$counter") 2>/dev/null
    # Its program may run on alone for a while.
    pause 200
    berth ps >/dev/null || confused "ps after its monitor was killed"
}
# What a program wrote last stands in its pipes, which nobody can read when its monitor dies too: that has done its part here.
kill_program_of_counter() {
    local before pid
    soon 70 is_state counter running || confused "the counter runs again" "$(state counter)"
    before=$(inspect counter '{{.RestartCount}}') pid=$(init_of counter)
    kill -9 "$pid" 2>/dev/null
    soon 20 comes_back counter $((before + 1)) || confused "a restart is lost" "$(inspect counter '{{json .State}} {{.RestartCount}}'), before $before and pid $pid"
    # Its delay has grown: begin anew.
    [ $((RANDOM % 4)) != 0 ] || berth restart -t 0 counter >/dev/null || confused "restart of the counter"
}
restart_victim() { # HOW: by the death of its monitor and its init, of its init, or of the command below that
    local before pid
    soon 20 is_state victim running || confused "victim runs again" "$(state victim)"
    before=$(inspect victim '{{.RestartCount}}') pid=$(init_of victim)
    case $1 in
        both) kill -9 $(monitors_of "$victim") "$pid" 2>/dev/null;;
        init) kill -9 "$pid" 2>/dev/null;;
        command) pkill -9 -P "$pid" 2>/dev/null || kill -9 "$pid";;  # It may not have begun yet.
    esac
    pause 100
    soon 20 comes_back victim $((before + 1)) || confused "a restart is lost" "$(inspect victim '{{json .State}} {{.RestartCount}}'), before $before and pid $pid"
    # Its delay has grown: begin anew.
    [ "$(state victim)" = running ] || berth restart -t 0 victim >/dev/null || confused "restart of one that waits for its restart"
}
# The client of a foreground run has another monitor take over, and gets the status when the program goes on meanwhile.
kill_monitor_of_job() {
    local code=$((RANDOM % 100 + 1)) id client got killed began
    rm -f job.cid
    berth run --cidfile job.cid --name job busybox sh -c "sleep 1; exit $code" >job.out 2>&1 & client=$!
    soon 10 test -s job.cid || confused "a job starts" "$(cat job.out)"
    id=$(cat job.cid)
    pause 999
    killed=$(date +%s%3N)
    kill -9 $(monitors_of "$id") 2>/dev/null
    wait $client
    got=$?
    # Killed while it started, it is gone again: as any container that cannot be started.
    began=$(date -d "$(berth inspect -f '{{.State.StartedAt}}' job 2>/dev/null || echo 1970-01-01)" +%s%3N)
    # Before it began there was nothing to lose; its last moments may be too short for anybody to see the end.
    if pidfds_tell && [ "$began" -gt 0 ] && [ "$killed" -gt "$began" ] && [ $((killed - began)) -lt 400 ]; then
        [ "$got $(berth wait job)" = "$code $code" ] || confused "a job's exit status is lost" "wanted $code, the client got $got: $(inspect job '{{json .State}}')" "$(cat job.out)"
    fi
    berth rm -f job >/dev/null || confused "rm of a job"
}
# Commands that die in the middle: the next ones must find their way.
kill_command() {
    local -a commands=("run -d --name mayfly busybox sleep 1000" "run --rm --name mayfly busybox true" "create --name mayfly busybox true"
        "start mayfly" "stop -t 0 mayfly" "restart -t 0 mayfly" "exec mayfly sleep 0.1" "kill mayfly" "rm -f mayfly" "rename mayfly moth"
        "rename moth mayfly" "pause mayfly" "unpause mayfly" "exec counter sleep 0.05" "logs counter" "ps -a"
        "update --restart always counter" "wait --condition next-exit mayfly")
    local command=${commands[RANDOM % ${#commands[@]}]}
    { timeout -s KILL "0.0$((RANDOM % 90 + 10))" berth $command >/dev/null; } 2>/dev/null
}
tidy_mayfly() {
    timeout 30 berth rm -f mayfly moth >/dev/null 2>rm.err || confused "rm -f after killed commands" "$(cat rm.err)"
    timeout 30 berth run --name mayfly busybox true >/dev/null 2>rm.err || confused "its name is free again" "$(cat rm.err)" "$(berth ps -a)"
    berth rm -f mayfly >/dev/null
}
exec_has_its_status() {
    local code=$((RANDOM % 100 + 1)) got
    soon 20 is_state victim running
    timeout 30 berth exec victim sh -c "exit $code"
    got=$?
    [ $got = $code ] || confused "exec has its status" "wanted $code, got $got"
}

rounds=0
while [ $SECONDS -lt $end ]; do
    rounds=$((rounds + 1))
    case $((RANDOM % 10)) in
        0) kill_monitor_of_counter;;
        1) kill_program_of_counter;;
        2) restart_victim both;;
        8) restart_victim init;;
        9) restart_victim command;;
        3) kill_monitor_of_job;;
        4|5|6) for ((i = RANDOM % 4; i >= 0; i--)); do kill_command; done; tidy_mayfly;;
        7) exec_has_its_status;;
    esac
done
[ $rounds -ge 3 ] && pass "killed at random, $rounds rounds" || fail "killed at random" "$rounds rounds"

# --- the account
works "all of it can still be listed" berth ps -a
soon 70 is_state counter running && soon 70 is_state victim running && pass "what shall always run does" || fail "what shall always run does" "$(berth ps -a)"
works "and can be stopped" berth stop -t 0 counter victim
noted=$(cat data/n)
berth logs counter | sed -n 's/^line //p' >logged
sort -nu logged >distinct
seq 1 "$noted" | sort >wanted
missing=$(sort distinct | comm -23 wanted - | sort -n)
# The first numbers of what is missing in a row: each the work of one death of a monitor, and of few lines.
gaps=$(awk 'NR == 1 || $1 != last + 1 { print } { last = $1 }' <<<"$missing" | grep -c .)
[ "${noted:-0}" -gt 0 ] && [ "$gaps" -le $(((monitor_kills + 9) / 10)) ] && [ "$(grep -c . <<<"$missing")" -le $((gaps * 5)) ] &&
    pass "every line that was counted is in the log" || fail "every line that was counted is in the log" "$monitor_kills deaths of monitors" "$missing"
equal "in order" "" "$(sort -nc logged 2>&1)"
works "rm" berth rm -f counter victim
equal "no container is left" "" "$(berth ps -aq)"
finish
