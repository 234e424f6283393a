#!/bin/sh
# The contract follows buf's rules, and breaks nobody who uses what main has.
set -eu
cd "$(dirname "$0")/.."
node_modules/.bin/buf lint proto

# A branch is compared with where it left main; main itself with the commit before. A shallow clone may have neither,
# and the first commit has nothing before it.
base=
for main in origin/main main; do
  base=$(git merge-base HEAD "$main" 2>/dev/null) && break
done
[ "$base" != "$(git rev-parse HEAD 2>/dev/null)" ] || base=$(git rev-parse --verify --quiet HEAD~1 || true)
if [ -z "$base" ] || [ -z "$(git ls-tree "$base" proto 2>/dev/null)" ]; then
  echo 'no earlier contract to compare with'
  exit 0
fi
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
git archive "$base" proto | tar -x -C "$before"
node_modules/.bin/buf breaking proto --against "$before/proto"
