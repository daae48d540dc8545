# limit: 120
# What a hostile image or a hostile program in a container may try, after the attacks that others have met.
. "$(dirname "$0")/lib/common.sh"
bases busybox
mkdir evil
host_sum() { cat "$BUILD"/bin/* "$BUILD"/libexec/* | sha256sum; }
# image NAME SCRIPT: the busybox root, changed by a script that runs in it, imported under that name.
image() {
    rm -rf root
    mkdir root
    tar -xf "$BASES/busybox.tar" -C root
    (cd root && eval "$2")
    tar -C root -cf "$1.tar" . && berth import -c 'CMD ["sh"]' -c 'ENV PATH=/bin' "$1.tar" "$1" >/dev/null
}
# Neither success nor failure matters, but it must come soon and nothing may have happened to the host.
untouched() {
    local what=$1
    shift
    timeout 20 "$@" >"$WORK/.out" 2>&1 </dev/null
    local status=$?
    if [ $status = 124 ]; then fail "$what" "it hung"
    elif [ -n "$(ls -A evil)" ]; then fail "$what" "the host was written to:" "$(ls -lA evil)"; rm -rf evil; mkdir evil
    else pass "$what"; fi
}

# --- the program that started the container (CVE-2019-5736)
before=$(host_sum)
berth run -d --name spy busybox sh -c 'while :; do for p in /proc/[0-9]*; do { echo pwned > $p/exe; } 2>/dev/null; done; done' >/dev/null
for i in 1 2 3 4 5 6 7 8 9 10; do berth exec spy true; done
# Truncation, since only then the mount is looked at before "text file busy", which ends with the last process of the file.
holds "a monitor's file lies on a read-only mount for /proc/PID/exe" "Read-only file system" \
    "$(sh -c "exec 3>/proc/$(monitor_of spy)/exe" 2>&1)"
untouched "exec of /proc/self/exe" berth run --rm busybox /proc/self/exe --version
untouched "a #! of /proc/self/exe" berth run --rm busybox sh -c 'printf "#!/proc/self/exe\n" > /x; chmod 755 /x; exec /x'
berth rm -f spy >/dev/null
equal "our programs cannot be overwritten through /proc/PID/exe" "$before" "$(host_sum)"

# --- descriptors and environment (CVE-2024-21626, CVE-2020-14370)
exec 9<"$WORK"
prints "0 1 2 3" "a descriptor of the caller does not reach the program" berth run --rm busybox sh -c 'ls /proc/self/fd | xargs'
exec 9<&-
escaped=""
for fd in 3 4 5 6 7 8 9 10 11 12; do
    out=$(timeout 10 berth run --rm -w /proc/self/fd/$fd busybox sh -c 'for name in Makefile config.json layers containers; do [ -e ./$name ] && echo escaped; done' 2>/dev/null)
    escaped+=$out
done
equal "a working folder below /proc/self/fd leads nowhere" "" "$escaped"
export BERTH_TEST_SECRET=hidden
lacks "the caller's environment stays outside" hidden "$(berth run --rm busybox env)"
berth run -d --name c1 busybox sleep 1000 >/dev/null
lacks "with exec too" hidden "$(berth exec c1 env)"
lacks "and out of the monitor" hidden "$(tr '\0' '\n' < "/proc/$(monitor_of c1)/environ")"
equal "exec's program has three descriptors" "0 1 2 3" "$(berth exec c1 sh -c 'ls /proc/self/fd | xargs')"
echo "the caller's" > said
( cat said; sleep 0.2; berth exec c1 sh -c 'exec 3>&2 2>/dev/null; timeout 1 head -n 1 /proc/self/fd/3 > /stolen; (sleep 1; echo late >&3) & true'; echo "the caller's"; sleep 1.5 ) 2>&1 | ( sleep 3; cat ) > came
equal "exec's program takes nothing out of a pipe that its caller writes to" "" "$(berth exec c1 cat /stolen)"
equal "and nothing that it leaves writes there later" "$(cat said said)" "$(cat came)"
berth rm -f c1 >/dev/null

# --- the process above a health probe, which a container with CAP_SYS_PTRACE can make call what it likes
cat > make-call.py <<'P'
import ctypes, os, signal, sys
SEIZE, INTERRUPT, GETREGS, SETREGS, SINGLESTEP = 0x4206, 0x4207, 12, 13, 9
pid, number, argument = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3], 0)
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
def ptrace(request, data=None):
    if libc.ptrace(request, pid, None, data) < 0: sys.exit("ptrace: " + os.strerror(ctypes.get_errno()))
ptrace(SEIZE); ptrace(INTERRUPT); os.waitpid(pid, 0x40000000)
registers = (ctypes.c_ulonglong * 27)()  # struct user_regs_struct of x86_64
ptrace(GETREGS, registers)
registers[10], registers[14], registers[15] = number, argument, 2 ** 64 - 1  # rax, rdi, orig_rax
registers[16] -= 2  # rip: the call instruction that it waits in
ptrace(SETREGS, registers); ptrace(SINGLESTEP)
status = os.waitpid(pid, 0x40000000)[1]
if os.WIFSIGNALED(status): sys.exit(signal.Signals(os.WTERMSIG(status)).name)
ptrace(GETREGS, registers)
print("it answers", ctypes.c_longlong(registers[10]).value)
P
if [ "$(uname -m)" = x86_64 ]; then
    berth run -d --name sick --cap-add SYS_PTRACE --health-cmd 'sleep 1000' --health-timeout 1h --health-interval 1s busybox sleep 1000 >/dev/null
    reaper() { grep -lx berth-reaper /proc/[0-9]*/comm | cut -d/ -f3; }
    soon 10 eval '[ -n "$(reaper)" ]'
    equal "what watches a probe gives a container no user namespace that its filter forbids" SIGSYS \
        "$(python3 make-call.py "$(reaper)" 272 0x10000000 2>&1)"
    works "and the container lives on without it" berth exec sick true
    berth rm -f sick >/dev/null
else
    skip "what watches a probe gives a container no call" "the registers are written for x86_64"
fi

# --- capabilities that would come back by files (CVE-2022-24769, CVE-2022-29162)
berth run -d --name c1 --cap-add SYS_ADMIN busybox sleep 1000 >/dev/null
equal "no capability is inheritable or ambient" "0000000000000000 0000000000000000" "$(berth exec c1 sed -nE 's/^Cap(Inh|Amb):\t//p' /proc/1/status | xargs)"
equal "also in exec, privileged or not" "0000000000000000 0000000000000000 0000000000000000 0000000000000000" \
    "$({ berth exec c1 cat /proc/self/status; berth exec --privileged c1 cat /proc/self/status; } | sed -nE 's/^Cap(Inh|Amb):\t//p' | xargs)"
berth rm -f c1 >/dev/null

# --- roots whose folders are links (CVE-2025-24965, CVE-2019-19921, CVE-2021-30465)
image devlink "rm -rf dev; ln -s $WORK/evil dev"
untouched "/dev is a link to the host" berth run --rm devlink true
image proclink "rm -rf proc; ln -s $WORK/evil proc"
untouched "/proc is a link to the host" berth run --rm proclink true
image syslink "rm -rf sys; ln -s $WORK/evil sys"
untouched "/sys is a link to the host" berth run --rm syslink true
image etclink "rm -rf etc; ln -s $WORK/evil etc"
untouched "/etc is a link to the host" berth run --rm etclink true
image datalink "ln -s $WORK/evil data; ln -s ../../../../../../../..$WORK/evil dots"
untouched "a volume's target is a link to the host" berth run --rm -v vol:/data/below datalink touch /data/below/x
untouched "or one of dots" berth run --rm -v vol:/dots/below datalink touch /dots/below/x
untouched "the working folder is a link to the host" berth run --rm -w /data/new datalink true
image passwdfifo "rm etc/passwd etc/group; mkfifo etc/passwd; mkfifo etc/group"
untouched "/etc/passwd is a fifo" berth run --rm --user someone passwdfifo true
image passwdlink "rm etc/passwd; ln -s /dev/zero etc/passwd"
untouched "/etc/passwd is an endless device" berth run --rm --user someone passwdlink true
image passwdmax "echo nobody:x:4294967295:4294967295::/: > etc/passwd"
exits 125 "/etc/passwd has an id that means no change to the kernel" berth run --rm --user nobody passwdmax id -u
image nulllink "ln -sf /etc/passwd dev/null"
holds "a false /dev/null masks nothing into view" "Seccomp" "$(berth run --rm nulllink cat /proc/self/status)"
lacks "and /proc/keys shows nothing of it" root: "$(berth run --rm nulllink cat /proc/keys 2>&1)"

# --- an engine in a chroot: what enters the container's namespaces later must not come out in the tree above the chroot
# in_chroot mount|folder SCRIPT: the script's shell stands in a chroot whose root is a mount, or an ordinary folder of one.
cat > enter-chroot <<'E'
top=$(mktemp -d -p "$WORK")
if [ "$1" = mount ]; then mount --rbind / "$top"; else
    for folder in usr etc proc sys dev var run tmp; do mkdir "$top/$folder" && mount --rbind "/$folder" "$top/$folder"; done
    for link in bin sbin lib lib64; do ln -s "usr/$link" "$top/$link"; done
    [ -d "$top$BUILD" ] || { mkdir -p "$top$BUILD" && mount --bind "$BUILD" "$top$BUILD"; }
fi
exec chroot "$top" sh -c "$2"
E
in_chroot() { WORK=$WORK BUILD=$BUILD unshare -m --propagation private sh enter-chroot "$@"; }
for kind in mount folder; do
    equal "from a chroot ($kind) exec sees the container's root" "made" "$(in_chroot $kind '
        berth run -d --name inner busybox sh -c "touch /made; sleep 1000" >/dev/null
        for i in 1 2 3 4 5 6 7 8 9; do berth exec inner ls / | grep -x made && break; sleep 0.1; done' 2>&1)"
    equal "nothing of the tree above it is left in its namespace ($kind)" "" \
        "$(berth exec inner cat /proc/1/mountinfo | awk '{print $5}' | grep -v -e '^/$' -e '^/proc' -e '^/sys' -e '^/dev' -e '^/etc/')"
    equal "what it changed is seen from outside ($kind)" "A /made" "$(berth diff inner)"
    berth stop -t 0 inner >/dev/null
    equal "from a chroot ($kind) the files of a stopped container are read" made "$(in_chroot $kind 'berth cp inner:/made - | tar -t' 2>&1)"
    berth rm inner >/dev/null
    equal "and a build runs there ($kind)" "" "$(in_chroot $kind 'printf "FROM busybox\nRUN [ ! -e /bin/bash ]\n" | berth build -q -t inner-image - >/dev/null' 2>&1)"
    berth rmi -f inner-image >/dev/null
done

# --- copying through links (CVE-2018-15664)
berth create --name cpy datalink true >/dev/null
echo x > file
untouched "cp into a link to the host" berth cp file cpy:/data/file
untouched "cp into a link of dots" berth cp file cpy:/dots/file
echo secret > evil-secret
berth rm cpy >/dev/null
image readlinked "ln -s $WORK/evil-secret secret"
berth create --name cpy readlinked true >/dev/null
lacks "cp -L does not read the host through a link" secret "$(berth cp -L cpy:/secret - 2>/dev/null | tar -xO 2>/dev/null)"
berth rm cpy >/dev/null

# --- what a build step leaves in the place of a mount (CVE-2024-23652): only what was made for the mount goes away again
mkdir -p build victim/folder && touch victim/file
printf 'FROM busybox\nRUN --mount=type=tmpfs,target=/a/folder --mount=type=bind,source=Dockerfile,target=/b/file \\\n  mv /a /moved-a && mv /b /moved-b && ln -s %s /a && ln -s %s /b\n' "$WORK/victim" "$WORK/victim" > build/Dockerfile
works "a build step may put links in the place of its mounts" berth build -q -t links build
equal "and nothing of the host is taken for a mount point" "file folder" "$(ls victim | xargs)"
berth rmi links >/dev/null
# CVE-2024-9675: an id of a cache is text, and no path.
printf 'FROM busybox\nRUN --mount=type=cache,id=../../escaped,target=/c touch /c/x\n' > build/Dockerfile
works "a cache may be called ../../escaped" berth build -q -t cached build
equal "and lies with the others" "" "$(find "$BERTH_ROOT" "$WORK" -name escaped 2>/dev/null)"
berth rmi cached >/dev/null
# CVE-2024-23653: a Dockerfile does not give itself what the one who builds did not.
printf 'FROM busybox\nRUN --security=insecure true\n' > build/Dockerfile
exits 1 "privileges for a step are the caller's to give" berth build -q build
holds "which is said" "granting entitlement security.insecure is not allowed" "$ERR"
printf 'FROM busybox\nRUN --network=host true\n' > build/Dockerfile
exits 1 "and so is the host's network" berth build -q build
holds "which is said too" "granting entitlement network.host is not allowed" "$ERR"

# --- archives (CVE-2014-9356, CVE-2021-41089 and kin)
archive() { # NAME PYTHON: `add(name, type, linkname, data)` writes entries
    python3 - "$1.tar" "$WORK" <<P
import io, sys, tarfile
out = tarfile.open(sys.argv[1], "w"); work = sys.argv[2]
def add(name, type=tarfile.REGTYPE, linkname="", data=b"x", mode=0o755):
    entry = tarfile.TarInfo(name); entry.type = type; entry.linkname = linkname; entry.mode = mode
    entry.size = len(data) if type == tarfile.REGTYPE else 0
    out.addfile(entry, io.BytesIO(data) if type == tarfile.REGTYPE else None)
SYM, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
$2
out.close()
P
}
archive dots 'add("../../../../../../.." + work + "/evil/dots")'
archive absolute 'add(work + "/evil/absolute")'
archive through 'add("d", SYM, work + "/evil"); add("d/through")'
archive hard 'add("h", HARD, work + "/evil-secret"); add("h2", HARD, "../../../../../../.." + work + "/evil-secret")'
archive chmod 'add("l", SYM, work + "/evil-secret"); add("l", mode=0o777)'
archive whiteout 'add("../../.wh.evil-secret"); add(".wh..", data=b""); add(".wh...", data=b"")'
for kind in dots absolute through hard chmod whiteout; do
    untouched "import of an archive with $kind" berth import "$kind.tar" "bad-$kind"
    lacks "nothing of the host is in it" secret "$(berth run --rm --network none "bad-$kind" cat h h2 2>&1)"
done
equal "the host's file is as it was" "secret 644" "$(cat evil-secret) $(stat -c %a evil-secret)"
head -c 10000 /dev/urandom > noise
untouched "import of noise" berth import noise bad-noise
head -c 100000 "$BASES/busybox.tar" > short.tar
exits 1 "a truncated archive is refused" berth import short.tar bad-short

# --- a terminal: what images and containers are called and say is shown there, and not obeyed
escape=$(printf '\033]0;pwned\007')
archive_of() { # NAME CONFIG-AS-PYTHON: an archive of an image with that configuration
    python3 - "$1" "$BASES/busybox.tar" <<P
import hashlib, io, json, sys, tarfile
e = "\x1b]0;pwned\x07\u009b2J"
layer = open(sys.argv[2], "rb").read()
config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}, **$2}
text = json.dumps(config).encode()
out = tarfile.open(sys.argv[1] + ".tar", "w")
manifest = json.dumps([{"Config": "c.json", "RepoTags": [sys.argv[1] + ":latest"], "Layers": ["layer.tar"]}]).encode()
for name, data in (("c.json", text), ("layer.tar", layer), ("manifest.json", manifest)):
    entry = tarfile.TarInfo(name); entry.size = len(data); out.addfile(entry, io.BytesIO(data))
P
    berth load -qi "$1.tar" >/dev/null
}
archive_of shouting '{"config": {"Cmd": ["sh", "-c", "sleep 1000; : " + e], "Labels": {"l" + e: "v" + e}, "Env": ["PATH=/bin", "E=" + e]}, "history": [{"created_by": "b" + e, "comment": "c" + e}]}'
archive_of nothing '{"config": {"Cmd": ["/bin/no" + e]}}'
archive_of nobody '{"config": {"User": "no" + e, "Cmd": ["true"]}}'
berth run -d --name loud --health-cmd "printf 'h$escape'" --health-interval 1h shouting >/dev/null
berth exec loud touch "/file$escape"
printf 'FROM shouting\nRUN printf "\\033]0;pwned\\007\\302\\233"; false\n' > build/Dockerfile
obeyed=""
# on_terminal COMMAND: it is obeyed when the escape character, or its like of eight bits, comes out with what is meant to be shown.
on_terminal() {
    timeout 20 script -qec "$1" typescript </dev/null >/dev/null 2>&1
    grep -aq pwned typescript || obeyed+="$1 does not show it; "
    ! LC_ALL=C grep -aqP '\x1b\]0;pwned|\xc2\x9b' typescript || obeyed+="$1; "
}
for command in 'history shouting' 'history --no-trunc shouting' 'inspect -f "{{.Config.Labels}}" shouting' 'inspect shouting' 'ps --no-trunc' \
    'ps --format "{{.Labels}}"' 'top loud' 'diff loud' 'run --rm nothing' 'run --rm nobody' 'exec loud "/no$(printf "\033]0;pwned")"' \
    'cp "loud:/no$(printf "\033]0;pwned")" .' 'healthcheck run loud' 'events --since 1h --until 0s' 'build --no-cache build' 'build --no-cache --progress plain build'; do
    on_terminal "berth $command"
done
equal "no name, label, command, error or step rules the terminal" "" "$obeyed"
equal "a pipe gets what is there" "$escape" "$(berth diff loud | grep -ao "$escape")"
script -qec "berth exec loud printf 'own$escape'" typescript </dev/null >/dev/null 2>&1
holds "and what a program itself writes is passed on" "own$escape" "$(tr -d '\0' <typescript)"
berth rm -f loud >/dev/null
berth rmi shouting nothing nobody >/dev/null 2>&1

# --- the kernel's doors
denied() { local what=$1; shift; if berth run --rm busybox "$@" >/dev/null 2>&1; then fail "$what is denied"; else pass "$what is denied"; fi; }
denied "mount" mount -t tmpfs none /mnt
denied "a new user namespace" unshare -U true
denied "a new mount namespace" unshare -m true
denied "mounting a cgroup hierarchy" sh -c 'mkdir /c && mount -t cgroup -o memory none /c'
denied "writing to a cgroup" sh -c 'echo 1 > /sys/fs/cgroup/memory/memory.limit_in_bytes || echo 1 > /sys/fs/cgroup/memory.max'
denied "loading a module" sh -c 'modprobe dummy || insmod /x'
holds "setting the host's clock is denied" "not permitted" "$(berth run --rm busybox date -s "$(date '+%Y-%m-%d %H:%M:%S')" 2>&1)"
denied "a raw disk" sh -c 'mknod /d b 8 0 && head -c 1 /d || { mknod /e b 254 0 && head -c 1 /e; }'
denied "/dev/mem" sh -c 'mknod /m c 1 1 && head -c 1 /m'
denied "reboot" reboot -f
denied "the kernel's log" dmesg
exits 125 "kernel.core_pattern is no container's business" berth run --rm --sysctl kernel.core_pattern=x busybox true
exits 125 "a volume over /proc is refused" berth run --rm -v "$WORK/evil:/proc" busybox true
exits 125 "a user id beyond 32 bits is refused" berth run --rm --user 4294967296 busybox true
exits 125 "a negative user id is refused" berth run --rm --user -1 busybox true
prints 1 "no_new_privs can be asked for" berth run --rm --security-opt no-new-privileges busybox sed -n 's/^NoNewPrivs:\t//p' /proc/self/status
equal "no abstract socket of ours can be reached from the host's network" "" "$(berth run --rm --network host busybox cat /proc/net/unix | grep -i '@.*berth')"
equal "other users of the host cannot enter the stores" "700 700" "$(stat -c %a "$BERTH_ROOT" "$BERTH_RUN_ROOT" | xargs)"
berth volume rm vol >/dev/null
finish
