import { spawn } from 'node:child_process';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runtimeSpec } from '../../src/sandbox/oci-spec.ts';
import type { SandboxSettings } from '../../src/sandbox/settings.ts';
import { type CliResult, finished, type Workspace } from './cli.ts';

const COMMAND = fileURLToPath(new URL('../../bin/lapidary.js', import.meta.url));

export type ContainerOptions = {
  readonly uid?: number;
  /** What `docker run` is told of security; none of it is Docker's default. */
  readonly security?: SandboxSettings;
};

/**
 * Runs the command line in a container as Docker makes it by default: its capabilities, its seccomp profile, its covered
 * paths, no user namespace. The root is that of this machine. Needs root and crun.
 */
export async function inContainer(
  work: Workspace,
  args: readonly string[],
  { uid = 0, security = {} }: ContainerOptions = {},
): Promise<CliResult> {
  const bundle = work.path(`bundle-${uid}`);
  const home = work.path(`home-${uid}`);
  await Promise.all([bundle, home].map((path) => mkdir(path, { recursive: true })));
  await chown(home, uid, uid);
  const { PATH = '' } = process.env;
  const spec = runtimeSpec({
    root: `${bundle}/root`,
    argv: [process.execPath, COMMAND, ...args],
    env: [`PATH=${PATH}`, `HOME=${home}`, `TMPDIR=${home}`, `LAPIDARY_STORE=${home}/store`, 'NO_COLOR=1'],
    cwd: home,
    user: { uid, gid: uid, groups: [] },
    hostname: 'container',
    settings: security,
    terminal: false,
    mounts: [],
    maxOpenFiles: 4096,
    arch: process.arch,
  });
  await writeFile(`${bundle}/config.json`, JSON.stringify(spec));
  // crun refuses some ways of setting up cgroups even where it is not to use them
  const script =
    'mkdir -p "$1/root"; mount --bind / "$1/root"; mount -t tmpfs none /sys/fs/cgroup; exec crun --cgroup-manager=disabled --root "$1/state" run --bundle "$1" "$2"';
  const name = `lapidary-container-${process.pid}-${uid}`;
  const child = spawn(
    'unshare',
    ['--mount', '--propagation', 'private', 'sh', '-euc', script, 'sh', bundle, name],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  return finished(child);
}
