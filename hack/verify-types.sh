#!/bin/sh
# Every file has sound types.
cd "$(dirname "$0")/.." && exec node_modules/.bin/tsc --project .
