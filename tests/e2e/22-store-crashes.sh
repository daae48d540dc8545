# What the store makes of processes that die at any call and of a full disk: nothing is torn, nothing stays behind, and the next
# command goes on. Prints how much was tried. (Many at once: 24-store-storm.)
# limit: 600
. "$(dirname "$0")/lib/common.sh"

mkdir -p one/bin two
echo hello > one/bin/a; ln one/bin/a one/b; echo two > two/c
tar cf one.tar -C one .; tar cf two.tar -C two .
tries=0
layers() { find "$BERTH_ROOT/layers" -mindepth 2 -maxdepth 2 2>/dev/null | wc -l; }

# sound WHAT: after a crash one more command tidies up, and then nothing is wrong.
sound() {
    berth import two.tar tidy >/dev/null 2>&1 || { fail "$1: the next command works" "$(berth import two.tar tidy 2>&1)"; return 1; }
    local found
    found=$(berth system check --deep 2>&1) || { fail "$1: the store is sound" "$found"; return 1; }
    [ -z "$(ls "$BERTH_ROOT/tmp" "$BERTH_ROOT/trash" | grep -v :)" ] || { fail "$1: nothing is left behind" "$(ls "$BERTH_ROOT"/tmp "$BERTH_ROOT/trash")"; return 1; }
}

# --- kill -9 at every call that changes files
if command -v strace >/dev/null && strace -f -o /dev/null true 2>/dev/null; then
    prepare() { berth rmi -f made loaded tagged victim >/dev/null 2>&1; berth image prune -af >/dev/null 2>&1; }
    killed() { # NAME SETUP COMMAND...: kills COMMAND at its n-th call of each kind, until it ends by itself
        local name=$1 setup=$2 call n bad=0 done_here=0
        shift 2
        for call in mkdirat renameat,renameat2 unlinkat fsync,syncfs fchmod,futimens,utimensat linkat write; do
            for n in $(seq 1 25); do
                prepare
                $setup
                timeout 60 strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" "$@" >/dev/null 2>&1
                local status=$?
                tries=$((tries + 1)) done_here=$((done_here + 1))
                sound "$name, killed at $call $n" || { bad=1; break 2; }
                [ $status = 0 ] && break
                [ "$call" = write ] && [ $n -ge 12 ] && break
            done
        done
        if [ $bad = 0 ]; then pass "$name may be killed anywhere ($done_here kills)"; fi
    }
    nothing() { :; }
    have_victim() { berth import one.tar victim >/dev/null; }
    berth import one.tar keep >/dev/null
    berth save -o saved.tar keep
    berth rmi -f keep >/dev/null
    killed import nothing berth import one.tar made
    killed load nothing berth load -q -i saved.tar
    killed tag have_victim berth tag victim tagged
    killed rmi have_victim berth rmi victim
    killed prune have_victim berth image prune -af
    # The same with calls that fail instead.
    failed=0
    for error in ENOSPC EIO; do
        for call in mkdirat renameat,renameat2 fsync,syncfs write openat; do
            for n in 1 2 3 5 8 13 21; do
                prepare
                timeout 60 strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:error=$error:when=$n" berth import one.tar made >/dev/null 2>err
                status=$?
                tries=$((tries + 1))
                [ $status = 0 ] || [ -s err ] || { failed=1; fail "$error at $call $n is told"; }
                sound "$error at $call $n" || { failed=1; break 3; }
            done
        done
    done
    [ $failed = 0 ] && pass "errors at any call are told and leave nothing"
    echo "tried: $tries kills and errors"
else
    skip "kills at every call" "strace is missing or may not trace"
fi

# --- a full disk
mkdir small
head -c 1500000 /dev/urandom > one/big
tar cf big.tar -C one .
full=0
for size in 200k 400k 800k 1200k 1600k 2000k 4m; do
    mount -t tmpfs -o size=$size small small || { skip "a full disk" "mount is not permitted"; break; }
    if BERTH_ROOT=$WORK/small/s BERTH_RUN_ROOT=$WORK/small/r berth import big.tar big >out 2>err; then
        BERTH_ROOT=$WORK/small/s berth system check --deep >/dev/null 2>&1 || fail "with $size the store is sound"
        BERTH_ROOT=$WORK/small/s BERTH_RUN_ROOT=$WORK/small/r berth rmi big >/dev/null 2>err || fail "with $size rmi works" "$(cat err)"
    else
        full=$((full + 1))
        grep -q "No space left on device" err || fail "with $size the error says so" "$(cat err)"
        [ -z "$(ls small/s/tmp 2>/dev/null)" ] || fail "with $size no staging is left"
    fi
    umount small
done
[ $full -gt 0 ] && pass "a full disk is told ($full sizes), and removing still works"

# --- and the end
berth images -aq | sort -u | xargs -r berth rmi -f >/dev/null
berth image prune -af >/dev/null
equal "when all images are gone no layer is left" 0 "$(layers)"
finish
