# limit: 120
# Bad input of every kind gets one clear line that names the thing, the right exit code, and leaves nothing half-made.
. "$(dirname "$0")/lib/common.sh"
bases busybox
# Folders that are made at their first use are there from now on.
berth run --rm -v first:/v busybox true
berth volume rm first >/dev/null

# What a failed command may not change: containers, tags, leases, staging, volumes, networks, run state.
store() {
    find "$BERTH_ROOT" "$BERTH_RUN_ROOT" -mindepth 1 \( -name locks -o -name cache -o -name '*.lock' -o -name lock -o -name leases \) -prune -o -print 2>/dev/null |
        grep -vE '/(overlay|fs)/work/|/events\.log|/network/(ports|doomed)$' | sort
}
# bad CODE PART COMMAND...: that exit status, nothing on stdout, one line `berth: …PART…` (and perhaps a hint), no change.
bad() {
    local code=$1 part=$2
    shift 2
    local before after what="$* : $part" lines
    before=$(store)
    try "$@" </dev/null
    after=$(store)
    lines=$(wc -l < "$WORK/.err")
    if [ $STATUS != "$code" ]; then fail "$what" "wanted exit $code, have $STATUS" "$OUT" "$ERR"
    elif [[ $ERR != "berth: "*"$part"* ]]; then fail "$what" "wanted on stderr: berth: …$part…" "$ERR"
    elif [ "$lines" -gt 2 ] || { [ "$lines" = 2 ] && [[ $ERR != *$'\n'"hint: "* ]]; }; then fail "$what" "wanted one line and perhaps a hint" "$ERR"
    elif [ -n "$OUT" ]; then fail "$what" "stdout must be empty" "$OUT"
    elif [ "$before" != "$after" ]; then fail "$what" "the store changed:" "$(diff <(echo "$before") <(echo "$after"))"
    else pass "$what"; fi
}

# --- commands and options
bad 1 nosuchcommand berth nosuchcommand
bad 125 --nosuchflag berth run --nosuchflag busybox true
bad 125 --nosuchflag berth ps --nosuchflag
bad 1 "" berth run

# --- images
bad 125 nosuch berth run --pull never nosuch true
bad 1 nosuch berth create --pull never nosuch true
bad 125 "Upper" berth run --pull never Upper:1 true
bad 1 nosuch berth image inspect --format '{{.Id}}' nosuch
bad 1 nosuch berth rmi nosuch
bad 1 nosuch berth tag nosuch a:b
bad 1 "bad tag" berth tag busybox 'bad tag'
bad 1 /no/such/file berth import /no/such/file x

# --- what to run
bad 127 nosuchprogram berth run --rm busybox nosuchprogram
bad 127 /no/such berth run --rm busybox /no/such
bad 126 /etc berth run --rm busybox /etc
bad 126 /etc/passwd berth run --rm busybox /etc/passwd
bad 125 nosuchuser berth run --rm --user nosuchuser busybox true
bad 125 nosuchgroup berth run --rm --user root:nosuchgroup busybox true
bad 125 NOCAP berth run --rm --cap-add NOCAP busybox true
bad 125 "1 apple" berth run --rm -m '1 apple' busybox true
bad 125 sometimes berth run --restart sometimes busybox true
bad 125 NOPE berth run --rm --stop-signal NOPE busybox true
bad 125 "a b" berth run --rm --name 'a b' busybox true
bad 125 NOLIMIT berth run --rm --ulimit NOLIMIT=1 busybox true
bad 125 /no/such/device berth run --rm --device /no/such/device busybox true
bad 125 /no/such/env berth run --rm --env-file /no/such/env busybox true
bad 125 relative berth run --rm -w relative busybox true
bad 125 no.such.sysctl berth run --rm --sysctl no.such.sysctl=1 busybox true

# --- volumes and networks
bad 125 "relative" berth run --rm -v /a:relative busybox true
bad 125 "" berth run --rm -v / busybox true
bad 125 "sideways" berth run --rm -v /tmp:/t:sideways busybox true
bad 125 nosuchnet berth run --rm --network nosuchnet busybox true
bad 125 70000 berth run --rm -p 70000:80 busybox true
bad 125 "80:81:82:83" berth run --rm -p 80:81:82:83 busybox true
bad 125 "8000-8010:80-85" berth run --rm -p 8000-8010:80-85 busybox true
python3 -c 'import socket, time; s = socket.socket(); s.setsockopt(1, 2, 1); s.bind(("0.0.0.0", 8099)); s.listen(); time.sleep(60)' &
taker=$!
soon 5 sh -c 'ss -ltn | grep -q :8099' || sleep 0.3
bad 125 8099 berth run --rm -p 8099:80 busybox true
bad 125 8099 berth run --rm -p 8095-8100:80-85 busybox true
kill $taker
wait $taker 2>/dev/null

# --- containers
for command in start stop kill restart rm inspect logs port wait rename exec top pause; do
    case $command in
        rename) bad 1 nosuch berth rename nosuch other;;
        exec) bad 1 nosuch berth exec nosuch true;;
        inspect) bad 1 nosuch berth inspect --format '{{.Id}}' nosuch;;
        *) bad 1 nosuch berth $command nosuch;;
    esac
done
berth create --name taken busybox true >/dev/null
bad 125 taken berth run --name taken busybox true
bad 1 "not running" berth exec taken true
bad 64 "{{.Nope" berth inspect -f '{{.Nope' taken
bad 1 NOSIGNAL berth kill -s NOSIGNAL taken
berth rm taken >/dev/null

# --- builds
mkdir ctx
bad_build() {
    local part=$1 text=$2
    printf '%b' "$text" > ctx/Dockerfile
    local before after what="build: $part"
    before=$(berth images -aq | sort)/$(berth ps -aq)
    try berth build -t half ctx
    after=$(berth images -aq | sort)/$(berth ps -aq)
    if [ $STATUS != 1 ]; then fail "$what" "wanted exit 1, have $STATUS" "$ERR"
    elif ! grep -q "^berth: .*$part" <<<"$ERR"; then fail "$what" "wanted on stderr: berth: …$part…" "$ERR"
    elif [ "$before" != "$after" ]; then fail "$what" "images or containers are left: $before -> $after"
    else pass "$what"; fi
}
bad_build "Dockerfile:2.*COPPY.*COPY" 'FROM busybox\nCOPPY a b\n'
bad_build "nosuchfile" 'FROM busybox\nCOPY nosuchfile /\n'
bad_build "exit 3\|code 3\|status 3\|: 3" 'FROM busybox\nRUN exit 3\n'
bad_build "nosuchbase" 'FROM nosuchbase:1\nRUN true\n'
bad_build "Dockerfile:1" 'RUN true\n'
bad_build "nosuchstage" 'FROM busybox\nCOPY --from=nosuchstage /a /b\n'
bad_build "nosuchuser" 'FROM busybox\nUSER nosuchuser\nRUN true\n'
rm ctx/Dockerfile
exits 1 "build: no Dockerfile" berth build ctx
holds "that is said, with a way out" "berth: failed to read dockerfile: open Dockerfile: no such file or directory"$'\n'"hint: " "$ERR"
exits 1 "build: no context" berth build /no/such/context
holds "that is said" "berth: build context: /no/such/context: No such file or directory" "$ERR"

# A lease that a command dropped may wait for the next writer, but they do not pile up.
left=$(find "$BERTH_ROOT/leases" -mindepth 1 2>/dev/null | wc -l)
if [ "$left" -le 1 ]; then pass "leases do not pile up"; else fail "leases do not pile up" "$left are left"; fi
finish
