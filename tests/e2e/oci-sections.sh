# limit: 120
# berth-oci: sections of config.json that no engine of ours writes: mounts of what the container mounted, notices to the
# starter, a seccomp agent, network devices, scheduling.
. "$(dirname "$0")/lib/common.sh"
. "$HERE/lib/bundle.sh"
python3 -c 'import array, ctypes, fcntl, json, socket' 2>/dev/null || { skip "all" "python3 has only its minimal library"; finish; }
run() { "${OCI[@]}" run --bundle "$WORK/$1" "$1"; }

# --- a bind of what an earlier mount put into the root, and destinations that name the host's path
bundle order '.process.args = ["cat", "/final/x/file", "/again/x/file"]'
mkdir -p "$WORK/source/a/x" "$WORK/source/b"
echo from-a > "$WORK/source/a/x/file"
echo from-b > "$WORK/source/b/file"
rootfs=$WORK/order/rootfs
edit order '.mounts += [{destination: "/mnt", type: "bind", source: "'"$WORK"'/source/a", options: ["bind"]},
    {destination: "'"$rootfs"'/mnt/x", type: "bind", source: "'"$WORK"'/source/b", options: ["bind"]},
    {destination: "'"$rootfs"'/final", type: "bind", source: "'"$rootfs"'/mnt", options: ["rbind", "ro"]},
    {destination: "/again", type: "bind", source: "rootfs/mnt", options: ["bind"]}]'
prints "from-b
from-a" "a bind of a mounted folder shows what the container mounted there, rbind with the mounts below" run order
edit order '.process.args = ["sh", "-c", "touch /final/new 2>/dev/null || echo read-only"]'
prints "read-only" "and takes its options" run order
edit order '.process.args = ["stat", "-c", "%u", "/final/x/file"] | (.mounts[-2]) += {uidMappings: [{containerID: 0, hostID: 1234, size: 1}],
    gidMappings: [{containerID: 0, hostID: 1234, size: 1}], options: ["bind"], source: "'"$rootfs"'/mnt/x"} | .process.args[3] = "/final/file"'
prints 1234 "and its ids" run order
# Such a source is found in the container's root only, whatever links its mounts hold (CVE-2024-45310 and its kin).
bundle sourcelink '.process.args = ["cat", "/out/marker"]'
mkdir -p "$WORK/planted" "$WORK/secret" && echo leaked > "$WORK/secret/marker"
ln -s "$WORK/secret" "$WORK/planted/link"
edit sourcelink '.mounts += [{destination: "/mnt", type: "bind", source: "'"$WORK"'/planted", options: ["bind"]},
    {destination: "/out", type: "bind", source: "'"$WORK"'/sourcelink/rootfs/mnt/link", options: ["bind"]}]'
exits 1 "a link in what was mounted leads nowhere outside" run sourcelink
lacks "and nothing of the host's is shown" leaked "$OUT$ERR"

# --- NOTIFY_SOCKET
cat > "$WORK/listen.py" <<'P'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); s.settimeout(20)
open(sys.argv[2] + ".bound", "w")
with open(sys.argv[2], "w") as out:
    while True:
        data, fds, _, _ = socket.recv_fds(s, 4096, 4)
        for fd in fds: __import__("os").close(fd)
        out.write(data.decode().replace("\n", ";") + "\n"); out.flush()
        if b"BARRIER" in data or b"STOPPING" in data: break
P
listen() { rm -f "$WORK/notices" "$WORK/notices.bound"; python3 "$WORK/listen.py" "$1" "$WORK/notices" & listener=$!; soon 10 test -e "$WORK/notices.bound"; }
# busybox has no client for datagram sockets; the host reaches the container's by /proc.
bundle notify .
notify_from() { python3 -c 'import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect("/proc/%s/root/run/notify/notify.sock" % sys.argv[1]); s.send(sys.argv[2].encode())' "$1" "$2"; }
edit notify '.process.args = ["sh", "-c", "echo $NOTIFY_SOCKET; sleep 1000"]'
listen "$WORK/notify.socket"
NOTIFY_SOCKET=$WORK/notify.socket "${OCI[@]}" create --bundle "$WORK/notify" notify > "$WORK/notify.out"
pid=$("${OCI[@]}" state notify | jq .pid)
NOTIFY_SOCKET=$WORK/notify.socket timeout 20 "${OCI[@]}" start notify & starter=$!
soon 10 test -S "/proc/$pid/root/run/notify/notify.sock" || fail "the container has a socket"
notify_from "$pid" $'STATUS=begun\nMAINPID=1\n'
sleep 0.3
if kill -0 $starter 2>/dev/null; then pass "start waits for READY=1"; else fail "start waits for READY=1"; fi
notify_from "$pid" 'READY=1'
wait $starter
equal "start ends with READY=1" 0 $?
wait $listener
equal "the container's notices reach the starter's socket, with the host's pid" "STATUS=begun READY=1 MAINPID=$pid BARRIER=1" "$(xargs < "$WORK/notices")"
equal "the program was told its own socket" "/run/notify/notify.sock" "$(cat "$WORK/notify.out")"
if touch "/proc/$pid/root/run/notify/x" 2>/dev/null; then fail "the socket's folder is read-only inside"; else pass "the socket's folder is read-only inside"; fi
"${OCI[@]}" delete --force notify
leaves_nothing notify

# --- a seccomp profile that is older than the calls we use
bundle old '.process.args = ["ls", "/etc/passwd"] | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{names: ["faccessat2", "close_range", "clone3", "openat2"], action: "SCMP_ACT_ERRNO"}]}'
for private in false true; do
    edit old ".process.noNewPrivileges = $private"
    prints /etc/passwd "a profile without the newest calls hides no program (noNewPrivileges $private)" run old
done
edit old '.process.args = ["/etc/passwd"] | .linux.seccomp.syscalls[0].names += ["faccessat"]'
exits 1 "nor does one without any call to ask make a program of what is none" run old
holds "and it is said" "permission denied" "$ERR"

# --- a seccomp agent: it gets the listener and answers for the kernel
cat > "$WORK/agent.py" <<'P'
import array, fcntl, json, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM); s.bind(sys.argv[1]); s.listen(1); s.settimeout(30)
connection, _ = s.accept()
data, fds, _, _ = socket.recv_fds(connection, 65536, 1)
state = json.loads(data)
json.dump(state, open(sys.argv[2], "w"))
fd = fds[0]
while True:
    notice = array.array("B", bytes(80))
    try: fcntl.ioctl(fd, 0xc0502100, notice, True)        # SECCOMP_IOCTL_NOTIF_RECV
    except OSError: break
    number = struct.unpack_from("<i", notice, 16)[0]
    answer = array.array("B", struct.pack("<QqiI", struct.unpack_from("<Q", notice, 0)[0], 0, -123, 0))   # ENOMEDIUM
    try: fcntl.ioctl(fd, 0xc0182101, answer, True)        # SECCOMP_IOCTL_NOTIF_SEND
    except OSError: pass
P
agent() { rm -f "$WORK/agent.socket"; python3 "$WORK/agent.py" "$WORK/agent.socket" "$WORK/agent.state" & agent=$!; soon 10 test -S "$WORK/agent.socket"; }
bundle seccomp '.process.args = ["mkdir", "/tmp/x"] | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", listenerPath: "'"$WORK"'/agent.socket",
    listenerMetadata: "meta", architectures: ["SCMP_ARCH_X86_64"], syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}'
for private in true false; do
    edit seccomp ".process.noNewPrivileges = $private"
    agent
    try run seccomp
    holds "noNewPrivileges $private: the agent's answer is the system call's" "No medium found" "$ERR"
    equal "it was told whose descriptor it has" "seccomp meta seccompFd creating" \
        "$(jq -r '[.state.id, .metadata, .fds[0], .state.status] | join(" ")' "$WORK/agent.state")"
    kill $agent 2>/dev/null; wait $agent 2>/dev/null
done
rm -f "$WORK/agent.socket"
exits 1 "without an agent there is no container" run seccomp
holds "and it is said" "failed to connect with seccomp agent" "$ERR"
leaves_nothing seccomp

# --- network devices
bundle device '.process.args = ["sh", "-c", "ip -o address show inside; cat /sys/class/net/inside/mtu"] | .linux.netDevices = {"oci-e2e0": {"name": "inside"}}'
if ip link add oci-e2e0 mtu 1400 type veth peer name oci-e2e1 2>/dev/null; then
    ip address add 10.99.1.2/24 dev oci-e2e0
    try run device
    holds "a device comes with its address" "10.99.1.2/24" "$OUT"
    holds "and its other properties" 1400 "$OUT"
    ip link del oci-e2e1 2>/dev/null
    exits 1 "a device that is not there is named" run device
    holds "by its name" oci-e2e0 "$ERR"
    leaves_nothing device
else
    skip "network devices" "this kernel makes no pairs of links"
fi

# --- scheduling
bundle sched '.process.args = ["sh", "-c", "cut -d\" \" -f19,41 /proc/self/stat; ionice; cat /proc/self/personality"]
    | .process.scheduler = {policy: "SCHED_BATCH", nice: 5} | .process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}
    | .linux.personality = {domain: "LINUX32"}'
prints "5 3
best-effort: prio 6
00000008" "scheduler, I/O priority and personality" run sched
edit sched '.process.scheduler = {policy: "SCHED_NOSUCH"}'
exits 1 "an unknown policy is refused" run sched
holds "by its place" "process.scheduler" "$ERR"
bundle affinity '.process.args = ["sleep", "1000"] | .process.execCPUAffinity = {initial: "0", final: "0"}'
"${OCI[@]}" run --detach --bundle "$WORK/affinity" affinity </dev/null >/dev/null 2>&1
prints "Cpus_allowed_list: 0" "exec takes the CPUs that config.json has for it" sh -c "${OCI[*]} exec affinity grep Cpus_allowed_list /proc/self/status | tr '\t' ' '"
# --- exec --tty: newlines are translated once, by the terminal that shows them
if command -v script >/dev/null; then
    text=$(script -qec "${OCI[*]} exec --tty affinity echo line" /dev/null </dev/null | head -1 | sed "s/^\^@//" | od -An -c | tr -d ' \n')
    equal "exec --tty: a line ends with one carriage return" 'line\r\n' "$text"
fi
"${OCI[@]}" delete --force affinity

# --- a container with ids of its own in namespaces that the host's root owns
ip netns add oci-owned && ip -n oci-owned link add inside type veth peer name other
space=/run/netns/oci-owned
ids='.linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
bundle owned '.process.args = ["sleep", "1000"] | .process.user = {uid: 0, gid: 0}
    | .linux.namespaces |= map(select(.type != "network")) + [{type: "network", path: "'$space'"}, {type: "user"}] | '"$ids"'
    | .mounts |= map(select(.type != "sysfs"))'
chown -R 100000:100000 "$WORK/owned/rootfs"
way=$WORK; while [ "$way" != / ]; do chmod a+x "$way"; way=$(dirname "$way"); done  # Its root goes there as 100000.
works "a new user namespace beside a network of the host's" "${OCI[@]}" run --detach --bundle "$WORK/owned" owned </dev/null
prints "inside" "is in that network" "${OCI[@]}" exec owned sh -c 'grep -o inside /proc/net/dev'
prints "0 100000 65536" "and has its ids, also in exec" "${OCI[@]}" exec owned sh -c 'tr -s " " < /proc/self/uid_map | sed "s/^ //"'
pid=$("${OCI[@]}" state owned | jq .pid)
# Held by nobody but this process, as the first test of its kind had it: a user namespace that owns none of the others.
exec 7< "/proc/$pid/ns/user"
"${OCI[@]}" delete --force owned
edit owned '.linux.namespaces |= map(if .type == "user" then .path = "/proc/'$$'/fd/7" else . end) | del(.linux.uidMappings, .linux.gidMappings)'
works "a user namespace by its path beside one" "${OCI[@]}" run --detach --bundle "$WORK/owned" owned </dev/null
prints "inside" "works the same" "${OCI[@]}" exec owned sh -c 'grep -o inside /proc/net/dev'
"${OCI[@]}" delete --force owned
exec 7<&-
ip netns del oci-owned
edit owned '.linux.namespaces |= map(select(.type != "network") | del(.path)) + [{type: "network"}] | '"$ids"'
    | .process.args = ["sh", "-c", "stat -c %t:%T /dev/kmsg"] | .linux.devices = [{path: "/dev/kmsg", type: "c", major: 1, minor: 11}]'
prints "1:b" "a device of the host's is shown where none can be made" "${OCI[@]}" run --bundle "$WORK/owned" owned
edit owned '.linux.devices[0].minor = 3'
exits 1 "but no other device that has its name" "${OCI[@]}" run --bundle "$WORK/owned" owned
holds "which is said" "device /dev/kmsg: the host's of that name is not c 1:3" "$ERR"
leaves_nothing owned

bundle rdt '.process.args = ["true"] | .linux.intelRdt = {closID: "berth-e2e", l3CacheSchema: "L3:0=f"}'
if grep -q resctrl /proc/filesystems; then skip "intelRdt on a kernel without resctrl" "this one has it"; else
    exits 1 "intelRdt on a kernel without resctrl is refused" run rdt
    holds "and it is said" resctrl "$ERR"
    leaves_nothing rdt
fi
finish
