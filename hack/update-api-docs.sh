#!/bin/sh
# Writes docs/api.md from the contract's comments. Needs `make build` before.
cd "$(dirname "$0")/.." && exec node hack/update-api-docs.mjs "$@"
