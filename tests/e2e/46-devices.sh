# limit: 60
# Devices by their vendor's name (CDI), --gpus, and volumes that are a file system of their own.
. "$(dirname "$0")/lib/common.sh"
bases busybox

[ -e /run/cdi ] || made=yes
mkdir -p /run/cdi
trap 'rm -f /run/cdi/berth-test.json /run/cdi/berth-test.yaml; [ -z "${made-}" ] || rmdir /run/cdi; rm -rf "$WORK"' EXIT
echo shared > "$WORK/shared"
cat > /run/cdi/berth-test.json <<J
{"cdiVersion": "0.5.0", "kind": "example.org/box",
 "containerEdits": {"env": ["BOX=any"], "mounts": [{"hostPath": "$WORK/shared", "containerPath": "/box/shared", "options": ["ro", "bind"]}]},
 "devices": [
   {"name": "one", "containerEdits": {"env": ["ONE=1"], "deviceNodes": [{"path": "/dev/box1", "hostPath": "/dev/null", "permissions": "rw"}]}},
   {"name": "hooked", "containerEdits": {"hooks": [{"hookName": "createRuntime", "path": "/bin/sh", "args": ["sh", "-c", "cat > $WORK/state"]}]}},
   {"name": "odd", "containerEdits": {"deviceNodes": [{"path": "/dev/nosuch-box"}]}}]}
J
prints "any 1
crw-rw-rw-
shared" "a CDI device brings variables, nodes and mounts" \
    berth run --rm --device example.org/box=one busybox sh -c 'echo $BOX $ONE; ls -l /dev/box1 | cut -c1-10; cat /box/shared; echo x > /dev/box1'
exits 1 "its mount is read-only as described" berth run --rm --device example.org/box=one busybox sh -c 'echo x > /box/shared'
works "its hooks run" berth run --rm --device example.org/box=hooked busybox true
equal "with the container's state" creating "$(jq -r .status "$WORK/state" 2>&1)"
refuses 125 "one that nobody describes" "berth: make cgroup: device example.org/box=two: no file in /etc/cdi or /var/run/cdi describes it
hint: there are: example.org/box=one, example.org/box=hooked, example.org/box=odd" berth run --rm --device example.org/box=two busybox true
exits 125 "one whose node is missing" berth run --rm --device example.org/box=odd busybox true
# The form that vendors' tools write unless they are asked for the other.
cat > /run/cdi/berth-test.yaml <<'Y'
---
cdiVersion: 0.5.0
kind: nvidia.com/gpu
containerEdits:
  env:
  - NVIDIA_VISIBLE_DEVICES=void
devices:
- name: "0"
  containerEdits:
    deviceNodes:
    - path: /dev/gpu0
      hostPath: /dev/null
- name: all
  containerEdits:
    deviceNodes:
    - path: /dev/gpu0
      hostPath: /dev/null
    - {path: /dev/gpuctl, hostPath: /dev/zero}
Y
prints "/dev/gpu0 /dev/gpuctl void" "--gpus all takes a description in YAML" \
    berth run --rm --gpus all busybox sh -c 'echo /dev/gpu* $NVIDIA_VISIBLE_DEVICES'
prints "/dev/gpu0" "one of them by its number" berth run --rm --device nvidia.com/gpu=0 busybox sh -c 'echo /dev/gpu*'
printf 'kind: &a x\n' > /run/cdi/berth-test.yaml
refuses 125 "a broken description is named with its line" \
    "berth: make cgroup: /var/run/cdi/berth-test.yaml: line 1: anchors, aliases and tags are not read" berth run --rm --gpus all busybox true
rm /run/cdi/berth-test.yaml /run/cdi/berth-test.json
if [ ! -d /etc/cdi ]; then
    refuses 125 "--gpus without a description" "berth: make cgroup: device nvidia.com/gpu=all: no file in /etc/cdi or /var/run/cdi describes it
hint: the vendor's tool writes it: nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml" berth run --rm --gpus all busybox true
fi
equal "nothing is left of those that failed" "" "$(berth ps -aq)"

# Volumes with type, device and o.
works "a volume in memory" berth volume create -o type=tmpfs -o device=tmpfs -o o=size=1m,uid=1000,noexec memory
prints "1000 tmpfs" "is mounted with its options" berth run --rm -v memory:/m busybox sh -c 'echo $(stat -c %u /m) $(sed -n "s, /m .*,,p" /proc/self/mounts)'
exits 1 "its size holds" berth run --rm -v memory:/m busybox dd if=/dev/zero of=/m/big bs=1M count=2
exits 126 "and noexec" berth run --rm -v memory:/m busybox sh -c 'cp /bin/true /m/; /m/true'
berth volume create -o type=nosuchfs -o device=x broken >/dev/null
refuses 125 "a file system that the kernel has not" "berth: mounts: volume 'broken': file system 'nosuchfs': No such device" berth run --rm -v broken:/d busybox true
berth volume create -o type=tmpfs -o device=tmpfs -o o=nosuch=1 odd >/dev/null
exits 125 "an option it does not know" berth run --rm -v odd:/d busybox true
holds "is named" "volume 'odd'" "$ERR"
mkdir folder && echo here > folder/file
berth volume create -o type=none -o device="$PWD/folder" -o o=bind bound >/dev/null
prints here "o=bind is another folder" berth run --rm -v bound:/d busybox cat /d/file
finish
