# Archives by chance (lib/tar-fuzz): what is well-formed is unpacked as GNU tar unpacks it, what is hostile writes nothing outside.
# BERTH_FUZZ_ARCHIVES (120) of each, from BERTH_FUZZ_SEED on.
# limit: 900
. "$(dirname "$0")/lib/common.sh"
mkdir place
mount -t tmpfs -o size=1g place place || { skip "archives by chance" "mount is not permitted"; finish; }
trap 'umount place; rm -rf "$WORK"' EXIT
export BERTH_ROOT=$WORK/place/store
try "$HERE/lib/tar-fuzz" "$WORK/place" "${BERTH_FUZZ_SEED:-$((RANDOM * 1000))}" "${BERTH_FUZZ_ARCHIVES:-120}"
tail -1 <<<"$OUT"
equal "berth and GNU tar agree, and nothing leads outside" "0 " "$STATUS $(grep '^bad' <<<"$OUT" | head -20)$(tail -3 <<<"$ERR")"
works "every layer gives its archive back" berth system check --deep
soon 5 eval '[ -z "$(ls "$BERTH_ROOT/tmp")" ]' && pass "no staging is left" || fail "no staging is left" "$(ls "$BERTH_ROOT/tmp")"
finish
