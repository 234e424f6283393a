#!/bin/sh
# What is generated and committed is what `make update` would write, and links between pages lead somewhere.
set -u
cd "$(dirname "$0")/.." || exit 1
status=0
for script in hack/update-*.sh; do "$script" --check || status=1; done
node hack/check-links.mjs || status=1
exit "$status"
