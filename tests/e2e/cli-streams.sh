# limit: 90
# Streams, signals, terminals and exit codes of run, exec, attach and logs.
. "$(dirname "$0")/lib/common.sh"
bases busybox
run() { timeout 20 berth run --rm --network none "$@"; }
# A terminal for a command: what it prints on both streams, carriage returns dropped.
on_terminal() { timeout 20 python3 -c 'import pty,sys,os; s=pty.spawn(sys.argv[1:]); sys.exit(os.waitstatus_to_exitcode(s))' "$@" | tr -d '\r'; }

try run busybox sh -c 'echo out; echo err >&2; exit 4'
equal "stdout, stderr and the status come apart" "4 out err" "$STATUS $OUT $ERR"
equal "stdin with -i" "HELLO" "$(echo hello | run -i busybox tr a-z A-Z)"
equal "no stdin without it" "" "$(echo hello | run busybox cat)"
equal "a megabyte through both ways" "$(head -c 1000000 /dev/zero | tr '\0' x | md5sum)" "$(head -c 1000000 /dev/zero | tr '\0' x | run -i busybox cat | md5sum)"
equal "a reader that leaves ends nothing badly" "y" "$(run busybox sh -c 'yes | head -1000' | head -1)"
equal "-a stdout leaves stderr out" "out" "$(run -a stdout busybox sh -c 'echo out; echo err >&2' 2>&1)"
exits 143 "a signal's number is in the status" run --init busybox sh -c 'kill -TERM $$; sleep 1'
exits 127 "not found" run busybox nosuch
exits 126 "not executable" run busybox /etc
exits 1 "-t without a terminal" sh -c 'echo | berth run --rm -it busybox true'
exits 1 "-d and -a" berth run -d -a stdout busybox true
exits 125 "--rm and --restart" berth run --rm --restart always busybox true

berth run --rm --name fg busybox sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.1; done' > fg.out &
pid=$!
soon 10 grep -q ready fg.out
kill -TERM $pid
wait $pid
equal "signals go to the container" 9 $?

cat > sized.py <<'P'
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 91, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
out = b""
try:
    while chunk := os.read(fd, 4096): out += chunk
except OSError: pass
os.waitpid(pid, 0)
print(out.decode().replace("\r", "").strip())
P
equal "a terminal merges the streams and has the caller's size" "tty 31 91" "$(timeout 20 python3 sized.py berth run --rm -it --network none busybox sh -c 'test -t 0 && test -t 1 && echo tty $(stty size)')"
equal "exec -t too" "tty" "$(berth run -d --name box busybox sleep 1000 >/dev/null; on_terminal berth exec -it box sh -c 'test -t 0 && echo tty')"
equal "exec: stdin, status, user, folder, environment" "7 daemon /tmp x in" "$(echo in | berth exec -i -u daemon -w /tmp -e A=x box sh -c 'echo $(id -un) $PWD $A $(cat); exit 7' | { read -r line; echo "7 $line"; })"
exits 7 "exec's status" berth exec box sh -c 'exit 7'
exits 127 "exec: not found" berth exec box nosuch
exits 126 "exec: not executable" berth exec box /etc
berth create --name idle busybox true >/dev/null
exits 1 "exec: not running" berth exec idle true
exits 1 "exec: no such container" berth exec nosuch true
works "exec -d" berth exec -d box touch /made
works "did it" soon 5 berth exec box test -e /made

# The detach keys leave the container running.
cat > detach.py <<'P'
import os, pty, sys, time
pid, fd = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
time.sleep(1)
os.write(fd, b"\x10\x11")
status = os.waitpid(pid, 0)[1]
print(os.waitstatus_to_exitcode(status))
P
equal "run is left with 0 by the detach keys" 0 "$(timeout 20 python3 detach.py berth run -it --name left busybox sh | tail -1)"
equal "and goes on" running "$(berth inspect -f '{{.State.Status}}' left)"
equal "attach is left with 1" 1 "$(timeout 20 python3 detach.py berth attach left | tail -1)"

berth run -d --name log busybox sh -c 'echo one; echo two >&2; echo three' >/dev/null
berth wait log >/dev/null
try berth logs log
equal "logs: streams apart" "one
three|two" "$OUT|$ERR"
berth run -d --name more busybox sh -c 'for i in 1 2 3 4; do echo $i; done' >/dev/null
berth wait more >/dev/null
equal "--tail" "3 4" "$(berth logs --tail 2 more | xargs)"
matches "-t" "^20[0-9-]+T[0-9:]+\.[0-9]{9}Z one" "$(berth logs -t log 2>/dev/null)"
equal "several have their names in front" "log | one
log | three
more | 1" "$(berth logs --tail 9 log more 2>/dev/null | sed 's/  *|/ |/' | head -3)"
try berth rm -f box left idle log more nosuch
equal "rm -f of one that is not there is told, and no failure" "0 berth: no such container: nosuch" "$STATUS ${ERR%%$'\n'*}"
finish
