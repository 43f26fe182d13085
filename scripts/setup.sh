#!/bin/sh
# Installs what the demo, the tests or the benchmarks (`setup.sh demo|test|bench`) need and this machine lacks: npm
# packages of this checkout and programs from Debian. Asks nothing and does nothing the second time.
set -eu
cd "$(dirname "$0")/.."

packages='crun uidmap passt mmdebstrap debian-archive-keyring'
case "${1:-demo}" in
  demo) ;;
  test) packages="$packages runc skopeo umoci buildah busybox-static catatonit xz-utils bzip2 podman docker-registry openssl openssh-client openssh-server git qemu-user-static" ;;
  bench) packages="$packages skopeo umoci buildah busybox-static zstd time e2fsprogs docker-registry qemu-user-static" ;;
  *) echo "usage: setup.sh demo|test|bench" >&2; exit 2 ;;
esac

say() { printf 'setup: %s\n' "$1"; }

# npm leaves out optional packages that do not say they run on its own Node, and among them are the native parts of the
# tools. So an older Node is only used to fetch a newer one, which then installs.
npm_on_current_node() {
  if [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 24 ]; then
    npm "$@"
    return
  fi
  if [ -z "$tools" ]; then
    tools=$(mktemp -d)
    npm install --prefix "$tools" --no-audit --no-fund --loglevel=error node@24 npm@11 >/dev/null
  fi
  PATH="$tools/node_modules/node/bin:$PATH" "$tools/node_modules/node/bin/node" \
    "$tools/node_modules/npm/bin/npm-cli.js" "$@"
}
tools=''
log=$(mktemp)
trap 'rm -rf "$log" "$tools"' EXIT

# npm writes this file when it has installed what package-lock.json says.
installed=node_modules/.package-lock.json
if [ ! -e "$installed" ] || [ -n "$(find package-lock.json -newer "$installed")" ]; then
  say 'installing npm packages'
  # `npm ci` insists on packages of every other platform too, which some registries do not have.
  npm_on_current_node ci --no-audit --no-fund --loglevel=silent ||
    npm_on_current_node install --no-save --no-audit --no-fund --loglevel=error
  # In case npm kept an older time than that of the lock file.
  touch "$installed"
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  say "this is not Debian, nothing is installed; needed are: $packages"
  exit 0
fi

missing=''
# shellcheck disable=SC2086 # a list of words
present=" $(dpkg-query -W -f '${db:Status-Status}:${Package} ' $packages 2>/dev/null || true) "
for package in $packages; do
  case "$present" in
    *" installed:$package "*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
  as_root=''
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
  as_root='sudo -n'
else
  say "cannot install$missing: that needs root, or sudo without a password" >&2
  exit 1
fi

say "installing$missing"
quietly() {
  # shellcheck disable=SC2086 # empty, or two words
  $as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1
}
# The log names mirrors, so that only the errors of apt itself are shown, without addresses.
complain() {
  grep -E '^(E|W):' "$log" | sed -E 's#[a-z+]+://[^[:space:]]*#(the archive)#g' | tail -n 5 >&2 || true
  say "could not install$missing" >&2
  exit 1
}
# A release file that has expired, as in frozen mirrors, still gives the lists that are there.
quietly apt-get update -q || true
# shellcheck disable=SC2086 # a list of words
quietly apt-get install -q -y --no-install-recommends $missing || complain
