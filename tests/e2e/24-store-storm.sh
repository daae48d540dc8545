# Everything that changes the store at once, by several workers that choose at random, and every other command killed somewhere:
# afterwards the store is sound, every name resolves, and after a prune nothing is there that nothing needs.
# BERTH_STORM_SECONDS (15) says how long, BERTH_STORM_SEED repeats the same choices.
# limit: 900
. "$(dirname "$0")/lib/common.sh"
bases busybox
long=${BERTH_STORM_SECONDS:-15} seed=${BERTH_STORM_SEED:-$RANDOM}

mkdir one two
echo one > one/a; ln one/a one/b; ln -s a one/c
echo two > two/a; head -c 300000 /dev/urandom > two/big
tar cf one.tar -C one .
tar cf two.tar -C two .
berth import one.tar keep:1 >/dev/null
for kind in scratch busybox; do mkdir build-$kind; echo content > build-$kind/file; done
printf 'FROM scratch\nARG N\nCOPY file /file-$N\nLABEL n=$N\n' > build-scratch/Dockerfile
printf 'FROM busybox\nARG N\nRUN echo $N > /n; rm /bin/vi\nRUN mkdir -p /d/$N\n' > build-busybox/Dockerfile

# One command of a worker's choice; $1 names the file for its archive.
choose() {
    local i=$((RANDOM % 4)) j=$((RANDOM % 4))
    case $((RANDOM % 14)) in
        0) operation=import; command=(berth import one.tar "w:$i");;
        1) operation=import; command=(berth import two.tar "w:$i");;
        2) operation=tag; command=(berth tag "w:$i" "v:$j");;
        3) operation=rmi; command=(berth rmi "w:$i");;
        4) operation=rmi; command=(berth rmi -f "v:$i" "b:$j");;
        5) operation=prune; command=(berth image prune -f);;
        6) operation=prune; command=(berth builder prune -f);;
        7) operation=save; command=(berth save -o "saved.$1" "w:$i" "b:$j");;
        8) operation=load; command=(berth load -q -i "saved.$1");;
        9) operation=build; command=(berth build -q --build-arg "N=$i" -t "b:$j" build-scratch);;
        10) operation=build; command=(berth build -q --build-arg "N=$i" -t "b:$j" build-busybox);;
        11) operation=run; command=(berth run --rm --pull never --network none "b:$i" cat /n);;
        12) operation=run; command=(berth run --rm --pull never --network none busybox true);;
        13) operation=prune; command=(berth image prune -af --filter "label=n=$i");;
    esac
}
worker() {
    local end=$((SECONDS + long)) operation command status
    RANDOM=$((seed + $1))
    while [ $SECONDS -lt $end ]; do
        choose "$1"
        if [ $((RANDOM % 3)) = 0 ]; then
            timeout -s KILL "0.$(printf %03d $((RANDOM % 60 + 1)))" "${command[@]}" >>"out.$1" 2>>"err.$1"
        else
            "${command[@]}" >>"out.$1" 2>>"err.$1"
        fi
        status=$?
        case $status in 0) status=done;; 137) status=killed;; *) status=refused;; esac
        echo "$operation $status" >> "tried.$1"
    done
}
for w in 1 2 3 4; do worker $w 2>/dev/null & done
wait
echo "tried in $long s with seed $seed: $(cat tried.* | sort | uniq -c | awk '{ printf "%s%s %s %s", (NR > 1 ? ", " : ""), $2, $3, $1 }')"
grep -qs killed tried.* && pass "commands were killed on the way" || fail "commands were killed on the way"
for operation in import tag rmi prune save load build run; do
    grep -qs "^$operation done" tried.* || fail "$operation never succeeded" "$(cat err.* | sort | uniq -c | sort -rn | head)"
done
# A run that was killed between create and start leaves a container that never ran, as docker does.
soon 20 sh -c '[ -z "$(berth ps -aq --filter status=running --filter status=exited --filter status=dead)" ]' &&
    pass "containers of killed commands go by themselves once they ran" || fail "containers of killed commands go by themselves once they ran" "$(berth ps -a)"
works "container prune takes the others" berth container prune -f
equal "all of them" "" "$(berth ps -aq)"

# What commands refused may only be what others did to their images.
unexpected=$(cat err.* | grep '^berth: ' | grep -vE 'No such image|conflict: unable|image is being used|pull access|berth: load: .*: (No such file|archive)|went away while|berth: image: layer [0-9a-f]* is missing|No such (file|container)|cat: ' | sort | uniq -c | sort -rn)
equal "nothing was refused but for what others had removed" "" "$unexpected"

works "the next command works" berth import two.tar tidy
works "the store is sound" berth system check --deep
works "every name resolves" sh -c 'for name in $(berth images --format "{{.Repository}}:{{.Tag}}" | grep -v "<none>"); do berth image inspect "$name" >/dev/null || exit 1; done'
prints "one" "an image that nobody touched is whole" sh -c 'id=$(berth create keep:1 x) && berth cp "$id:/b" - | tar xO && berth rm "$id" >/dev/null'
berth builder prune -af >/dev/null
works "a prune of all goes through" berth image prune -f
equal "no staging, trash or lease is left" "" "$(cd "$BERTH_ROOT" && ls tmp trash leases | grep -v ':$' | grep .)"
there=$(find "$BERTH_ROOT/layers" -mindepth 2 -maxdepth 2 -printf '%f\n' | sort)
needed=$(cat "$BERTH_ROOT"/images/*.json | jq -r '.layers[]' | sort -u)
equal "the layers are those of the images" "$needed" "$there"
blobs=$(find "$BERTH_ROOT/blobs" -type f -printf '%f\n' | sort)
equal "the documents too" "$(basename -s .json -a "$BERTH_ROOT"/images/*.json | sort)" "$blobs"
berth images -aq | sort -u | xargs -r berth rmi -f >/dev/null
equal "and when all images are gone nothing is left" 0 "$(find "$BERTH_ROOT/layers" "$BERTH_ROOT/blobs" -mindepth 2 -type f | wc -l)"
finish
