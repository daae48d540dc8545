#!/usr/bin/env bash
# limit: 150
# The log drivers that hand lines to a daemon of the host, against small daemons of this test's own.
. "$(dirname "$0")/lib/common.sh"
bases busybox

sinks=()
# sink KIND PLACE FILE: receives in the background.
sink() {
    "$HERE/lib/sink" "$@" & sinks+=($!)
    local kind=$1 place=$2
    case $kind in
        unix*) soon 30 test -S "$place";;
        tcp) soon 30 sh -c "ss -Hltn 'sport = :$place' | grep -q .";;
        udp) soon 30 sh -c "ss -Hlun 'sport = :$place' | grep -q .";;
    esac || fail "the sink $kind $place listens"
}
received() { soon 20 grep -aq "$2" "$1"; }

speak='echo to stdout; echo to stderr >&2; sleep 0.3'
for kind in udp tcp unix unixgram; do
    case $kind in udp|tcp) place=$(free_port) address=$kind://127.0.0.1:$place;; *) place=$WORK/$kind.sock address=$kind://$place;; esac
    sink $kind "$place" $kind.out
    works "syslog over $kind" berth run -d --name sys-$kind --log-driver syslog --log-opt syslog-address="$address" \
        --log-opt syslog-facility=local3 --log-opt tag='{{.Name}}/{{.ID}}' busybox sh -c "$speak"
    received $kind.out stderr || fail "syslog over $kind: received" "$(cat $kind.out)"
    id=$(inspect sys-$kind '{{.Id}}')
    # local3 is 19: informational 19*8+6, error 19*8+3.
    matches "stdout is informational" "<158>[A-Z][a-z][a-z] [ 123][0-9] [0-9:]{8} sys-$kind/${id:0:12}\[[0-9]+\]: to stdout" "$(cat $kind.out)"
    matches "stderr is an error" "<155>.* sys-$kind/${id:0:12}\[[0-9]+\]: to stderr" "$(cat $kind.out)"
done
sink unixgram "$WORK/five.sock" five.out
berth run -d --name five --log-driver syslog --log-opt syslog-address=unixgram://"$WORK/five.sock" --log-opt syslog-format=rfc5424 busybox sh -c "$speak" >/dev/null
received five.out stdout
matches "rfc5424" '<30>1 20[0-9-]+T[0-9:.]+Z - [0-9a-f]{12} [0-9]+ [0-9a-f]{12} - to stdout' "$(cat five.out)"
exits 1 "a driver that keeps nothing has no logs" berth logs five
holds "and says so" "log driver 'syslog'" "$ERR"

exits 125 "a server that is not there fails the start" berth run --log-driver syslog --log-opt syslog-address=tcp://127.0.0.1:1 busybox true
holds "by name" "syslog server 127.0.0.1:1: Connection refused" "$ERR"
exits 125 "an unknown facility" berth run --log-driver syslog --log-opt syslog-facility=nope --log-opt syslog-address=unixgram://"$WORK/five.sock" busybox true
holds "is named" "syslog-facility=nope: unknown facility" "$ERR"

# --- a daemon that does not read holds nobody up, and what it did not take is counted
python3 - "$WORK/deaf.sock" <<'P' & sinks+=($!)
import socket, sys, time
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
time.sleep(100)
P
soon 30 test -S deaf.sock
works "a deaf daemon" timeout 20 berth run --name deaf --log-driver syslog --log-opt syslog-address=unixgram://"$WORK/deaf.sock" busybox sh -c 'yes | head -n 5000'
dropped=$(inspect deaf '{{.State.LogLinesDropped}}')
[ "${dropped:-0}" -gt 1000 ] 2>/dev/null && pass "lines lost are counted" || fail "lines lost are counted" "$dropped" "$(inspect deaf '{{json .State}}')"

# --- journald: its socket has one place
mkdir -p /run/systemd
if mount -t tmpfs none /run/systemd 2>/dev/null; then
    mkdir /run/systemd/journal
    exits 125 "journald that is not there" berth run --log-driver journald busybox true
    holds "is named" "journald: /run/systemd/journal/socket: No such file or directory" "$ERR"
    sink unixgram /run/systemd/journal/socket journal.out
    works "journald" berth run -d --name jj --label role=db --log-driver journald --log-opt labels=role --log-opt tag=mine busybox sh -c "$speak"
    received journal.out stderr
    id=$(inspect jj '{{.Id}}')
    entry=$(tr -d '\000' <journal.out)
    for field in "CONTAINER_ID=${id:0:12}" "CONTAINER_ID_FULL=$id" CONTAINER_NAME=jj CONTAINER_TAG=mine IMAGE_NAME=busybox SYSLOG_IDENTIFIER=mine PRIORITY=6 PRIORITY=3 ROLE=db; do
        holds "journald: $field" "$field" "$entry"
    done
    equal "the message is given by length, so that no line forges a field" "4d4553534147450a0900000000000000746f207374646f7574" \
        "$(od -An -v -tx1 journal.out | tr -d ' \n' | grep -o '4d4553534147450a0900000000000000746f207374646f7574')"
    kill "${sinks[-1]}"
    soon 5 umount /run/systemd || fail "the journal's stand-in goes"
else
    skip "journald" "no tmpfs can be mounted over /run/systemd"
fi
kill "${sinks[@]}" 2>/dev/null
wait 2>/dev/null
berth rm -f sys-udp sys-tcp sys-unix sys-unixgram five deaf jj >/dev/null
finish
