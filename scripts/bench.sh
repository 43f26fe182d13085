#!/bin/sh
# Measures this checkout against its peers: npm run bench -- [--runs N] [NAME…]
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh bench
PATH="$PWD/node_modules/.bin:$PATH"
node scripts/build.ts
exec node bench/run.ts "$@"
