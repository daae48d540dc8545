# limit: 240
# Every example of the README and of the man pages works as it stands. Each is run in a world that has what it names: running
# containers web and db, images, an archive. Only what needs another machine is left out, and listed here.
. "$(dirname "$0")/lib/common.sh"
top=$(realpath "$HERE/../..")
bases busybox

# Needs a registry beyond this host (21-registry.sh has one of its own), by the first words of the command.
REGISTRY='berth pull |berth tag app localhost|pass show '
# Goes on until it is interrupted.
ENDLESS='berth logs -f |yes > /dev/null|berth events --filter'
# Needs a terminal, where `exit` is typed.
TERMINAL=' -[a-z]*t |berth start -ai |berth builder shell$'

# --- the world
mkdir home images world
cat > images/nginx <<'D'
FROM busybox
RUN mkdir -p /etc/nginx /usr/share/nginx/html && touch /etc/nginx/nginx.conf
CMD ["sleep", "1000"]
D
cat > images/postgres <<'D'
FROM busybox
RUN echo postgres:x:70:70::/:/bin/sh >> /etc/passwd && printf '#!/bin/sh\necho "-- $1"\n' > /bin/pg_dump && chmod 755 /bin/pg_dump && mkdir -p /var/log && touch /var/log/db
HEALTHCHECK --interval=100ms CMD true
CMD ["sleep", "1000"]
D
printf 'FROM busybox\nRUN touch config.log && false\n' > images/broken
for name in nginx postgres; do works "image $name" berth build -q -t $name - < images/$name; done
berth save busybox > images/busybox.tar
berth export "$(berth create --name rootfs busybox)" | gzip > images/rootfs.tar.gz
berth volume create data >/dev/null
berth volume export data | zstd -q > images/data.tar.zst

# What every example finds. Containers and networks that it makes itself are not there yet.
make_world() {
    local command=$1 name
    berth rm -f $(berth ps -aq) >/dev/null 2>&1
    : > images/log
    berth network prune -f >/dev/null
    rm -rf world home
    mkdir -p world/site world/docker home/.config/fish/completions
    cp images/rootfs.tar.gz images/data.tar.zst world/
    cp images/busybox.tar world/images.tar
    printf 'FROM busybox AS test\nARG VERSION\nRUN echo $VERSION > /version\nFROM test\n' | tee world/Dockerfile > world/docker/Dockerfile
    echo page > world/site/index.html
    for name in app:latest app:1 app:2 app:rc1 app:old db:1 me/app:1; do berth tag nginx $name; done
    berth tag busybox debian:12
    # Kept until the next build.
    [[ $command != "berth builder shell"* ]] || berth build - < images/broken >images/log 2>&1
    [[ $command == *"--network back "* ]] && berth network create back >/dev/null
    [[ $command == *"--name web "* ]] || berth run -d --name web --stop-timeout 0 -p 8080:80 nginx >/dev/null
    [[ $command == *"--name db "* ]] || berth run -d --name db --stop-timeout 0 postgres >/dev/null
    berth create -it --name shell busybox sh >/dev/null
    berth run -d --name job --network none busybox sleep 0.2 >/dev/null
    berth run --name work --network none busybox true
}

# Another machine, and places that are this machine's own.
STANDINS='ssh() { shift; "${@/docker/berth}"; }; '
# run_example WHERE COMMAND
run_example() {
    local where=$1 command=$2 wanted=0
    if [[ $command =~ $REGISTRY ]]; then
        skip "$where: $command" "needs a registry"
        return
    fi
    if [[ $command == *" -o parent="* ]]; then
        skip "$where: $command" "needs a wire and VLANs; 35-network-wires has both"
        return
    fi
    local line step
    step=$(sed -n 's/.*berth builder shell \([0-9a-f]\{12\}\).*/\1/p' "$WORK/images/log")
    line=${command//3f2a9c41d0e7/$step}
    line=$STANDINS${line//\/etc\/bash_completion.d/$WORK/home}
    if [[ $command =~ $TERMINAL ]]; then
        printf '%s\n' "$line" > "$WORK/typed"
        try timeout -k 1 20 script -qec "bash $WORK/typed" /dev/null < <(sleep 0.7; echo exit; sleep 1)
    elif [[ $command =~ $ENDLESS ]]; then
        try timeout -k 1 2 bash -c "$line"
        [ $STATUS = 124 ] || [ $STATUS = 137 ] && STATUS=0
    else
        try timeout -k 1 30 bash -c "$line" </dev/null
    fi
    if [ $STATUS = 0 ]; then pass "$where: $command"; else fail "$where: $command" "exit $STATUS" "$OUT" "$ERR"; fi
}

# --- man pages
examples_of() {
    awk '/^\.SH/ { wanted = /EXAMPLES/ } /^\.EE/ { inside = 0 } wanted && inside { print } /^\.EX/ { inside = 1 }' "$1" |
        sed 's/\\-/-/g; s/\\(aq/'\''/g; s/\\(dq/"/g; s/\\&//g; s/\\e/\\/g'
}
mkdir pages
berth __man pages
"$top/man/make-oci-page" "$BUILD/bin/berth-oci" > pages/berth-oci.8
equal "the pages that the project ships are what the programs say (make man)" "" \
    "$(diff -rq pages "$top/man" | grep -v ': make-oci-page$')"
export HOME=$WORK/home
count=0
for page in "$top"/man/*.1; do
    while IFS= read -r -u 3 command; do
        make_world "$command"
        cd world
        run_example "$(basename "$page" .1)" "$command"
        cd ..
        count=$((count + 1))
    done 3< <(examples_of "$page")
done
if [ $count -gt 60 ]; then pass "the pages have $count examples"; else fail "the pages have examples" "only $count"; fi

examples_of "$top/man/berth.toml.5" > berth.toml
prints "" "berth.toml(5): its example is a good file" env BERTH_CONFIG="$WORK/berth.toml" berth config check
equal "and sets what it says" /srv/berth "$(env -u BERTH_ROOT BERTH_CONFIG="$WORK/berth.toml" berth config show | sed -n 's/^root = "\(.*\)"$/\1/p')"

# --- README
make_world "--name web --name db "
berth rm -f $(berth ps -aq) >/dev/null
rm -rf world/*
ln -s "$top/examples" world/examples
commands() { sed -n 's/^    //p' "$top/README.md" | sed 's/  \+\(#.*\)\?[^ ].*$//; s/ *# .*$//' | grep -E '^(berth|examples/|make)' | grep -v ' = '; }
cd world
while IFS= read -r -u 3 command; do
    case $command in
        make*)
            target=${command#make}
            target=${target# }
            if grep -q "^${target:-all}:" "$top/Makefile"; then pass "README: $command is a target"; else fail "README: $command is no target"; fi;;
        *) run_example README "$command";;
    esac
done 3< <(commands)
cd ..
finish
