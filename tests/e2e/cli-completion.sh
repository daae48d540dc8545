# limit: 60
# Completion: what __complete answers, how fast, and that the scripts are sound; man pages are those of the table.
. "$(dirname "$0")/lib/common.sh"
bases busybox
berth create --name one busybox true >/dev/null
berth volume create data >/dev/null
answers() { berth __complete "$@" | sort | paste -sd' '; }

equal "commands" "image images import info inspect" "$(answers i)"
equal "verbs of a family" "prune" "$(answers container pr)"
equal "options" "--no-trunc" "$(answers ps --no)"
equal "choices" "always missing never" "$(answers run --pull '')"
equal "choices behind '='" "--pull=always --pull=missing --pull=never" "$(answers run --pull=)"
equal "containers" "one" "$(answers rm '')"
equal "only running ones where only those will do" "" "$(answers exec '')"
equal "images" "busybox busybox:latest" "$(answers rmi busy)"
equal "volumes" "data" "$(answers volume rm d)"
holds "networks" "bridge" "$(answers run --network '')"
holds "signals" "SIGTERM" "$(answers kill -s SIGT)"
equal "paths in containers" ":files one:" "$(answers cp '')"
equal "what stands behind an image is the program's" ":files" "$(answers run busybox '')"
equal "the second word is another thing" "one" "$(answers network connect bridge '')"
equal "and none is offered for a new name" "" "$(answers rename one '')"
equal "behind options of berth itself" "--no-trunc" "$(answers -- -D --root /x ps --no)"
equal "options of berth itself" "--log-level" "$(answers -- --lo)"
equal "and their values" "debug error fatal info warn" "$(answers -- -l '')"
equal "forms" "json" "$(answers inspect --format '')"
equal "what a command is for" "prune	Remove all containers that do not run" "$(berth __complete --describe -- container pr)"
equal "what an option is for" "--no-trunc	Show everything in full" "$(berth __complete --describe -- ps --no)"
# Processor time, since other programs of the machine may take the wall clock's.
TIMEFORMAT='%U %S'
took=$({ time for i in 1 2 3 4 5; do berth __complete run --network "" >/dev/null; done; } 2>&1 | awk '{print int(($1 + $2) * 200)}')
if [ "$took" -le 20 ]; then pass "an answer costs at most 20 ms"; else fail "an answer costs at most 20 ms" "$took ms"; fi
# In a shell that somebody types into.
if command -v tmux >/dev/null; then
    screen() { tmux -S "$WORK/tmux-$now" "$@"; }
    typed() { screen send-keys -t 0 "$@"; }
    shows() { screen capture-pane -p -t 0 | grep -qF -- "$1"; }
    # types WHAT WANTED KEYS...: at an empty prompt; WANTED stands on the screen soon.
    types() {
        local what=$1 wanted=$2
        shift 2
        typed C-c
        typed C-l
        typed "$@"
        if soon 5 shows "$wanted"; then pass "$what"; else fail "$what" "wanted on the screen: $wanted" "$(screen capture-pane -p -t 0 | grep .)"; fi
    }
    # shell NAME COMMAND: a shell that has its script.
    shell() {
        now=$1  # A socket of its own: a server that is told to go is still met there.
        screen -f /dev/null new-session -d -x 100 -y 40 "$2"
        berth completion "$1" > script
        typed "$3; echo load\"\"ed" Enter
        soon 10 shows loaded
    }
    completes() {
        types "$1 completes a command" "> berth container prune" "berth container pru" Tab
        types "$1: a container" "> berth rm one" "berth rm o" Tab
        types "$1: an option" "> berth ps --no-trunc" "berth ps --no-t" Tab
        types "$1: behind a ':' and goes on there" "> berth rmi busybox:latest" "berth rmi busybox:l" Tab
        types "$1: behind a '='" "> berth run --pull=never" "berth run --pull=n" Tab
        types "$1: a path in a container keeps its colon open" "> berth cp one:x" "berth cp on" Tab "x"
        types "$1: a file" "> berth load -i script" "berth load -i scr" Tab
        types "$1: and shows what there is" "missing" "berth run --pull " Tab Tab
        types "$1: behind an option of berth itself" "> berth -D ps --no-trunc" "berth -D ps --no-t" Tab
    }
    ends() { screen kill-server; }
    shell bash "env PS1='> ' bash --norc --noprofile -i" "source ./script"
    completes bash
    ends
    if command -v zsh >/dev/null; then
        shell zsh "env PS1='> ' HOME=$WORK zsh -f -i" "mkdir -p z; cp script z/_berth; fpath=(\$PWD/z \$fpath); autoload -Uz compinit; compinit -u -d dump"
        types "zsh completes at the first key, when it loads the script" "> berth container prune" "berth container pru" Tab
        completes zsh
        types "zsh: tells what it is" "-- Put a container on a further network" "berth network " Tab
        ends
    else
        skip "completion in zsh" "it is not installed"
    fi
    if command -v fish >/dev/null; then
        shell fish "env HOME=$WORK XDG_CONFIG_HOME=$WORK TMPDIR=$WORK fish --no-config -i -C 'function fish_prompt; echo \"> \"; end'" "source script"
        completes fish
        types "fish: tells what it is" "(Put a container on a further network)" "berth network " Tab
        ends
    else
        skip "completion in fish" "it is not installed"
    fi
else
    skip "completion in a shell" "tmux is not installed"
fi
for shell in bash zsh fish; do works "completion $shell" berth completion $shell; done
works "the script for bash is sound" bash -n <(berth completion bash)
equal "bash completes a command" "image images import info inspect" "$(bash -c 'source <(berth completion bash); COMP_LINE="berth i" COMP_POINT=7 COMP_WORDS=(berth i) COMP_CWORD=1; _berth 2>/dev/null; echo ${COMPREPLY[*]}' | tr ' ' '\n' | sort | paste -sd' ')"
exits 1 "another shell is refused" berth completion tcsh

if [ -d "$HERE/../../man" ] && ls "$HERE/../../man"/*.1 >/dev/null 2>&1; then
    mkdir pages
    works "man pages are written" berth __man pages
    equal "each command has one, and the project ships them all" "$(ls pages)" "$(ls "$HERE/../../man" | grep -v -e berth-oci.8 -e make-oci-page)"
    if command -v man >/dev/null; then equal "man(1) reads them without complaint" "" "$(man --warnings -E UTF-8 -l -Tutf8 pages/berth-run.1 2>&1 >/dev/null)"; fi
fi
finish
