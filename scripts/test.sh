#!/bin/sh
# `npm test`: everything that must hold. The last line reads `N passed, N failed, N skipped`; a skipped test counts as
# a failure, because every test can run where setup.sh has run. `npm test -- --examples` builds and runs the examples, too.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh test
PATH="$PWD/node_modules/.bin:$PATH" exec node scripts/test.ts "$@"
