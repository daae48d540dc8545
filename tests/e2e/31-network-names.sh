# Names: containers of a network find each other, in all forms that docker's users know, and the rest goes to the host's servers.
# limit: 120
. "$(dirname "$0")/lib/common.sh"
bases busybox

berth network create app >/dev/null
berth network create side >/dev/null
berth run -d --name db --network app --network-alias store busybox sleep 1000 >/dev/null
berth run -d --name db2 --network app --network-alias store busybox sleep 1000 >/dev/null
berth run -d --name web --network app --hostname front busybox sleep 1000 >/dev/null
berth run -d --name lone --network side busybox sleep 1000 >/dev/null
address() { inspect "$1" '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'; }
pid=$(inspect web '{{.State.Pid}}')
ask() { nsenter --net="/proc/$pid/ns/net" dig +time=6 +tries=1 @127.0.0.11 "$@"; }
status_of() { ask "$@" | sed -n 's/.*status: \([A-Z]*\),.*/\1/p'; }

holds "resolv.conf names the service" "nameserver 127.0.0.11" "$(berth exec web cat /etc/resolv.conf)"
equal "a container's name" "$(address db)" "$(ask +short db)"
equal "in any case" "$(address db)" "$(ask +short DB)"
equal "with its network behind" "$(address db)" "$(ask +short db.app)"
equal "its short id" "$(address db)" "$(ask +short "$(inspect db '{{.Id}}' | cut -c1-12)")"
equal "its own host name" "$(address web)" "$(ask +short front)"
equal "an alias of two has both" "$(printf '%s\n' "$(address db)" "$(address db2)" | sort)" "$(ask +short store | sort)"
first=$(ask +short store | head -1) second=$(ask +short store | head -1)
[ "$first" != "$second" ] && pass "in turn" || fail "in turn" "$first" "$second"
equal "over tcp" "$(address db)" "$(ask +tcp +short db)"
equal "an address has its name" "db.app." "$(ask +short -x "$(address db)")"
equal "a known name without IPv6 is empty, not absent" NOERROR "$(status_of AAAA db)"
equal "nor is one without mail" NOERROR "$(status_of MX db)"
works "libc finds it too" berth exec web ping -c 1 -W 2 db
equal "a name of another network is not known" "" "$(ask +short lone)"

# --- peers come, go and get other names
berth rename db base
equal "a new name" "$(address base)" "$(ask +short base)"
berth rm -f db2 >/dev/null
equal "who has gone has no name" "$(address base)" "$(ask +short store)"
berth run -d --name late --network app busybox sleep 1000 >/dev/null
equal "who came later has one at once" "$(address late)" "$(ask +short late)"
works "a running container joins" berth network connect --alias guest side web
equal "and finds the others there" "$(address lone)" "$(ask +short lone)"
works "and leaves" berth network disconnect side web
equal "then not any more" "" "$(ask +short lone)"

berth run -d --name plain busybox sleep 1000 >/dev/null
berth network connect app plain
works "one that began on the default network finds names too" berth exec plain nslookup base
berth network disconnect app plain
lacks "as long as it is there" 127.0.0.11 "$(berth exec plain cat /etc/resolv.conf)"
berth exec plain sh -c 'echo nameserver 192.0.2.1 > /etc/resolv.conf'
berth network connect app plain
prints "nameserver 192.0.2.1" "an edited resolv.conf is left alone" berth exec plain cat /etc/resolv.conf

# --- a container that is a name server itself
berth exec -d web nc -u -l -p 53 -e cat
sleep 0.3
equal "port 53 may be bound" "$(address base)" "$(ask +short base)"

# --- one that asks and asks over tcp, and reads no answer
cat > greedy.py <<'P'
import socket, struct, time
ask = socket.socket()
ask.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
ask.connect(("127.0.0.11", 53))
ask.settimeout(0.5)
question = struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + b"\4base\0" + struct.pack("!HH", 1, 1)
end = time.monotonic() + 10
try:
    while time.monotonic() < end:
        ask.sendall(100 * (struct.pack("!H", len(question)) + question))
        time.sleep(0.005)
except OSError: pass
P
memory_of() { awk '/^RssAnon/ { print $2 }' "/proc/$(monitor_of "$1")/status"; }
before=$(memory_of web)
nsenter --net="/proc/$pid/ns/net" python3 greedy.py & greedy=$!
most=$before
while kill -0 $greedy 2>/dev/null; do
    sleep 0.2
    now=$(memory_of web)
    [ "$now" -le "$most" ] || most=$now
done
[ $((most - before)) -lt 1024 ] && pass "answers that nobody reads do not pile up in the monitor" ||
    fail "answers that nobody reads do not pile up in the monitor" "$((most - before)) KiB more"
equal "and others are answered" "$(address base)" "$(ask +tcp +short base)"

# --- servers of the host
cat > server.py <<'PY'
import socket, struct, sys, threading
def answer(q, tcp):
    end = 12
    while q[end]: end += q[end] + 1
    end += 5
    name, count = q[12:end - 4], 1
    if b'big' in name:
        count = 200
        if not tcp: return q[:2] + b'\x87\x80\0\1\0\0\0\0\0\0' + q[12:end]
    return q[:2] + b'\x85\x80' + struct.pack('>HHHH', 1, count, 0, 0) + q[12:end] + b'\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\5\6\7\x08' * count
def refuse(q, tcp): return q[:2] + b'\x81\x85' + q[4:6] + b'\0' * 6 + q[12:]
def serve(address, answer):
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind((address, 53))
    t = socket.socket(); t.bind((address, 53)); t.listen(5)
    def tcp():
        while True:
            c, _ = t.accept(); n, = struct.unpack('>H', c.recv(2)); a = answer(c.recv(n), True); c.sendall(struct.pack('>H', len(a)) + a); c.close()
    def udp():
        while True:
            q, a = u.recvfrom(4096)
            threading.Timer(2.5 if b'slow' in q else 0, lambda q, a: u.sendto(answer(q, False), a), (q, a)).start()
    for loop in udp, tcp: threading.Thread(target=loop).start()
serve('127.0.0.1', answer)
serve('127.0.0.2', refuse)
open('up', 'w')
PY
echo "nameserver 127.0.0.1" > resolv.conf
mount --bind resolv.conf /etc/resolv.conf
python3 server.py &
server=$!
soon 10 test -e up
equal "other names are asked of the host's server, on its loopback even" 5.6.7.8 "$(ask +short example.org)"
equal "a long answer comes over tcp" 200 "$(ask +short big.example.org | grep -c 5.6.7.8)"
equal "an answer that takes its time is waited for" 5.6.7.8 "$(ask +short slow.example.org)"
cat > questions.py <<'PY'
import socket, sys, time
def question(i): return b'\1\2\1\0\0\1\0\0\0\0\0\0' + b'\x08slow%04d' % i + b'\7example\3org\0\0\1\0\1'
clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(int(sys.argv[1]))]
for i, client in enumerate(clients):
    client.settimeout(4)
    client.sendto(question(i), ('127.0.0.11', 53))
    time.sleep(0.001)  # What arrives faster than it is read is the kernel's to drop.
print(sum(client.recv(512)[-4:] == b'\5\6\7\x08' for client in clients))
PY
equal "so are four hundred at once" 400 "$(nsenter --net="/proc/$pid/ns/net" python3 questions.py 400 2>&1 | tail -1)"
printf 'nameserver 127.0.0.1\nnameserver 127.0.0.3\nnameserver 127.0.0.2\n' > resolv.conf
equal "also when the next servers were asked meanwhile and have failed" 5.6.7.8 "$(ask +short slow.example.org)"
printf 'nameserver 127.0.0.2\nnameserver 127.0.0.1\n' > resolv.conf
equal "where one server refuses the next is asked" 5.6.7.8 "$(ask +short +noedns example.org)"
equal "over tcp too" 5.6.7.8 "$(ask +tcp +short +noedns example.org)"
echo "nameserver 127.0.0.2" > resolv.conf
equal "where all refuse, that is the answer" REFUSED "$(status_of +noedns example.org)"
echo "nameserver 127.0.0.1" > resolv.conf
kill $server
equal "no server is a failure, not a silence" SERVFAIL "$(status_of gone.example.org)"
umount /etc/resolv.conf
berth network create --internal inner >/dev/null
berth run -d --name shut --network inner busybox sleep 1000 >/dev/null
pid=$(inspect shut '{{.State.Pid}}')
equal "an internal network asks nobody" NXDOMAIN "$(status_of example.org)"

berth rm -f base web lone late shut >/dev/null 2>&1
finish
