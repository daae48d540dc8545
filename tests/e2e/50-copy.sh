# limit: 120
# cp beyond docker's table of cases (acceptance/06-cp-commit holds that): errors word by word, mounts, owners, streams.
. "$(dirname "$0")/lib/common.sh"
bases busybox
berth volume create data >/dev/null
mkdir -p bind tree/sub
echo one > tree/f
echo two > tree/sub/g
echo in > in
berth run -d --name run -v data:/vol -v "$WORK/bind:/bind" -v "$WORK/bind:/ro:ro" --tmpfs /t busybox sleep 1000 >/dev/null
berth create --name not -v data:/vol -v data:/deep/er/vol busybox true >/dev/null

# --- what is refused, and how it is said
refuses 1 "a missing source on the host" "berth: nosuch: No such file or directory" berth cp nosuch run:/
refuses 1 "a missing file in a container" "berth: could not find the file /nosuch in container run" berth cp run:/nosuch .
refuses 1 "a missing folder in a container" "berth: could not find the file /no/such/x in container run" berth cp in run:/no/such/x
refuses 1 "a missing folder on the host" 'berth: invalid output path: directory "no/such" does not exist' berth cp run:/etc/passwd no/such/x
refuses 1 "a folder over a file" "berth: cannot copy directory" berth cp tree run:/etc/passwd
refuses 1 "a file as a folder" "berth: no such directory" berth cp in run:/new/
refuses 1 "a slash behind a file" "berth: run:/etc/passwd/: not a directory" berth cp run:/etc/passwd/ x
refuses 1 "a tar over a file" "berth: destination run:/etc/passwd must be a directory" sh -c 'tar cf - in 2>/dev/null | berth cp - run:/etc/passwd'
refuses 1 "a read-only bind" "berth: run:/ro/x: mounted volume is marked read-only" berth cp in run:/ro/x
berth create --name closed --read-only -v data:/vol busybox true >/dev/null
refuses 1 "a read-only container" "berth: closed:/x: container rootfs is marked read-only" berth cp in closed:/x
works "but not its volume" berth cp in closed:/vol/from-closed
exits 1 "a file of the kernel" berth cp run:/proc/version .
holds "is named as such" "belongs to the kernel" "$ERR"
equal "nothing came of all that" "bind in tree" "$(ls | grep -v '^\.' | xargs)"

# --- through mounts
berth cp tree run:/vol
berth cp not:/vol/tree via-not
equal "what went into a volume comes out of another container" "one two" "$(cat via-not/f via-not/sub/g | xargs)"
berth cp in not:/deep/er/vol/second
prints in "two mounts of one volume" berth exec run cat /vol/second
berth cp in run:/t/in
prints in "a tmpfs of a running container" berth exec run cat /t/in
berth cp in run:/bind/in
equal "a bind" in "$(cat bind/in)"
mkdir -p outer
berth run -d --name nested -v "$WORK/outer:/o" -v data:/o/vol busybox sleep 1000 >/dev/null
berth cp nested:/o o
equal "a volume in a bind" "one" "$(cat o/vol/tree/f)"
berth cp nested:/o - | tar tf - > names
holds "in a tar too" "o/vol/tree/f" "$(cat names)"
berth cp run:/etc/hosts hosts
holds "/etc/hosts is the container's" "$(inspect run '{{.Config.Hostname}}')" "$(cat hosts)"
echo "10.0.0.1 added" >> hosts
works "and can be written although it is a mount" berth cp hosts run:/etc/hosts
holds "then programs see it" "10.0.0.1 added" "$(berth exec run cat /etc/hosts)"

# --- mounts of other kinds, running and stopped
printf 'FROM busybox\nRUN mkdir -p /in/image && echo of-image > /in/image/f\n' | berth build -q -t source - >/dev/null
berth volume create -o type=tmpfs -o device=tmpfs memory >/dev/null
mkdir linked
berth volume create -o type=none -o o=bind -o device="$WORK/linked" linked >/dev/null
kinds=(--mount type=image,src=source,dst=/img --mount type=image,src=source,dst=/sub,image-subpath=in/image -v memory:/mem -v linked:/lnk --mount type=volume,src=data,dst=/tree,volume-subpath=tree)
berth run -d --name kinds "${kinds[@]}" busybox sleep 1000 >/dev/null
berth create --name kinds2 "${kinds[@]}" busybox sleep 1000 >/dev/null
for name in kinds kinds2; do
    equal "$name: out of an image mount" "of-image" "$(berth cp $name:/img/in/image/f - | tar xO)"
    equal "$name: out of a part of an image" "of-image" "$(berth cp $name:/sub/f - | tar xO)"
    refuses 1 "$name: not into an image" "berth: $name:/img/x: mounted volume is marked read-only" berth cp in $name:/img/x
    equal "$name: a folder that holds mounts" "img/in/image/f" "$(berth cp $name:/img - | tar t | grep -x img/in/image/f)"
    works "$name: into a volume that is a bind" berth cp in $name:/lnk/$name
    equal "$name: it is on the host" in "$(cat linked/$name 2>&1)"
    works "$name: into a volume in memory" berth cp in $name:/mem/x
    equal "$name: out of a part of a volume" two "$(berth cp $name:/tree/sub/g - | tar xO)"
    works "$name: into it" berth cp in $name:/tree/$name
done
equal "what went into a part of a volume is in the volume" "in in" "$(berth cp run:/vol/tree/kinds - | tar xO) $(berth cp run:/vol/tree/kinds2 - | tar xO)"
equal "a volume in memory is each run's own: nothing fell on the disk" "" "$(ls "$BERTH_ROOT/volumes/memory/_data")"
berth rm -f kinds kinds2 >/dev/null
berth create --name gone-image --mount type=image,src=source,dst=/img busybox true >/dev/null
berth rmi -f source >/dev/null
exits 1 "an image that is gone is told" berth cp gone-image:/img .
holds "by its place" "mount /img: source: No such image" "$ERR"
works "and the rest of the container can be had" berth rm gone-image

# --- between containers
works "between two that run or not" berth cp --between run:/vol/tree not:/from-run
works "a file into a folder" berth cp --between not:/from-run/f run:/tmp/
equal "arrives" one "$(berth exec run cat /tmp/f)"
works "within one" berth cp --between run:/tmp/f run:/tmp/g
equal "too" one "$(berth exec run cat /tmp/g)"
berth exec run sh -c 'echo v > /vol/f2'
works "from volume to volume" berth cp --between run:/vol/f2 not:/vol/f3
equal "is there" v "$(berth exec run cat /vol/f3)"
refuses 1 "docker's refusal without the flag" "berth: copying between containers is not supported
hint: docker refuses it, so berth wants to be told: berth cp --between SOURCE TARGET" berth cp run:/tmp/f not:/x
refuses 1 "a missing source" "berth: could not find the file /nosuch in container run" berth cp --between run:/nosuch not:/x
exits 1 "a missing folder" berth cp --between run:/tmp/f not:/no/such/x
exits 1 "a missing container" berth cp --between nosuch:/x run:/x
exits 1 "into a read-only one" berth cp --between run:/tmp/f closed:/x

# --- owners
echo x > owned
chown 1234:567 owned
berth cp owned run:/plain
berth cp -a owned run:/archive
prints "1234:567 1234:567" "numbers are kept" berth exec run sh -c 'echo $(stat -c %u:%g /plain) $(stat -c %u:%g /archive)'
berth create --name user -u daemon busybox true >/dev/null
berth cp -a owned user:/archive
berth cp user:/archive - | tar tvf - --numeric-owner > listed
matches "cp -a gives them to the container's user, if it has one" '1/1 ' "$(cat listed)"
berth cp run:/plain back
equal "what comes out is the caller's" "$(id -u):$(id -g)" "$(stat -c %u:%g back)"

# --- streams
berth cp run:/vol/tree - | berth cp - not:/
berth cp not:/tree again
equal "from container to container" "one two" "$(cat again/f again/sub/g | xargs)"
if command -v xz >/dev/null; then
    tar cf - tree | xz | berth cp - run:/t
    prints two "a tar that xz made" berth exec run cat /t/tree/sub/g
else
    skip "a tar that xz made" "xz is missing"
fi
exits 1 "a stream that is no tar" sh -c 'head -c 100000 /dev/urandom | berth cp - run:/t'
exits 1 "a tar that is cut off" sh -c 'tar cf - in tree | head -c 1500 | berth cp - run:/t'

# --- the whole of a container
mkdir all
works "the root of a running container" berth cp run:/. all
equal "with its own files, without the kernel's" "root 0 0" "$(head -1 all/etc/passwd | cut -d: -f1) $(ls -A all/proc | wc -l) $(ls -A all/sys | wc -l)"
works "a stopped container copies the same" sh -c 'berth stop -t 0 run && berth cp run:/vol/tree/f f && grep one f'
works "and starts again" berth start run

# --- a container that is copied into cannot be started meanwhile, and starts afterwards
mkfifo slow
berth cp - not:/ < slow &
copying=$!
{ sleep 1; tar cf - in; } > slow &
sleep 0.4
works "start waits for a copy under way" berth start not
wait $copying
equal "which came to its end" 0 $?
equal "no mount is left on the host" "" "$(grep -c 'overlay\|/volumes/' /proc/self/mountinfo | grep -v '^0')"
berth rm -f run not closed nested user >/dev/null
finish
