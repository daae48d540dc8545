# Sourced by the tests of berth-oci: bundles made of the busybox base, and a state folder of the test's own.
OCI=(berth-oci --root "$WORK/state")
mkdir -p "$WORK/base"
tar -C "$WORK/base" -xf "$BASES/busybox.tar"

# bundle NAME [JQ-EXPRESSION]: a bundle with a root file system of its own, config.json edited by the expression.
bundle() {
    mkdir -p "$WORK/$1"
    cp -a "$WORK/base" "$WORK/$1/rootfs"
    (cd "$WORK/$1" && berth-oci spec && edit "$1" ".process.terminal = false | ${2:-.}")
}
edit() {
    jq "$2" "$WORK/$1/config.json" > "$WORK/.config" && mv "$WORK/.config" "$WORK/$1/config.json"
}
status_of() { "${OCI[@]}" state "$1" 2>/dev/null | jq -r .status; }
# What a container may not leave: its state, its groups.
leaves_nothing() {
    local found
    found=$(ls "$WORK/state" 2>/dev/null; find /sys/fs/cgroup -type d -name "$1" 2>/dev/null)
    if [ -z "$found" ]; then pass "$1 leaves nothing"; else fail "$1 leaves nothing" "$found"; fi
}
