# limit: 120
# events: what each command leaves in the history, in docker's words, and how it is chosen.
. "$(dirname "$0")/lib/common.sh"
bases busybox
now() { date +%s.%N; }
# told SINCE ARGUMENTS...: what happened since then, ids replaced.
told() { local since=$1; shift; berth events --since "$since" --until 0s "$@" | sed -E 's/^[^ ]+ //; s/[0-9a-f]{64}/ID/g'; }
# tells WHAT WANTED COMMAND...: the events of one command line, whole.
tells() {
    local what=$1 wanted=$2 since
    since=$(now)
    shift 2
    "$@" >"$WORK/.out" 2>&1
    equal "$what" "$wanted" "$(told "$since")"
}
fast='--stop-timeout 0'

# --- images
berth export "$(berth create busybox)" > root.tar
berth rm "$(berth ps -aql)" >/dev/null
id='sha256:ID'
tells "import" "image tag $id (name=made:1, tier=low)
image import $id (name=$id, tier=low)" berth import -c 'LABEL tier=low' root.tar made:1
tells "tag" "image tag $id (name=other:latest, tier=low)" berth tag made:1 other
tells "rmi of a name" "image untag $id (name=$id, tier=low)" berth rmi other
tells "save" "image save $id (name=$id, tier=low)" berth save -o saved.tar made:1
tells "rmi of the last name" "image untag $id (name=$id, tier=low)
image delete $id (name=$id, tier=low)" berth rmi made:1
tells "load" "image load $id (name=$id, tier=low)" berth load -i saved.tar
tells "image rename" "image tag $id (name=new:1, tier=low)
image untag $id (name=$id, tier=low)" berth image rename made:1 new:1
printf 'FROM new:1\nLABEL tier=high\n' > Dockerfile
tells "build" "image tag $id (name=built:latest, tier=high)" berth build -q -t built .
berth rmi new:1 built >/dev/null
tells "image prune, of nothing" "image prune  (reclaimed=0)" berth image prune -f
tells "builder prune" "builder prune  (reclaimed=0)" berth builder prune -f --filter id=nosuch
tells "what is only looked at leaves nothing" "" berth image prune -f --dry-run
tells "nor does what failed" "" berth rmi nosuch

# --- volumes and networks
tells "volume create" "volume create data (driver=local)" berth volume create --label a=b data
tells "which is there already" "" berth volume create data
tells "network create" "network create ID (name=net, type=bridge)" berth network create net

# --- a container's life
all='image=busybox, name=web, tier=front'
tells "run with a network, a volume and an anonymous one" "volume create ID (driver=local)
container create ID ($all)
network connect ID (container=ID, name=net, type=bridge)
volume mount ID (container=ID, destination=/anon, driver=local, propagation=, read/write=true)
volume mount data (container=ID, destination=/d, driver=local, propagation=, read/write=false)
container start ID ($all)" berth run -d --name web $fast --label tier=front -v data:/d:ro -v /anon --network net busybox sleep 1000
tells "exec" "container exec_create: sh -c exit 3 ID (execID=ID, $all)
container exec_start: sh -c exit 3 ID (execID=ID, $all)
container exec_die ID (execID=ID, exitCode=3, $all)" berth exec web sh -c 'exit 3'
equal "one id for the three" 1 "$(berth events --since 1h --until 0s --filter event=exec_create --filter event=exec_start --filter event=exec_die --format '{{.Actor.Attributes.execID}}' | sort -u | wc -l)"
tells "top" "container top ID ($all)" berth top web
tells "cp out" "container archive-path ID ($all)" berth cp web:/etc/passwd out
tells "cp in" "container extract-to-dir ID ($all)" berth cp out web:/in
tells "export" "container export ID ($all)" berth export -o exported.tar web
tells "update" "container update ID ($all)" berth update --pids-limit 100 web
tells "pause" "container pause ID ($all)" berth pause web
tells "unpause" "container unpause ID ($all)" berth unpause web
tells "kill" "container kill ID (image=busybox, name=web, signal=10, tier=front)" berth kill -s USR1 web
tells "commit" "container pause ID ($all)
container unpause ID ($all)
image tag $id (name=kept:1, tier=front)
container commit ID (comment=why, image=busybox, imageID=$id, imageRef=kept:1, name=web, tier=front)" berth commit -m why web kept:1
berth network create second >/dev/null
tells "network connect" "network connect ID (container=ID, name=second, type=bridge)" berth network connect second web
tells "network disconnect" "network disconnect ID (container=ID, name=second, type=bridge)" berth network disconnect second web
tells "rename" "container rename ID (image=busybox, name=site, oldName=/web, tier=front)" berth rename web site
all='image=busybox, name=site, tier=front'
ending="network disconnect ID (container=ID, name=net, type=bridge)
volume unmount ID (container=ID, driver=local)
volume unmount data (container=ID, driver=local)"
begin="network connect ID (container=ID, name=net, type=bridge)
volume mount ID (container=ID, destination=/anon, driver=local, propagation=, read/write=true)
volume mount data (container=ID, destination=/d, driver=local, propagation=, read/write=false)
container start ID ($all)"
told_shape() { sed -E 's/execDuration=[0-9]+/execDuration=N/'; }
since=$(now)
berth restart site >/dev/null
equal "restart" "container kill ID (image=busybox, name=site, signal=15, tier=front)
container kill ID (image=busybox, name=site, signal=9, tier=front)
container die ID (execDuration=N, exitCode=137, $all)
$ending
container stop ID ($all)
$begin
container restart ID ($all)" "$(told "$since" | told_shape)"
since=$(now)
berth rm -f -v site >/dev/null
equal "rm -f -v" "container kill ID (image=busybox, name=site, signal=9, tier=front)
container die ID (execDuration=N, exitCode=137, $all)
$ending
volume destroy ID (driver=local)
container destroy ID ($all)" "$(told "$since" | told_shape)"
tells "volume rm" "volume destroy data (driver=local)" berth volume rm data
tells "network rm" "network destroy ID (name=net, type=bridge)" berth network rm net
tells "network prune" "network destroy ID (name=second, type=bridge)
network prune  (reclaimed=0)" berth network prune -f
berth create --name gone busybox true >/dev/null
tells "container prune" "container destroy ID (image=busybox, name=gone)
container prune  (reclaimed=0)" berth container prune -f
tells "volume prune" "volume prune  (reclaimed=0)" berth volume prune -f
since=$(now)
berth run --rm --name short --network none busybox sh -c 'exit 3'
equal "a run that removes itself has told all when it returns" "container create ID (image=busybox, name=short)
container start ID (image=busybox, name=short)
container die ID (execDuration=0, exitCode=3, image=busybox, name=short)
container destroy ID (image=busybox, name=short)" "$(told "$since" | grep -v attach)"
tells "a start that fails leaves no start" "container create ID (image=busybox, name=bad)" sh -c 'berth create --name bad busybox nosuch; berth start bad'
berth rm bad >/dev/null
tells "a label cannot pretend to be an attribute" "container create ID (exitCode=0, image=busybox, name=fake)" berth create --name fake --label exitCode=0 --label name=web --label image=x busybox true
berth rm fake >/dev/null

# --- out of memory, also of a process that is not the first
since=$(now)
berth run -d --name greedy $fast -m 16m --network none busybox sh -c 'sh -c "x=a; while :; do x=\$x\$x; done"; sleep 1000' >/dev/null
has_oom() { berth events --since "$since" --until 0s --filter event=oom --format '{{.Actor.Attributes.name}}' | grep -qx greedy; }
if [ -e /sys/fs/cgroup/memory ] || grep -q memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    works "oom, while the container goes on" soon 20 has_oom
    equal "and does go on" running "$(inspect greedy '{{.State.Status}}')"
fi
berth rm -f greedy >/dev/null

# --- a terminal
since=$(now)
berth run -d -t --name term $fast --network none busybox sleep 1000 >/dev/null
script -qec "stty rows 33 cols 44; timeout 2 berth attach term" /dev/null >/dev/null 2>&1 < /dev/null
holds "resize" "container resize ID (height=33, image=busybox, name=term, width=44)" "$(told "$since")"
berth rm -f term >/dev/null

# --- choosing
since=$(now)
berth volume create v1 >/dev/null
berth volume create v2 >/dev/null
berth network create n1 >/dev/null
for name in one two; do berth run -d --name $name $fast --label "who=$name" -v v1:/v --network n1 busybox sleep 1000 >/dev/null; done
chosen() { berth events --since "$since" --until 0s --format '{{.Type}} {{.Action}} {{.Actor.ID}}' "$@" | sed -E 's/[0-9a-f]{64}/ID/g'; }
equal "volume=" "volume create v2" "$(chosen --filter volume=v2)"
equal "volume= with an event" "volume mount v1
volume mount v1" "$(chosen --filter volume=v1 --filter event=mount)"
equal "network= by name" "network create ID
network connect ID
network connect ID" "$(chosen --filter network=n1)"
equal "network= by the beginning of an id" 3 "$(chosen --filter network="$(berth network inspect -f '{{slice .Id 0 6}}' n1)" | wc -l)"
equal "container= is one container and its own events" "container create ID
container start ID" "$(chosen --filter container=one)"
equal "image= is the image's containers too, its tag or not" "4 4" "$(chosen --filter image=busybox | wc -l) $(chosen --filter image=busybox --filter type=container | wc -l)"
equal "label=" "container create ID
container start ID" "$(chosen --filter label=who=two)"
equal "type= twice is either" "network volume" "$(chosen --filter type=network --filter type=volume | cut -d' ' -f1 | sort -u | xargs)"
equal "until a time" "" "$(berth events --since 2001-01-01 --until 2002-01-01)"
berth rm -f one two >/dev/null
berth volume rm v1 v2 >/dev/null
berth network rm n1 >/dev/null
prints '"container"' "--format json is a document a line" sh -c 'berth events --since 1h --until 0s --filter event=create --filter container=one --format json | jq .Type'
refuses 1 "an unknown filter" "berth: invalid filter 'colour'
hint: filters are container, image, network, volume, event, label, scope and type" berth events --filter colour=red --until 0s
refuses 1 "a time that is none" "berth: --since: invalid time 'soon'
hint: times look like 10m, 2026-01-02T03:04:05Z, 2026-01-02 or seconds since 1970" berth events --since soon --until 0s
mv "$BERTH_ROOT/events.log" "$BERTH_ROOT/kept.log"
mkdir "$BERTH_ROOT/events.log"
works "a history that cannot be written fails nothing" berth run --rm --network none busybox true
rmdir "$BERTH_ROOT/events.log"
finish
