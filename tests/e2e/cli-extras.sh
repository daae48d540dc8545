# limit: 90
# What docker's users ask for: replace, dry run, as-run, clone, rename of images, prune with a look before, configuration.
. "$(dirname "$0")/lib/common.sh"
bases busybox

works "run" berth run -d --name web -e A=1 -m 64m --restart unless-stopped busybox sleep 1000
exits 125 "a taken name is refused" berth run -d --name web busybox sleep 1
holds "and says so" "web" "$ERR"
works "--replace takes it" berth run -d --replace --name web -e A=2 busybox sleep 1000
prints "[A=2" "it is the new one" sh -c "berth inspect -f '{{.Config.Env}}' web | cut -d' ' -f1"
works "--dry-run" berth run --dry-run --name dry -p 80:80 busybox true
holds "shows the plan" "80:80" "$OUT"
exits 1 "and makes nothing" berth inspect dry

line=$(berth inspect --as-run web)
holds "--as-run shows the command line" "berth run -d --name web" "$line"
works "which makes the same container" sh -c "berth rm -f web >/dev/null; $line"
prints "[A=2" "with the same environment" sh -c "berth inspect -f '{{.Config.Env}}' web | cut -d' ' -f1"
works "container clone" berth container clone web
prints "created" "the clone is there" berth inspect -f '{{.State.Status}}' web-clone
works "clone --destroy --run" berth container clone --destroy -f --run web
prints "running" "in its place" berth inspect -f '{{.State.Status}}' web

works "tag" berth tag busybox app:rc1
works "image rename" berth image rename app:rc1 app:1.0
equal "the old name is gone, the new one is there" "1.0" "$(berth images app --format '{{.Tag}}')"
exits 1 "renaming what is not there" berth image rename app:rc1 app:2.0

berth create --name old busybox true >/dev/null
works "prune --dry-run" berth container prune --dry-run
holds "tells what would go" "$(berth inspect -f '{{.Id}}' old)" "$OUT"
works "and leaves it" berth inspect old
try berth container prune </dev/null
equal "without -f and a terminal nothing goes" "0 there" "$STATUS $(berth inspect old >/dev/null && echo there)"
works "prune -f" berth container prune -f
exits 1 "takes it" berth inspect old
exits 1 "a filter that a prune does not know" berth container prune -f --filter colour=red

export BERTH_CONFIG=$PWD/berth.toml
printf '[run]\ninit = true\nlabel = ["a=1", "b=2"]\n\n[ps]\nformat = "{{.Names}}"\n' > berth.toml
prints "web" "a format from the configuration" berth ps
works "a container with options from the configuration" berth run -d --name set -l c=3 busybox sleep 1000
prints "true 1 2 3" "has them, and those of the command line" berth inspect -f '{{.HostConfig.Init}} {{.Config.Labels.a}} {{.Config.Labels.b}} {{.Config.Labels.c}}' set
holds "config show --origin" "init = \"true\"  # $PWD/berth.toml:2" "$(berth config show --origin 2>/dev/null)"
works "config check" berth config check
printf '[run]\nintt = true\n' > berth.toml
refuses 1 "a wrong key is told with its line" "berth: $PWD/berth.toml:2: 'intt' is no option of run
hint: did you mean 'init'?
1 settings, 1 problem" berth config check
printf '[run\n' > berth.toml
exits 125 "a broken file is told" berth ps
unset BERTH_CONFIG
berth rm -f web set >/dev/null
finish
