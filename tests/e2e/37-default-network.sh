# The default network has no names and no addresses of one's choice: docker's refusals in docker's words, and --link, the old
# way from one container to the other.
# limit: 60
. "$(dirname "$0")/lib/common.sh"
bases busybox

ip_refused="user specified IP address is supported on user defined networks only"
alias_refused="network-scoped alias is supported only for containers in user defined networks"
exits 125 "--ip on the default network" berth run --rm --ip 172.17.0.9 busybox true
holds "is refused" "$ip_refused" "$ERR"
exits 125 "--ip6 there" berth run --rm --ip6 fd00::9 busybox true
holds "is refused" "$ip_refused" "$ERR"
exits 125 "--network-alias there" berth run --rm --network-alias x busybox true
holds "is refused" "$alias_refused" "$ERR"
exits 125 "also by its name" berth run --rm --network bridge --network-alias x busybox true
holds "is refused" "$alias_refused" "$ERR"
berth network create --subnet 10.95.0.0/24 app >/dev/null
berth create --name idle --network app busybox true >/dev/null
refuses 1 "an address on joining it, although the container does not run" "berth: network bridge: $ip_refused
hint: berth network create --subnet SUBNET NAME, then --network NAME" berth network connect --ip 172.17.0.9 bridge idle
refuses 1 "an alias on joining it" "berth: network bridge: $alias_refused
hint: berth network create NAME, then --network NAME" berth network connect --alias x bridge idle
equal "and it has not joined" app "$(inspect idle '{{range $n, $e := .NetworkSettings.Networks}}{{$n}}{{end}}')"
equal "nothing is leased" "" "$(find "$BERTH_RUN_ROOT"/network/{attached,tables,ports} -type f 2>/dev/null)"

# --- links
berth run -d --name db -e A=1 -e B=x=y --expose 80 --expose 53/udp busybox sleep 1000 >/dev/null
db=$(inspect db '{{.NetworkSettings.IPAddress}}') id=$(inspect db '{{.Id}}' | cut -c1-12)
equal "a link stands in the hosts file" "$db	my-db $id db" "$(berth run --rm --link db:my-db busybox grep my-db /etc/hosts)"
works "and is reached by it" berth run --rm --link db:my-db busybox ping -c 1 -W 2 my-db
works "without an alias by its name" berth run --rm --link db busybox ping -c 1 -W 2 db
equal "variables tell of its ports, as docker's do" "MY_DB_ENV_A=1
MY_DB_ENV_B=x=y
MY_DB_NAME=/me/my-db
MY_DB_PORT=mine
MY_DB_PORT_53_UDP=udp://$db:53
MY_DB_PORT_53_UDP_ADDR=$db
MY_DB_PORT_53_UDP_PORT=53
MY_DB_PORT_53_UDP_PROTO=udp
MY_DB_PORT_80_TCP=tcp://$db:80
MY_DB_PORT_80_TCP_ADDR=$db
MY_DB_PORT_80_TCP_PORT=80
MY_DB_PORT_80_TCP_PROTO=tcp" "$(berth run --rm --name me --link db:my-db -e MY_DB_PORT=mine busybox env | grep MY_DB | sort)"
exits 125 "a link to nobody" berth run --rm --link nobody busybox true
holds "names it" "berth: namespaces: --link nobody:nobody: no such container: nobody" "$ERR"
exits 1 "and is refused by create" berth create --name vain --link nobody busybox true
exits 1 "which leaves nothing" berth inspect vain
berth create --name asleep busybox true >/dev/null
exits 125 "a link to one that does not run" berth run --rm --name me --link asleep:al busybox true
holds "is refused" "cannot link to a non running container: /asleep AS /me/al" "$ERR"
berth run -d --name far --network app busybox sleep 1000 >/dev/null
exits 125 "a link to one of another network" berth run --rm --link far busybox true
holds "is refused" "cannot link to /far, as it does not belong to the default network" "$ERR"
equal "on a network of its own a link is one more name" "$(inspect far '{{.NetworkSettings.Networks.app.IPAddress}}')" \
    "$(berth run --rm --network app --link far:near busybox nslookup near 2>/dev/null | sed -n 's/^Address: \([0-9.]*\)$/\1/p')"
equal "without variables" "" "$(berth run --rm --network app --link far:near busybox env | grep NEAR)"
berth run -d --name me --link db:my-db -e MY_DB_PORT=mine busybox sleep 1000 >/dev/null
equal "further programs have them too" "MY_DB_ENV_A=1 MY_DB_PORT=mine" "$(berth exec me env | grep -E 'MY_DB_(ENV_A|PORT)=' | sort | xargs)"
kill -9 "$(monitor_of me)"
equal "also when another monitor has taken over" "MY_DB_ENV_A=1 MY_DB_PORT=mine" "$(berth exec me env | grep -E 'MY_DB_(ENV_A|PORT)=' | sort | xargs)"
works "a linked container restarts" sh -c 'berth run -d --name fond --link db busybox sleep 1000 >/dev/null && berth restart -t 0 fond'
berth stop -t 0 db >/dev/null
works "and joins other networks when the other has gone" berth network connect app fond
exits 1 "but does not start without it" berth restart -t 0 fond
berth rm -f me fond far idle asleep db >/dev/null 2>&1
finish
