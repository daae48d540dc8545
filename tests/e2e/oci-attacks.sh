# limit: 120
# What an image or a program may try against the runtime that starts it: one check for each defence of runtime/.
. "$(dirname "$0")/lib/common.sh"
. "$HERE/lib/bundle.sh"

run() { "${OCI[@]}" run --bundle "$WORK/$1" "$1"; }

# CVE-2019-5736: the runtime's own file through /proc/self/exe.
bundle exe '.process.args = ["/proc/self/exe", "--version"]'
before=$(sha256sum "$(command -v berth-oci)")
try run exe
bundle shebang '.process.args = ["/run-me"]'
printf '#!/proc/self/exe\n' > "$WORK/shebang/rootfs/run-me"
chmod +x "$WORK/shebang/rootfs/run-me"
try run shebang
equal "the runtime's file is as it was" "$before" "$(sha256sum "$(command -v berth-oci)")"
bundle waits '.process.args = ["sleep", "100"]'
"${OCI[@]}" create --bundle "$WORK/waits" waits
pid=$("${OCI[@]}" state waits | jq .pid)
# Truncation, since only then the mount is looked at before "text file busy", which ends with the last process of the file.
holds "the runtime's file lies on a read-only mount for /proc/PID/exe" "Read-only file system" "$(sh -c "exec 3>/proc/$pid/exe" 2>&1)"
# CVE-2016-9962: a process of the runtime's, while it is in the container and not its program yet, has the container's
# user and capabilities; another there sees it, and must not get at its descriptors.
bundle neighbour '.process.args = ["sh", "-c", "readlink /proc/1/fd/0; readlink /proc/1/cwd; cat /proc/1/environ 2>&1; grep ^Name: /proc/1/status"]
    | (.linux.namespaces[] | select(.type == "pid")).path = "/proc/'"$pid"'/ns/pid"'
try run neighbour
equal "a neighbour sees the process and gets at nothing of it" "cat: can't open '/proc/1/environ': Permission denied Name: berth-oci" \
    "$(tr '\t' ' ' <<<"$OUT" | xargs -d '\n')"
"${OCI[@]}" delete --force waits

# CVE-2024-21626: a working directory reached through a leaked descriptor.
bundle cwd '.process.args = ["pwd"]'
for n in 3 4 5 6 7 8 9 10; do
    edit cwd ".process.cwd = \"/proc/self/fd/$n\""
    try run cwd
    case $STATUS$OUT in 0/proc/self/fd/*|0*host*) fail "cwd /proc/self/fd/$n leads out" "$OUT";; esac
    [ $STATUS = 0 ] && [ -e "$WORK/cwd/rootfs/../config.json" ] && lacks "cwd /proc/self/fd/$n" "$WORK" "$OUT"
done
pass "no working directory outside the root"
bundle leak '.process.args = ["ls", "."] | .process.cwd = "/proc/self/fd/8"'
exec 8<"$WORK/leak"
exits 1 "nor by a descriptor that the caller left open" run leak
exec 8<&-
equal "and nothing of it is shown" "" "$OUT"

# CVE-2019-16884, CVE-2019-19921: a faked /proc.
bundle fakeproc '.process.args = ["true"]'
rmdir "$WORK/fakeproc/rootfs/proc" && ln -s /tmp "$WORK/fakeproc/rootfs/proc"
exits 1 "proc is not mounted on a link" run fakeproc
holds "and it is said" "must be mounted on ordinary directory" "$ERR"
leaves_nothing fakeproc

# CVE-2025-24965: /dev is a link to the host.
bundle devlink '.process.args = ["test", "-c", "/dev/null"]'
mkdir -p "$WORK/outside"
rmdir "$WORK/devlink/rootfs/dev" && ln -s "$WORK/outside" "$WORK/devlink/rootfs/dev"
works "a container whose image has a link for /dev has its devices where the link leads inside" run devlink
equal "nothing was made through a link of the image's /dev" "" "$(ls "$WORK/outside")"

# CVE-2025-31133: the image's /dev/null is not what hides paths.
bundle mask '.process.args = ["cat", "/secret"] | .linux.maskedPaths = ["/secret"]
    | .mounts |= map(select(.destination | startswith("/dev") | not))'
echo hidden > "$WORK/mask/rootfs/secret"
echo planted > "$WORK/mask/rootfs/dev/null"
try run mask
equal "a masked file is empty whatever the image calls /dev/null" "" "$OUT"
equal "and the mask was put" 0 $STATUS
rm "$WORK/mask/rootfs/dev/null" && ln -s /planted "$WORK/mask/rootfs/dev/null"
echo planted > "$WORK/mask/rootfs/planted"
edit mask '.process.args = ["sh", "-c", "cat /secret; echo written > /secret; cat /planted"]'
prints planted "nor where a link in its place leads" run mask

# CVE-2025-52565: what the image has at /dev/pts/N is not the program's terminal. Here /dev/pts is the image's, with a link to
# a real devpts elsewhere, and a file for each number that a terminal may get.
bundle console '.process.terminal = true | .process.args = ["sh", "-c", "stat -c %F /dev/console; echo to-console > /dev/console"]
    | .mounts |= map(select(.destination | startswith("/dev") | not))
    | .mounts += [{destination: "/real", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"]}]'
mkdir -p "$WORK/console/rootfs/dev/pts" "$WORK/console/rootfs/real"
ln -s /real/ptmx "$WORK/console/rootfs/dev/pts/ptmx"
for n in 0 1 2 3; do : > "$WORK/console/rootfs/dev/pts/$n"; done
text=$(script -qec "${OCI[*]} run --bundle $WORK/console console" /dev/null </dev/null | tr -d '\r' | sed 's/^\^@//')
equal "/dev/console is the terminal itself" "character special file to-console" "$(xargs <<<"$text")"
equal "and nothing went where the image pointed" 0 "$(cat "$WORK/console/rootfs/dev/pts/"[0-3] | wc -c)"

# CVE-2025-52881: writes to /proc go to the kernel, whatever lies over the container's own /proc by then.
bundle redirect '.process.args = ["true"] | .linux.sysctl = {"net.ipv4.ip_forward": "1"}
    | .hooks = {createContainer: [{path: "/bin/sh", args: ["sh", "-c", "mount --bind '"$WORK"'/trap '"$WORK"'/redirect/rootfs/proc/sys/net/ipv4/ip_forward"], env: ["PATH=/usr/bin:/bin"]}]}'
: > "$WORK/trap"
works "a container whose /proc was laid over" run redirect
equal "has its sysctl written past it" "" "$(cat "$WORK/trap")"

# CVE-2021-30465, CVE-2024-45310: mount targets that are links stay inside.
bundle target '.process.args = ["ls", "/link/vol"] | .mounts += [{destination: "/link/vol", type: "bind", source: "'"$WORK"'/volume", options: ["bind"]}]'
mkdir -p "$WORK/volume" && touch "$WORK/volume/file"
ln -s "$WORK/escape" "$WORK/target/rootfs/link"
prints file "a mount target behind a link is made inside the root" run target
if [ -e "$WORK/escape" ]; then fail "a mount target outside the root was made"; else pass "a mount target outside the root is not made"; fi
rm -r "$WORK/target/rootfs/${WORK#/}" && mkdir "$WORK/escape"
prints file "also where the link leads to a folder that is there" run target
equal "and that has nothing new" "" "$(ls -A "$WORK/escape")"

# CVE-2022-0811, CVE-2015-3630 and their kin.
bundle sysctl '.process.args = ["true"] | .linux.sysctl = {"kernel.core_pattern": "|/x"}'
exits 1 "a sysctl of the host is refused" run sysctl
bundle proc '.process.args = ["true"] | .mounts += [{destination: "/proc/sys/kernel", type: "bind", source: "/tmp", options: ["bind"]}]'
exits 1 "a mount inside /proc is refused" run proc

# CVE-2022-24769, CVE-2022-29162: nothing inheritable, also for exec --cap.
bundle caps '.process.args = ["sleep", "100"]'
"${OCI[@]}" run --detach --bundle "$WORK/caps" caps </dev/null >/dev/null 2>&1
equal "exec --cap gives nothing inheritable" "CapInh: 0000000000000000" \
    "$("${OCI[@]}" exec --cap CAP_SYS_ADMIN caps grep CapInh /proc/self/status | tr '\t' ' ')"
# CVE-2024-40635: an id that means "no change" to the kernel.
bundle ids '.process.args = ["id", "-u"] | .process.user = {uid: 4294967295, gid: 4294967295}'
exits 1 "a user id of 2^32-1 is refused" run ids
edit caps '.process | .args = ["id", "-u"] | .user = {uid: 4294967295, gid: 0}' && mv "$WORK/caps/config.json" "$WORK/process.json"
exits 255 "for exec too" "${OCI[@]}" exec --process "$WORK/process.json" caps
# CVE-2026-30892.
equal "exec --user 1 is user 1" 1 "$("${OCI[@]}" exec --user 1 caps id -u)"
for user in -1 4294967295 1x ""; do
    [ -z "$user" ] && continue
    exits 255 "exec --user $user is refused" "${OCI[@]}" exec --user="$user" caps true
done
# No descriptor of ours in the program.
equal "exec leaves three descriptors and the one that ls opens" "0 1 2 3" "$("${OCI[@]}" exec caps ls /proc/self/fd | xargs)"
# The program's terminal is its own (CVE-2017-5226).
equal "the program leads a session" 0 "$("${OCI[@]}" exec caps sh -c 'cut -d" " -f6 /proc/$$/stat | grep -c ^0$ || true')"
"${OCI[@]}" delete --force caps

# CVE-2026-47262: a FIFO for passwd must not hang the start.
bundle fifo '.process.args = ["true"]'
rm "$WORK/fifo/rootfs/etc/passwd" && mkfifo "$WORK/fifo/rootfs/etc/passwd"
works "a FIFO for /etc/passwd does not hang the start" timeout 10 "${OCI[@]}" run --bundle "$WORK/fifo" fifo

# CVE-2023-25809: without a cgroup namespace the container is given its own groups all the same, not the host's tree.
bundle crowd '.process.args = ["sleep", "100"] | .linux.cgroupsPath = "/berth-e2e-crowd"'
"${OCI[@]}" run --detach --bundle "$WORK/crowd" crowd </dev/null >/dev/null 2>&1
bundle groups '.process.args = ["find", "/sys/fs/cgroup", "-name", "berth-e2e-crowd"] | .linux.namespaces |= map(select(.type != "cgroup"))
    | (.mounts[] | select(.type == "cgroup")).options = ["nosuid", "noexec", "nodev"]'
prints "" "a container does not see the groups of another" run groups
"${OCI[@]}" delete --force crowd

# runc #3132: an occupied cgroup is refused, and who is in it lives on.
bundle first '.process.args = ["sleep", "100"] | .linux.cgroupsPath = "/berth-e2e-shared"'
bundle second '.process.args = ["true"] | .linux.cgroupsPath = "/berth-e2e-shared"'
"${OCI[@]}" run --detach --bundle "$WORK/first" first </dev/null >/dev/null 2>&1
exits 1 "an occupied cgroup is refused" "${OCI[@]}" run --bundle "$WORK/second" second
equal "and who was in it lives" running "$(status_of first)"
"${OCI[@]}" delete --force first
finish
