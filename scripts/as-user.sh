#!/bin/sh
# as-user.sh COMMAND...: runs a command in this checkout as the ordinary user `lapidary-test`, whom it makes where there
# is none, with IDs of his own in /etc/subuid and /etc/subgid. Needs root. $TMPDIR is a directory of his, which is
# removed afterwards whoever its files belong to.
set -eu
cd "$(dirname "$0")/.."

user=lapidary-test
id "$user" >/dev/null 2>&1 || useradd --create-home --shell /bin/sh "$user"
grep -q "^$user:" /etc/subuid || usermod --add-subuids 1000000-1065535 "$user"
grep -q "^$user:" /etc/subgid || usermod --add-subgids 1000000-1065535 "$user"

scratch=$(mktemp -d /tmp/lapidary-user-XXXXXX)
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/tmp" "$scratch/checkout"
chown "$user:" "$scratch" "$scratch/tmp"

# In mounts of its own: the checkout may be where only root goes, and /dev/net/tun may be for root only.
unshare --mount --propagation private sh -eu -c '
  user=$1 checkout=$2 scratch=$3
  shift 3
  mount --bind "$checkout" "$scratch/checkout"
  if [ -c /dev/net/tun ] && ! runuser -u "$user" -- test -w /dev/net/tun; then
    mount -t tmpfs -o mode=755,size=64k none /dev/net
    mknod /dev/net/tun c 10 200
    chmod 666 /dev/net/tun
  fi
  cd "$scratch/checkout"
  exec runuser -u "$user" -- env -i HOME="$scratch" TMPDIR="$scratch/tmp" LANG=C.UTF-8 \
    PATH="$scratch/checkout/node_modules/.bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" "$@"
' sh "$user" "$PWD" "$scratch" "$@"
