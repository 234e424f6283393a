#!/bin/sh
# Writes docs/manifest.md and the JSON Schemas of gilliam.yml and of types.
cd "$(dirname "$0")/.." && exec node hack/update-manifest-docs.mjs "$@"
