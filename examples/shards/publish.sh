#!/bin/sh
# Makes git repositories of the shards beside this file, each with the tag v1.0.0: sh publish.sh DIRECTORY
set -eu
target=${1:?usage: sh publish.sh DIRECTORY}
mkdir -p "$target"
target=$(cd "$target" && pwd)
cd "$(dirname "$0")"
for shard in */; do
  shard=${shard%/}
  export GIT_DIR="$target/$shard" GIT_WORK_TREE="$PWD/$shard"
  rm -rf "$GIT_DIR"
  git init --quiet --initial-branch main
  git add --all
  git -c user.name=Lapidary -c user.email=lapidary@example.com commit --quiet --message "$shard 1.0.0"
  git tag v1.0.0
done
