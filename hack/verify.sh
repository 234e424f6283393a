#!/bin/sh
# Runs every check beside it, or those named: `hack/verify.sh types lint`. Says which pass; shows why others do not.
set -u
cd "$(dirname "$0")/.." || exit 1
output=$(mktemp)
trap 'rm -f "$output"' EXIT
failed=0
checks=$*
[ -n "$checks" ] || checks=$(find hack -name 'verify-*.sh' | sort | sed 's,hack/verify-\(.*\)\.sh,\1,')
for check in $checks; do
  if "hack/verify-$check.sh" >"$output" 2>&1; then
    echo "verify: $check ok"
  else
    echo "verify: $check FAILED"
    cat "$output"
    failed=$((failed + 1))
  fi
done
exit "$failed"
