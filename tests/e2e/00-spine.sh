# The main road once: import, run, look, talk, stop, remove. Everything else has a test of its own.
. "$(dirname "$0")/lib/common.sh"
bases busybox

matches "version is one line" '^berth version [0-9]+\.[0-9]+\.[0-9]+' "$(berth --version)"
matches "images lists the base" 'busybox +latest +[0-9a-f]{12} ' "$(berth images)"

# --- in the foreground
prints hello "run shows what the program says" berth run --rm busybox echo hello
exits 7 "run ends as the program does" berth run --rm busybox sh -c 'exit 7'
exits 143 "a process that a signal ends gives 128 and the signal" berth run --rm busybox sh -c 'sh -c "kill -TERM \$\$"; exit $?'
equal "stdin reaches the program with -i" "in: x" "$(echo x | berth run -i --rm busybox sed 's/^/in: /')"
equal "without -i stdin is empty" "" "$(echo x | berth run --rm busybox cat)"
try berth run --rm busybox sh -c 'echo out; echo err >&2'
equal "stdout and stderr come apart" "out/err" "$OUT/$ERR"
head -c 3000000 /dev/urandom > big
equal "bytes pass unchanged, both ways" "$(sha256sum < big)" "$(berth run -i --rm busybox cat < big | sha256sum)"

# --- what the container is
prints "1 root /w box" "pid 1, user, directory, host name" berth run --rm -w /w -h box busybox sh -c 'echo $$ $(id -un) $PWD $(hostname)'
prints "b /bin" "environment is added to the image's" berth run --rm -e A=b busybox sh -c 'echo $A $(echo $PATH | grep -o "/bin$")'
prints "lo" "network none has the loopback only" berth run --rm --network none busybox ls /sys/class/net
prints "eth0 lo" "the bridge gives eth0" berth run --rm busybox sh -c 'ls /sys/class/net | xargs'
exits 1 "a read-only root refuses to be written" berth run --rm --read-only busybox touch /x
prints ok "and --tmpfs is writable still" berth run --rm --read-only --tmpfs /t busybox sh -c 'touch /t/x && echo ok'
equal "capabilities are docker's default set" "00000000a80425fb" "$(berth run --rm busybox sed -n 's/^CapEff:\t//p' /proc/self/status)"
equal "and none with --cap-drop ALL" "0000000000000000" "$(berth run --rm --cap-drop ALL busybox sed -n 's/^CapEff:\t//p' /proc/self/status)"
equal "a seccomp filter is on" "2" "$(berth run --rm busybox sed -n 's/^Seccomp:\t//p' /proc/self/status)"
exits 1 "/proc/sys cannot be written" berth run --rm busybox sh -c 'echo x > /proc/sys/kernel/hostname'
prints "" "/sys/firmware is masked" berth run --rm busybox ls /sys/firmware
prints "0 1 2 3" "no descriptor of ours reaches the program" berth run --rm busybox sh -c 'ls /proc/self/fd | xargs'

# --- in the background
id=$(berth run -d --name web -p 127.0.0.1:8080:80 -v "$WORK/www:/www" busybox httpd -f -p 80 -h /www)
matches "run -d prints the id" '^[0-9a-f]{64}$' "$id"
echo "<h1>hello</h1>" > www/index.html
works "the published port answers" soon 5 curl -sf -m 2 http://127.0.0.1:8080/
equal "with the volume's file" "<h1>hello</h1>" "$(curl -s -m 2 http://127.0.0.1:8080/)"
matches "ps shows it" "${id:0:12} +busybox +\"httpd -f -p 80 -h /…\" +.* ago +Up .* +127.0.0.1:8080->80/tcp +web" "$(berth ps)"
prints "80/tcp -> 127.0.0.1:8080" "port shows where it is" berth port web
prints "in web" "exec runs a second program" berth exec web sh -c 'echo in $(echo web)'
exits 5 "exec ends as the program does" berth exec web sh -c 'exit 5'
equal "the name, its prefix and the id find it" "$id $id $id" "$(berth inspect -f '{{.Id}}' web "${id:0:6}" "$id" | xargs)"
equal "inspect shows its state" "running true 0" "$(inspect web '{{.State.Status}} {{.State.Running}} {{.RestartCount}}')"
prints web "rename keeps it running" sh -c 'berth rename web www2 && berth rename www2 web && berth ps --format "{{.Names}}"'
prints web "stop says what it stopped" berth stop -t 1 web
equal "a stopped one is not in ps" "" "$(berth ps -q)"
works "start brings it back" berth start web
works "with its port" soon 5 curl -sf -m 2 http://127.0.0.1:8080/
exits 1 "a running container is not removed" berth rm web
holds "and that is said" "running" "$ERR"
prints web "rm -f removes it" berth rm -f web
exits 1 "then it is gone" berth inspect web

# --- logs, wait, kill, volumes
berth run -d --name talker busybox sh -c 'echo one; echo two >&2; exit 3' >/dev/null
prints 3 "wait gives the exit status" berth wait talker
try berth logs talker
equal "logs keep both streams" "one/two" "$OUT/$ERR"
berth run -d --name sleeper busybox sleep 1000 >/dev/null
prints sleeper "kill" berth kill sleeper
prints 137 "wait after kill gives 137" berth wait sleeper
berth run --rm -v data:/d busybox sh -c 'echo kept > /d/f'
prints kept "a named volume outlives its container" berth run --rm -v data:/d busybox cat /d/f
berth rm talker sleeper >/dev/null
berth volume rm data >/dev/null
equal "nothing is left" "" "$(berth ps -aq)$(berth volume ls -q)"
finish
