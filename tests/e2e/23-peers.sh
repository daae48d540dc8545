# Images that go to and fro between berth and the other engines, through archives and through a registry: ids, layers, digests
# and every attribute of every file are the same on both sides. dockerd runs with all its folders below the test's.
# limit: 400
. "$(dirname "$0")/lib/common.sh"
export DOCKER_CONFIG=$WORK/docker HOME=$WORK
unset REGISTRY_AUTH_FILE XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_HOST DOCKER_CONTEXT
mkdir "$DOCKER_CONFIG"
echo '{}' > "$DOCKER_CONFIG/config.json"  # podman insists.
bases busybox

id_of() { berth image inspect -f '{{.Id}}' "$1" 2>&1; }
layers_of() { berth image inspect -f '{{json .RootFS.Layers}}' "$1" 2>&1; }
fresh() { rm -rf "$WORK/fresh" "$WORK/fresh-run"; }
there() { BERTH_ROOT=$WORK/fresh BERTH_RUN_ROOT=$WORK/fresh-run "$@"; }

# tree < TAR: every member with all that an image keeps of it, sorted; the names of one file have its first name beside them.
# What an engine adds to a container is left out.
tree() {
    python3 -c '
import hashlib, sys, tarfile
added = {"dev", "proc", "sys", ".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab", "etc", "."}
archive, members, names_of = tarfile.open(fileobj=sys.stdin.buffer, mode="r|"), {}, {}
clean = lambda name: name.removeprefix("./").strip("/")
for m in archive:
    name = clean(m.name)
    if not name or name in added or name.startswith(("dev/", "proc/", "sys/")): continue
    if m.islnk():
        first = clean(m.linkname)
        names_of[first].append(name)
        members[name] = members[first]
        continue
    names_of[name] = [name]
    content = hashlib.sha256(archive.extractfile(m).read()).hexdigest()[:16] if m.isreg() else ""
    xattrs = {k[13:]: v.encode("utf-8", "surrogateescape").hex() for k, v in m.pax_headers.items() if k.startswith("SCHILY.xattr.")}
    device = (m.devmajor, m.devminor) if m.ischr() or m.isblk() else ""
    members[name] = (m.type.decode(), oct(m.mode & 0o7777), m.uid, m.gid, int(m.mtime), m.linkname, device, content, sorted(xattrs.items()))
first_name = {name: min(group) for group in names_of.values() for name in group}
for name in sorted(members): print(name, first_name[name], *members[name])'
}

differences() { diff "$1" "$2" | grep '^[<>]' | sort -k2 | head -20; }

# --- an image with all that a layer can hold
python3 - <<'PYTHON'
import io, tarfile
archive = tarfile.open("rich.tar", "w", format=tarfile.PAX_FORMAT)
def add(name, kind=tarfile.REGTYPE, content=b"", **fields):
    m = tarfile.TarInfo(name)
    m.type, m.size, m.mtime, m.mode = kind, len(content), 1600000000, 0o644
    for key, value in fields.items(): setattr(m, key, value)
    archive.addfile(m, io.BytesIO(content))
capability = b"\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00".decode("utf-8", "surrogateescape")
add("rich", tarfile.DIRTYPE, mode=0o1777, uid=7, gid=8)
add("rich/ping", content=b"p" * 5000, mode=0o755, pax_headers={"SCHILY.xattr.security.capability": capability})
add("rich/setuid", content=b"s", mode=0o4755, uid=1000, gid=1000)
add("rich/again", tarfile.LNKTYPE, linkname="rich/setuid")
add("rich/link", tarfile.SYMTYPE, linkname="../bin/sh", mode=0o777)
add("rich/dangling", tarfile.SYMTYPE, linkname="/no/such", mode=0o777)
add("rich/fifo", tarfile.FIFOTYPE)
add("rich/null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666)
add("rich/disk", tarfile.BLKTYPE, devmajor=7, devminor=9, mode=0o660)
add("rich/" + "long" * 45, content=b"long name")
add("rich/caf\u00e9", content=b"composed")
add("rich/cafe\u0301", content=b"decomposed")
add("rich/old", content=b"old", mtime=1)
add("rich/big-owner", content=b"b", uid=3000000, gid=4000000)
for name in ("opaque", "gone"):
    add(name, tarfile.DIRTYPE, mode=0o755)
    add(name + "/below", content=b"below")
add("remains", content=b"remains")
PYTHON
cat > Dockerfile <<'END_OF_FILE'
FROM busybox
ADD rich.tar /
RUN rm -r /opaque && mkdir /opaque && echo new > /opaque/new && rm -r /gone && rm /bin/vi && ln /remains /rich/remains
CMD ["cat", "/opaque/new"]
END_OF_FILE
works "an image with links, whiteouts, an opaque folder, capabilities and devices" berth build -q -t me/rich:1 .
printf 'FROM me/rich:1\nLABEL second=yes\nRUN echo two > /two\n' > Dockerfile.2
works "and one above it" berth build -q -t me/second:1 -f Dockerfile.2 .
berth save -o rich.saved me/rich:1
berth save -o both.saved me/rich:1 me/second:1
gzip -k both.saved
container=$(berth create me/rich:1)
berth export "$container" | tree > rich.tree
berth rm "$container" >/dev/null
matches "the capability is in it" "rich/ping .*security.capability" "$(cat rich.tree)"
matches "so are the devices" "rich/null rich/null 3 0o666 .*\(1, 3\)" "$(cat rich.tree)"
equal "and both files whose names look alike" 2 "$(grep -c 'rich/caf' rich.tree)"

# --- a registry for all of them
port=$(free_port)
R=127.0.0.1:$port
registry=no
if command -v docker-registry >/dev/null; then
    cat > registry.yml <<END_OF_FILE
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $WORK/registry}}
http: {addr: "$R"}
END_OF_FILE
    docker-registry serve registry.yml >registry.log 2>&1 &
    soon 10 curl -sf "http://$R/v2/" && registry=yes || fail "the registry starts" "$(cat registry.log)"
    berth tag me/rich:1 $R/berth/rich:1
    berth push $R/berth/rich:1 >push.out 2>&1 || fail "berth pushes" "$(cat push.out)"
    pushed=$(grep -oE 'sha256:[0-9a-f]{64}' push.out | tail -1)
else
    skip "peers through a registry" "docker-registry is not installed"
fi

# --- what everybody can read: the archive as an OCI layout
mkdir layout
tar xf rich.saved -C layout
if command -v skopeo >/dev/null; then
    equal "skopeo reads the layout that save writes" "$(layers_of me/rich:1)" "$(skopeo inspect --config oci:layout:1 | jq -c .rootfs.diff_ids)"
    equal "and the second image of an archive" "$(layers_of me/second:1)" "$(skopeo inspect --config docker-archive:both.saved:me/second:1 | jq -c .rootfs.diff_ids)"
else
    skip "skopeo" "not installed"
fi
if command -v umoci >/dev/null; then
    works "umoci reads the layout" umoci ls --layout layout
    works "umoci unpacks it" umoci unpack --image layout:1 bundle
    tar c -C bundle/rootfs --xattrs --xattrs-include='*' --format pax . 2>/dev/null | tree > umoci.tree
    equal "every file is the same" "" "$(differences rich.tree umoci.tree)"
else
    skip "umoci" "not installed"
fi

# --- docker
docker=/usr/bin/docker
stop_dockerd() {
    [ -n "${dockerd_pid:-}" ] || return 0
    kill "$dockerd_pid" 2>/dev/null
    wait "$dockerd_pid" 2>/dev/null
    dockerd_pid=
}
trap 'stop_dockerd; kill $(jobs -p) 2>/dev/null; rm -rf "$WORK" ${pods:+"$pods"}' EXIT
start_dockerd() {
    echo '{}' > dockerd.json
    dockerd --data-root "$WORK/dockerd" --exec-root "$WORK/dockerd-run" -H "unix://$WORK/docker.sock" --pidfile "$WORK/dockerd.pid" \
        --config-file "$WORK/dockerd.json" --iptables=false --ip6tables=false --bridge=none --storage-driver "$1" >dockerd.log 2>&1 &
    dockerd_pid=$!
    export DOCKER_HOST=unix://$WORK/docker.sock
    soon 20 $docker version || { stop_dockerd; return 1; }
}
dockers() { $docker image inspect -f "$1" "$2" 2>&1; }
same_in_docker() { # NAME-THERE NAME-HERE
    equal "… its id" "$(id_of "$2")" "$(dockers '{{.Id}}' "$1")"
    equal "… its layers" "$(layers_of "$2")" "$(dockers '{{json .RootFS.Layers}}' "$1")"
}
same_here() { # NAME-HERE NAME-IN-DOCKER
    equal "… its id" "$(dockers '{{.Id}}' "$2")" "$(there berth image inspect -f '{{.Id}}' "$1" 2>&1)"
    equal "… its layers" "$(dockers '{{json .RootFS.Layers}}' "$2")" "$(there berth image inspect -f '{{json .RootFS.Layers}}' "$1" 2>&1)"
}
docker_archives() {
    works "docker load reads what save writes" $docker load -q -i rich.saved
    same_in_docker me/rich:1 me/rich:1
    local made
    made=$($docker create me/rich:1 2>&1)
    $docker export "$made" | tree > docker.tree
    $docker rm "$made" >/dev/null
    equal "… and every file of it" "" "$(differences rich.tree docker.tree)"
    works "two images in one compressed archive" $docker load -q -i both.saved.gz
    same_in_docker me/second:1 me/second:1
    $docker save -o docker.saved me/rich:1 me/second:1
    fresh
    works "load reads what docker save writes" there berth load -q -i docker.saved
    same_here me/rich:1 me/rich:1
    same_here me/second:1 me/second:1
    made=$(there berth create me/rich:1)
    there berth export "$made" | tree > back.tree
    there berth rm "$made" >/dev/null
    equal "… and every file of it" "" "$(differences rich.tree back.tree)"
    works "… and the store is sound" there berth system check --deep
    "$HERE/lib/old-archive" old.tar
    works "docker load reads an archive of docker before 1.10" $docker load -q -i old.tar
    there berth load -q -i old.tar >/dev/null
    for name in old/app:1 old:2 registry.test:5000/old:base; do same_here $name $name; done
    mkdir context
    ln rich.tar context
    printf 'FROM scratch\nADD rich.tar /\nLABEL by=docker\n' > context/Dockerfile
    works "docker builds one of its own" env DOCKER_BUILDKIT=0 $docker build -q -t docker/own:1 context
    $docker save docker/own:1 | gzip > own.saved.gz
    works "load reads that, compressed" there berth load -q -i own.saved.gz
    same_here docker/own:1 docker/own:1
    equal "docker load reads it again from here" "Loaded image: docker/own:1" "$($docker rmi -f docker/own:1 >/dev/null; there berth save docker/own:1 | $docker load 2>&1 | tail -1)"
    same_here docker/own:1 docker/own:1
}
docker_registry() {
    $docker rmi -f me/rich:1 me/second:1 >/dev/null
    works "docker pulls what berth pushed" $docker pull -q $R/berth/rich:1
    same_in_docker $R/berth/rich:1 me/rich:1
    equal "… under the digest that push told" "$R/berth/rich@$pushed" "$(dockers '{{index .RepoDigests 0}}' $R/berth/rich:1)"
    $docker tag docker/own:1 $R/docker/own:1
    works "docker pushes" $docker push -q $R/docker/own:1
    fresh
    works "berth pulls it" there berth pull -q $R/docker/own:1
    same_here $R/docker/own:1 docker/own:1
    equal "… under docker's digest" "$(dockers '{{range .RepoDigests}}{{println .}}{{end}}' docker/own:1 | grep "$R")" "$(there berth image inspect -f '{{index .RepoDigests 0}}' $R/docker/own:1)"
    there berth tag $R/docker/own:1 $R/again/own:1
    equal "pushing what was pulled gives the same digest" "$(dockers '{{range .RepoDigests}}{{println .}}{{end}}' docker/own:1 | grep -o 'sha256:[0-9a-f]*' | head -1)" \
        "$(there berth push $R/again/own:1 2>&1 | grep -oE 'sha256:[0-9a-f]{64}' | tail -1)"
}
if ! command -v dockerd >/dev/null || [ ! -x $docker ]; then
    skip "docker" "dockerd is not installed"
elif ! start_dockerd overlay2 && ! start_dockerd vfs; then
    skip "docker" "dockerd does not run here: $(tail -1 dockerd.log)"
else
    docker_archives
    [ $registry = no ] || docker_registry

    # --- containerd, dockerd's own
    address=$WORK/dockerd-run/containerd/containerd.sock
    peer() { ctr -a "$address" -n peers "$@"; }
    digest_in_ctr() { peer images ls | awk -v name="$1" '$1 == name { print $3 }'; }
    if command -v ctr >/dev/null && peer version >/dev/null 2>&1; then
        works "containerd imports what save writes" peer images import --no-unpack rich.saved
        equal "… under the manifest's digest" "$(jq -r '.manifests[0].digest' layout/index.json)" "$(digest_in_ctr docker.io/me/rich:1)"
        works "containerd exports it" peer images export ctr.saved docker.io/me/rich:1
        fresh
        works "load reads that" there berth load -q -i ctr.saved
        equal "… with the same id" "$(id_of me/rich:1)" "$(there berth image inspect -f '{{.Id}}' me/rich:1 2>&1)"
        if [ $registry = yes ]; then
            works "containerd pulls what berth pushed" peer images pull --plain-http $R/berth/rich:1
            equal "… under the digest that push told" "$pushed" "$(digest_in_ctr $R/berth/rich:1)"
            peer images tag $R/berth/rich:1 $R/ctr/rich:1 >/dev/null
            works "containerd pushes it" peer images push --plain-http $R/ctr/rich:1
            works "berth pulls that" there berth pull -q $R/ctr/rich:1
            equal "… as the image it was" "$(id_of me/rich:1) $pushed" "$(there berth image inspect -f '{{.Id}} {{index .RepoDigests 0}}' $R/ctr/rich:1 | sed 's/ .*@/ /')"
        fi
    else
        skip "containerd" "ctr is not installed or finds no containerd"
    fi
    stop_dockerd
fi

# --- podman
pods=$(mktemp -d /tmp/pod.XXXXXX)  # podman wants a short path.
pod() { podman --root "$pods/root" --runroot "$pods/run" --storage-driver vfs "$@"; }
if command -v podman >/dev/null && pod load -q -i both.saved >pod.out 2>&1; then
    pod_id() { echo "sha256:$(pod image inspect -f '{{.Id}}' "$1")"; }
    equal "podman loads two images of one archive" "$(id_of me/rich:1) $(id_of me/second:1)" "$(pod_id me/rich:1) $(pod_id me/second:1)"
    for form in docker-archive oci-archive; do
        pod save -q --format $form -o pod.$form me/rich:1
        fresh
        works "load reads podman's $form" there berth load -q -i pod.$form
        equal "… with the same layers" "$(layers_of me/rich:1)" "$(there berth image inspect -f '{{json .RootFS.Layers}}' "$(there berth images -q)")"
    done
    if [ $registry = yes ]; then
        works "podman pulls what berth pushed" pod pull -q --tls-verify=false $R/berth/rich:1
        holds "… under the digest that push told" "$R/berth/rich@$pushed" "$(pod image inspect -f '{{.RepoDigests}}' $R/berth/rich:1)"
        works "podman pushes it" pod push -q --tls-verify=false me/rich:1 $R/pod/rich:1
        fresh
        works "berth pulls that" there berth pull -q $R/pod/rich:1
        equal "… with the same layers" "$(layers_of me/rich:1)" "$(there berth image inspect -f '{{json .RootFS.Layers}}' $R/pod/rich:1)"
    fi
else
    skip "podman" "missing or does not work here: $(tail -1 pod.out 2>/dev/null)"
fi
finish
