# limit: 600
# Every line of tests/peers/cli-lines does what a real docker answered, or differs as is written there.
. "$(dirname "$0")/lib/common.sh"
command -v jq >/dev/null || { skip "command lines beside docker's" "jq is missing"; finish; }
try "$HERE/../peers/cli-diff" --here "$BUILD"
if [ $STATUS = 0 ]; then pass "command lines: $(tail -1 <<<"$OUT")"; head -n -2 <<<"$OUT"; else fail "command lines" "$(grep -v ': [0-9]* lines$' <<<"$OUT$ERR")"; fi
finish
