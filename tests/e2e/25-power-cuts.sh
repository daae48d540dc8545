# Power cuts on a file system of the test's own: it is shut down while berth writes, or just after berth said that it was done, and
# what was not on the disk by then is lost (FS_IOC_SHUTDOWN without flushing the log, delayed allocation, no early commits). After
# each the next boot finds no image that is silently wrong: it is whole, or it is told and can be made or fetched again.
# BERTH_POWER_CUTS (6) says how many cuts of each kind.
# limit: 900
. "$(dirname "$0")/lib/common.sh"
command -v mkfs.ext4 >/dev/null || { skip "power cuts" "mkfs.ext4 is not installed"; finish; }
cuts=${BERTH_POWER_CUTS:-6}
RANDOM=${BERTH_STORM_SEED:-$RANDOM}

# --- the machine that loses its power
truncate -s 192M disk
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 disk
mkdir mounted
export BERTH_ROOT=$WORK/mounted/store
boots=0
power_on() {
    mount -o loop,noauto_da_alloc,commit=300 disk mounted 2>mount.err || return 1
    boots=$((boots + 1))
    printf '%08x-0000-4000-8000-000000000000\n' $boots > boot_id
    mount --bind boot_id /proc/sys/kernel/random/boot_id
}
power_off() {
    umount /proc/sys/kernel/random/boot_id
    soon 20 umount mounted || { fail "the file system can be unmounted" "$(grep "$WORK" /proc/mounts; ps -ef)"; finish; }
}
# Waits ready, so that a cut comes at once: _IOR('X', 125, __u32), EXT4_GOING_FLAGS_NOLOGFLUSH.
coproc CUTTER { exec python3 -uc '
import fcntl, os, struct, sys
for line in sys.stdin:
    disk = os.open(line.strip(), os.O_RDONLY)
    fcntl.ioctl(disk, 0x8004587D, struct.pack("I", 2))
    os.close(disk)
    print("dark")'; }
cut_power() {
    echo mounted >&"${CUTTER[1]}"
    read -r <&"${CUTTER[0]}"
    [ -z "${working:-}" ] || wait "$working" 2>/dev/null
    working=
    power_off
    power_on
}
trap 'kill $(jobs -p) 2>/dev/null; umount /proc/sys/kernel/random/boot_id 2>/dev/null; umount mounted 2>/dev/null; rm -rf "$WORK"' EXIT
power_on || { skip "power cuts" "no loop file system: $(cat mount.err)"; finish; }
probe=mounted/probe
echo content > $probe
cut_power
[ -s $probe ] && skip "power cuts" "this file system keeps what was not written" && finish
rm -f $probe

# --- what is done meanwhile
mkdir files
for i in $(seq 40); do head -c $((RANDOM * 3)) /dev/urandom > files/$i; done
ln files/1 files/link
ln -s 1 files/symlink
printf 'FROM base:1\nCOPY files /files\nRUN echo run > /run-was-here\n' > Dockerfile
cp "$BASES/busybox.tar" base.tar
fresh_archive() { rm -f files/fresh; head -c 20000 /dev/urandom > files/fresh; tar cf in.tar files; }
port=$(free_port)
pulls=no
if command -v docker-registry >/dev/null; then
    printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "127.0.0.1:%s"}\n' "$WORK/registry" "$port" > registry.yml
    docker-registry serve registry.yml >registry.log 2>&1 &
    soon 10 curl -sf "http://127.0.0.1:$port/v2/" && pulls=yes
fi
fresh_archive
BERTH_ROOT=$WORK/elsewhere berth import in.tar 127.0.0.1:$port/pulled:1 >/dev/null
BERTH_ROOT=$WORK/elsewhere berth save -o saved.tar 127.0.0.1:$port/pulled:1
[ $pulls = no ] || BERTH_ROOT=$WORK/elsewhere berth push -q 127.0.0.1:$port/pulled:1 >/dev/null
do_import() { berth import in.tar "made:$1"; }
do_load() { berth load -q -i saved.tar; }
do_build() { berth build -q --build-arg N=$RANDOM -t "made:$1" .; }
do_commit() {
    local container
    container=$(berth create base:1 x) && berth cp files "$container:/files" 2>/dev/null && berth commit "$container" "made:$1" && berth rm "$container"
}
do_pull() { berth pull -q 127.0.0.1:$port/pulled:1; }

whole=0 lost=0
# judge WHAT: each name is sound or its loss is told in a line; a repair leaves a clean store.
judge() {
    local name bad=0
    for name in $(berth images --format '{{.Repository}}:{{.Tag}}' 2>images.err | grep -v '<none>'); do
        if berth save -o judged.tar "$name" 2>err && rm -rf judged && berth save "$name" | BERTH_ROOT=$WORK/judged berth load -q >/dev/null 2>err; then
            whole=$((whole + 1))
            rm -rf judged
        else
            rm -rf judged
            lost=$((lost + 1))
            grep -qE '^berth: .*(was lost|missing|No such image|damaged)' err || { bad=1; fail "$1: $name: a loss is told" "$(cat err)"; }
        fi
    done
    [ ! -s images.err ] || { bad=1; fail "$1: images can be listed" "$(cat images.err)"; }
    berth system check --repair >check.out 2>&1
    berth system check --deep >check.out 2>&1 || { bad=1; fail "$1: after a repair the store is sound" "$(cat check.out)"; }
    return $bad
}
reset() { berth images -aq 2>/dev/null | sort -u | xargs -r berth rmi -f >/dev/null 2>&1; berth builder prune -af >/dev/null 2>&1; berth import base.tar base:1 >/dev/null; }

# --- in the middle
for kind in import load build pull; do
    [ $kind != pull ] || [ $pulls = yes ] || { skip "cuts in a pull" "docker-registry is not installed"; continue; }
    good=1
    for i in $(seq "$cuts"); do
        reset
        [ $kind != import ] || fresh_archive
        do_$kind "$i" >/dev/null 2>&1 &
        working=$!
        sleep "0.$(printf %03d $((RANDOM % 120)))"
        cut_power || { fail "the disk comes back" "$(cat mount.err)"; finish; }
        judge "$kind $i" || { good=0; break; }
        do_$kind again >again.out 2>&1 || { good=0; fail "$kind $i: can be done again" "$(cat again.out)"; break; }
    done
    [ $good = 1 ] && pass "a cut in the middle of $kind leaves nothing silently wrong ($cuts cuts)"
done

# --- just after
for kind in import load commit; do
    good=1
    for i in $(seq "$cuts"); do
        reset
        [ $kind != import ] || fresh_archive
        do_$kind "$i" >done.out 2>&1 || { fail "$kind" "$(cat done.out)"; good=0; break; }
        name=made:$i
        [ $kind != load ] || name=127.0.0.1:$port/pulled:1
        id=$(berth image inspect -f '{{.Id}}' $name)
        cut_power || { fail "the disk comes back" "$(cat mount.err)"; finish; }
        equal_here=$(berth image inspect -f '{{.Id}}' $name 2>&1)
        [ "$id" = "$equal_here" ] || { good=0; fail "$kind $i: is there after success was told" "$equal_here"; break; }
        berth system check --deep >check.out 2>&1 || { good=0; fail "$kind $i: is whole after success was told" "$(cat check.out)"; break; }
    done
    [ $good = 1 ] && pass "what $kind said to be done is there after a cut ($cuts cuts)"
done
# What can be made again is written in the background.
for kind in build pull; do
    [ $kind != pull ] || [ $pulls = yes ] || continue
    good=1 name=made:again
    [ $kind = build ] || name=127.0.0.1:$port/pulled:1
    for i in $(seq "$cuts"); do
        reset
        do_$kind again >done.out 2>&1 || { fail "$kind" "$(cat done.out)"; good=0; break; }
        [ $((RANDOM % 3)) != 0 ] || sleep 0.02  # The disk may or may not be written by then.
        cut_power || { fail "the disk comes back" "$(cat mount.err)"; finish; }
        if berth save -o judged.tar $name 2>err; then whole=$((whole + 1)); else lost=$((lost + 1)); fi
        do_$kind again >again.out 2>&1 || { good=0; fail "$kind $i: brings what was lost again" "$(cat again.out)"; break; }
        berth save -o judged.tar $name 2>err || { good=0; fail "$kind $i: is whole then" "$(cat err)"; break; }
        # The image that the cut took has no name any more, and goes with the next repair.
        berth system check --repair >check.out 2>&1
        berth system check --deep >check.out 2>&1 || { good=0; fail "$kind $i: and so is the store" "$(cat check.out)"; break; }
        berth image inspect $name >/dev/null 2>err || { good=0; fail "$kind $i: the repair leaves it alone" "$(cat err)"; break; }
    done
    [ $good = 1 ] && pass "what a cut took of an image that was just there, the next $kind brings back ($cuts cuts)"
done
echo "tried: $((boots - 1)) cuts; images found whole: $whole, told to be lost: $lost"
power_off
finish
