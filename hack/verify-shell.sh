#!/bin/sh
# Shell scripts parse, and pass shellcheck where it is installed.
set -eu
cd "$(dirname "$0")/.."
scripts=$(find hack .ci examples -type f \( -name '*.sh' -o -path .ci/run \))
for script in $scripts; do
  sh -n "$script"
  [ -x "$script" ] || { echo "$script: not executable" && exit 1; }
done
# shellcheck disable=SC2086 # a list of words
if command -v shellcheck >/dev/null; then shellcheck $scripts; fi
