#!/usr/bin/env bash
# limit: 180
# The Dockerfile language beyond the acceptance journeys: heredocs, variables, mounts, flags of COPY, ONBUILD, checks.
. "$(dirname "$0")/lib/common.sh"
bases busybox
# file TEXT: the Dockerfile of the folder c
file() { mkdir -p c; printf '%b' "$1" > c/Dockerfile; }
build() { "$ENGINE" build -q -t t "$@" c 2>err; }
# shows WHAT WANTED COMMAND...: builds c, and the command prints that in the image
shows() {
    local what=$1 wanted=$2
    shift 2
    build >/dev/null || { fail "$what" "$(tail -5 err)"; return; }
    equal "$what" "$wanted" "$("$ENGINE" run --rm --network none t "$@" 2>&1)"
}

# --- heredocs
file 'FROM busybox\nRUN <<EOF\necho one > /f\nfalse\necho two >> /f\nEOF\n'
shows "a heredoc alone is a script for the shell, which goes on after a failure" $'one\ntwo' cat /f
file 'FROM busybox\nRUN <<EOF\n#!/bin/sh -e\necho "$0" > /f\nEOF\n'
shows "one that starts with #! is a program" /dev/pipes/EOF cat /f
equal "and leaves no trace in the layer" "" "$("$ENGINE" run --rm --network none t ls /dev/pipes 2>/dev/null)"
file 'FROM busybox\nRUN cat <<A > /f && cat <<B >> /f\n$0 a\nA\nb\nB\n'
shows "several go to the shell as they are written" $'/bin/sh a\nb' cat /f
file 'FROM busybox\nARG X=x\nCOPY <<A <<"B" /d/\n$X "q" \\$X\nA\n$X\nB\n'
shows "COPY writes them as files, expanded unless quoted" $'x "q" $X\n$X\n644 0:0' sh -c 'cat /d/A /d/B; stat -c "%a %u:%g" /d/A'

# --- variables
file 'FROM busybox\nENV a=x.tar.gz e=\nENV b=${a%%.*} c=${a#*.} d=${a/tar/zip} f=${e:-z}${e-y} g=${a:+s}\nCMD echo $b $c $d $f $g\n'
shows "operators" "x tar.gz x.zip.gz z s" sh -c 'echo $b $c $d $f $g'
file 'ARG V=1\nFROM busybox AS one\nARG V\nENV v=$V\nFROM one\nARG W=$V\nRUN echo "$v $V $W" > /f\n'
shows "a stage on a stage inherits ARG and ENV" "1 1 1" cat /f
file 'FROM busybox\nARG TARGETARCH\nARG TARGETOS\nRUN echo $TARGETOS/$TARGETARCH > /f\n'
shows "the platform's arguments" "linux/$("$ENGINE" version -f '{{.Client.Arch}}' 2>/dev/null || echo amd64)" cat /f
file 'FROM busybox\nRUN echo "${HTTP_PROXY-none}" > /f\n'
"$ENGINE" build -q -t t --build-arg HTTP_PROXY=http://p c >/dev/null 2>err
equal "a proxy reaches RUN without ARG" http://p "$("$ENGINE" run --rm --network none t cat /f)"
equal "and not the history" "" "$("$ENGINE" history --no-trunc t | grep http://p)"

# --- mounts
mkdir -p c/src; echo content > c/src/f; echo hidden > c/src/no; echo 'src/no' > c/.dockerignore
file 'FROM busybox\nRUN --mount=type=bind,source=src,target=/m ls /m > /f; touch /m/x 2>/dev/null || echo ro >> /f\n'
shows "bind: the context, without what is ignored, read-only" $'f\nro' cat /f
file 'FROM busybox\nRUN --mount=type=bind,source=src,target=/m,rw echo changed > /m/f && cat /m/f > /f\n'
shows "bind,rw may be written" changed cat /f
equal "and the user's file is as it was" content "$(cat c/src/f)"
file 'FROM busybox AS a\nRUN mkdir /d && echo from-a > /d/f\nFROM busybox\nRUN --mount=from=a,source=/d,target=/m cat /m/f > /f; ls -d /m >/dev/null\n'
shows "bind from a stage" from-a cat /f
equal "its mount point is not in the layer" "" "$("$ENGINE" run --rm --network none t ls -d /m 2>/dev/null)"
file "FROM busybox\nRUN --mount=type=cache,target=/c echo $$ >> /c/log; wc -l < /c/log > /f\n"
build >/dev/null; file "FROM busybox\nRUN : again; --mount=x true; true\nRUN --mount=type=cache,target=/c echo two >> /c/log; wc -l < /c/log > /f\n"
shows "a cache keeps what was written" 2 cat /f
file 'FROM busybox\nRUN --mount=type=tmpfs,target=/t mount | grep -c " /t type tmpfs" > /f\n'
shows "tmpfs" 1 cat /f
echo top-secret > s; file 'FROM busybox\nRUN --mount=type=secret,id=k cat /run/secrets/k > /f; stat -c %a /run/secrets/k >> /f; ls -A /run/secrets\n'
works "a build with a secret" "$ENGINE" build -q -t t --secret id=k,src=s c
equal "a secret is a file of mode 400" $'top-secret\n400' "$("$ENGINE" run --rm --network none t cat /f)"
equal "and not in the image" "" "$("$ENGINE" run --rm --network none t ls -A /run/secrets 2>/dev/null)"
file 'FROM busybox\nRUN --mount=type=secret,id=k,env=K echo "${#K}" > /f\n'
works "a secret as a variable" "$ENGINE" build -q -t t --secret id=k,src=s c
equal "is there in the step" 11 "$("$ENGINE" run --rm --network none t cat /f)"
equal "and neither in history nor configuration" "" "$("$ENGINE" history --no-trunc t | grep top-secret; "$ENGINE" inspect t | grep top-secret)"
file 'FROM busybox\nRUN --mount=type=secret,id=none cat /run/secrets/none 2>/dev/null || echo absent > /f\n'
shows "one that is missing is absent" absent cat /f
file 'FROM busybox\nRUN --mount=type=secret,id=none,required cat /run/secrets/none\n'
exits 1 "unless it is required" "$ENGINE" build -q c
holds "which is told" "secret none: not found" "$ERR"
file 'FROM busybox\nRUN --network=none ip -o link | wc -l > /f\n'
shows "RUN --network=none has a loopback only" 1 cat /f
file 'FROM busybox\nRUN --network=host true\n'
exits 1 "RUN --network=host must be allowed" "$ENGINE" build -q c
holds "and says how" "--allow network.host" "$ERR"

# --- COPY
mkdir -p c/p/q; rm -f c/.dockerignore; echo 1 > c/p/q/a.txt; echo 2 > c/p/q/b.md; echo 3 > c/p/c.txt; chmod 600 c/p/c.txt
file 'FROM busybox\nCOPY --parents p/./**/*.txt /d/\nRUN cd /d; find . -type f | sort > /f\n'
shows "--parents keeps the path behind the pivot" $'./c.txt\n./q/a.txt' cat /f
file 'FROM busybox\nCOPY --exclude=**/*.md p /d/\nRUN cd /d; find . -type f | sort > /f\n'
shows "--exclude" $'./c.txt\n./q/a.txt' cat /f
file 'FROM busybox\nCOPY --chmod=u=rwX,go=rX p /d/\nRUN stat -c %a /d/c.txt /d/q > /f\n'
shows "--chmod with symbols" $'644\n755' cat /f
file 'FROM busybox\nRUN mkdir -m 700 /d; ln -s /d /l\nCOPY --link p/c.txt /l/\nRUN stat -c "%F" /l > /f\n'
shows "--link does not look at what is below" directory cat /f
file 'FROM busybox\nCOPY p/c.txt p/q/a.txt /d\n'
exits 1 "several sources need a folder" "$ENGINE" build -q c
holds "and it says so" "end with a /" "$ERR"
file 'FROM busybox\nCOPY --chown=nobody:nogroup2 p/c.txt /\n'
exits 1 "an unknown group is refused" "$ENGINE" build -q c
holds "by name" "group 'nogroup2'" "$ERR"

# What tests/peers/build-diff found: each as docker does it.
file 'FROM busybox\nADD a.tar /x/\nRUN stat -c %u:%g /x /x/f > /f\n'
echo 1 > c/f; tar -C c --owner=5 --group=6 -cf c/a.tar . --exclude=a.tar
shows "an archive's own top says nothing about the destination" $'0:0\n5:6' cat /f
file 'FROM busybox\nRUN mkdir -m 2775 /g && chgrp 8 /g\nCOPY f /g/new/\nRUN stat -c "%a %u:%g" /g/new /g/new/f > /f\n'
shows "a folder made in a set-group-id folder inherits" $'2755 0:8\n644 0:0' cat /f
ln c/f c/h
file 'FROM busybox\nCOPY f h /one/\nCOPY [fh] /two/\nCOPY . /three/\nRUN stat -c %h /one/f /two/f /three/f > /f\n'
shows "names of one file stay linked within a source, or match of a wildcard, only" $'1\n1\n2' cat /f
echo slash > 'c/a\b'
file 'FROM busybox\nCOPY a\\\\b /f\n'
shows "a backslash may be part of a name" slash cat /f

file 'FROM busybox\nCOPY none/* /x/\n'
exits 1 "a wildcard in a folder that is not there" "$ENGINE" build -q c
holds "names the folder" '"/none": not found' "$ERR"
ln -s missing c/link-1
file 'FROM busybox\nCOPY link-* /x/\n'
exits 1 "a wildcard that matches a link to nothing" "$ENGINE" build -q c
holds "names the link" '"/link-1": not found' "$ERR"
rm c/link-1
file 'FROM scratch AS none\nLABEL a=b\nFROM busybox\nCOPY --from=none / /all\nRUN ls -A /all > /f\n'
shows "a stage without layers is an empty folder" "" cat /f
file 'FROM busybox\nWORKDIR w\nRUN pwd > /f\nWORKDIR x\nWORKDIR y\nRUN pwd >> /f\nWORKDIR ..\nRUN pwd >> /f\n'
shows "each WORKDIR is relative to the one before, and the first to the root" $'/w\n/w/x/y\n/w/x' cat /f
shows "also when the steps come from the cache" $'/w\n/w/x/y\n/w/x' cat /f
equal "and in the image" /w/x "$("$ENGINE" inspect -f '{{.Config.WorkingDir}}' t)"

# --- contexts, checks
mkdir -p other; echo extra > other/x
file 'FROM busybox\nCOPY --from=more x /f\n'
works "a named context" "$ENGINE" build -q -t t --build-context more=other c
equal "is copied from" extra "$("$ENGINE" run --rm --network none t cat /f)"
file 'from busybox as X\nMAINTAINER me\nENV A b\nCMD ls $NOTHING\nWORKDIR d\nCOPY $NIX /x\n'
"$ENGINE" build --check c >out 2>&1; equal "--check finds something and says so by its status" 1 $?
for rule in ConsistentInstructionCasing StageNameCasing MaintainerDeprecated LegacyKeyValueFormat JSONArgsRecommended WorkdirRelativePath UndefinedVar; do
    holds "check $rule" "WARNING: $rule" "$(cat out)"
done
file '# check=skip=all\nfrom busybox as X\n'
prints "Check complete, no warnings found." "checks can be skipped" "$ENGINE" build --check c
file 'FROM busybox AS a\n# b does it\nFROM a AS b\n'
holds "--call=targets lists the stages" "b (default)" "$("$ENGINE" build --call=targets c 2>&1)"

# --- a Dockerfile of a few lines whose variables would fill the memory
{ echo FROM busybox; echo ARG a0=xxxxxxxxxx; for i in 0 1 2 3 4 5 6 7 8 9; do printf 'ARG a%s=%s\n' $((i + 1)) "\$a$i\$a$i\$a$i\$a$i\$a$i\$a$i\$a$i\$a$i\$a$i\$a$i"; done; } > Dockerfile
exits 1 "variables that multiply end the build" bash -c 'ulimit -v 4000000; timeout 20 berth build -q - < Dockerfile'
holds "which says so" "Dockerfile:8: ARG a6: variables bring more than 1 MiB" "$ERR"
finish
