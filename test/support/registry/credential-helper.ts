import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a credential helper, `docker-credential-NAME`, that keeps what it is told in files of `dir` and notes every
 * call in `dir/calls`. Returns `dir`, which belongs on the PATH.
 * https://github.com/docker/docker-credential-helpers, "Development"
 */
export async function writeCredentialHelper(dir: string, name: string): Promise<string> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, `docker-credential-${name}`);
  await writeFile(path, SCRIPT);
  await chmod(path, 0o755);
  return dir;
}

const SCRIPT = String.raw`#!/bin/sh
set -eu
dir=$(dirname "$0")
input=$(cat)
key() { printf '%s' "$1" | tr -c 'a-zA-Z0-9\n' '_'; }
field() { printf '%s' "$input" | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
case $1 in
  store)
    echo "store $(field ServerURL)" >>"$dir/calls"
    printf '%s' "$input" >"$dir/$(key "$(field ServerURL)").json" ;;
  get)
    echo "get $input" >>"$dir/calls"
    if [ -e "$dir/$(key "$input").json" ]; then cat "$dir/$(key "$input").json"; else
      echo 'credentials not found in native keychain'; exit 1; fi ;;
  erase)
    echo "erase $input" >>"$dir/calls"
    rm -f "$dir/$(key "$input").json" ;;
  list) echo '{}' ;;
  *) exit 1 ;;
esac
`;
