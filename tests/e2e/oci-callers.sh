# limit: 180
# podman, containerd and dockerd with berth-oci as their runtime: run, exec, stop, remove. Each is skipped where Debian's
# package is not installed.
. "$(dirname "$0")/lib/common.sh"
runtime=$(command -v berth-oci)

with_podman() {
    command -v podman >/dev/null || { skip podman "not installed"; return; }
    # Named runc, by which podman knows what it may ask for.
    mkdir -p "$WORK/bin" && cp "$runtime" "$WORK/bin/runc"
    local podman=(podman --runtime "$WORK/bin/runc" --root "$WORK/podman" --runroot "$WORK/podman-run" --storage-driver vfs
        --cgroup-manager cgroupfs --events-backend none)
    try "${podman[@]}" import "$BASES/busybox.tar" base
    [ $STATUS = 0 ] || { skip podman "cannot import here: $(tail -1 <<< "$ERR")"; return; }
    prints hello "podman run" "${podman[@]}" run --rm --network none base echo hello
    exits 3 "podman run: exit code" "${podman[@]}" run --rm --network none base sh -c 'exit 3'
    exits 127 "podman run: no such program" "${podman[@]}" run --rm --network none base nosuch
    works "podman run -d" "${podman[@]}" run -d --name p --network none base sleep 1000
    prints inside "podman exec" "${podman[@]}" exec p echo inside
    works "podman stop" "${podman[@]}" stop -t 1 p
    works "podman rm" "${podman[@]}" rm p
}

with_containerd() {
    command -v containerd >/dev/null && command -v ctr >/dev/null || { skip containerd "not installed"; return; }
    mkdir -p "$WORK/containerd"
    containerd --root "$WORK/containerd/root" --state "$WORK/containerd/state" --address "$WORK/containerd/sock" \
        >"$WORK/containerd/log" 2>&1 &
    local daemon=$! ctr=(ctr --address "$WORK/containerd/sock")
    if soon 20 "${ctr[@]}" version; then
        mkdir -p "$WORK/tree" && tar -C "$WORK/tree" -xf "$BASES/busybox.tar"
        prints hello "ctr run" "${ctr[@]}" run --rm --rootfs --runc-binary "$runtime" "$WORK/tree" one /bin/echo hello
        works "ctr run --detach" "${ctr[@]}" run --detach --rootfs --runc-binary "$runtime" "$WORK/tree" two /bin/sleep 1000
        prints inside "ctr task exec" "${ctr[@]}" task exec --exec-id e two /bin/echo inside
        works "ctr task kill" "${ctr[@]}" task kill --signal KILL two
        soon 5 sh -c "${ctr[*]} task ls | grep two | grep -q STOPPED"
        works "ctr task rm" "${ctr[@]}" task rm two
        works "ctr container rm" "${ctr[@]}" container rm two
    else
        skip containerd "does not start here: $(tail -1 "$WORK/containerd/log" | cut -c1-200)"
    fi
    kill $daemon 2>/dev/null
    wait $daemon 2>/dev/null
}

with_dockerd() {
    command -v dockerd >/dev/null || { skip dockerd "not installed"; return; }
    mkdir -p "$WORK/docker"
    dockerd --data-root "$WORK/docker/root" --exec-root "$WORK/docker/run" --pidfile "$WORK/docker/pid" --storage-driver vfs \
        --host "unix://$WORK/docker/sock" --iptables=false --ip6tables=false --bridge=none \
        --add-runtime "berth=$runtime" --default-runtime berth >"$WORK/docker/log" 2>&1 &
    local daemon=$! docker=(docker --host "unix://$WORK/docker/sock")
    if soon 30 "${docker[@]}" version; then
        try "${docker[@]}" import "$BASES/busybox.tar" base
        prints hello "docker run" "${docker[@]}" run --rm --network none base echo hello
        exits 127 "docker run: no such program" "${docker[@]}" run --rm --network none base nosuch
        works "docker run -d" "${docker[@]}" run -d --name dd --network none base sleep 1000
        prints inside "docker exec" "${docker[@]}" exec dd echo inside
        works "docker stop" "${docker[@]}" stop -t 1 dd
        works "docker rm" "${docker[@]}" rm dd
    else
        skip dockerd "does not start here: $(tail -1 "$WORK/docker/log" | cut -c1-200)"
    fi
    kill $daemon 2>/dev/null
    wait $daemon 2>/dev/null
}

with_podman
with_containerd
with_dockerd
finish
