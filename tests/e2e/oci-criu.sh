# limit: 120
# checkpoint and restore: what CRIU is told (a stand-in notes it), what becomes of the container; and the real thing where
# its program is installed and knows the kernel.
. "$(dirname "$0")/lib/common.sh"
. "$HERE/lib/bundle.sh"
python3 -c 'import array, ctypes, fcntl, json, socket' 2>/dev/null || { skip "all" "python3 has only its minimal library"; finish; }

bundle c '.process.args = ["sleep", "1000"] | .mounts += [{destination: "/conf", type: "bind", source: "'"$WORK"'", options: ["rbind"]}]
    | .linux.cgroupsPath = "/berth-e2e-criu"'
ln -s /real "$WORK/c/rootfs/conf" && mkdir "$WORK/c/rootfs/real"
images=$WORK/images

# --- no criu at all
mkdir -p "$WORK/bin" "$WORK/none"
start() { "${OCI[@]}" run --detach --bundle "$WORK/c" oci-criu </dev/null >/dev/null 2>&1; }
start
berth_oci=$(command -v berth-oci)
exits 1 "checkpoint without criu" env PATH="$WORK/none" "$berth_oci" --root "$WORK/state" checkpoint --image-path "$images" oci-criu
holds "says what is missing" "checkpoint and restore need criu, which is not installed" "$ERR"
equal "and the container goes on" running "$(status_of oci-criu)"

# --- the command line, by a stand-in
cp "$HERE/lib/fake-criu" "$WORK/bin/criu"
export FAKE_CRIU_LOG=$WORK/told
fake() { PATH=$WORK/bin:$PATH "${OCI[@]}" "$@"; }
told() { jq -c ".\"$1\"" "$WORK/told"; }
pid=$("${OCI[@]}" state oci-criu | jq .pid)
works "pre-dump" fake checkpoint --pre-dump --image-path "$WORK/before" oci-criu
equal "the container goes on" running "$(status_of oci-criu)"
works "checkpoint --leave-running" fake checkpoint --leave-running --image-path "$images" --parent-path ../before --work-path "$WORK/work" \
    --tcp-established --ext-unix-sk --shell-job --file-locks --link-remap --auto-dedup --tcp-skip-in-flight \
    --page-server 127.0.0.1:1234 --manage-cgroups-mode ignore oci-criu
equal "the process" "[$pid]" "$(told 2)"
equal "every flag" "[1] [1] [1] [1] [1] [1] [1] [1]" "$(for f in 3 4 5 7 8 16 18 46; do told $f; done | xargs -d '\n')"
equal "the page server" '[["127.0.0.1",1234]]' "$(told 11)"
equal "the parent's images, and that changes are tracked" '["../before"] [1]' "$(told 14) $(told 15)"
equal "the cgroup mode" "[0]" "$(told 34)"
equal "the network is not saved" "[$((0x40000000))]" "$(told 38)"
holds "a bind under its name, where its link leads" '["/real","/conf"]' "$(told 23)"
equal "where the descriptors led" 3 "$(jq length "$images/descriptors.json")"
exits 1 "an absolute --parent-path is refused" fake checkpoint --image-path "$images" --parent-path "$WORK/before" oci-criu
holds "by name" "--parent-path must be relative" "$ERR"
exits 1 "a --parent-path that is not there is refused" fake checkpoint --image-path "$images" --parent-path ./nosuch oci-criu
exits 1 "a failure" env FAKE_CRIU_FAILS=1 PATH="$WORK/bin:$PATH" "${OCI[@]}" checkpoint --image-path "$images" oci-criu
holds "carries criu's first error" "Error (criu/x.c:1): nothing works" "$ERR"
works "checkpoint" fake checkpoint --image-path "$images" oci-criu
leaves_nothing oci-criu
rm -rf "$WORK/c/rootfs/real" && mkdir "$WORK/c/rootfs/real"
edit c '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "echo hook >> '"$WORK"'/hooks"]}]}'
works "restore" fake restore --detach --image-path "$images" --bundle "$WORK/c" --pid-file "$WORK/pid" oci-criu
equal "the container runs" running "$(status_of oci-criu)"
equal "as the process that criu made" "$("${OCI[@]}" state oci-criu | jq .pid)" "$(cat "$WORK/pid")"
equal "in the container's groups" 1 "$(grep -c berth-e2e-criu < <(tr '\n' ' ' < "/proc/$(cat "$WORK/pid")/cgroup"))"
holds "a bind comes back from its source" "[\"/conf\",\"$WORK\"]" "$(told 23)"
equal "createRuntime hooks ran" hook "$(cat "$WORK/hooks")"
lacks "no mount of ours is on the host" criu-root "$(cat /proc/self/mountinfo)"
"${OCI[@]}" delete --force oci-criu
leaves_nothing oci-criu
exits 1 "restore without images" fake restore --detach --image-path "$WORK/empty" --bundle "$WORK/c" oci-criu
leaves_nothing oci-criu

# --- the real thing
if ! command -v criu >/dev/null; then skip "checkpoint and restore by criu" "it is not installed"
elif ! criu check >/dev/null 2>&1; then skip "checkpoint and restore by criu" "it does not know this kernel: $(criu check 2>&1 | grep -m1 Error)"
else
    bundle r '.process.args = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i > /count; sleep 0.1; done"]
        | .root.readonly = false | .linux.cgroupsPath = "/berth-e2e-criu-real"'
    "${OCI[@]}" run --detach --bundle "$WORK/r" oci-real </dev/null >/dev/null 2>&1
    sleep 1
    works "checkpoint" "${OCI[@]}" checkpoint --image-path "$WORK/real" --manage-cgroups-mode ignore oci-real
    before=$(cat "$WORK/r/rootfs/count")
    leaves_nothing oci-real
    works "restore" "${OCI[@]}" restore --detach --image-path "$WORK/real" --manage-cgroups-mode ignore --bundle "$WORK/r" oci-real </dev/null
    equal "it runs" running "$(status_of oci-real)"
    sleep 1
    if [ "$(cat "$WORK/r/rootfs/count")" -gt "$before" ]; then pass "and goes on where it was"; else fail "and goes on where it was" "$before" "$(cat "$WORK/r/rootfs/count")"; fi
    prints ok "exec works in it" "${OCI[@]}" exec oci-real echo ok
    "${OCI[@]}" delete --force oci-real
    leaves_nothing oci-real
fi
finish
