#!/bin/sh
# What is generated and committed is what `make update` would write, and links between pages lead somewhere.
set -eu
cd "$(dirname "$0")/.."
files='docs/cli.md docs/api.md docs/manifest.md docs/gilliam.schema.json docs/gilliam-type.schema.json'
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
for file in $files; do
  if [ -e "$file" ]; then cp "$file" "$before/"; fi
done
for script in hack/update-*.sh; do "$script"; done
status=0
for file in $files; do
  diff -u "$before/$(basename "$file")" "$file" || status=1
  # A check changes nothing.
  if [ -e "$before/$(basename "$file")" ]; then cp "$before/$(basename "$file")" "$file"; fi
done
[ "$status" = 0 ] || echo 'run: make update'
node hack/check-links.mjs || status=1
exit "$status"
