import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { registerLine } from '../../src/sandbox/binfmt.ts';
import { ELF_ARCHITECTURES } from '../../src/sandbox/elf-architectures.ts';
import { type EmulatedCommand, emulateCommand } from '../../src/sandbox/index.ts';
import { finished, Workspace } from '../support/cli.ts';
import { arm64Program, trueProgram } from '../support/foreign-program.ts';
import { tracesOf } from '../support/traces.ts';
import { untilSays } from '../support/until-says.ts';

// The programs of these tests are for other machines than the one that runs them: it has to be an amd64.
const FOREIGN = ['arm64', 'arm', 'ppc64le', 's390x', 'riscv64', 'mips64le'];
const QEMU = '/usr/bin/qemu-aarch64-static';

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
});
afterAll(() => work[Symbol.asyncDispose]());

type Event = {
  readonly type: string;
  readonly platform?: string;
  readonly emulator?: string;
  readonly stage?: string;
  readonly steps?: number;
  readonly ms?: number;
  readonly hint?: string;
  readonly step?: { readonly title: string };
};
async function events(
  args: readonly string[],
  options: Parameters<Workspace['run']>[1] = {},
): Promise<Event[]> {
  const { code, stderr } = await work.run(['build', '--progress', 'rawjson', ...args], options);
  if (code !== 0) throw new Error(stderr);
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  return lines.map((line) => JSON.parse(line) as Event);
}

/** What a step needs besides a runtime and emulators. */
const PROGRAMS = ['unshare', 'setpriv', 'sh', 'mount', 'cat', 'nsenter', 'newuidmap', 'newgidmap'];

/** A search path with these programs of this machine, as far as they are there. */
async function searchPathOf(name: string, programs: readonly string[]): Promise<string> {
  const bin = work.path(name);
  await mkdir(bin, { recursive: true });
  const paths = (process.env['PATH'] ?? '').split(delimiter).concat('/usr/sbin', '/sbin', '/usr/bin', '/bin');
  for (const program of programs) {
    const found = paths.map((path) => join(path, program)).find((path) => existsSync(path));
    if (found !== undefined) await symlink(found, join(bin, program));
  }
  return bin;
}

/** What a build must not change on this machine. */
async function machine(): Promise<Record<string, unknown>> {
  const binfmt = await readdir('/proc/sys/fs/binfmt_misc').catch(() => 'not mounted');
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter(Boolean);
  const cgroups = execFileSync('find', ['/sys/fs/cgroup', '-type', 'd'], { encoding: 'utf8' }).split('\n');
  const kept = cgroups.filter((path) => /lapidary|crun|runc|libpod/.test(path));
  return { binfmt, mounts: mounts.filter((line) => line.includes(work.dir)), cgroups: kept };
}

let before: Record<string, unknown>;
beforeAll(async () => {
  before = await machine();
});
/** Nothing that was started is there, and everything else as it was. */
async function nothingIsLeft(): Promise<void> {
  expect(await tracesOf(work.store)).toEqual([]);
  expect(await tracesOf('exec cat')).toEqual([]);
  expect(await machine()).toEqual(before);
}

describe('a step for another architecture', () => {
  test('runs in an image that has no emulator, for every architecture at once, and is told', async () => {
    const programs = Object.fromEntries(
      ['386', ...FOREIGN].map((name) => [`true-${name}`, trueProgram(name)]),
    );
    const context = await work.files('all', {
      Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY --chmod=755 true-$TARGETARCH /true\nRUN ["/true"]\n',
      ...programs,
    });
    const platforms = ['386', ...FOREIGN].map((name) => `linux/${name}`).join(',');
    const told = await events(['--platform', platforms, '-t', 'all', context]);
    const emulated = told.filter(({ type }) => type === 'step-emulated');
    // A processor of amd64 runs the 32-bit programs by itself
    const found = emulated.map(({ platform = '' }) => platform.split('/')[1] ?? '');
    expect(found.sort()).toEqual([...FOREIGN].sort());
    for (const { emulator } of emulated) expect(emulator).toMatch(/^(?:\/usr)?\/bin\/qemu-\w+-static$/);
    const sums = told.filter(({ type }) => type === 'emulation');
    expect(sums).toHaveLength(FOREIGN.length);
    expect(sums[0]).toMatchObject({ stage: '0', steps: 1, ms: expect.any(Number) });
    // Its own programs are what the image is for
    expect(sums.every(({ hint }) => hint === undefined)).toBe(true);
    await nothingIsLeft();
  });

  test('says how it can be avoided where its files are only copied from', async () => {
    const context = await work.files('avoid', {
      Dockerfile:
        'FROM scratch AS tool\nCOPY --chmod=755 hello /hello\nRUN ["/hello"]\nFROM scratch\nCOPY --from=tool /hello /hello\nCMD ["/hello"]',
      hello: arm64Program({ text: 'hello from afar', exit: 0 }),
    });
    const { code, stderr } = await work.run([
      'build',
      '--progress',
      'plain',
      '--platform',
      'linux/arm64',
      '-t',
      'afar',
      context,
    ]);
    if (code !== 0) throw new Error(stderr);
    expect(stderr).toMatch(
      /#2 [\d.]+ emulated: programs of linux\/arm64 are run by \/usr\/bin\/qemu-aarch64-static\n#2 [\d.]+ hello from afar\n/,
    );
    expect(stderr).toMatch(
      /\[emulated\] linux\/arm64 tool: 1 step, [\d.]+s\n {2}= hint: the stage tool is only copied from/,
    );
  });

  test('runs in the foreground too, with its exit code', async () => {
    expect(await work.ok(['run', 'afar'])).toBe('hello from afar\n');
    expect(await work.ok(['run', '--platform', 'linux/arm64', 'afar'])).toBe('hello from afar\n');
    const context = await work.files('seven', {
      Dockerfile: 'FROM scratch\nCOPY --chmod=755 seven /seven\nENTRYPOINT ["/seven"]',
      seven: arm64Program({ text: 'seven', exit: 7 }),
    });
    await work.ok(['build', '--platform', 'linux/arm64', '-t', 'seven', context]);
    const { code, stdout } = await work.run(['run', 'seven']);
    expect([code, stdout]).toEqual([7, 'seven\n']);
    await nothingIsLeft();
  });

  test('runs with runc where there is no crun, in a build and in the foreground', async () => {
    const env = {
      PATH: await searchPathOf('runc', ['runc', 'qemu-aarch64-static', 'pasta', ...PROGRAMS]),
    };
    const context = await work.files('by-runc', {
      Dockerfile: 'FROM scratch\nCOPY --chmod=755 hello /hello\nRUN ["/hello"]\nCMD ["/hello"]',
      hello: arm64Program({ text: 'hello by runc', exit: 0 }),
    });
    const args = ['build', '--no-cache', '--progress', 'plain', '--platform', 'linux/arm64', '-t', 'by-runc'];
    const { code, stderr } = await work.run([...args, context], { env });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/emulated: programs[^]*hello by runc\n/)]);
    expect(await work.ok(['run', 'by-runc'], { env })).toBe('hello by runc\n');
    await nothingIsLeft();
  });

  test('leaves nothing when it fails, or is killed, with the build or by itself', async () => {
    const program = (name: string, exit: number | 'never'): Promise<string> =>
      work.files(name, {
        Dockerfile: 'FROM scratch\nCOPY --chmod=755 program /program\nRUN ["/program"]',
        program: arm64Program({ text: 'it has begun', exit }),
      });
    const args = ['build', '--progress', 'plain', '--platform', 'linux/arm64'];
    const failed = await work.run([...args, await program('fails', 3)]);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('exited with code 3')]);
    await nothingIsLeft();
    const endless = await program('endless', 'never');
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const child = work.start([...args, endless]);
      await untilSays(child, 'it has begun');
      const ended = finished(child);
      child.kill(signal);
      await ended;
      expect(await tracesOf('/program')).toEqual([]);
      await nothingIsLeft();
    }
  });
});

describe('emulators', () => {
  const context = (): Promise<string> =>
    work.files('missing', {
      Dockerfile: 'FROM scratch\nCOPY --chmod=755 true /true\nRUN ["/true"]',
      true: trueProgram('arm64'),
    });

  test('that are missing are named, and found where a flag says', async () => {
    const env = { PATH: await searchPathOf('no-qemu', ['crun', ...PROGRAMS]) };
    const args = ['build', '--no-cache', '--progress', 'plain', '--platform', 'linux/arm64'];
    const missing = await work.run([...args, await context()], { env });
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringMatching(
        /error\[EMULATOR_MISSING\]: programs of arm64 need an emulator, and qemu-aarch64-static is not installed[\s\S]*3 \| RUN[\s\S]*apt-get install qemu-user-static/,
      ),
    ]);
    await work.ok([...args, '--emulator', `arm64=${QEMU}`, await context()], { env });
    const wrong = await work.run(
      [...args, '--emulator', 'arm64=/usr/bin/qemu-s390x-static', await context()],
      { env },
    );
    expect([wrong.code, wrong.stderr]).toEqual([
      1,
      expect.stringContaining('does not run programs of arm64'),
    ]);
    await nothingIsLeft();
  });

  /** What makes commands see a machine that knows arm64, and not riscv64: root has what a bootstrap is started with. */
  async function machineOfArm64(): Promise<EmulatedCommand> {
    const at = '/proc/sys/fs/binfmt_misc';
    if (process.getuid?.() === 0) {
      const platform = { os: 'linux', architecture: 'arm64' };
      const made = await emulateCommand({ platform, scratch: work.dir });
      const script = `test ! -e ${at}/qemu-riscv64 || echo -1 > ${at}/qemu-riscv64; exec "$@"`;
      return {
        prefix: [...made.prefix, 'sh', '-c', script, 'sh'],
        [Symbol.dispose]: () => made[Symbol.dispose](),
      };
    }
    const { arm64 } = ELF_ARCHITECTURES;
    if (arm64 === undefined) throw new Error('arm64 is not known');
    const script = `mount -t binfmt_misc binfmt_misc ${at} && printf %s "$0" > ${at}/register && exec "$@"`;
    const unshare = ['unshare', '--user', '--map-root-user', '--map-auto', '--mount'];
    return {
      prefix: [...unshare, 'sh', '-c', script, registerLine(arm64, QEMU)],
      [Symbol.dispose]: () => undefined,
    };
  }

  test('of the machine are used as they are, and carried over where an own one has to stand beside them', async () => {
    using outer = await machineOfArm64();
    const bin = await searchPathOf('riscv64', ['unshare', 'sh', 'mount', 'cat', 'qemu-riscv64-static']);
    const script = fileURLToPath(new URL('../support/emulators-here.ts', import.meta.url));
    const [program = '', ...flags] = outer.prefix;
    const inside = (...args: string[]): string =>
      execFileSync(program, [...flags, ...args], { encoding: 'utf8' });
    const scratch = work.path('scratch');
    await mkdir(scratch);
    const ask = (...names: string[]): unknown =>
      JSON.parse(
        inside(process.execPath, '--disable-warning=ExperimentalWarning', script, bin, scratch, ...names),
      );
    const own = { type: 'own', emulator: join(bin, 'qemu-riscv64-static') };
    expect(ask('amd64', '386', 'arm64')).toEqual([
      { type: 'native' },
      { type: 'native' },
      { type: 'host', emulator: QEMU },
      7,
    ]);
    expect(ask('riscv64')).toEqual([own, 7]);
  });
});
