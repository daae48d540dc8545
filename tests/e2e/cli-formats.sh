# limit: 90
# What lists and inspect print: tables, templates, JSON, quiet ids, sizes and states in words.
. "$(dirname "$0")/lib/common.sh"
bases busybox

prints "CONTAINER ID   IMAGE     COMMAND   CREATED   STATUS    PORTS     NAMES" "an empty table has its header" berth ps
prints "" "an empty list in quiet is empty" berth ps -q
id=$(berth run -d --name web -l tier=front -l 'a.b=c d' -p 18080:80 -p 19000-19003:19000-19003 -e A=1 busybox sleep 1000)
berth create --name made busybox true >/dev/null
berth run --name gone busybox sh -c 'exit 3'

matches "ps has docker's columns" "^CONTAINER ID +IMAGE +COMMAND +CREATED +STATUS +PORTS +NAMES
${id:0:12} +busybox +\"sleep 1000\" +(Less than a second|[0-9]+ seconds?) ago +Up (Less than a second|[0-9]+ seconds?) +0.0.0.0:19000-19003->19000-19003/tcp, .*0.0.0.0:18080->80/tcp.* +web$" "$(berth ps)"
prints "$id" "-q --no-trunc prints the whole id" berth ps -q --no-trunc
prints "gone
made
web" "newest first, all with -a" berth ps -a --format '{{.Names}}'
prints "running Up
created Created
exited Exited (3)" "states in docker's words" sh -c "for c in web made gone; do berth ps -a --filter name=\$c --format '{{.State}} {{.Status}}' | sed 's/ [0-9]* second.*//; s/ Less than.*//; s/ Up.*/ Up/'; done"
prints "front|c d|" "labels by name" berth ps --format '{{.Label "tier"}}|{{.Label "a.b"}}|{{.Label "nope"}}'
prints "NAMES     STATE
web       running" "a table of one's own" berth ps --format 'table {{.Names}}\t{{.State}}'
equal "json is one object a line, members sorted" '["Command","CreatedAt","HealthStatus","ID","Image","Labels","LocalVolumes","Mounts","Names","Networks","Platform","Ports","RunningFor","Size","State","Status"]' "$(berth ps --format json | jq -c keys_unsorted)"
refuses 1 "a wrong field names the nearest" "berth: template: no field 'Nmaes' in .
hint: did you mean '.Names'?" berth ps --format '{{.Nmaes}}'
mkdir -p docker-config && echo '{"psFormat": "table {{.Names}}", "auths": {}}' > docker-config/config.json
equal "docker's config.json sets a list's form" "NAMES
web" "$(DOCKER_CONFIG=$PWD/docker-config berth ps)"
equal "--format is stronger" running "$(DOCKER_CONFIG=$PWD/docker-config berth ps --format '{{.State}}')"
equal "and so is -q" "${id:0:12}" "$(DOCKER_CONFIG=$PWD/docker-config berth ps -q)"
equal "json has sizes only when asked" "0B 0B 0B" "$(berth ps -a --format json | jq -r .Size | xargs)"
berth network create --label a.b=net formats >/dev/null
berth volume create --label a.b=vol formats >/dev/null
prints "net" "labels of networks by name" berth network ls --filter name=formats --format '{{.Label "a.b"}}'
prints "vol" "labels of volumes by name" berth volume ls --filter name=formats --format '{{.Label "a.b"}}'
prints "network create ||" "an event of a network has no status, id and image, which is no mistake" sh -c "berth events --since 1m --until 0s --filter type=network --filter event=create --format '{{.Type}} {{.Action}} {{.Status}}|{{.ID}}|{{.From}}'"
berth network rm formats >/dev/null
berth volume rm formats >/dev/null
exits 64 "a template of events is refused before the first event" timeout 5 berth events --format '{{.Tpye}}'
exits 64 "so is one of version" berth version --format '{{.Server'
prints "default [] []||" "info has what docker's has, also when it is empty" berth info --format '{{.ClientInfo.Context}} {{.ServerErrors}} {{.DefaultAddressPools}}|{{.HttpProxy}}|'
equal "info tells the log drivers that there are" "" "$(for driver in $(berth info --format '{{join .Plugins.Log " "}}'); do berth create --log-driver "$driver" --name "log-$driver" busybox true 2>&1 >/dev/null; berth rm "log-$driver" >/dev/null; done)"
exits 64 "and one of info" berth info --format '{{.OSType'
equal "-s shows sizes" "0B (virtual" "$(berth ps -s --format '{{.Size}}' | cut -c1-11)"

equal "inspect is an array with four spaces" '[
    {' "$(berth inspect web | head -2)"
prints "running A=1 /web true" "-f picks values" berth inspect -f '{{.State.Status}} {{index .Config.Env 0}} {{.Name}} {{.State.Running}}' web
prints "$id $id" "both spellings of an id" berth inspect -f '{{.Id}} {{.ID}}' web
prints "18080" "the line from every blog" berth inspect -f '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}' web
equal "addresses, old and new" "$(berth inspect -f '{{.NetworkSettings.IPAddress}}' web)" "$(berth inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' web)"
prints "<nil> no null" "no health is nil" berth inspect -f '{{.State.Health}} {{if .State.Health}}yes{{else}}no{{end}} {{json .State.Health}}' web
refuses 1 "a field of nothing" "berth: template: .State.Health.Status: '.State.Health' has no value here" berth inspect -f '{{.State.Health.Status}}' web
exits 64 "a template that cannot be read" berth inspect -f '{{.Id' web
exits 1 "inspect of nothing" berth inspect nosuch
equal "prints an empty array" "[]" "$OUT"
equal "and tells it on stderr" "berth: No such object: nosuch" "$ERR"
try berth inspect -f '{{.Name}}' web nosuch
equal "one that is there is shown all the same" "1 /web" "$STATUS $OUT"
prints "80/tcp -> 0.0.0.0:18080" "port" sh -c "berth port web | grep -v '\[' | head -1"
matches "df has four rows" "^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE
Images +1 +1 .*
Containers +3 +1 .*
Local Volumes +0 .*
Build Cache +0 " "$(berth system df)"
equal "df -v is one object for --format" "busybox latest 3 web" "$(berth system df -v --format '{{(index .Images 0).Repository}} {{(index .Images 0).Tag}} {{len .Containers}} {{range .Containers}}{{if eq .State "running"}}{{.Names}}{{end}}{{end}}')"
equal "and json" '["BuildCache","Containers","Images","Volumes"]' "$(berth system df -v --format json | jq -c keys)"
matches "stats" "^web [0-9.]+% [0-9.]+[KM]iB / " "$(berth stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}}' web)"
prints "$(printf 'web\nmade')" "names are echoed in the order given" berth rm -f web made
finish
