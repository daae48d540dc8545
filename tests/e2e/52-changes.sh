# limit: 120
# diff, commit and export: what a container changed, as a list, as an image, as a tar.
. "$(dirname "$0")/lib/common.sh"
bases busybox
mkdir ctx
cat > ctx/Dockerfile <<'D'
FROM busybox
RUN mkdir -p /d/keep /d/gone /whole && echo a > /d/f && echo b > /d/gone/g && echo c > /whole/x && echo p > /pair && ln /pair /twin
ENV KEPT=1
D
berth build -q -t base ctx >/dev/null
change='echo more >> /d/f; rm -r /d/gone; rm -r /whole; mkdir /whole; echo new > /whole/y; mkdir /new; mkfifo /new/pipe; ln -s f /d/link; chmod 700 /d/keep; echo h > /etc/hosts; echo x > /vol/x'
berth run -d --name one -v /vol base sh -c "$change; sleep 1000" >/dev/null
soon 5 berth exec one test -p /new/pipe -a -d /d/keep
sleep 0.3
wanted="C /d
C /d/f
D /d/gone
C /d/keep
A /d/link
A /new
A /new/pipe
C /whole
D /whole/x
A /whole/y"
prints "$wanted" "diff lists what changed, and nothing of mounts" berth diff one
berth create --name untouched base true >/dev/null
prints "" "a container that never ran changed nothing" berth diff untouched

# --- commit
id=$(berth commit -m "a reason" -a "Me <me@example.org>" -c 'ENV A="x y"' -c 'CMD ["cat", "/whole/y"]' one made:1)
matches "commit prints the id" '^sha256:[0-9a-f]{64}$' "$id"
equal "the tag means it" "$id" "$(berth inspect -f '{{.Id}}' made:1)"
equal "who and why" "Me <me@example.org>|a reason" "$(berth inspect -f '{{.Author}}|{{.Comment}}' made:1)"
equal "history tells it too" "a reason" "$(berth history --format '{{.Comment}}' made:1 | head -1)"
prints new "it runs what --change said" berth run --rm made:1
prints "x y 1" "with the environment of both" berth run --rm made:1 sh -c 'echo $A $KEPT'
prints "f keep link|y|pipe|700" "the files are those of the container" berth run --rm made:1 sh -c 'echo "$(ls /d | xargs)|$(ls /whole)|$(ls /new)|$(stat -c %a /d/keep)"'
equal "one layer more" 1 $(($(berth inspect -f '{{len .RootFS.Layers}}' made:1) - $(berth inspect -f '{{len .RootFS.Layers}}' base)))
equal "the container goes on" running "$(inspect one '{{.State.Status}}')"
prints one "a paused one stays paused" berth pause one
works "and is committed as it is" berth commit one made:2
equal "still paused" paused "$(inspect one '{{.State.Status}}')"
berth unpause one >/dev/null
exits 1 "what --change does not take is refused" berth commit -c 'RUN true' one made:3
holds "by its name" RUN "$ERR"
exits 1 "leaves no image" berth inspect made:3
exits 1 "a bad name is refused" berth commit one 'Upper:1'
id=$(berth commit untouched)
equal "an unchanged container adds no layer" "$(berth inspect -f '{{len .RootFS.Layers}}' base)" "$(berth inspect -f '{{len .RootFS.Layers}}' "$id")"
berth commit --squash one squashed >/dev/null
equal "--squash gives one layer" 1 "$(berth inspect -f '{{len .RootFS.Layers}}' squashed)"
equal "with the same files" "new gone" "$(berth run --rm squashed sh -c 'cat /whole/y; [ -e /d/gone ] || echo gone' | xargs)"
# The upper folder was copied: the container's later changes are not the image's.
berth exec one sh -c 'echo later > /whole/y'
prints new "what the container does later is not in the image" berth run --rm made:1 cat /whole/y

# --- export
berth export one > c.tar
names=$(tar tf c.tar)
holds "export has the changes" "whole/y" "$names"
lacks "and not what was deleted" "d/gone" "$names"
lacks "nor names with ./" "./" "$(head -1 <<<"$names")"
lacks "nor the volume's files" "vol/x" "$names"
equal "hard links are links" "h" "$(tar tvf c.tar twin | cut -c1)"
berth stop -t 0 one >/dev/null
works "a stopped container too" sh -c 'berth export -o d.tar one && tar tf d.tar whole/y'
exits 1 "an unknown container" berth export nosuch
equal "nothing stays mounted" "" "$(grep overlay /proc/self/mountinfo)"
berth rm -fv one untouched >/dev/null
finish
