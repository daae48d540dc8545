# limit: 120
# Volumes and mounts: every way to ask for one, what is in it, who may remove it.
. "$(dirname "$0")/lib/common.sh"
bases busybox
mkdir ctx
cat > ctx/Dockerfile <<'D'
FROM busybox
RUN mkdir -p /data/sub && echo seed > /data/sub/f && chown -R 7:8 /data && chmod 750 /data
VOLUME /anon
D
berth build -q -t seeded ctx >/dev/null

# --- named volumes
prints data "volume create prints the name" berth volume create --label tier=db data
prints data "and again is no error" berth volume create data
prints "seed 7:8 750" "a new volume takes the image's content, owners and modes" berth run --rm -v data:/data seeded sh -c 'echo $(cat /data/sub/f) $(stat -c "%u:%g %a" /data)'
berth run --rm -v data:/data seeded sh -c 'echo mine > /data/sub/f'
prints mine "what is written there stays" berth run --rm -v data:/data seeded cat /data/sub/f
prints "" "nocopy leaves it empty" berth run --rm -v fresh:/data:nocopy seeded ls /data
prints "" "--mount can say so too" berth run --rm --mount type=volume,src=fresh2,dst=/data,volume-nocopy seeded ls /data
prints mine "a subpath shows one folder of it" berth run --rm --mount type=volume,src=data,dst=/x,volume-subpath=sub busybox cat /x/f
exits 1 "read-only is read-only" berth run --rm -v data:/data:ro busybox touch /data/x
equal "inspect shows it" "data local db" "$(berth volume inspect -f '{{.Name}} {{.Driver}} {{.Labels.tier}}' data)"
matches "ls lists it" 'local +data' "$(berth volume ls)"

# --- anonymous volumes
berth run -d --name anon -v /more seeded sleep 1000 >/dev/null
equal "VOLUME and -v PATH make one each" 2 "$(inspect anon '{{len .Mounts}}')"
name=$(inspect anon '{{(index .Mounts 0).Name}}')
matches "without a name" '^[0-9a-f]{64}$' "$name"
berth rm -f anon >/dev/null
works "rm leaves them" berth volume inspect "$name"
berth run -d --name anon seeded sleep 1000 >/dev/null
name=$(inspect anon '{{(index .Mounts 0).Name}}')
berth rm -fv anon >/dev/null
exits 1 "rm -v takes them" berth volume inspect "$name"
before=$(berth volume ls -q | wc -l)
berth run --rm seeded true
equal "so does run --rm" "$before" "$(berth volume ls -q | wc -l)"
berth run --rm -v data:/anon seeded true
works "never one with a name" berth volume inspect data

# --- binds
berth run --rm -v "$WORK/made:/m" busybox sh -c 'echo x > /m/f'
equal "-v makes a missing source" x "$(cat made/f)"
exits 125 "--mount does not" berth run --rm --mount "type=bind,src=$WORK/absent,dst=/m" busybox true
holds "and says so" "bind source path does not exist: $WORK/absent" "$ERR"
echo file > one
prints file "a file is a source too" berth run --rm -v ./one:/etc/one busybox cat /etc/one
exits 125 "two things on one path" berth run --rm -v a1:/x -v b1:/x busybox true
holds "are named" "duplicate mount point: /x" "$ERR"
prints "64m" "a tmpfs has the size asked for" berth run --rm --tmpfs /t:size=64m busybox sh -c 'df -h /t | tail -1 | sed "s/.* \(64\)\.0M.*/\1m/"'
exits 126 "and executes nothing" berth run --rm --tmpfs /t busybox sh -c 'cp /bin/busybox /t/sh && exec /t/sh true'
prints "1770" "--mount type=tmpfs has a mode" berth run --rm --mount type=tmpfs,dst=/t,tmpfs-mode=1770 busybox stat -c %a /t
mkdir theirs
touch theirs/f
prints "2 2" ":U gives a source to the container's user" berth run --rm -u bin -v "$WORK/theirs:/t:U" busybox sh -c 'echo $(stat -c %u /t /t/f)'

# --- volumes of other containers
berth create --name owner -v data:/data -v "$WORK/made:/made" busybox true >/dev/null
prints "mine x" "--volumes-from brings volumes and binds" berth run --rm --volumes-from owner busybox sh -c 'echo $(cat /data/sub/f) $(cat /made/f)'
exits 1 "read-only where asked" berth run --rm --volumes-from owner:ro busybox touch /data/x
prints "" "an own mount goes first" berth run --rm --volumes-from owner -v empty1:/data busybox ls /data

# --- :U gives the volume to the container's user
berth volume create owned >/dev/null
berth run --rm -v owned:/o busybox sh -c 'mkdir /o/sub; echo x > /o/sub/f; ln -s /etc /o/link'
prints $'1000:1000\n1000:1000\n1000:1000' ":U: all of it" berth run --rm -u 1000:1000 -v owned:/o:U busybox stat -c %u:%g /o /o/sub /o/sub/f
equal "a link in it gives away nothing else" "0:0" "$(stat -c %u:%g /etc)"
works "its user can write" berth run --rm -u 1000:1000 -v owned:/o:U busybox touch /o/mine
prints "0:0" "without a user it is root's again" berth run --rm -v owned:/o:U busybox stat -c %u:%g /o/sub/f
berth create --name given -u 33 -v owned:/o:U busybox stat -c %u:%g /o/sub/f >/dev/null
equal "nothing changes before the start" "0:0" "$(berth run --rm -v owned:/o busybox stat -c %u:%g /o/sub/f)"
prints "33:33" "a user of the image has its group" berth start -a given
prints "33:33" "also read-only" berth run --rm -u 33:33 -v owned:/o:ro,U busybox stat -c %u:%g /o
exits 125 "a user that is not there changes nothing" berth run --rm -u nosuch -v owned:/o:U busybox true
prints "33:33" "really" berth run --rm -v owned:/o busybox stat -c %u:%g /o/sub/f
mkdir bound
touch bound/f
prints "7:8" "binds too" berth run --rm -u 7:8 -v "$WORK/bound:/b:U" busybox stat -c %u:%g /b/f
berth rm given >/dev/null

# --- images as mounts
printf 'FROM busybox\nRUN mkdir -p /part/deep && echo of-image > /part/deep/f && ln -s /etc /part/out\n' | berth build -q -t source - >/dev/null
prints of-image "an image is mounted" berth run --rm --mount type=image,src=source,dst=/img busybox cat /img/part/deep/f
prints of-image "or a folder of it" berth run --rm --mount type=image,src=source,dst=/img,image-subpath=part/deep busybox cat /img/f
prints of-image "or a file" berth run --rm --mount type=image,src=source,dst=/f,image-subpath=part/deep/f busybox cat /f
exits 1 "nothing can be written there" berth run --rm --mount type=image,src=source,dst=/img busybox touch /img/x
exits 125 "a subpath that is not there is told" berth run --rm --mount type=image,src=source,dst=/img,image-subpath=nosuch busybox true
holds "by its name" "source: subpath: nosuch: No such file or directory" "$ERR"
equal "a link leads nowhere but into the image" "$(tar tf "$BASES/busybox.tar" | sed -n 's,^\./etc/\(.\+\),\1,p' | sort)" "$(berth run --rm --mount type=image,src=source,dst=/img,image-subpath=part/out busybox ls /img)"
exits 125 "an image that is not there is told" berth run --rm --mount type=image,src=nosuch,dst=/img busybox true
berth rmi -f source >/dev/null

# --- removing
exits 1 "a volume in use is not removed" berth volume rm data
holds "and says by whom" "volume is in use - [$(inspect owner '{{.Id}}')" "$ERR"
exits 1 "nor is one that is not there" berth volume rm nosuch
holds "which is said" "no such volume: nosuch" "$ERR"
berth rm owner >/dev/null
prints data "afterwards it is" berth volume rm data
berth volume create kept >/dev/null
berth run --rm -v /x busybox true
berth create --name dropped -v /x busybox true >/dev/null
berth rm dropped >/dev/null
berth volume prune -f >/dev/null
holds "prune keeps volumes with names" kept "$(berth volume ls -q)"
equal "and removes those without" 0 "$(berth volume ls -q | grep -cE '^[0-9a-f]{64}$')"
berth volume prune -af >/dev/null
equal "prune -a removes all" "" "$(berth volume ls -q)"

# --- hostile content (CVE-2022-23648, CVE-2021-30465)
mkdir evil ctx2
mkdir relative
printf 'FROM busybox\nRUN mkdir /data && echo seed > /data/f\nVOLUME data ../up\n' > relative/Dockerfile
works "a build with a VOLUME that is no absolute path" "$ENGINE" build -q -t relative relative
prints "/data /up" "a container has it below /" "$ENGINE" run --name relative relative sh -c 'grep -o " /data \| /up " /proc/mounts | xargs'
equal "inspect too" "/data /up " "$(inspect relative '{{range .Mounts}}{{.Destination}} {{end}}')"
prints seed "filled with what the image has there" "$ENGINE" run --rm --volumes-from relative busybox cat /data/f
"$ENGINE" rm -fv relative >/dev/null
printf 'FROM busybox\nRUN rm -rf /link && ln -s %s /link\nVOLUME /link\n' "$WORK/evil" > ctx2/Dockerfile
echo secret > evil/secret
berth build -q -t hostile ctx2 >/dev/null
try berth run --rm -v stolen:/link hostile ls /link
lacks "a VOLUME that is a link shows nothing of the host" secret "$OUT"
equal "and nothing was written there" secret "$(ls evil)"
berth volume create trap >/dev/null
berth run --rm -v trap:/v busybox ln -s "$WORK/evil" /v/sub
exits 125 "a subpath that is a link is refused" berth run --rm --mount type=volume,src=trap,dst=/x,volume-subpath=sub busybox ls /x
finish
