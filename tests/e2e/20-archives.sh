# Images to and from files, and what other tools make of them: import of any compression, save and load, digests on the way.
# limit: 180
. "$(dirname "$0")/lib/common.sh"
bases busybox

id_of() { berth image inspect -f '{{.Id}}' "$1" 2>&1; }
store() { BERTH_ROOT=$WORK/other BERTH_RUN_ROOT=$WORK/other-run "$@"; }

# --- import
tar_id=$(sha256sum < "$BASES/busybox.tar" | cut -d' ' -f1)
for tool in cat gzip 'xz -0' bzip2 zstd; do
    command -v ${tool%% *} >/dev/null || { skip "import of $tool" "not installed"; continue; }
    $tool < "$BASES/busybox.tar" > "in.${tool%% *}"
    works "import reads what ${tool%% *} wrote" berth import "in.${tool%% *}" "im:${tool%% *}"
    equal "and the layer is the same" "sha256:$tar_id" "$(berth image inspect -f '{{index .RootFS.Layers 0}}' "im:${tool%% *}")"
done
equal "import reads standard input" "Imported from -" "$(berth import - im:stdin < "$BASES/busybox.tar" >/dev/null; berth history --format '{{.Comment}}' im:stdin)"
# From a pipe, whose reader and writer never agree on the size of a piece, with and without a name.
matches "a pipe needs no name" '^sha256:[0-9a-f]{64}$' "$(cat "$BASES/busybox.tar" | berth import -)"
cat "$BASES/busybox.tar" | berth import - im:pipe >/dev/null
gzip -c "$BASES/busybox.tar" | berth import - im:pipe-gz >/dev/null
(head -c 1000 "$BASES/busybox.tar"; sleep 0.3; tail -c +1001 "$BASES/busybox.tar") | berth import - im:slow >/dev/null
for name in stdin pipe pipe-gz slow; do
    equal "$name is the same layer" "sha256:$tar_id" "$(berth image inspect -f '{{index .RootFS.Layers 0}}' im:$name 2>&1)"
done
berth create --name source busybox true >/dev/null
berth export source | berth import - im:exported >/dev/null
berth export source | gzip | berth import - im:exported-gz >/dev/null
berth rm source >/dev/null
prints "from a container" "export into import" berth run --rm im:exported /bin/echo from a container
prints "from a container" "export, gzip, import" berth run --rm im:exported-gz /bin/echo from a container
cat "$BASES/busybox.tar" | berth import -c 'CMD ["sh"]' -c 'ENTRYPOINT env' - im:changed >/dev/null
equal "changes are docker's, without BuildKit's mark" '["sh"] ["/bin/sh","-c","env"] null' "$(berth image inspect im:changed | jq -rc '.[0].Config | "\(.Cmd) \(.Entrypoint) \(.ArgsEscaped)"')"
refuses 1 "an empty stream is a command that failed" "berth: import -: archive has no end mark: it may be cut off" sh -c 'true | berth import - im:cut'
refuses 1 "a platform that is none" "berth: --platform: platform 'nosuch': unknown operating system or architecture" berth import --platform nosuch "$BASES/busybox.tar" im:cut
equal "arm64 is one" "linux arm64" "$(berth import --platform arm64 "$BASES/busybox.tar" im:arm >/dev/null; berth image inspect -f '{{.Os}} {{.Architecture}}' im:arm)"
head -c 700000 "$BASES/busybox.tar" > cut.tar
refuses 1 "a cut archive is refused" "berth: import cut.tar: './bin/[': archive is cut off" berth import cut.tar im:cut
gzip -c "$BASES/busybox.tar" | head -c 300000 > cut.gz
exits 1 "so is a cut compressed one" berth import cut.gz im:cut
mkdir zipped
echo content > zipped/é; mkdir zipped/folder; echo more > zipped/folder/file
python3 -c 'import shutil; shutil.make_archive("in", "zip", "zipped")'
works "import reads a zip" berth import in.zip im:zip
equal "with all its files" "folder/ folder/file é" "$(id=$(berth create im:zip x); berth export "$id" | tar t | grep -E '^(é|.*303.*251|folder.*)$' | sed 's,\\303\\251,é,' | LC_ALL=C sort | xargs; berth rm "$id" >/dev/null)"
mkfifo feed
"$BERTH_LIBEXEC/berth-unpack" < feed >/dev/null 2>&1 &
helper=$!
exec 8> feed
soon 5 sh -c "grep -q '^Seccomp:.*2' /proc/$helper/status"
equal "what reads them has no rights, before its first byte" "0000000000000000 0000000000000000 1 2" \
    "$(awk '/^(CapPrm|CapEff|NoNewPrivs|Seccomp):/ { print $2 }' /proc/$helper/status | xargs)"
equal "and no descriptor but its streams" "0 1 2" "$(ls /proc/$helper/fd | xargs)"
exec 8>&-
wait $helper
echo "not a tar at all, but long enough to be looked at" > text
exits 1 "and a text" berth import text im:cut
equal "nothing of them is left" "" "$(berth images -q im:cut)"
equal "no staging is left" "" "$(ls "$BERTH_ROOT/tmp")"

# --- save and load
printf 'FROM busybox\nRUN echo one > /one; ln /one /link; mkfifo /fifo; chmod 4711 /one; rm /bin/vi\nRUN rm -r /etc; mkdir -p /etc; echo two > /etc/two\nENV A=b\n' > Dockerfile
works "an image of three layers" berth build -q -t me/app:1 -t me/app:2 .
works "save writes it" berth save -o app.tar me/app:1
works "load reads it, elsewhere" store berth load -q -i app.tar
equal "the id is the same" "$(id_of me/app:1)" "$(store berth image inspect -f '{{.Id}}' me/app:1)"
equal "so are the files" "$(berth run --rm --network none me/app:1 sh -c 'cat /one /etc/two; ls -l /one | cut -c1-10; ls /bin/vi 2>&1 | wc -l; ls /etc | xargs')" \
    "$(store berth run --rm --network none me/app:1 sh -c 'cat /one /etc/two; ls -l /one | cut -c1-10; ls /bin/vi 2>&1 | wc -l; ls /etc | xargs')"
equal "saving again gives the same bytes" "$(sha256sum < app.tar)" "$(store berth save me/app:1 | sha256sum)"
equal "a repository means all its tags" '["me/app:1","me/app:2"]' "$(berth save me/app | tar xO manifest.json | jq -c '.[0].RepoTags | sort')"
equal "an id means none" null "$(berth save "$(id_of me/app:1)" | tar xO manifest.json | jq -c '.[0].RepoTags')"
works "a store is sound after that" store berth system check --deep
cp app.tar bad.tar
printf X | dd of=bad.tar bs=1 seek=$(($(stat -c %s bad.tar) - 3000)) conv=notrunc 2>/dev/null
store berth rmi -f me/app:1 >/dev/null; store berth image prune -af >/dev/null; store berth builder prune -af >/dev/null 2>&1
exits 1 "an archive with a changed byte is refused" store berth load -i bad.tar
equal "and leaves no image" "" "$(store berth images -q)"

# --- archives of docker before 1.10
"$HERE/lib/old-archive" old.tar
works "load reads an archive of docker before 1.10" store berth load -i old.tar
equal "with all names" "old/app:1 old/app:latest old:2 registry.test:5000/old:base" "$(store berth images --format '{{.Repository}}:{{.Tag}}' | grep -v '<none>' | LC_ALL=C sort | xargs)"
equal "and what has none and is nobody's parent" 1 "$(store berth images -q --filter dangling=true | wc -l)"
equal "layers go along the parents" 3 "$(store berth image inspect -f '{{len .RootFS.Layers}}' old/app:1)"
equal "so does the history" "/bin/sh -c echo a && echo b > /top|/bin/sh -c #(nop) ENV X=1||" "$(store berth history --no-trunc --format '{{.CreatedBy}}' old/app:1 | tr '\n' '|')"
equal "the files are there and whiteouts work" "./bin/tool ./top" "$(id=$(store berth create old/app:1 x) && store berth export "$id" | tar t | sed 's,^,./,' | grep -E '/(tool|top|gone|other)$' | xargs; store berth rm "$id" >/dev/null)"
refused_old() { # FAULT TEXT
    "$HERE/lib/old-archive" "old.$1" "$1"
    try store berth load -q -i "old.$1"
    equal "one with $1 is refused in one line" "1 1" "$STATUS $(grep -c . <<<"$ERR")"
    matches "… that says why" "$2" "$ERR"
}
refused_old no-parent "^berth: .*image [0-9a-f]{64}: parent [0-9a-f]{64} is missing$"
refused_old loop "has more than 500 parents, or is its own$"
refused_old no-layer "layer [0-9a-f]{64}/layer.tar is missing$"
refused_old no-target "old:2: image f{64} is missing$"
equal "nothing of them is staged" "" "$(ls "$WORK/other/tmp")"

# --- other tools
if command -v skopeo >/dev/null; then
    peer() { skopeo --insecure-policy "$@"; }
    equal "skopeo reads what save writes" "$(berth image inspect -f '{{json .RootFS.Layers}}' me/app:1)" "$(peer inspect --config docker-archive:app.tar:me/app:1 | jq -c .rootfs.diff_ids)"
    works "skopeo copies docker's form" peer copy -q docker-archive:app.tar:me/app:1 docker-archive:sk.tar:me/sk:1
    works "load reads skopeo's docker archive" store berth load -q -i sk.tar
    equal "with the same id" "$(id_of me/app:1)" "$(store berth image inspect -f '{{.Id}}' me/sk:1)"
    works "skopeo makes an OCI archive" peer copy -q docker-archive:app.tar:me/app:1 oci-archive:oci.tar:me/oci:1
    works "load reads it, layers compressed" store berth load -q -i oci.tar
    equal "with the same layers" "$(berth image inspect -f '{{json .RootFS.Layers}}' me/app:1)" "$(store berth image inspect -f '{{json .RootFS.Layers}}' me/oci:1)"
    works "an OCI layout in a folder" peer copy -q docker-archive:app.tar:me/app:1 oci:layout:me/lay:1
    works "load reads that" store berth load -q -i layout
    works "skopeo reads the same archive as OCI" peer inspect --raw oci-archive:app.tar
else
    skip "archives of other tools" "skopeo is not installed"
fi
works "all of it is sound" store berth system check --deep
finish
