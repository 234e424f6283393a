#!/bin/sh
# eslint: imports flow downwards and in no circle, no promise is dropped, time and chance are passed in.
cd "$(dirname "$0")/.." && exec node_modules/.bin/eslint --max-warnings 0 .
