# limit: 180
# A container that fights back: folders swapped for links while they are copied, archives and volumes made to lead out
# (CVE-2018-15664, CVE-2019-14271, CVE-2019-10152, CVE-2026-41568 and their like).
. "$(dirname "$0")/lib/common.sh"
bases busybox
mkdir -p secret "out"
echo "host secret" > secret/file
host_state() { find "$WORK/secret" -exec stat -c '%n %a %u %Y %s' {} + | sha256sum; }
before=$(host_state)

# --- swapped all the while, in both directions
swap='mkdir -p /x/real '"$WORK"'/secret; echo inside > /x/real/file; echo inside > '"$WORK"'/secret/file; ln -s '"$WORK"'/secret /x/link
while :; do mv /x/real /x/t; mv /x/link /x/real; mv /x/t /x/link; mv /x/real /x/t; mv /x/link /x/real; mv /x/t /x/link; done 2>/dev/null'
berth run -d --name racer busybox sh -c "$swap" >/dev/null
echo pushed > pushed
leaks=0
for i in $(seq 60); do
    rm -rf out/*
    timeout 10 berth cp racer:/x/real/file out/file >/dev/null 2>&1
    timeout 10 berth cp racer:/x out/all >/dev/null 2>&1
    timeout 10 berth cp pushed racer:/x/real/pushed >/dev/null 2>&1
    timeout 10 berth cp pushed racer:/x/real >/dev/null 2>&1
    tar cf - pushed | timeout 10 berth cp - racer:/x/real >/dev/null 2>&1
    grep -rqs "host secret" out && leaks=$((leaks + 1))
done
equal "nothing of the host was copied out" 0 $leaks
equal "nothing was written to the host" "$before" "$(host_state)"
berth rm -f racer >/dev/null

# --- links that lead up and out
berth run -d --name links busybox sh -c "ln -s / /root-link; ln -s ../../../../.. /up; ln -s /proc/self/root /magic; ln -s /proc/1/root /one; ln -s $WORK/secret /evil; sleep 1000" >/dev/null
soon 5 berth exec links test -L /evil
for path in /root-link /up /evil /magic /one; do
    timeout 10 berth cp pushed "links:$path$WORK/secret/pushed" >/dev/null 2>&1
    timeout 10 berth cp "links:$path$WORK/secret/file" "out/leak" >/dev/null 2>&1
done
equal "no link leads to the host" "$before" "$(host_state)"
equal "nor out of it" no "$([ -e out/leak ] && echo yes || echo no)"
timeout 10 berth cp links:/magic/etc/passwd out/magic >/dev/null 2>&1
equal "magic links are not followed" no "$([ -e out/magic ] && echo yes || echo no)"

# --- archives
mkdir hostile
python3 - "$WORK" <<'P'
import io, sys, tarfile
work = sys.argv[1]
def make(name, *entries):
    with tarfile.open(f"hostile/{name}.tar", "w") as tar:
        for path, kind, extra in entries:
            info = tarfile.TarInfo(path)
            if kind == "file":
                info.size = len(extra); tar.addfile(info, io.BytesIO(extra)); continue
            info.type = {"link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE, "dir": tarfile.DIRTYPE}[kind]
            info.linkname = extra or ""
            info.mode = 0o777
            tar.addfile(info)
make("up", ("../../../../../../../../.." + work + "/secret/file", "file", b"pwned"))
make("absolute", (work + "/secret/file", "file", b"pwned"))
make("through-link", ("l", "link", work + "/secret"), ("l/file", "file", b"pwned"))
make("through-up-link", ("l", "link", "../../../../../../../.." + work + "/secret"), ("l/file", "file", b"pwned"))
make("hard-link", ("h", "hard", work + "/secret/file"), ("h", "file", b"pwned"))
make("mode-through-link", ("l", "link", work + "/secret"), ("l", "dir", None))
P
for archive in hostile/*.tar; do
    for target in links:/tmp links:/; do timeout 10 berth cp - "$target" < "$archive" >/dev/null 2>&1; done
done
equal "no archive writes to the host" "$before" "$(host_state)"

# --- programs of the container are not run, its files are not trusted
mkdir -p lib
berth run -d --name trojan busybox sh -c 'for n in xz gzip tar getent; do printf "#!/bin/sh\ntouch /ran\n" > /bin/$n; chmod 755 /bin/$n; done 2>/dev/null; mkdir -p /lib/x86_64-linux-gnu; echo evil > /lib/x86_64-linux-gnu/libnss_files.so.2; rm /etc/passwd; mkfifo /etc/passwd; sleep 1000' >/dev/null
soon 5 sh -c 'berth cp trojan:/etc/passwd - | tar tvf - | grep -q "^p"'
tar cJf pushed.tar.xz pushed
works "a packed stream is unpacked outside" sh -c 'timeout 10 berth cp - trojan:/tmp < pushed.tar.xz'
exits 1 "nothing of the container ran for it" berth cp trojan:/ran out/ran
timeout 10 berth cp trojan:/etc out/etc >/dev/null 2>&1
equal "a FIFO makes nobody wait" 0 $?
equal "and is copied as one" fifo "$(stat -c %F out/etc/passwd)"
berth run -d --name device --cap-add MKNOD busybox sh -c 'mkdir /d; mknod /d/disk b 8 0; chmod 666 /d/disk; sleep 1000' >/dev/null
soon 5 berth exec device test -b /d/disk
berth cp device:/d out/d
equal "a device node that comes out serves root only" 600 "$(stat -c %a out/d/disk)"
berth rm -f links trojan device >/dev/null
finish
