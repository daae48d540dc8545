# limit: 120
# logs: what was said, by whom, when; followed over rotations to the end.
. "$(dirname "$0")/lib/common.sh"
bases busybox
logs() { berth logs "$@" 2>&1 | xargs; }

berth run --name three busybox sh -c 'echo 1; sleep 0.2; echo 2 >&2; sleep 0.2; echo 3' >/dev/null 2>&1
equal "all lines, both streams" "1 2 3" "$(logs three)"
equal "the streams come apart" "1 3|2" "$(berth logs three 2>/dev/null | xargs)|$(berth logs three 2>&1 >/dev/null)"
equal "the last ones" "2 3" "$(logs -n 2 three)"
equal "none of them" "" "$(logs --tail 0 three)"
equal "all of them" "1 2 3" "$(logs --tail all three)"
matches "with times" '^20[0-9-]+T[0-9:]+\.[0-9]{9}Z 1$' "$(berth logs -t three 2>/dev/null | head -1)"
equal "nothing from the future" "" "$(logs --since 2100-01-01 three)"
equal "all since yesterday" "1 2 3" "$(logs --since 24h three)"
equal "nothing before yesterday" "" "$(logs --until 24h three)"
exits 1 "a time that is none" berth logs --since yesterday three
holds "is named" "invalid time 'yesterday'" "$ERR"

# --- following
berth run -d --name talker busybox sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.3; done' >/dev/null
equal "follow ends with the container" "1 2 3 4 5" "$(timeout 10 berth logs -f talker | xargs)"
berth run -d --name rotator --log-opt max-size=20k --log-opt max-file=4 busybox sh -c 'i=0; while [ $i -lt 1500 ]; do i=$((i+1)); echo line $i; [ $((i % 250)) = 0 ] && sleep 0.4; done' >/dev/null
timeout 30 berth logs -f rotator > followed
equal "follow loses nothing over rotations" "$(seq -f 'line %g' 1500 | sha256sum)" "$(sha256sum < followed)"
equal "the files are rotated and few" yes "$([ "$(ls "$BERTH_ROOT"/containers/*/*-json.log* | grep -c "$(inspect rotator '{{.Id}}')-json")" -le 4 ] && echo yes)"
last=$(berth logs -n 700 rotator)
equal "tail reaches into rotated files, compressed ones too" "$(seq -f 'line %g' 801 1500 | sha256sum)" "$(sha256sum <<<"$last")"
timeout 30 berth logs -f -n 1 talker > again
equal "follow of an ended container ends" 5 "$(cat again)"

# --- several, truncate, no log
equal "several containers" "1 2 3 4 5" "$(berth logs three talker 2>&1 | sed 's/.*\([0-9]\)$/\1/' | sort -u | xargs)"
berth run -d --name chatty busybox sh -c 'echo before; while [ ! -e /go ]; do sleep 0.1; done; echo after; sleep 1000' >/dev/null
soon 5 sh -c 'berth logs chatty | grep -q before'
works "truncate empties a log" berth logs --truncate chatty
equal "which is empty then" "" "$(logs chatty)"
berth exec chatty touch /go
works "and is written on" soon 5 sh -c 'berth logs chatty | grep -q after'
berth run -d --name silent --log-driver none busybox sh -c 'echo x; sleep 1000' >/dev/null
exits 1 "a container without log" berth logs silent
holds "says so" "log driver 'none'" "$ERR"

berth run --name binary --log-driver local busybox sh -c 'for i in 1 2 3; do echo $i; sleep 0.1; done' >/dev/null
equal "the local driver's log is read" "1 2 3" "$(logs binary)"
equal "its tail too" "2 3" "$(logs -n 2 binary)"

# --- damage
log=$(inspect talker '{{.LogPath}}')
sed -i '2s/.*/{"log":"torn/' "$log"
head -c 100 /dev/zero >> "$log"
equal "torn lines are left out" "1 3 4 5" "$(logs talker)"
berth rm -f three binary talker rotator chatty silent >/dev/null
finish
