#!/bin/sh
# Writes docs/cli.md from the commands.
cd "$(dirname "$0")/.." && exec node hack/update-cli-docs.mjs "$@"
