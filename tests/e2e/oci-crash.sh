# limit: 180
# kill -9 at any moment of `create` and `run`: what is left, `delete --force` takes away.
. "$(dirname "$0")/lib/common.sh"
. "$HERE/lib/bundle.sh"

bundle k '.process.args = ["sleep", "1000"] | .linux.cgroupsPath = "/berth-e2e-crash"'
create=(create --bundle "$WORK/k" oci-crash)
nothing_left() {
    local i left
    for i in 1 2 3 4 5 6 7 8 9 10; do
        left=$(ls "$WORK/state" 2>/dev/null; find /sys/fs/cgroup -maxdepth 2 -type d -name 'berth-e2e-crash*' 2>/dev/null
            ps -e -o args= | grep -F "$WORK/k" | grep -v grep; grep -F "$WORK/k" /proc/self/mountinfo)
        [ -z "$left" ] && return
        sleep 0.2
    done
    echo "$left"
}
if ! command -v strace >/dev/null; then
    skip "a kill at each system call" "strace is not installed"
    for after in 001 002 003 004 006 008 010 015 020; do
        "${OCI[@]}" "${create[@]}" >/dev/null 2>&1 </dev/null &
        sleep "0.$after"
        kill -KILL $! 2>/dev/null
        wait $! 2>/dev/null
        "${OCI[@]}" delete --force oci-crash
        left=$(nothing_left)
        [ -z "$left" ] || fail "killed after 0.$after s" "$left"
    done
    pass "nothing is left of a create that was killed"
    finish
fi
# The calls by which create changes the world, and how often it makes each; every one is a moment to die at.
strace -o "$WORK/trace" "${OCI[@]}" "${create[@]}" </dev/null >/dev/null 2>&1
"${OCI[@]}" delete --force oci-crash
count=0 bad=0
for call in mkdir mkdirat openat write rename renameat clone3 clone mknodat fchmodat fchownat unlinkat sendto recvmsg open_tree mount_setattr socketpair; do
    times=$(grep -c "^$call(" "$WORK/trace")
    step=$((times / 6 + 1))
    for ((n = 1; n <= times; n += step)); do
        strace -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" "${OCI[@]}" "${create[@]}" </dev/null >/dev/null 2>&1
        works_quietly=$("${OCI[@]}" delete --force oci-crash 2>&1)
        left=$(nothing_left)
        count=$((count + 1))
        [ -z "$left$works_quietly" ] && continue
        bad=$((bad + 1))
        fail "killed at $call number $n of $times" "$works_quietly" "$left"
    done
done
[ $bad = 0 ] && pass "killed at each of $count system calls, nothing is left"
[ $count -gt 20 ] && pass "the sweep found calls to die at" || fail "the sweep found calls to die at" "$count"

# A container that is being made is not taken for one whose creator died; start waits for it.
for call in renameat:when=1 mknodat:when=1 clone3:when=1; do
    strace -o /dev/null -e trace="${call%:*}" -e inject="$call:delay_exit=300000" "${OCI[@]}" "${create[@]}" </dev/null >/dev/null 2>&1 &
    soon 5 test -d "$WORK/state/oci-crash"
    equal "a container that is being made (a slow ${call%:*}) is said to be" creating "$(status_of oci-crash)"
    works "and can be started at once" "${OCI[@]}" start oci-crash
    wait $!
    equal "its creator is content" 0 $?
    "${OCI[@]}" delete --force oci-crash
done
finish
