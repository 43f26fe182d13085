import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rmdir, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finished, Workspace } from '../support/cli.ts';
import { arm64Program } from '../support/foreign-program.ts';
import {
  adoptOrphans,
  binfmtState,
  type MachineState,
  machineState,
  settledState,
  temporaryOf,
} from '../support/machine-state.ts';
import { untilSays } from '../support/until-says.ts';

/* What a build leaves on the machine: nothing, however it ends, as root and as an ordinary user. */

const IS_ROOT = process.getuid?.() === 0;
/** Only root can set one everywhere; with it steps get a cgroup. */
const LIMIT = IS_ROOT ? ['--memory', '256m'] : [];
const FAR = ['--platform', 'linux/arm64'];
const ARGS = ['build', '--progress', 'plain', '--no-cache', ...FAR, ...LIMIT];

let work: Workspace;
let env: Readonly<Record<string, string>>;
let before: MachineState;
beforeAll(async () => {
  adoptOrphans();
  work = await Workspace.create();
  await mkdir(temporaryOf(work));
  env = { TMPDIR: temporaryOf(work) };
  await work.busyboxBase();
  before = await machineState(work);
});
afterAll(() => work[Symbol.asyncDispose]());

/** An emulated step and, where that goes well, one of this machine's programs with a process in the background. */
function context(name: string, far: number | 'never', near: string): Promise<string> {
  return work.files(name, {
    Dockerfile: [
      'ARG BUILDPLATFORM',
      'FROM --platform=$BUILDPLATFORM base AS near',
      'FROM scratch',
      'COPY --chmod=755 program /program',
      'RUN ["/program"]',
      'FROM near',
      'COPY --from=1 /program /program',
      `RUN sleep 3131 & ${near}`,
    ].join('\n'),
    program: arm64Program({ text: 'far has begun', exit: far }),
  });
}

describe('a build that ends by itself', () => {
  test.for([
    { how: 'succeeds', far: 0, near: 'true', code: 0, says: 'far has begun' },
    { how: 'fails in a step', far: 0, near: 'exit 3', code: 1, says: 'exited with code 3' },
    { how: 'fails in an emulated step', far: 4, near: 'true', code: 1, says: 'exited with code 4' },
  ])('and $how leaves the machine and the store as they were', async ({ how, far, near, code, says }) => {
    const ended = await work.run([...ARGS, await context(how, far, near)], { env });
    expect([ended.code, ended.stderr]).toEqual([code, expect.stringContaining(says)]);
    expect(await settledState(before, work)).toEqual(before);
  });
});

describe('a build that is ended', () => {
  test.for(
    (['SIGKILL', 'SIGINT', 'SIGTERM'] as const).flatMap((signal) => [
      { signal, where: 'a step', far: 0, says: 'near has begun' },
      { signal, where: 'an emulated step', far: 'never' as const, says: 'far has begun' },
    ]),
  )('by $signal in $where leaves the machine as it was', async ({ signal, where, far, says }) => {
    const dir = await context(`${signal} ${where}`, far, 'echo near has begun; sleep 3131');
    const child = work.start([...ARGS, dir], { env });
    await untilSays(child, ` ${says}`);
    const during = await machineState(work);
    const ended = finished(child);
    child.kill(signal);
    await ended;
    // Of a build that is killed nobody is left who could remove files: the next one does
    const except = signal === 'SIGKILL' ? { work: [] } : {};
    expect(await settledState(before, work, except)).toEqual(before);
    if (signal === 'SIGKILL')
      await work.ok(['build', '-q', ...FAR, await context('next', 0, 'true')], { env });
    expect(await settledState(before, work)).toEqual(before);
    // All that could have stayed had been there
    expect(during.processes.length).toBeGreaterThan(before.processes.length + 3);
    expect(during.elsewhere).not.toEqual([]);
    expect(during.work).not.toEqual([]);
    expect(during.cgroups.length > before.cgroups.length).toBe(IS_ROOT);
  });
});

/** Makes something that a build must not leave; returns how to take it away. */
type Leak = (directory: string) => Promise<() => Promise<unknown>>;

/** A process in the background, and its parent gone, as a network helper does. */
const orphan: Leak = async () => {
  const parent = spawn('sh', ['-c', 'setsid sleep 3232 >/dev/null 2>&1 & echo $!']);
  const pid = Number(String((await once(parent.stdout, 'data'))[0]));
  await finished(parent);
  return async () => process.kill(pid, 'SIGKILL');
};
const mountInNamespace: Leak = async (directory) => {
  const script = 'mount -t tmpfs none "$1"; echo; exec sleep 3232';
  const child = spawn('unshare', [
    '--user',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    script,
    'sh',
    directory,
  ]);
  await once(child.stdout, 'data');
  return async () => child.kill('SIGKILL');
};
const mountHere: Leak = async (directory) => {
  await finished(spawn('mount', ['--bind', directory, directory]));
  return () => finished(spawn('umount', [directory]));
};
const cgroup: Leak = async () => {
  // The older version has a hierarchy per controller
  const path = await mkdtemp(
    `${existsSync('/sys/fs/cgroup/memory') ? '/sys/fs/cgroup/memory' : '/sys/fs/cgroup'}/left-`,
  );
  return () => rmdir(path);
};
const fileIn =
  (place: () => string): Leak =>
  async () => {
    const path = await mkdtemp(`${place()}/left-`);
    return () => rmdir(path);
  };

describe('the state that is compared', () => {
  test.for<{ field: keyof MachineState; what: string; leak: Leak }>([
    { field: 'processes', what: 'a process whose parent is gone', leak: orphan },
    { field: 'elsewhere', what: 'a mount in a namespace', leak: mountInNamespace },
    { field: 'work', what: 'unfinished work', leak: fileIn(() => `${work.store}/work`) },
    { field: 'temporary', what: 'a temporary file', leak: fileIn(() => temporaryOf(work)) },
    // What an ordinary user could not make here at all
    ...(IS_ROOT
      ? ([
          { field: 'mounts', what: 'a mount', leak: mountHere },
          { field: 'cgroups', what: 'a cgroup', leak: cgroup },
        ] as const)
      : []),
  ])('has $what in $field', async ({ field, leak }) => {
    const undo = await leak(await work.files('leak', {}));
    const seen = await machineState(work);
    await undo();
    expect(seen[field]).not.toEqual(before[field]);
    expect(await settledState(before, work)).toEqual(before);
  });

  test('has what a registration with binfmt_misc says', async () => {
    const directory = await work.files('binfmt', {
      status: 'enabled\n',
      'qemu-x': 'enabled\ninterpreter /x\n',
    });
    const one = await binfmtState(directory);
    expect(one).toEqual({ status: 'enabled\n', 'qemu-x': 'enabled\ninterpreter /x\n' });
    await writeFile(`${directory}/qemu-x`, 'disabled\n');
    expect(await binfmtState(directory)).not.toEqual(one);
  });
});
