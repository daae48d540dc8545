#!/usr/bin/env bash
# limit: 240
# Where a build takes things from and where it leaves them: stdin, archives, URLs, repositories, named contexts, ssh, caches
# in folders, outputs, a registry. Servers run on this test's loopback.
. "$(dirname "$0")/lib/common.sh"
bases busybox debian
file() { mkdir -p c; printf '%b' "$1" > c/Dockerfile; }
in_image() { "$ENGINE" run --rm --network none t "$@" 2>&1; }
servers=()

# --- a web server and a repository on it
mkdir -p web/repo
port=$(free_port)
python3 - web "$port" <<'P' & servers+=($!)
import http.server, sys, functools
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
handler.func.log_message = lambda *_: None
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), handler).serve_forever()
P
site=http://127.0.0.1:$port
soon 10 curl -sf "$site/" -o /dev/null || fail "the web server starts"
printf 'FROM busybox\nCOPY f /f\n' > web/repo/Dockerfile
mkdir web/repo/sub; printf 'FROM busybox\nCOPY g /f\n' > web/repo/sub/Dockerfile
echo from-git > web/repo/f; echo from-sub > web/repo/sub/g; chmod 755 web/repo/sub/g
(cd web/repo && git init -q -b main && git add . && git -c user.name=t -c user.email=t@t commit -q -m one && git tag v1 &&
    echo second > f && git -c user.name=t -c user.email=t@t commit -q -am two)
(cd web/repo && git checkout -q -b link && ln -s "$WORK/outside" out && git add out && git -c user.name=t -c user.email=t@t commit -q -m link && git checkout -q main)
mkdir outside; printf 'FROM busybox\nRUN echo outside > /f\n' > outside/Dockerfile
git clone -q --bare web/repo web/repo.git && (cd web/repo.git && git update-server-info)
first=$(git -C web/repo rev-parse v1)

# --- context from stdin
works "a Dockerfile on stdin" "$ENGINE" build -q -t t - <<< $'FROM busybox\nRUN echo stdin > /f'
equal "has no context, and builds" stdin "$(in_image cat /f)"
file 'FROM busybox\nCOPY f /f\n'; echo packed > c/f
for how in cf czf cjf cJf; do
    tar -C c -$how c.tar . && works "a context packed with tar $how on stdin" "$ENGINE" build -q -t t - < c.tar
    equal "has its files ($how)" packed "$(in_image cat /f)"
done
printf 'FROM busybox\nCOPY f /g\n' > c/Other; tar -C c -cf c.tar .
works "-f names a file in the archive" "$ENGINE" build -q -t t -f Other - < c.tar
equal "which is used" packed "$(in_image cat /g)"
works "-f - with a folder as the context" "$ENGINE" build -q -t t -f - c <<< $'FROM busybox\nCOPY f /h'
equal "copies from there" packed "$(in_image cat /h)"
exits 1 "stdin cannot be both" "$ENGINE" build -f - -
holds "and that is told" "can't use stdin for both build context and dockerfile" "$ERR"

# --- contexts by address
works "a repository by http" "$ENGINE" build -q -t t "$site/repo.git"
equal "is checked out at its head" second "$(in_image cat /f)"
works "a tag of it" "$ENGINE" build -q -t t "$site/repo.git#v1"
equal "is that commit" from-git "$(in_image cat /f)"
works "a folder of a commit" "$ENGINE" build -q -t t "$site/repo.git#$first:sub"
equal "is the context" from-sub "$(in_image cat /f)"
works "the same as a query" "$ENGINE" build -q -t t "$site/repo.git?ref=v1&subdir=sub"
git init -q mine
works "a repository, for a user in the hook of another" env GIT_DIR="$WORK/mine/.git" GIT_WORK_TREE="$WORK/mine" "$ENGINE" build -q -t t "$site/repo.git#v1"
equal "is that commit too" from-git "$(in_image cat /f)"
equal "and the other is as it was" "" "$(git -C mine remote; ls mine)"
exits 1 "a folder of a repository that is a link out of it" "$ENGINE" build -q "$site/repo.git#link:out"
holds "is refused" "folder 'out'" "$ERR"
exits 1 "a reference that is not there" "$ENGINE" build -q "$site/repo.git#nothing"
holds "names it" nothing "$ERR"
cp c.tar web/c.tar
works "an archive by http" "$ENGINE" build -q -t t "$site/c.tar"
equal "is unpacked" packed "$(in_image cat /f)"
printf 'FROM busybox\nRUN echo text > /f\n' > web/Plain
works "a Dockerfile by http" "$ENGINE" build -q -t t "$site/Plain"
equal "is built without a context" text "$(in_image cat /f)"
works "-f URL" "$ENGINE" build -q -t t -f "$site/Plain" c
exits 1 "an address where nothing is" "$ENGINE" build -q "$site/none.tar"
holds "says what the server said" 404 "$ERR"

# --- ADD by address
echo web-file > web/file.txt; touch -d 2001-02-03T04:05:06Z web/file.txt
file "FROM busybox\nADD $site/file.txt /d/\nRUN stat -c '%a %u:%g %Y' /d/file.txt > /s\n"
works "ADD of a URL" "$ENGINE" build -q -t t c
equal "has its content" web-file "$(in_image cat /d/file.txt)"
equal "is 0600 root with the server's time" "600 0:0 $(date -d 2001-02-03T04:05:06Z +%s)" "$(in_image cat /s)"
sum=$(sha256sum web/file.txt | cut -d' ' -f1)
file "FROM busybox\nADD --checksum=sha256:$sum --chmod=644 $site/file.txt /f\n"
works "with the right checksum" "$ENGINE" build -q -t t c
file "FROM busybox\nADD --checksum=sha256:${sum/[0-9]/x} $site/file.txt /f\n"
exits 1 "a malformed checksum is refused" "$ENGINE" build -q c
file "FROM busybox\nADD --checksum=sha256:$(printf '%064d' 0) $site/file.txt /f\n"
exits 1 "a wrong one too" "$ENGINE" build -q c
holds "and told" "digest mismatch sha256:$sum" "$ERR"
file "FROM busybox\nADD $site/c.tar /a/\nADD --unpack=true $site/c.tar /b/\nRUN ls /a > /f; ls /b >> /f\n"
works "an archive by URL" "$ENGINE" build -q -t t c
equal "is unpacked when asked for only" $'c.tar\nDockerfile\nOther\nf' "$(in_image cat /f)"
file "FROM busybox\nADD $site/repo.git#v1 /r\nRUN ls -A /r > /f; cat /r/f >> /f\n"
works "ADD of a repository" "$ENGINE" build -q -t t c
equal "without .git" $'Dockerfile\nf\nsub\nfrom-git' "$(in_image cat /f)"
file "FROM busybox\nADD --keep-git-dir=true $site/repo.git#v1 /r\nRUN ls -A /r > /f\n"
works "--keep-git-dir" "$ENGINE" build -q -t t c
holds "keeps it" .git "$(in_image cat /f)"
file "FROM busybox\nCOPY $site/file.txt /f\n"
exits 1 "COPY of a URL is refused" "$ENGINE" build -q c
holds "with the way out" "ADD takes URLs" "$ERR"

# --- named contexts
file 'FROM base\nCOPY --from=more /etc/mark /f\n'
"$ENGINE" build -q -t marked - >/dev/null <<< $'FROM busybox\nRUN echo marked > /etc/mark'
works "docker-image:// as a stage and a source" "$ENGINE" build -q -t t --build-context base=docker-image://marked --build-context more=docker-image://marked c
equal "is that image" marked "$(in_image cat /f)"
"$ENGINE" save marked | (mkdir -p layout && tar -C layout -xf -)
works "oci-layout://" "$ENGINE" build -q -t t --build-context base=oci-layout://layout --build-context more=oci-layout://layout c
equal "is the image in it" marked "$(in_image cat /f)"
file 'FROM busybox\nCOPY --from=more f /f\n'
works "a repository" "$ENGINE" build -q -t t --build-context "more=$site/repo.git#v1" c
equal "has its files" from-git "$(in_image cat /f)"

# --- outputs
file 'FROM busybox\nRUN echo out > /f\n'
before=$("$ENGINE" images -aq | wc -l)
works "-o type=oci" "$ENGINE" build -q -o type=oci,dest=o.tar -t named c
holds "is a layout with the name" named "$(tar -xOf o.tar index.json)"
equal "and leaves no image here" "$before" "$("$ENGINE" images -aq | wc -l)"
equal "nor a name" "" "$("$ENGINE" images -q named)"
works "-o type=docker,dest" "$ENGINE" build -q -o type=docker,dest=d.tar -t named c
"$ENGINE" load -q -i d.tar >/dev/null && equal "can be loaded" out "$("$ENGINE" run --rm --network none named cat /f)"
for wrong in type=oci,compression=gzip,dest=x type=wrong annotation.a=b,type=image; do
    exits 1 "-o $wrong is refused" "$ENGINE" build -q -o "$wrong" c
done
exits 1 "--annotation is refused" "$ENGINE" build -q --annotation a=b c
holds "with what to use" "--label" "$ERR"

# --- caches in folders
file 'FROM busybox AS one\nRUN date +%N > /one\nFROM busybox\nRUN date +%N > /two\nCOPY --from=one /one /one\n'
works "--cache-to" "$ENGINE" build -q -t t --cache-to type=local,dest=kept,mode=max c
seen=$(in_image cat /one /two)
"$ENGINE" rmi -f t >/dev/null; "$ENGINE" builder prune -af >/dev/null
works "--cache-from" "$ENGINE" build -q -t t --cache-from type=local,src=kept c
equal "brings the results back" "$seen" "$(in_image cat /one /two)"
works "a folder that is not there offers nothing" "$ENGINE" build -q --cache-from type=local,src=missing c
exits 1 "a registry is refused" "$ENGINE" build -q --cache-from type=registry,ref=x c
holds "with what there is" "type=local,src=FOLDER" "$ERR"

# --- volumes in RUN
mkdir -p shared; echo from-host > shared/f
file 'FROM busybox\nRUN cp /v/f /f; touch /v/x 2>/dev/null || echo ro >> /f\n'
works "--volume" "$ENGINE" build -q -t t --volume "$PWD/shared:/v:ro" c
equal "is there in RUN, read-only" $'from-host\nro' "$(in_image cat /f)"
equal "and not in the image" "" "$("$ENGINE" run --rm --network none t ls /v 2>/dev/null)"
exits 1 "one without a host folder is refused" "$ENGINE" build -q --volume "$PWD/none:/v" c

# --- ssh
if type -P ssh-agent ssh-keygen >/dev/null; then
    ssh-keygen -q -t ed25519 -N '' -f key -C berth-test-key
    file 'FROM busybox\nRUN --mount=type=ssh test -S "$SSH_AUTH_SOCK" && echo "$SSH_AUTH_SOCK" > /f\n'
    works "--ssh with a key file" "$ENGINE" build -q -t t --ssh default=key c
    equal "is an agent in the step" /run/buildkit/ssh_agent.0 "$(in_image cat /f)"
    equal "and leaves nothing in the layer" "" "$(in_image ls /run/buildkit 2>/dev/null | grep ssh)"
    file 'FROM busybox\nRUN --mount=type=ssh,uid=1000,mode=0660 stat -c "%u %g %a" "$SSH_AUTH_SOCK" > /f\n'
    works "uid, gid and mode of the socket" "$ENGINE" build -q -t t --ssh default=key c
    equal "are as the mount says" "1000 0 660" "$(in_image cat /f)"
    file 'FROM debian:12\nCOPY talk.pl /\nUSER 1000\nRUN --mount=type=ssh,uid=1000 perl /talk.pl > /tmp/f\n'
    cat > c/talk.pl <<'S'
use IO::Socket::UNIX;
my $agent = IO::Socket::UNIX->new(Peer => $ENV{SSH_AUTH_SOCK}) or die "no agent: $!";
print $agent pack("NC", 1, 11); $agent->flush;
read($agent, my $length, 4); read($agent, my $answer, unpack("N", $length));
my ($type, $keys, $size) = unpack("CNN", $answer);
print "$type $keys ", substr($answer, 9 + $size + 4), "\n";
S
    works "a step's user who is not root" "$ENGINE" build -q -t t --ssh default=key c
    equal "sees the user's key" "12 1 berth-test-key" "$(in_image cat /tmp/f)"
    file 'FROM debian:12\nCOPY talk.pl /\nUSER 1001\nRUN --mount=type=ssh,uid=1000 perl /talk.pl\n'
    exits 1 "another user of the step" "$ENGINE" build -q -t t --ssh default=key c
    holds "is kept out" "Permission denied" "$ERR"
    soon 12 eval '! pgrep -x ssh-agent' || fail "the agent of the build ends" "$(pgrep -ax ssh-agent)"
else
    skip "--ssh with a key file" "ssh-agent is not installed"
fi
exits 1 "--ssh with what is neither" "$ENGINE" build -q --ssh default=c/Dockerfile c
file 'FROM busybox\nRUN --mount=type=ssh,required=true true\n'
exits 1 "a required key that is not given" "$ENGINE" build -q c
holds "is named" "unset ssh forward key default" "$ERR"
file 'FROM busybox\nRUN --device=vendor.com/x=y true\n'
exits 1 "RUN --device is refused" "$ENGINE" build -q c
holds "in one line" "RUN --device is not supported" "$ERR"
kill "${servers[@]}"; wait "${servers[@]}" 2>/dev/null
finish
