import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, finished, Workspace } from '../support/cli.ts';

const BIN = fileURLToPath(new URL('../../bin/lapidary.js', import.meta.url));
/** An ordinary user mounts as root of a namespace, with the IDs of others that he has been given. */
const NAMESPACES =
  process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--map-auto', '--mount'];

let work: Workspace;
let small: string;
beforeAll(async () => {
  work = await Workspace.create();
  small = work.path('small');
  await mkdir(small);
});
afterAll(() => work[Symbol.asyncDispose]());

/** Runs a script in which `lapidary` is the command, where `small` is a disk of that size. */
function onDiskOf(size: string, script: string): Promise<CliResult> {
  const words = [process.execPath, BIN].map((word) => `'${word}'`).join(' ');
  const whole = `mount -t tmpfs -o size=${size} none '${small}' && cd '${work.dir}'\nlapidary() { ${words} "$@"; }\n${script}`;
  const env = { PATH: process.env['PATH'], HOME: work.dir, LAPIDARY_STORE: `${small}/store`, NO_COLOR: '1' };
  return finished(spawn('unshare', [...NAMESPACES, 'sh', '-euc', whole], { env }));
}

describe('a full disk', () => {
  test('while exporting is an error that says so, and leaves nothing', async () => {
    const big = randomBytes(8 * 1024 * 1024);
    await work.files('full', { Dockerfile: 'FROM scratch\nCOPY big /big\n', big });
    const build = `lapidary build --progress plain -t full -o type=oci,dest=${small}/image.tar full`;
    const { stdout, stderr } = await onDiskOf(
      '2m',
      `export LAPIDARY_STORE=$PWD/store; ${build} || echo "code $?"; ls -A ${small}; lapidary images --json`,
    );
    expect(stderr).toContain('EXPORT_FAILED');
    expect(stderr).toContain('no space left on device');
    expect(stdout).toBe('code 1\n[]\n');
  });

  test('of the store itself, in a step and in a copy', async () => {
    await work.files('base', {
      Dockerfile: 'FROM scratch\nCOPY --chmod=755 busybox /bin/busybox\n',
      busybox: await readFile('/bin/busybox'),
    });
    const writes = '"dd", "if=/dev/zero", "of=/big", "bs=1M", "count=64"';
    await work.files('run', { Dockerfile: `FROM base\nRUN ["/bin/busybox", ${writes}]\n` });
    const big = randomBytes(64 * 1024 * 1024);
    await work.files('copy', { Dockerfile: 'FROM base\nCOPY big /big\n', big });
    await work.files('fine', { Dockerfile: 'FROM base\nRUN ["/bin/busybox", "true"]\n' });
    const { code, stdout, stderr } = await onDiskOf(
      '24m',
      `lapidary build -q -t base base >&2
for name in run copy; do lapidary build --progress plain $name || echo "$name: code $?"; done
lapidary build -q fine`,
    );
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^run: code 1\ncopy: code 1\nsha256:/)]);
    expect(stderr).toContain('No space left on device');
    expect(stderr).toContain('STORE_FAILED');
  });
});
