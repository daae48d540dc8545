# Sourced by every end-to-end test. A check prints one line, `ok - …` or `NOT OK - …` with what was seen, and the test goes
# on; `finish` at the end gives the exit status. Each test has its own host and stores (lib/host, lib/inside).
# A test may say how long it may take: a line `# limit: SECONDS` (60 otherwise).
set -uo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=$(mktemp -d)
ENGINE=${ENGINE:-berth}
BROKEN=0
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"

pass() { echo "ok - $1"; }
fail() {
    BROKEN=1
    echo "NOT OK - $1"
    shift
    local line
    for line in "$@"; do printf '%s\n' "$line" | head -30 | sed 's/^/    | /'; done
}
# skip WHAT WHY: for what this machine cannot do.
skip() { echo "skip - $1: $2"; }
finish() { exit $BROKEN; }

# Runs a command and keeps what it did: $STATUS, $OUT, $ERR.
try() {
    "$@" >"$WORK/.out" 2>"$WORK/.err"
    STATUS=$? OUT=$(cat "$WORK/.out") ERR=$(cat "$WORK/.err")
}

# works WHAT COMMAND...: exit status 0.
works() {
    local what=$1
    shift
    try "$@"
    if [ $STATUS = 0 ]; then pass "$what"; else fail "$what" "$* -> $STATUS" "$OUT" "$ERR"; fi
}
# exits CODE WHAT COMMAND...
exits() {
    local code=$1 what=$2
    shift 2
    try "$@"
    if [ $STATUS = "$code" ]; then pass "$what"; else fail "$what" "wanted exit $code: $* -> $STATUS" "$OUT" "$ERR"; fi
}
# refuses CODE WHAT TEXT COMMAND...: that exit status, nothing on stdout, and TEXT as the whole of stderr.
refuses() {
    local code=$1 what=$2 text=$3
    shift 3
    try "$@"
    if [ $STATUS = "$code" ] && [ -z "$OUT" ] && [ "$ERR" = "$text" ]; then pass "$what"; return; fi
    fail "$what" "wanted exit $code and: $text" "$* -> $STATUS" "$OUT" "$ERR"
}
# prints TEXT WHAT COMMAND...: exit status 0 and TEXT as the whole of stdout.
prints() {
    local text=$1 what=$2
    shift 2
    try "$@"
    if [ $STATUS = 0 ] && [ "$OUT" = "$text" ]; then pass "$what"; else fail "$what" "wanted: $text" "$* -> $STATUS" "$OUT" "$ERR"; fi
}
# equal WHAT WANTED HAVE
equal() { if [ "$2" = "$3" ]; then pass "$1"; else fail "$1" "wanted: $2" "have: $3"; fi; }
# holds WHAT PART TEXT
holds() { case $3 in *"$2"*) pass "$1";; *) fail "$1" "wanted in it: $2" "have: $3";; esac; }
# lacks WHAT PART TEXT
lacks() { case $3 in *"$2"*) fail "$1" "must not be in it: $2" "have: $3";; *) pass "$1";; esac; }
# matches WHAT REGULAR-EXPRESSION TEXT
matches() { if [[ $3 =~ $2 ]]; then pass "$1"; else fail "$1" "wanted to match: $2" "have: $3"; fi; }
# soon SECONDS COMMAND...: tries again until it succeeds.
soon() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || return 1
        sleep 0.1
    done
}

# bases busybox|debian...: imports base images, once a store.
bases() {
    local base path='ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    for base in "$@"; do
        case $base in
            busybox) "$ENGINE" image inspect busybox:latest >/dev/null 2>&1 ||
                "$ENGINE" import -c 'CMD ["sh"]' -c "$path" "$BASES/busybox.tar" busybox:latest >/dev/null;;
            debian) "$ENGINE" image inspect debian:12 >/dev/null 2>&1 ||
                "$ENGINE" import -c 'CMD ["bash"]' -c "$path" "$BASES/debian.tar" debian:12 >/dev/null;;
        esac || fail "import base image $base"
    done
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
# inspect CONTAINER TEMPLATE
inspect() { "$ENGINE" inspect -f "$2" "$1" 2>&1; }
init_of() { inspect "$1" '{{.State.Pid}}'; }
# The monitor of a container: the parent of its init.
monitor_of() { ps -o ppid= -p "$(init_of "$1")" | tr -d ' '; }
# Whether the exit code of a program can be known here whose monitor was killed: whoever is not its parent may ask its pidfd
# since Linux 6.15; before, only in the machine's first namespaces (tests/vm/on-host).
pidfds_tell() { printf '%s\n' 6.15 "$(uname -r)" | sort -C -V; }
# adopted CODE: what is known of such a program that ended with CODE.
adopted() { pidfds_tell && echo "$1" || echo 255; }
# Whether an address beyond this machine answers: builds with apt need it.
has_internet() {
    local index
    index=$(apt-get indextargets --format '$(SITE)/dists/$(CODENAME)/Release' 2>/dev/null | head -1)
    [ -n "$index" ] && curl -s -o /dev/null --retry 2 --retry-all-errors -m 20 "$index"
}
