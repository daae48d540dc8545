# limit: 120
# berth-oci: a container's life in runc's command line, its files, exit codes and messages.
. "$(dirname "$0")/lib/common.sh"
. "$HERE/lib/bundle.sh"

bundle b '.process.args = ["sh", "-c", "echo out; echo err >&2; exit 7"]'
try "${OCI[@]}" run --bundle "$WORK/b" oci-run
equal "run: the program's exit code" 7 $STATUS
equal "run: stdout" out "$OUT"
equal "run: stderr" err "$ERR"
leaves_nothing oci-run
mkdir "$WORK/b/other" && jq '.process.args = ["echo", "another"]' "$WORK/b/config.json" > "$WORK/b/other/one.json"
prints another "run --config: of the bundle in this folder" sh -c "cd $WORK/b && ${OCI[*]} run --config other/one.json oci-run"
prints another "run -f: the bundle's folder stays what its root is looked up in" "${OCI[@]}" run --bundle "$WORK/b" -f "$WORK/b/other/one.json" oci-run

bundle null '.process.args = ["sh", "-c", "stat -L -c %D:%i /proc/self/fd/0 /dev/null | uniq | wc -l"]'
prints 1 "the caller's null device becomes the container's" sh -c "${OCI[*]} run --bundle '$WORK/null' oci-null </dev/null"
leaves_nothing oci-null

# --- further descriptors
bundle fds '.process.args = ["sh", "-c", "cat <&122; ls /proc/self/fd | wc -l"]'
opened() {
    python3 -c 'import fcntl, os, sys
source = fcntl.fcntl(os.open("/etc/hostname", os.O_RDONLY), fcntl.F_DUPFD_CLOEXEC, 400)
for fd in range(3, 123): os.dup2(source, fd)
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}
prints "$(cat /etc/hostname; echo 124)" "run --preserve-fds hands on as many as asked" \
    opened "${OCI[@]}" run --preserve-fds 120 --bundle "$WORK/fds" oci-fds
exits 1 "run --preserve-fds: one that is not open" "${OCI[@]}" run --preserve-fds 120 --bundle "$WORK/fds" oci-fds
holds "which is named" "is not open" "$ERR"
exits 1 "run --preserve-fds: more than can be handed on" "${OCI[@]}" run --preserve-fds 254 --bundle "$WORK/fds" oci-fds
holds "what would do is told" "'254' is not a number of descriptors, 0 to 253" "$ERR"
leaves_nothing oci-fds

bundle where '.process.args = ["pwd"] | .process.cwd = "/not/yet/there" | .root.readonly = true'
prints /not/yet/there "a working folder is made, below a root that will be read-only too" "${OCI[@]}" run --bundle "$WORK/where" oci-where

# --- a container that is still being created: its creator waits for the configuration
mkfifo "$WORK/b/late"
"${OCI[@]}" create --bundle "$WORK/b" --config "$WORK/b/late" oci-late & creator=$!
soon 5 sh -c '[ "$('"${OCI[*]}"' state oci-late 2>/dev/null | jq -r .status)" = creating ]'
equal "creating until it is made" creating "$(status_of oci-late)"
exits 1 "delete of a container that is being created" "${OCI[@]}" delete oci-late
timeout 10 "${OCI[@]}" start oci-late 2>"$WORK/late.err" & starter=$!
sleep 0.2
jq '.process.args = ["sh", "-c", "echo late > /was-here"] | .root.readonly = false' "$WORK/b/config.json" > "$WORK/b/late"
wait $creator
wait $starter
equal "start waits until it is made" 0 $?
if soon 5 test -e "$WORK/b/rootfs/was-here"; then pass "and its program runs"; else fail "and its program runs" "$(cat "$WORK/late.err")"; fi
"${OCI[@]}" delete --force oci-late
"${OCI[@]}" create --bundle "$WORK/b" --config "$WORK/b/late" oci-late >/dev/null 2>&1 & creator=$!
soon 5 sh -c '[ "$('"${OCI[*]}"' state oci-late 2>/dev/null | jq -r .status)" = creating ]'
kill -KILL $creator
wait $creator 2>/dev/null
equal "stopped when its creator was killed" stopped "$(status_of oci-late)"
works "and then deleted" "${OCI[@]}" delete oci-late
leaves_nothing oci-late

# --- create, start, exec, kill, delete
bundle c '.process.args = ["sleep", "1000"]'
works "create" "${OCI[@]}" create --bundle "$WORK/c" --pid-file "$WORK/pid" oci-c
equal "created until start" created "$(status_of oci-c)"
equal "the pid file has the pid and nothing else" "$("${OCI[@]}" state oci-c | jq .pid)" "$(cat "$WORK/pid")"
equal "a container that waits holds no descriptor of its creator's" "0 1 2 4 5" "$(ls "/proc/$(cat "$WORK/pid")/fd" | sort -n | xargs)"
exits 1 "a second container of that name" "${OCI[@]}" create --bundle "$WORK/c" oci-c
holds "it says so" "container with given ID already exists" "$ERR"
works "start" "${OCI[@]}" start oci-c
equal "running after start" running "$(status_of oci-c)"
exits 1 "start again" "${OCI[@]}" start oci-c
holds "start again: says why" "cannot start an already running container" "$ERR"
prints "uid=0(root) gid=0(root)" "exec" "${OCI[@]}" exec oci-c id
exits 5 "exec: the program's exit code" "${OCI[@]}" exec oci-c sh -c 'exit 5'
prints "7 8" "exec --user" "${OCI[@]}" exec --user 7:8 oci-c sh -c 'echo $(id -u) $(id -g)'
prints "/tmp x" "exec --cwd --env" "${OCI[@]}" exec --cwd /tmp --env A=x oci-c sh -c 'echo $PWD $A'
exits 255 "exec: nothing to execute" "${OCI[@]}" exec oci-c nosuch
holds "exec: callers find the words for 127" 'executable file not found in $PATH' "$ERR"
works "exec --detach" "${OCI[@]}" exec --detach --pid-file "$WORK/pid2" oci-c sleep 1000
works "pause" "${OCI[@]}" pause oci-c
equal "paused" paused "$(status_of oci-c)"
exits 255 "exec in a paused container" "${OCI[@]}" exec oci-c true
works "resume" "${OCI[@]}" resume oci-c
equal "ps counts both processes" 2 "$("${OCI[@]}" ps --format json oci-c | jq length)"
works "update" "${OCI[@]}" update --pids-limit 50 oci-c
equal "events --stats: the limit" 50 "$("${OCI[@]}" events --stats oci-c | jq .data.pids.limit)"
equal "list --quiet" oci-c "$("${OCI[@]}" list --quiet)"
exits 1 "delete of a running container" "${OCI[@]}" delete oci-c
works "kill" "${OCI[@]}" kill oci-c KILL
soon 5 sh -c '[ "$('"${OCI[*]}"' state oci-c | jq -r .status)" = stopped ]' || fail "stopped after kill"
exits 1 "kill of a stopped container" "${OCI[@]}" kill oci-c KILL
holds "kill of a stopped container: callers find the words" "container not running" "$ERR"
works "delete" "${OCI[@]}" delete oci-c
leaves_nothing oci-c
for id in ../oci-x /oci-x . .. 'a/b' ''; do
    exits 1 "an id is no path: '$id'" "${OCI[@]}" create --bundle "$WORK/c" "$id"
    holds "and that is said" "invalid container ID format" "$ERR"
done
exits 1 "state of an absent container" "${OCI[@]}" state oci-c
holds "state of an absent container: callers find the words" "container does not exist" "$ERR"
works "delete --force of an absent container" "${OCI[@]}" delete --force oci-c

# --- a program that is over before the one who started it looks again
if command -v strace >/dev/null && strace -o /dev/null true 2>/dev/null; then
    bundle brief '.process.args = ["true"]'
    works "create of a brief program" "${OCI[@]}" create --bundle "$WORK/brief" oci-brief </dev/null
    works "start takes the end of the program for no failure" \
        strace -qq -o /dev/null -e trace=openat,poll -e inject=openat,poll:delay_exit=30000 "${OCI[@]}" start oci-brief
    works "delete of what ended" "${OCI[@]}" delete oci-brief
else
    skip "start of a brief program" "strace is missing or may not trace"
fi

# --- state.json keeps runc's names, which others read
works "create for its state" "${OCI[@]}" create --bundle "$WORK/c" oci-s
for member in id init_process_pid init_process_start created config rootless cgroup_paths namespace_paths external_descriptors; do
    jq -e "has(\"$member\")" "$WORK/state/oci-s/state.json" >/dev/null && pass "state.json has $member" || fail "state.json has $member"
done
works "delete of a created container" "${OCI[@]}" delete oci-s
leaves_nothing oci-s

# --- a program that the kernel will not execute
bundle e '.process.args = ["/script"]'
printf '#!/no/such/interpreter\n' > "$WORK/e/rootfs/script"
chmod +x "$WORK/e/rootfs/script"
refuses 1 "run: the program's failure is said plainly" "exec /script: no such file or directory" "${OCI[@]}" run --bundle "$WORK/e" oci-e
leaves_nothing oci-e

# --- hooks: order and state
bundle h '.process.args = ["true"] | .hooks = ({"createRuntime": "createRuntime", "poststart": "poststart", "poststop": "poststop"}
    | map_values([{path: "/bin/sh", args: ["sh", "-c", ("jq -r .status >> '"$WORK"'/hooks; echo " + .)], env: ["PATH=/bin:/usr/bin"]}]))'
works "run with hooks" "${OCI[@]}" run --bundle "$WORK/h" oci-h
equal "hooks see the state they belong to" "creating running stopped" "$(xargs < "$WORK/hooks")"
edit h '.hooks = {"createContainer": [{path: "/bin/false"}]}'
exits 1 "a hook that fails ends the start" "${OCI[@]}" run --bundle "$WORK/h" oci-h
holds "it is named" "error running createContainer hook #0: /bin/false: exit status 1" "$ERR"
leaves_nothing oci-h

bundle p '.process.args = ["sleep", "1000"] | .hooks.poststart = [{path: "/bin/false"}]'
works "create with a poststart hook that fails" "${OCI[@]}" create --bundle "$WORK/p" oci-p </dev/null
exits 1 "start of it" "${OCI[@]}" start oci-p
holds "says which" "error running poststart hook #0: /bin/false: exit status 1" "$ERR"
equal "and stops the container" stopped "$(status_of oci-p)"
works "delete of it" "${OCI[@]}" delete oci-p
leaves_nothing oci-p

# --- a creator that dies leaves something that delete can clean
for after in 02 04 07 1 2; do
    "${OCI[@]}" create --bundle "$WORK/c" oci-k >/dev/null 2>&1 &
    sleep "0.0$after" 2>/dev/null
    kill -KILL $! 2>/dev/null
    wait $! 2>/dev/null
    "${OCI[@]}" delete --force oci-k
done
sleep 0.3
"${OCI[@]}" delete --force oci-k
leaves_nothing oci-k

# --- log format that callers parse
"${OCI[@]}" --log "$WORK/log" --log-format json run --bundle "$WORK/nosuch" oci-l 2>/dev/null
equal "a JSON line with its level" error "$(jq -r .level "$WORK/log")"
equal "the version line that containerd parses" "berth-oci version" "$(berth-oci --version | head -1 | cut -d' ' -f1,2)"
jq -e '.linux.cgroup.v2 and (.hooks | length == 6)' <(berth-oci features) >/dev/null && pass features || fail features
finish
