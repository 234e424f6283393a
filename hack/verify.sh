#!/bin/sh
# Runs every check beside it, or those named: `hack/verify.sh types lint`. Says which pass; shows why others do not.
set -u
cd "$(dirname "$0")/.." || exit 1
output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
checks=$*
[ -n "$checks" ] || checks=$(find hack -name 'verify-*.sh' | sort | sed 's,hack/verify-\(.*\)\.sh,\1,')
for check in $checks; do
  { "hack/verify-$check.sh" >"$output/$check" 2>&1 && : >"$output/$check.ok"; } &
done
wait
failed=0
for check in $checks; do
  if [ -e "$output/$check.ok" ]; then
    echo "verify: $check ok"
  else
    echo "verify: $check FAILED"
    cat "$output/$check"
    failed=$((failed + 1))
  fi
done
exit "$failed"
