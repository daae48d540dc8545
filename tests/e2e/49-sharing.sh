#!/usr/bin/env bash
# limit: 120
# What containers share with each other and with the host by --ipc and --pid: shared memory, message queues, processes; what
# is refused, what a restart and an end of the one mean for the other, and that nothing of it is left.
. "$(dirname "$0")/lib/common.sh"
bases busybox
is_state() { [ "$(inspect "$1" '{{.State.Status}}')" = "$2" ]; }
ipc_of() { readlink "/proc/$(init_of "$1")/ns/ipc"; }

# --- --ipc container:X
berth run -d --name donor --ipc shareable --shm-size 3m busybox sh -c 'echo from donor > /dev/shm/note; touch /dev/mqueue/queue; sleep 1000' >/dev/null
soon 10 berth exec donor test -e /dev/mqueue/queue
works "a container joins another's IPC" berth run -d --name guest --ipc container:donor --shm-size 1m busybox sleep 1000
equal "one namespace" "$(ipc_of donor)" "$(ipc_of guest)"
prints "from donor" "its shared memory is there" berth exec guest cat /dev/shm/note
prints queue "and its message queues" berth exec guest ls /dev/mqueue
berth exec guest sh -c 'echo from guest > /dev/shm/answer'
prints "from guest" "in both directions" berth exec donor cat /dev/shm/answer
equal "with the donor's size" 3072 "$(berth exec guest df -k /dev/shm | awk 'END { print $2 }')"
holds "confined as the donor's is" "rw,nosuid,nodev,noexec" "$(berth exec guest grep ' /dev/shm ' /proc/self/mounts)"
works "a third joins by way of the second" berth run --rm --ipc container:guest busybox grep -q 'from donor' /dev/shm/note
works "a read-only root does not matter" berth run --rm --read-only --ipc container:donor busybox sh -c 'echo x > /dev/shm/third'
prints "mine" "a mount of one's own at /dev/shm wins" berth run --rm --ipc container:donor --tmpfs /dev/shm busybox sh -c 'echo mine > /dev/shm/own; ls /dev/shm | sed s/own/mine/'
equal "others keep theirs apart" "" "$(berth run --rm busybox ls /dev/shm)"

# --- the ends of it
berth stop -t 0 donor >/dev/null
prints "from donor" "what is shared outlives the donor" berth exec guest cat /dev/shm/note
exits 125 "whose IPC nobody can join now" berth run --rm --ipc container:donor busybox true
holds "which is said" "--ipc container:donor: it is not running" "$ERR"
equal "and leaves no container" "donor guest" "$(berth ps -a --format '{{.Names}}' | sort | xargs)"
berth start donor >/dev/null
[ "$(ipc_of donor)" != "$(ipc_of guest)" ] && pass "a donor that starts again has a new one" || fail "a donor that starts again has a new one"
works "restart of the guest" berth restart -t 0 guest
equal "brings the two together again" "$(ipc_of donor)" "$(ipc_of guest)"
exits 1 "with a new memory" berth exec guest test -e /dev/shm/answer
works "a guest that its policy restarts" berth run -d --name loyal --restart always --ipc container:donor busybox sleep 1000
berth restart -t 0 donor >/dev/null
kill -9 "$(init_of loyal)"
soon 10 sh -c '[ "$(berth inspect -f "{{.RestartCount}} {{.State.Status}}" loyal)" = "1 running" ]'
equal "finds the donor of now" "$(ipc_of donor)" "$(ipc_of loyal)"
berth stop -t 0 donor >/dev/null
kill -9 "$(init_of loyal)"
soon 10 is_state loyal exited && pass "and stays down when there is none" || fail "and stays down when there is none" "$(berth ps -a)"
holds "with the reason in its record" "--ipc container:donor: it is not running" "$(inspect loyal '{{.State.Error}}')"
berth rm -f donor guest loyal >/dev/null

# --- who does not share
berth run -d --name shut busybox sleep 1000 >/dev/null
berth run -d --name bare --ipc none busybox sleep 1000 >/dev/null
for name in shut bare; do
    refuses 125 "docker: nobody joins the IPC of $name" "berth: namespaces: --ipc container:$name: it does not share its IPC namespace
hint: make $name with --ipc shareable" berth run --rm --ipc container:$name busybox true
done
equal "--ipc none has no /dev/shm" "" "$(berth exec bare ls -d /dev/shm 2>/dev/null)"
equal "--ipc private is the default" private "$(inspect shut '{{.HostConfig.IpcMode}}')"
exits 125 "a container that is not there" berth run --rm --ipc container:nobody busybox true
exits 125 "a mode that is none" berth run --rm --ipc maybe busybox true
echo from host > /dev/shm/berth-e2e-$$
prints "from host" "--ipc host is the host's" berth run --rm --ipc host busybox cat /dev/shm/berth-e2e-$$
berth run -d --name hosted --ipc host busybox sleep 1000 >/dev/null
prints "from host" "also by way of another" berth run --rm --ipc container:hosted busybox cat /dev/shm/berth-e2e-$$
rm /dev/shm/berth-e2e-$$
berth rm -f shut bare hosted >/dev/null

# --- --pid container:X
berth run -d --name first busybox sleep 1001 >/dev/null
works "a container joins another's processes" berth run -d --name second --pid container:first busybox sleep 1002
holds "sees them" "sleep 1001" "$(berth exec second ps)"
holds "and is seen" "sleep 1002" "$(berth exec first ps)"
berth exec -d second sleep 1003
berth restart -t 0 first >/dev/null
soon 10 is_state second exited && pass "ends with them" || fail "ends with them" "$(berth ps -a)"
equal "killed" 137 "$(inspect second '{{.State.ExitCode}}')"
works "starts again beside the new ones" berth start second
holds "which it sees" "sleep 1001" "$(berth exec second ps)"
berth rm -f second >/dev/null
lacks "of one that ends, nothing stays with the others" "sleep 100[23]" "$(berth exec first ps)"
berth rm -f first >/dev/null

# --- detached trees: volumes with a file system of their own, and images as mounts
berth volume create -o type=tmpfs -o device=tmpfs -o o=size=1m small >/dev/null
prints 1024 "a volume's own file system" berth run --rm -v small:/data busybox sh -c "df -k /data | awk 'END { print \$2 }'"
exits 1 "also read-only" berth run --rm -v small:/data:ro busybox touch /data/x
prints sh "an image as a mount" berth run --rm --mount type=image,source=busybox,target=/image busybox sh -c 'ls /image/bin | grep -x sh'
berth volume rm small >/dev/null
finish
