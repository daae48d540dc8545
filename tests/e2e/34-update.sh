# limit: 90
# update: ports of a running container open and close, labels change at once and the environment at the next start; what
# cannot be done leaves everything as it was. The address that ports are published on, and the warning about a firewall.
. "$(dirname "$0")/lib/common.sh"
bases busybox

serve() { berth run -d --name "$1" "${@:2}" busybox sh -c 'echo hello > index.html; exec httpd -f -p 80' >/dev/null; }
answers() { [ "$(curl -s -m 3 "http://$1/" 2>/dev/null)" = hello ]; }

serve web -p 127.0.0.1:8001:80
soon 5 answers 127.0.0.1:8001 || fail "the server answers"
works "update --publish-add of a running container" berth update --publish-add 8002:80 web
if answers 127.0.0.1:8002; then pass "the added port answers"; else fail "the added port answers"; fi
if answers 127.0.0.1:8001; then pass "the old one still does"; else fail "the old one still does"; fi
equal "port shows both" "80/tcp -> 127.0.0.1:8001
80/tcp -> 0.0.0.0:8002" "$(berth port web | grep -v ::)"
works "and closes one" berth update --publish-rm 8001:80 web
if answers 127.0.0.1:8001; then fail "the closed port is closed"; else pass "the closed port is closed"; fi
if answers 127.0.0.1:8002; then pass "the other is not"; else fail "the other is not"; fi
works "both at once" berth update --publish-add 8003:80 --publish-rm 8002:80 web
if answers 127.0.0.1:8003 && ! answers 127.0.0.1:8002; then pass "both are done"; else fail "both are done"; fi
berth restart -t 0 web >/dev/null
if soon 5 answers 127.0.0.1:8003; then pass "a restart keeps it"; else fail "a restart keeps it"; fi

works "a free port of the host" berth update --publish-add 81 web
matches "is chosen" '81/tcp -> 0.0.0.0:[0-9]+' "$(berth port web)"
works "and named by the container's port alone" berth update --publish-rm 81 web
lacks "it is gone" 81/tcp "$(berth port web)"

serve other -p 8004:80
refuses 1 "a port that is taken" "berth: publish 8004:80/tcp: port 8004/tcp on 0.0.0.0 is in use by container other
hint: choose another host port, or stop what uses it" berth update --publish-add 8004:80 --publish-rm 8003:80 web
if answers 127.0.0.1:8003; then pass "leaves the ports as they were"; else fail "leaves the ports as they were" "$(berth port web)"; fi
equal "and the record" '{"80/tcp":[{"HostIp":"","HostPort":"8003"}]}' "$(berth inspect -f '{{json .HostConfig.PortBindings}}' web)"
refuses 1 "a port that is not published" "berth: container web does not publish 9/tcp
hint: see 'berth port web'" berth update --publish-rm 9 web
refuses 1 "no option at all" "berth: nothing to update: no option says what
hint: see 'berth update --help'" berth update web
exits 125 "a bad option" berth update --publish-add
exits 1 "a bad port" berth update --publish-add x web
berth run -d --name lonely --network none busybox sleep 1000 >/dev/null
refuses 1 "a container without a network" "berth: container lonely has no network of its own to publish ports of" berth update --publish-add 8005:80 lonely

# Labels and environment.
works "labels" berth update --label a=1 --label b=2 web
equal "are there at once" "1 2" "$(berth inspect -f '{{index .Config.Labels "a"}} {{index .Config.Labels "b"}}' web)"
equal "filters see them" web "$(berth ps -f label=a=1 --format '{{.Names}}')"
works "labels go" berth update --label-rm a web
equal "at once too" '{"b":"2"}' "$(berth inspect -f '{{json .Config.Labels}}' web)"
berth run -d --name env -e KEEP=1 -e GO=1 busybox sleep 1000 >/dev/null
works "environment" berth update -e NEW=2 -e KEEP=3 --env-rm GO env
equal "the running program keeps its own" "1" "$(tr '\0' '\n' < "/proc/$(init_of env)/environ" | sed -n 's/^KEEP=//p')"
berth restart -t 0 env >/dev/null
equal "the next start has the new one" "KEEP=3 NEW=2" "$(tr '\0' '\n' < "/proc/$(init_of env)/environ" | grep -E '^(GO|KEEP|NEW)=' | sort | tr '\n' ' ' | sed 's/ $//')"

# A container that does not run: the next start publishes.
berth stop -t 0 web >/dev/null
works "update of a stopped container" berth update --publish-add 8006:80 web
berth start web >/dev/null
if soon 5 answers 127.0.0.1:8006; then pass "its next start publishes"; else fail "its next start publishes"; fi
berth rm -f web other lonely env >/dev/null

# Where ports are published that name no address.
serve here --publish-address 127.0.0.1 -p 8007:80
equal "--publish-address" "80/tcp -> 127.0.0.1:8007" "$(berth port here)"
works "update takes it too" berth update --publish-address 127.0.0.1 --publish-add 8008:80 here
equal "for the ports that it adds" "80/tcp -> 127.0.0.1:8007
80/tcp -> 127.0.0.1:8008" "$(berth port here)"
refuses 125 "-P cannot keep it" "berth: -P opens ports on every address, against --publish-address 127.0.0.1
hint: publish them by -p" berth run --publish-address 127.0.0.1 -P busybox
printf '[run]\npublish-address = "127.0.0.1"\n' > berth.toml
BERTH_CONFIG=$PWD/berth.toml serve configured -p 8009:80
equal "the configuration's address" "80/tcp -> 127.0.0.1:8009" "$(berth port configured)"
refuses 125 "no address" "berth: --publish-address: 'x' is not an IP address" berth run --publish-address x busybox
berth rm -f here configured >/dev/null

# Somebody's firewall drops what is forwarded: who publishes is told.
nft -f - <<'N'
table ip others {
    chain forward { type filter hook forward priority filter; policy drop; }
}
N
try berth run --rm -p 8010:80 busybox true
equal "a firewall that drops is named" "berth: warning: other machines may not reach the published ports: this host's firewall drops what is forwarded (table ip others, chain forward)" "$ERR"
try berth run --rm -p 127.0.0.1:8010:80 busybox true
equal "not for this machine's own ports" "" "$ERR"
try berth run --rm busybox true
equal "nor without ports" "" "$ERR"
nft delete table ip others
finish
