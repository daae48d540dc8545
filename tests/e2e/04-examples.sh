# limit: 300
# Every example does what its README says.
. "$(dirname "$0")/lib/common.sh"
examples=$HERE/../../examples
bases busybox debian

# --- web: health
berth build -q -t web "$examples/web" >/dev/null
works "web: run" berth run -d --name web -p 8080:80 web
works "web: answers" soon 5 curl -sf -m 2 http://127.0.0.1:8080/
works "web: becomes healthy" soon 15 sh -c '[ "$(berth inspect -f "{{.State.Health.Status}}" web)" = healthy ]'
berth run -d --name ill -e CHECK=/nosuchpage web >/dev/null
works "web: the variable steers the check, a missing page is unhealthy" soon 15 sh -c '[ "$(berth inspect -f "{{.State.Health.Status}}" ill)" = unhealthy ]'
berth rm -f web ill >/dev/null

if ! has_internet; then
    skip "vsftpd, processes, supervisord" "no way to Debian's mirror"
    finish
fi

# --- processes: two in one, which ends when one does
works "processes: build" berth build -q -t vnc "$examples/processes"
works "processes: run" berth run -d --name vnc -p 6080:6080 --restart=always vnc
works "processes: the page is served" soon 20 curl -sf -m 2 http://127.0.0.1:6080/
berth exec vnc pkill -f service.py
works "processes: one ends, both come back" soon 20 sh -c '[ "$(berth inspect -f "{{.RestartCount}} {{.State.Running}}" vnc)" = "1 true" ] && curl -sf -m 2 http://127.0.0.1:6080/'
berth rm -f vnc >/dev/null

# --- supervisord: process 1 that restarts its own
works "supervisord: build" berth build -q -t sup "$examples/supervisord"
berth run -d --name sup sup >/dev/null
works "supervisord: its program runs" soon 20 sh -c 'berth exec sup supervisorctl status ticker | grep -q RUNNING'
works "supervisord: what it says is in the log" soon 10 sh -c 'berth logs sup | grep -q :'
works "supervisord: ends in good order" sh -c 'berth stop -t 9 sup && [ "$(berth inspect -f "{{.State.ExitCode}}" sup)" = 0 ]'
berth rm sup >/dev/null

# --- vsftpd
works "vsftpd: build" berth build -q -t vsftpd "$examples/vsftpd"
mkdir home
berth run -d --name ftp -p 2121:21 -p 21100-21110:21100-21110 -e FTP_USER=me -e FTP_PASS=secret -e PASV_ADDRESS=127.0.0.1 -v "$PWD/home:/home/me" vsftpd >/dev/null
works "vsftpd: answers" soon 15 curl -sf -m 3 ftp://me:secret@127.0.0.1:2121/
echo hello > up
works "vsftpd: upload" curl -sf -m 10 -T up ftp://me:secret@127.0.0.1:2121/up
equal "vsftpd: the upload is in the volume, owned by the user inside" hello "$(cat home/up)"
exits 67 "vsftpd: a wrong password is refused" curl -s -m 10 ftp://me:wrong@127.0.0.1:2121/
berth rm -f ftp >/dev/null
finish
