# limit: 120
# `make install` puts everything in place, nothing runs from the build folder, and `make uninstall` takes it all away.
. "$(dirname "$0")/lib/common.sh"
top=$HERE/../..
make_it() { make --no-print-directory -s -C "$top" BUILD="$BUILD" "$@"; }

# As packagers do it.
works "install below DESTDIR" make_it install PREFIX=/usr DESTDIR="$WORK/stage"
equal "programs and helpers are there" "/usr/bin/berth /usr/bin/berth-oci /usr/libexec/berth/berth-monitor /usr/libexec/berth/berth-unpack" \
    "$(cd stage && find . -path '*bin/*' -type f -o -path '*libexec/*' -type f | sed 's/^\.//' | sort | xargs)"
works "and man pages" test -s stage/usr/share/man/man1/berth.1
works "programs are executable by all" sh -c '[ "$(stat -c %a stage/usr/bin/berth)" = 755 ]'
works "uninstall" make_it uninstall PREFIX=/usr DESTDIR="$WORK/stage"
equal "leaves no file" "" "$(find stage -type f)"

# In earnest, with the build folder out of sight. The helpers' folder is compiled in, so this needs the default prefix.
works "install" make_it install PREFIX="$WORK/prefix"
unset BERTH_LIBEXEC
PATH=$(sed "s,$BUILD/bin:,," <<<"$PATH")
mount -t tmpfs tmpfs "$BUILD"
export BERTH_LIBEXEC=$WORK/prefix/libexec/berth PATH=$WORK/prefix/bin:$PATH
hash -r
equal "the installed program is the one that runs" "$WORK/prefix/bin/berth" "$(command -v berth)"
bases busybox
prints ok "it imports and runs without the build folder" berth run --rm busybox echo ok
umount "$BUILD"
# The static programs start without a single library: that is their speed.
for program in berth berth-oci; do
    equal "$program needs no shared library" "" "$(readelf -d "prefix/bin/$program" | grep NEEDED)"
done
equal "berth-monitor needs no shared library" "" "$(readelf -d prefix/libexec/berth/berth-monitor | grep NEEDED)"
finish
