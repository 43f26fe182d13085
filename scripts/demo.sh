#!/bin/sh
# `npm run demo`: installs what is missing, builds lapidary itself, then shows it at work on examples/hello.
# Everything it makes is in .lapidary-demo/ of this checkout.
set -eu
cd "$(dirname "$0")/.."
sh scripts/setup.sh demo
PATH="$PWD/node_modules/.bin:$PATH"
export PATH
npm run --silent build
exec node scripts/demo.ts
