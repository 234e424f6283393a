#!/bin/sh
# Files look as prettier leaves them: `make format` mends it.
cd "$(dirname "$0")/.." && exec node_modules/.bin/prettier --check --log-level warn .
