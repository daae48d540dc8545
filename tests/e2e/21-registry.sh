# Pull and push against Debian's registry on the loopback, with skopeo as the other side, and through a proxy that breaks
# things on purpose (lib/fault-proxy).
# limit: 600
. "$(dirname "$0")/lib/common.sh"
command -v docker-registry >/dev/null || { skip "registry" "docker-registry is not installed"; finish; }
export DOCKER_CONFIG=$WORK/docker HOME=$WORK
unset REGISTRY_AUTH_FILE XDG_RUNTIME_DIR XDG_CONFIG_HOME
bases busybox

port=$(free_port)
cat > registry.yml <<END
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $WORK/registry}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"}
END
docker-registry serve registry.yml >registry.log 2>&1 &
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$WORK"' EXIT
soon 10 curl -sf "http://127.0.0.1:$port/v2/" || { fail "the registry starts" "$(cat registry.log)"; finish; }
R=127.0.0.1:$port
id_of() { "$@" image inspect -f '{{.Id}}' 2>&1; }
# A store that has nothing yet.
fresh() { rm -rf "$WORK/fresh" "$WORK/fresh-run"; }
there() { BERTH_ROOT=$WORK/fresh BERTH_RUN_ROOT=$WORK/fresh-run "$@"; }

# --- there and back
head -c 3000000 /dev/urandom > random
printf 'FROM busybox\nCOPY random /random\nRUN echo layer three > /three; rm /bin/vi\nCMD ["cat", "/three"]\n' > Dockerfile
works "an image to push" berth build -q -t $R/me/app:1 .
id=$(berth image inspect -f '{{.Id}}' $R/me/app:1)
try berth push $R/me/app:1
equal "push succeeds" 0 $STATUS
matches "and tells the digest" '1: digest: sha256:[0-9a-f]{64} size: [0-9]+' "$OUT$ERR"
digest=$(grep -oE 'sha256:[0-9a-f]{64}' <<<"$OUT$ERR" | tail -1)
equal "the registry has it under that digest" "$digest" "$(curl -sI -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' http://$R/v2/me/app/manifests/1 | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //Ip')"
# --- build --push
printf 'FROM busybox\nRUN echo pushed > /f\n' > Pushed
works "build --push" berth build -q --push -t $R/me/built:1 -t $R/me/built:2 -f Pushed .
for tag in 1 2; do
    equal "has pushed :$tag" "$(berth image inspect -f '{{index .RepoDigests 0}}' $R/me/built:1)" \
        "$R/me/built@$(curl -sI -H 'Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json' http://$R/v2/me/built/manifests/$tag | tr -d '\r' | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p')"
done
exits 1 "build --push without a name" berth build -q --push -f Pushed .
holds "says what to give" "-t" "$ERR"
exits 1 "build --push to a registry that is not there" berth build -q --push -t 127.0.0.1:1/me/built -f Pushed .
holds "names it" "127.0.0.1:1" "$ERR"

works "pushing again finds all of it there" berth push -q $R/me/app:1
fresh
works "pull fetches it" there berth pull -q $R/me/app:1
equal "the history has the pull by its name" "image pull $R/me/app:1 $R/me/app" "$(there berth events --since 1h --until 0s --filter event=pull --format '{{.Type}} {{.Action}} {{.Actor.ID}} {{.Actor.Attributes.name}}')"
equal "and the pushes" "push $R/me/app:1 push $R/me/app:1" "$(berth events --since 1h --until 0s --filter event=push --filter image=$R/me/app --format '{{.Action}} {{.Actor.ID}}' | xargs)"
equal "the id is the same" "$id" "$(there berth image inspect -f '{{.Id}}' $R/me/app:1)"
equal "the digest is known" "$R/me/app@$digest" "$(there berth image inspect -f '{{index .RepoDigests 0}}' $R/me/app:1)"
prints "layer three" "and it runs" there berth run --rm --network none $R/me/app:1
works "the store is sound" there berth system check --deep
try there berth pull $R/me/app:1
holds "a second pull says that there is nothing new" "Image is up to date" "$OUT"
fresh
works "pull by digest" there berth pull -q $R/me/app@$digest
equal "gives the same image" "$id" "$(there berth image inspect -f '{{.Id}}' $R/me/app@$digest)"
works "a push elsewhere in the registry copies nothing" sh -c "berth tag $R/me/app:1 $R/other/app:2 && berth push -q $R/other/app:2"
equal "and gives the same digest" "$digest" "$(curl -sI -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' http://$R/v2/other/app/manifests/2 | tr -d '\r' | sed -n 's/^Docker-Content-Digest: //Ip')"
fresh
there berth pull -q $R/me/app:1 >/dev/null & there berth pull -q $R/me/app:1 >/dev/null & there berth pull -q $R/me/app:1 >/dev/null
wait %2 %3 2>/dev/null
equal "three pulls at once end with one image" "$id" "$(there berth images -q --no-trunc | sort -u)"
works "and a sound store" there berth system check --deep

# --- the other side
if command -v skopeo >/dev/null; then
    peer() { skopeo --insecure-policy "$@"; }
    equal "skopeo reads what was pushed" "$(berth image inspect -f '{{json .RootFS.Layers}}' $R/me/app:1)" "$(peer inspect --tls-verify=false --config docker://$R/me/app:1 | jq -c .rootfs.diff_ids)"
    for form in v2s2 oci; do
        works "skopeo pushes as $form" peer copy -q --src-tls-verify=false --dest-tls-verify=false --format $form docker://$R/me/app:1 docker://$R/sk/$form:1
        fresh
        works "pull reads $form" there berth pull -q $R/sk/$form:1
        prints "layer three" "and it runs" there berth run --rm --network none $R/sk/$form:1
    done
    works "zstd layers" peer copy -q --src-tls-verify=false --dest-tls-verify=false --format oci --dest-compress-format zstd docker://$R/me/app:1 docker://$R/sk/zstd:1
    fresh
    works "pull reads them" there berth pull -q $R/sk/zstd:1
else
    skip "peers" "skopeo is not installed"
fi

# --- one name for several platforms
docker_manifest=application/vnd.docker.distribution.manifest.v2+json
head_of() { curl -sI -H "Accept: $docker_manifest, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json" "http://$R/v2/$1/manifests/$2" | tr -d '\r'; }
digest_of() { head_of "$@" | sed -n 's/^Docker-Content-Digest: //Ip'; }
size_of() { head_of "$@" | sed -n 's/^Content-Length: //Ip'; }
host=$(berth version -f '{{.Client.Arch}}') other=s390x
for machine in $host $other; do
    mkdir for-$machine
    echo "made for $machine" > for-$machine/machine
    tar cf - -C for-$machine . | berth import --platform linux/$machine - $R/multi/app:$machine >/dev/null
    berth push -q $R/multi/app:$machine >/dev/null || fail "push for $machine"
done
jq -n --arg type $docker_manifest --arg host $host --arg other $other \
    --arg a "$(digest_of multi/app $other)" --argjson a_size "$(size_of multi/app $other)" --arg b "$(digest_of multi/app $host)" --argjson b_size "$(size_of multi/app $host)" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
        {mediaType: $type, digest: $a, size: $a_size, platform: {os: "linux", architecture: $other}},
        {mediaType: $type, digest: $b, size: $b_size, platform: {os: "linux", architecture: $host}}]}' > index.json
works "the registry takes an index" curl -sf -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @index.json "http://$R/v2/multi/app/manifests/1"
index=sha256:$(sha256sum < index.json | cut -d' ' -f1)
equal "manifest inspect shows it" "$(jq -S . index.json)" "$(berth manifest inspect $R/multi/app:1 | jq -S .)"
equal "by its digest too" "$(jq -S . index.json)" "$(berth manifest inspect $R/multi/app@$index | jq -S .)"
equal "and the manifest of one image" "$(berth image inspect -f '{{.Id}}' $R/multi/app:$other)" "$(berth manifest inspect --insecure $R/multi/app:$other | jq -r .config.digest)"
refuses 1 "what the registry has not is told" "berth: manifest for $R/multi/app:9 not found: MANIFEST_UNKNOWN: manifest unknown" berth manifest inspect $R/multi/app:9
machine_of() { there berth image inspect -f '{{.Architecture}} {{index .RepoDigests 0}}' "$1" 2>&1; }
fresh
works "pull takes this machine's" there berth pull -q $R/multi/app:1
equal "under the index's digest" "$host $R/multi/app@$index" "$(machine_of $R/multi/app:1)"
try there berth pull $R/multi/app:1
matches "what is here already is told in docker's words" "^1: Pulling from multi/app
[0-9a-f]{12}: Already exists
Digest: $index
Status: Image is up to date for $R/multi/app:1
$R/multi/app:1\$" "$OUT"
works "pull --platform takes another" there berth pull -q --platform linux/$other $R/multi/app:1
equal "under the same digest" "$other $R/multi/app@$index" "$(machine_of $R/multi/app:1)"
refuses 1 "a platform that is not there is told, with those that are" "berth: no image for linux/ppc64le, only for linux/$other, linux/$host
hint: choose one with --platform" there berth pull -q --platform linux/ppc64le $R/multi/app:1
fresh
works "pull by the index's digest" there berth pull -q $R/multi/app@$index
equal "takes this machine's too" "$host" "$(there berth image inspect -f '{{.Architecture}}' $R/multi/app@$index)"
there berth tag $R/multi/app@$index $R/multi/again:1
there berth image prune -f >/dev/null
works "what was pulled by an index is pushed" there berth push -q $R/multi/again:1
equal "with the manifest that the index named, also after a prune" "$(digest_of multi/app $host)" "$(digest_of multi/again 1)"
if command -v skopeo >/dev/null; then
    for form in gzip zstd; do
        peer copy -q --src-tls-verify=false --dest-tls-verify=false --format oci --dest-compress-format $form docker://$R/me/app:1 docker://$R/sk/$form:1
        fresh
        there berth pull -q $R/sk/$form:1 >/dev/null
        there berth tag $R/sk/$form:1 $R/back/$form:1
        works "an image of $form layers is pushed again" there berth push -q $R/back/$form:1
        equal "… as the very manifest it was, so with the same blobs" "$(digest_of sk/$form 1)" "$(digest_of back/$form 1)"
    done
fi

# --- what is not there
refuses 1 "an unknown tag" "berth: manifest for $R/me/app:9 not found: MANIFEST_UNKNOWN: manifest unknown" berth pull -q $R/me/app:9
exits 1 "an unknown host" berth pull -q 127.0.0.1:1/x:1
exits 1 "a push of what is not here" berth push $R/me/nosuch:1

# --- faults
proxy() { # FAULT: starts the proxy and sets P
    [ -n "${proxy_pid:-}" ] && kill $proxy_pid 2>/dev/null
    P=127.0.0.1:$(free_port)
    rm -f state
    "$HERE/lib/fault-proxy" ${P#*:} $port "$1" "$WORK/state" >proxy.log 2>&1 &
    proxy_pid=$!
    soon 10 sh -c "curl -s -o /dev/null http://$P/"
}
counted() { jq -r ".\"$1\" // 0" state; }
pull_through() { # FAULT WHAT: must end with the right image
    proxy "$1"
    fresh
    works "$2" there timeout 60 berth pull -q $P/me/app:1
    equal "… with the right bytes" "$id" "$(there berth image inspect -f '{{.Id}}' $P/me/app:1)"
}
breaks() { # FAULT WHAT PART-OF-THE-MESSAGE
    proxy "$1"
    fresh
    exits 1 "$2" there timeout 60 berth pull -q $P/me/app:1
    holds "… and says why" "$3" "$ERR"
    equal "… in one line" 1 "$(grep -c '^berth: ' <<<"$ERR")"
    equal "… leaving no image" "" "$(there berth images -aq)"
    equal "… and no staging" "" "$(ls "$WORK/fresh/tmp")"
}
pull_through busy "a registry that is busy twice is asked again"
pull_through cut "connections that break again and again are taken up by range"
[ "$(counted range)" -ge 2 ] && pass "… in pieces" || fail "… in pieces" "$(cat state)"
pull_through cut-once "one break is nothing"
pull_through slow "slow drips are waited for"
breaks wrong-bytes "wrong bytes are found out" ": layer sha256:"
breaks wrong-manifest "so is a wrong manifest" "content does not match the digest that the registry gives"
breaks forbidden "403" "HTTP status 403 TEST: made by the proxy"
breaks loop "redirects in a circle" "redirects too often"
breaks wrong-range "an answer of another range" "answer is another range"
proxy cut-once
fresh
there timeout 60 berth pull -q $P/me/app:1 >/dev/null 2>&1
works "what a broken pull left is no hindrance" there berth pull -q $R/me/app:1

# --- accounts
pull_through token "a token service is asked without an account"
pull_through token-expires "an expired token is renewed"
proxy basic
fresh
exits 1 "without an account basic authentication fails" there berth pull -q $P/me/app:1
exits 1 "a wrong password is told" sh -c "echo wrong | berth login -u me --password-stdin $P"
holds "… as such" "wrong user or password" "$ERR"
works "log in" sh -c "echo secret | berth login -u me --password-stdin $P"
equal "the account is its owner's alone" 600 "$(stat -c %a "$DOCKER_CONFIG/config.json")"
works "now the pull works" there berth pull -q $P/me/app:1
account=$P
# The blobs lie at another place: the account must not follow.
mirror=$(free_port)
"$HERE/lib/fault-proxy" $mirror $port assert-anonymous "$WORK/leak" >/dev/null 2>&1 &
soon 10 sh -c "curl -s -o /dev/null http://127.0.0.1:$mirror/"
proxy redirect:$mirror
echo secret | berth login -u me --password-stdin $P >/dev/null 2>&1
fresh
works "redirects to another host are followed" there berth pull -q $P/me/app:1
equal "… without the account" 0 "$(jq -r '.leaked // 0' leak)"
works "log out" berth logout $account
lacks "forgets the account" "$account" "$(cat "$DOCKER_CONFIG/config.json")"

# --- accounts kept by helpers
mkdir helpers kept
cat > helpers/docker-credential-test <<'END'
#!/bin/bash
echo "$1" >> "$KEPT/log"
case $1 in
    get) read -r key || true
        [ -e "$KEPT/${key//\//_}" ] || { echo "credentials not found in native keychain"; exit 1; }
        cat "$KEPT/${key//\//_}";;
    store) account=$(cat); key=$(jq -r .ServerURL <<<"$account"); echo "$account" > "$KEPT/${key//\//_}";;
    erase) read -r key || true; rm "$KEPT/${key//\//_}";;
esac
END
printf '#!/bin/sh\necho "the keychain is locked"; exit 1\n' > helpers/docker-credential-locked
chmod +x helpers/*
export KEPT=$WORK/kept
PATH=$WORK/helpers:$PATH
proxy basic
for setting in '{"credsStore": "test"}' "{\"credHelpers\": {\"$P\": \"test\"}, \"credsStore\": \"locked\"}"; do
    echo "$setting" > docker/config.json
    name=$(jq -r 'keys[0]' <<<"$setting")
    fresh
    exits 1 "$name: without an account the pull fails" there berth pull -q $P/me/app:1
    try sh -c "echo secret | berth login -u me --password-stdin $P"
    equal "$name: login succeeds" "0 Login Succeeded" "$STATUS $OUT"
    equal "… and says who keeps the account" "The account is kept in docker-credential-test" "$ERR"
    equal "… which is the helper" "$P me secret" "$(jq -r '"\(.ServerURL) \(.Username) \(.Secret)"' "kept/$P")"
    equal "… alone" '{}' "$(jq -c ".auths[\"$P\"]" docker/config.json)"
    equal "… and what else the file says stays" "$(jq -cS . <<<"$setting")" "$(jq -cS 'del(.auths)' docker/config.json)"
    works "… pull asks it" there berth pull -q $P/me/app:1
    there berth tag $P/me/app:1 $P/me/pushed:1
    works "… so does push" there berth push -q $P/me/pushed:1
    prints "Removing login credentials for $P" "… logout" berth logout $P
    equal "… has it forget" "" "$(ls kept | grep -v log)"
    prints "Not logged in to $P" "… and a second one finds nothing" berth logout $P
done
echo '{"credsStore": "locked"}' > docker/config.json
refuses 1 "a helper that refuses is quoted" "berth: $WORK/docker/config.json: credential helper docker-credential-locked: the keychain is locked" there berth pull -q $P/me/app:1
exits 1 "by login too" sh -c "echo secret | berth login -u me --password-stdin $P"
holds "… with its words" "login: $WORK/docker/config.json: credential helper docker-credential-locked: the keychain is locked" "$ERR"
lacks "… and without keeping the password elsewhere" auth "$(cat docker/config.json)"
echo '{"credsStore": "nosuch"}' > docker/config.json
refuses 1 "a helper that is not installed is told" "berth: $WORK/docker/config.json: credential helper docker-credential-nosuch: not found in PATH" there berth pull -q $P/me/app:1
refuses 1 "by logout too" "berth: logout: $WORK/docker/config.json: credential helper docker-credential-nosuch: not found in PATH" berth logout $P
echo '{}' > docker/config.json

# --- settings
cat > registries.conf <<END
[[registry]]
prefix = "hub.test"
location = "127.0.0.1:1"
[[registry.mirror]]
location = "$R"
[[registry]]
prefix = "bad.test"
blocked = true
END
export BERTH_REGISTRIES_CONF=$WORK/registries.conf
fresh
works "a mirror answers for its registry" there berth pull -q hub.test/me/app:1
equal "under the registry's name" "$id" "$(there berth image inspect -f '{{.Id}}' hub.test/me/app:1)"
refuses 1 "a blocked registry is not asked" "berth: registry bad.test is blocked by the registry settings" berth pull -q bad.test/x:1
echo 'prefix = ' > registries.conf
exits 1 "settings that are no TOML are told" berth pull -q hub.test/x:1
holds "… with the place" "registries.conf line 1" "$ERR"
unset BERTH_REGISTRIES_CONF
# --- a registry over https whose token service is not: the account would be anybody's to read
address=$(ip -4 -o addr show dev uplink | awk '{sub("/.*", "", $4); print $4}')
tls=$(free_port) plain=$(free_port)
openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 2 -subj "/CN=$address" -addext "subjectAltName=IP:$address" 2>/dev/null
python3 - "$address" "$tls" "$plain" <<'P' &
import http.server, socket, ssl, sys, threading
address, tls, plain = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
class Service(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def answer(self, status, headers, body):
        self.send_response(status)
        for header in headers: self.send_header(*header)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
class Registry(Service):
    def do_GET(self):
        if "/led/" in self.path: return self.answer(404, [], b"{}")
        self.answer(401, [("WWW-Authenticate", f'Bearer realm="http://{address}:{plain}/token",service="s"')], b"{}")
    do_HEAD = do_GET
    def do_POST(self):
        if "Authorization" not in self.headers: return self.answer(401, [("WWW-Authenticate", "Basic realm=x")], b"{}")
        self.answer(202, [("Location", f"http://{address}:{tls}/v2/led/app/blobs/uploads/1")], b"")
class Token(Service):
    def do_GET(self):
        open("asked", "w").write(str(self.headers))
        self.answer(200, [], b'{"token": "t"}')
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("tls.crt", "tls.key")
class Secure(http.server.ThreadingHTTPServer):
    def get_request(self):
        client, peer = self.socket.accept()
        if client.recv(1, socket.MSG_PEEK) != b"\x16":  # No TLS: what anybody on the way hears.
            open("heard", "wb").write(client.recv(65536))
            client.close()
            raise OSError
        return context.wrap_socket(client, server_side=True), peer
secure = Secure((address, tls), Registry)
threading.Thread(target=secure.serve_forever, daemon=True).start()
http.server.ThreadingHTTPServer((address, plain), Token).serve_forever()
P
services=$!
mkdir -p "home/.config/containers/certs.d/$address:$tls" account
cp tls.crt "home/.config/containers/certs.d/$address:$tls/ca.crt"
printf '{"auths": {"%s": {"auth": "%s"}}}' "$address:$tls" "$(printf me:secret | base64)" > account/config.json
soon 10 curl -s --cacert tls.crt -o /dev/null "https://$address:$tls/v2/"
exits 1 "a token service over plain http is not asked" env HOME="$WORK/home" DOCKER_CONFIG="$WORK/account" berth pull -q "$address:$tls/me/app:1"
holds "which is said" "is not https" "$ERR"
equal "and is not told the account" no "$([ -e asked ] && echo yes || echo no)"
# Nor does an upload go on over plain http, to the registry's own name.
berth tag busybox "$address:$tls/led/app:1"
exits 1 "a registry that leads an upload from https to http is refused" env HOME="$WORK/home" DOCKER_CONFIG="$WORK/account" timeout 30 berth push -q "$address:$tls/led/app:1"
holds "which is said as well" "leads from https to http" "$ERR"
equal "and nothing of the account is heard" "" "$(cat heard 2>/dev/null)"
kill $services
finish
