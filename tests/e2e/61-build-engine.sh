#!/usr/bin/env bash
# limit: 180
# What a build leaves and what it does not: cache, failures, interruption, outputs, times, parallel stages.
. "$(dirname "$0")/lib/common.sh"
bases busybox
file() { mkdir -p c; printf '%b' "$1" > c/Dockerfile; }
leftovers() { "$ENGINE" images -a -q --filter dangling=true; "$ENGINE" ps -aq; ls "$BERTH_RUN_ROOT/builds" "$BERTH_RUN_ROOT/steps" 2>/dev/null | grep -v :; grep -c "$BERTH_ROOT" /proc/self/mountinfo | grep -v '^0$'; }

# --- failures
file 'FROM busybox\nRUN echo step-one > /a\nRUN echo on-stdout; echo on-stderr >&2; exit 7\n'
exits 1 "a failing RUN fails the build" "$ENGINE" build -t bad c
for text in on-stdout on-stderr 'exit code: 7' '>>> RUN echo on-stdout' '[3/3] RUN'; do holds "it shows '$text'" "$text" "$ERR"; done
exits 1 "no image has the name" "$ENGINE" image inspect bad
equal "nothing is left" "" "$(leftovers)"
file 'FROM busybox\nRUN echo step-one > /a\nRUN true\n'
holds "the step that worked is cached" CACHED "$("$ENGINE" build c 2>&1 | grep -A1 step-one | tail -1)"
file 'FROM busybox\nRUN sleep 30\n'
"$ENGINE" build -t killed c >/dev/null 2>&1 & pid=$!
sleeps() { pgrep -f '^sleep 30'; }
ended() { ! sleeps; }
soon 10 sleeps
kill -9 $pid; wait $pid 2>/dev/null
if soon 5 ended; then pass "kill -9 of the build ends its step"; else fail "kill -9 of the build ends its step" "$(sleeps)"; fi
file 'FROM busybox\nRUN true\n'
works "the next build works" "$ENGINE" build -q c
"$ENGINE" image prune -f >/dev/null
equal "and tidies" "" "$(leftovers)"

# --- what scripts read out of it
file 'FROM busybox\nENV A=1\nRUN echo said\nRUN echo said-too >&2\n'
try "$ENGINE" build --no-cache -t told c
id=$("$ENGINE" images -q --no-trunc told:latest)
equal "progress is on stderr" "" "$OUT"
for text in "writing image $id done" "naming to docker.io/library/told:latest done"; do holds "it shows '$text'" "$text" "$ERR"; done
classic() { DOCKER_BUILDKIT=0 "$ENGINE" build "$@"; }
try classic --no-cache -t told -t told:2 c
id=$("$ENGINE" images -q --no-trunc told:latest)
equal "DOCKER_BUILDKIT=0 tells on stdout what docker's older builder does" "Step 1/3 : FROM busybox
Step 2/3 : RUN echo said
said
Step 3/3 : RUN echo said-too >&2
said-too
Successfully built $("$ENGINE" images -q told:2)
Successfully tagged told:latest
Successfully tagged told:2" "$OUT"
holds "also what is cached" "Step 2/3 : RUN echo said
 ---> Using cache" "$(classic c)"
prints "$id" "-q is the same" classic -q c
holds "--progress wins" "#1 [internal]" "$(classic --progress plain c 2>&1)"
file 'FROM busybox\nRUN echo before; exit 7\n'
exits 1 "a failure exits 1" classic c
equal "after what the steps said" "Step 1/2 : FROM busybox Step 2/2 : RUN echo before; exit 7 before" "$(xargs -d '\n' <<<"$OUT")"
holds "and says why on stderr" "exit code: 7" "$ERR"

# --- ids and times
file 'FROM busybox\nRUN date > /d\nLABEL a=b\n'
one=$("$ENGINE" build -q c) two=$("$ENGINE" build -q c)
equal "an unchanged build is the same image" "$one" "$two"
file 'FROM busybox\nRUN echo 1 > /f\nCOPY Dockerfile /\nWORKDIR /w\n'
epoch() { "$ENGINE" build -q --no-cache --source-date-epoch 1000000000 c; }
one=$(epoch); sleep 1.1; two=$(epoch)
equal "SOURCE_DATE_EPOCH makes two builds equal" "$one" "$two"
equal "and stands in the image" 2001-09-09T01:46:40Z "$("$ENGINE" inspect -f '{{.Created}}' "$one")"
works "--iidfile" "$ENGINE" build -q --iidfile id c
equal "holds the id" "$("$ENGINE" build -q c)" "$(cat id)"

# --- parallel stages
file 'FROM busybox AS a\nRUN sleep 1; echo a > /a\nFROM busybox AS b\nRUN sleep 1; echo b > /b\nFROM busybox AS d\nRUN sleep 1; echo d > /d\nFROM busybox\nCOPY --from=a /a /\nCOPY --from=b /b /\nCOPY --from=d /d /\n'
start=$(date +%s%N)
works "three stages that sleep a second" "$ENGINE" build -q -t par c
took=$((($(date +%s%N) - start) / 1000000))
[ $took -lt 2900 ] && pass "run side by side ($took ms)" || fail "run side by side" "$took ms"
equal "and all arrive" "abd" "$("$ENGINE" run --rm --network none par cat /a /b /d | tr -d '\n')"

# Stages that begin at the same moment on a busy machine: each step's folder is its own, whoever sweeps meanwhile.
stages=$(for i in 1 2 3 4 5 6 7 8; do printf 'FROM busybox AS s%s\\nRUN echo %s > /%s\\n' $i $i $i; done)
file "${stages}FROM busybox\n$(for i in 1 2 3 4 5 6 7 8; do printf 'COPY --from=s%s /%s /\\n' $i $i; done)"
busy=""
for i in 1 2 3 4 5 6; do (while :; do :; done) & busy+=" $!"; done
failed=""
for round in 1 2 3 4 5 6 7 8; do "$ENGINE" build -q --no-cache -t many c >/dev/null 2>why || failed+=$(tail -1 why); done
for round in $(seq 20); do
    "$ENGINE" run --rm --network none busybox nosuchprogram >/dev/null 2>why
    [ $? = 127 ] || absent+=$(head -1 why)
done
kill $busy
wait $busy 2>/dev/null
equal "stages that begin together all build" "" "$failed"
equal "a program that is missing is told as such, however busy the machine" "" "${absent:-}"

# --- outputs
file 'FROM busybox AS b\nRUN echo out > /o; mkdir /dir; echo in > /dir/i\nFROM scratch\nCOPY --from=b /o /o\nCOPY --from=b /dir /dir\n'
works "-o FOLDER" "$ENGINE" build -o local-out c
equal "has the files" $'dir/i\no' "$(cd local-out && find * -type f | sort)"
"$ENGINE" build -o - c 2>/dev/null > out.tar
equal "-o - is a tar" $'dir/\ndir/i\no' "$(tar tf out.tar | sort)"
works "-o type=docker,dest=FILE" "$ENGINE" build -q -t saved -o type=docker,dest=saved.tar c
holds "can be loaded" saved "$("$ENGINE" load -i saved.tar 2>&1)"
file 'FROM busybox\nRUN head -c 1000000 /dev/zero > /big\nRUN rm /big\n'
"$ENGINE" build -q -t sq --squash c >/dev/null
equal "--squash leaves one layer" 1 "$("$ENGINE" inspect -f '{{len .RootFS.Layers}}' sq)"

# --- the cache's own commands
works "builder du" "$ENGINE" builder du
"$ENGINE" builder prune -af >/dev/null
file 'FROM busybox\nRUN echo pruned > /f\n'
"$ENGINE" build -q c >/dev/null; "$ENGINE" builder prune -af >/dev/null
lacks "after prune the step runs again" CACHED "$("$ENGINE" build c 2>&1 | grep -A1 'RUN echo pruned' | tail -1)"

# --- a look inside a failed step
"$ENGINE" image prune -f >/dev/null
file 'FROM busybox\nARG A=arg\nENV E=env\nWORKDIR /w\nRUN --mount=type=cache,target=/cache echo cached > /cache/f; echo before > state; chown 5:6 /w; exit 3\n'
exits 1 "a step that leaves something fails" "$ENGINE" build -t bad c
look=$(sed -n 's/^To look inside the failed step: berth //p' <<<"$ERR")
holds "the failure tells how to look inside" "builder shell " "$look"
equal "which shows its files, variables, folder and caches" $'before arg env /w\ncached\n5:6' \
    "$("$ENGINE" $look sh -c 'echo $(cat state) $A $E $PWD; cat /cache/f; stat -c %u:%g /w' 2>&1)"
holds "a shell is opened there" "in the shell: before" "$(echo 'echo in the shell: $(cat state)' | "$ENGINE" $look 2>/dev/null)"
equal "without an id it is the last one" before "$("$ENGINE" builder shell '' cat state 2>&1)"
equal "the status is the command's" 4 "$("$ENGINE" $look sh -c 'exit 4' >/dev/null 2>&1; echo $?)"
equal "still nothing is left" "" "$(leftovers)"
holds "builder du knows the state" "failed step" "$("$ENGINE" builder du)"
"$ENGINE" builder prune -f >/dev/null
exits 1 "prune forgets it" "$ENGINE" $look true
holds "and says so" "no failed step" "$ERR"
"$ENGINE" build -t bad c >/dev/null 2>&1
file 'FROM busybox\n'; "$ENGINE" build -q c >/dev/null
exits 1 "the next build forgets it too" "$ENGINE" builder shell '' true
holds "with a hint" "kept until the next build or prune" "$ERR"
file 'FROM busybox\nRUN true\nCOPY nothing /x\n'
exits 1 "a COPY of nothing fails" "$ENGINE" build c
holds "with the line marked" "   3 | >>> COPY nothing /x" "$ERR"
holds "and what is missing" '"/nothing": not found in the build context' "$ERR"
file 'FROM busybox\nENV a=${b\n'
exits 1 "a bad variable fails" "$ENGINE" build c
holds "with the line marked too" "   2 | >>> ENV a=" "$ERR"

# --- the cache is kept below a size, by a process beside the build
"$ENGINE" builder prune -af >/dev/null
cached_layers() { "$ENGINE" builder du | grep -c "RUN head -c" || true; }
for n in 1 2 3 4; do
    file "FROM busybox\nRUN head -c 3000000 /dev/urandom > /f$n\n"
    works "build $n of four" "$ENGINE" build -q -t old --keep-storage 1gb c
    "$ENGINE" rmi -f old >/dev/null  # What an image needs is not the cache's to prune.
done
equal "below the size all is kept" 4 "$(cached_layers)"
file 'FROM busybox\nRUN head -c 3000000 /dev/urandom > /f5\n'
works "a build with --keep-storage" "$ENGINE" build -q -t kept --keep-storage 7mb c
soon 10 eval '! "$ENGINE" builder du | grep -q "/f[12]$"' || fail "prunes what was used longest ago" "$("$ENGINE" builder du)"
holds "not what was used last" "> /f4" "$("$ENGINE" builder du)"
works "nor the image that it made" "$ENGINE" run --rm --network none kept test -s /f5
finish
