# limit: 120
# `make install` puts everything in place, nothing runs from the build folder, and `make uninstall` takes it all away.
. "$(dirname "$0")/lib/common.sh"
top=$HERE/../..
# With the prefix that was built for: another would link the programs anew, under the feet of tests that run beside this one.
prefix=$(sed 's,/libexec/berth$,,' "$BUILD/libexec-folder")
make_it() { make --no-print-directory -s -C "$top" BUILD="$BUILD" PREFIX="$prefix" DESTDIR="$WORK/stage" "$@"; }

works "install below DESTDIR, as packagers do" make_it install
equal "programs and helpers are there" "$(cd "$BUILD" && ls bin libexec | grep . | grep -v : | sort | xargs)" \
    "$(find "stage$prefix/bin" "stage$prefix/libexec" -type f -printf '%f\n' | sort | xargs)"
works "and man pages" test -s "stage$prefix/share/man/man1/berth.1"
equal "programs are executable by all" 755 "$(stat -c %a "stage$prefix/bin/berth")"
# The static programs start without a single library: that is their speed.
for program in bin/berth bin/berth-oci libexec/berth/berth-monitor; do
    equal "${program##*/} needs no shared library" "" "$(readelf -d "stage$prefix/$program" | grep NEEDED)"
done

# In earnest: what was installed is laid over the prefix, the build folder is out of sight. All mounts are this host's own.
mkdir -p "$prefix"
mount -t overlay -o "lowerdir=$WORK/stage$prefix:$prefix" overlay "$prefix"
mount -t tmpfs tmpfs "$BUILD"
unset BERTH_LIBEXEC
PATH=$prefix/bin:$(sed "s,$BUILD/bin:,," <<<"$PATH")
hash -r
equal "the installed program is the one that runs" "$prefix/bin/berth" "$(command -v berth)"
bases busybox
prints ok "it imports and runs without the build folder" berth run --rm busybox echo ok
umount "$BUILD" "$prefix"

works "uninstall" make_it uninstall
equal "leaves no file" "" "$(find stage -type f)"
finish
