# limit: 60
# Usage: help of every command, options and arguments that are wrong, both spellings, suggestions, exit codes.
. "$(dirname "$0")/lib/common.sh"

works "berth alone shows the overview" berth
holds "the overview has the groups" "Run containers:" "$OUT"
works "berth --help too" berth --help
prints "berth version 0.1.0" "--version is one line" berth --version

equal "help COMMAND is its help" "$(berth run --help)" "$(berth help run)"
refuses 1 "help of what is not there" "berth: 'nosuch' is not a berth command
hint: see 'berth --help'" berth help nosuch
refuses 1 "help takes names of commands only, and runs none" "berth: unknown help topic 'run busybox'
hint: see 'berth --help'" berth help run busybox

# Every command of the table has help, with usage, summary and its options in order.
for command in $(berth --help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)   .*/\1/p' | tr ' ' '_'); do
    words=${command//_/ }
    try berth $words --help
    if [ $STATUS = 0 ] && [[ $OUT == "Usage: berth $words"* ]] && [ -z "$ERR" ]; then pass "berth $words --help"; else fail "berth $words --help" "$OUT" "$ERR"; fi
done
for family in container image network volume system builder config; do
    works "berth $family lists its verbs" berth $family
    holds "with a usage line" "Usage: berth $family COMMAND" "$OUT"
done
for pair in "ps:container ls" "ps:container list" "rmi:image rm" "rmi:image remove" "images:image ls" "logs:container logs" "cp:container cp"; do
    one=$(berth ${pair%%:*} --help | sed '1d;/^Aliases/d') two=$(berth ${pair#*:} --help | sed '1d;/^Aliases/d')
    equal "${pair#*:} is ${pair%%:*}" "$one" "$two"
done
for columns in 80 120; do
    wide=$(for command in "" $(berth --help | sed -n 's/^  \([a-z]\+\( [a-z]\+\)\?\)   .*/\1/p' | tr ' ' '_'); do
        COLUMNS=$columns berth ${command//_/ } --help | awk -v columns=$columns 'length > columns'
    done)
    equal "help of every command fits into $columns columns" "" "$wide"
done

refuses 1 "an unknown command suggests the nearest" "berth: 'imgaes' is not a berth command
hint: did you mean 'berth images'?" berth imgaes
refuses 1 "an unknown verb of a family too" "berth: 'container strat' is not a berth command
hint: did you mean 'berth container start'?" berth container strat
refuses 125 "an unknown option suggests the nearest" "berth: ps: unknown flag: --al
hint: did you mean '--all'?" berth ps --al
refuses 125 "an unknown letter" "berth: ps: unknown shorthand flag: 'x' in -x
hint: see 'berth ps --help'" berth ps -x
refuses 125 "an option without its value" "berth: logs: flag needs an argument: --since
hint: it takes TIME: Only what came after: 10m, 2026-01-02T03:04:05Z, a date, or seconds since 1970" berth logs --since
refuses 125 "a bad size" "berth: run: invalid argument '5x' for -m, --memory: invalid size '5x'
hint: sizes look like 512m, 1.5g or 1048576" berth run -m 5x busybox
refuses 125 "--host has a reason" "berth: invalid argument 'tcp://x' for -H, --host: there is no daemon to talk to: berth works on this machine's own files" berth -H tcp://x ps
refuses 1 "a missing argument" "berth: 'berth stop' requires at least 1 argument
hint: usage: berth stop CONTAINER [CONTAINER...]" berth stop
refuses 1 "one argument too many" "berth: 'berth rename' requires exactly 2 arguments
hint: usage: berth rename CONTAINER NEW-NAME" berth rename a b c
refuses 1 "arguments where none are taken" "berth: 'berth ps' accepts no arguments
hint: usage: berth ps" berth ps x
exits 1 "run without an image" berth run
refuses 125 "a relative --root" "berth: --root 'x': must be an absolute path" berth --root x ps
refuses 1 "an unknown filter" "berth: invalid filter 'colour'
hint: filters of volumes are name, driver, label, dangling" berth volume ls --filter colour=red

# Values of build are judged before anything is built.
mkdir context && echo "FROM scratch" > context/Dockerfile
refuses 125 "build: a bad tag" "berth: build: invalid argument 'UPPER' for -t, --tag: reference 'UPPER': repository name must be lower case, found 'U'
hint: see 'berth build --help'" berth build -t UPPER context
refuses 125 "build: a bad limit" "berth: build: invalid argument 'x' for --ulimit: expected NAME=SOFT[:HARD]
hint: see 'berth build --help'" berth build --ulimit x context
refuses 125 "build: a bad host" "berth: build: invalid argument 'a:b' for --add-host: host 'a:b': 'b' is not an IP address
hint: see 'berth build --help'" berth build --add-host a:b context
refuses 125 "build: an entitlement that is not known" "berth: build: invalid argument 'x' for --allow: invalid entitlement 'x'
hint: see 'berth build --help'" berth build --allow x context
for option in "-m x" "--shm-size x" "--build-context x" "--compress=x"; do exits 125 "build $option" berth build $option context; done

bases busybox
berth network create --subnet 10.77.0.0/24 usage > /dev/null
refuses 1 "an address that is none, when the container is made" "berth: networks: network usage: invalid IPv4 address 'x'" berth create --network usage --ip x busybox
refuses 1 "an IPv4 address for IPv6" "berth: networks: network usage: invalid IPv6 address '10.77.0.9'" berth create --network usage --ip6 10.77.0.9 busybox
berth create --name usage busybox > /dev/null
refuses 1 "an address that is none, for a container that does not run" "berth: network usage: invalid IPv4 address 'x'" berth network connect --ip x usage usage
finish
