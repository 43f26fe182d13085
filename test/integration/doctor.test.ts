import { copyFile, readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineReport } from '../../src/sandbox/index.ts';
import { Workspace } from '../support/cli.ts';

/* As root and as an ordinary user: what is said of this machine is what steps get. */

const isRoot = process.getuid?.() === 0;

let work: Workspace;
let context: string;
beforeAll(async () => {
  work = await Workspace.create();
  const lines = [
    'FROM scratch AS step',
    'COPY busybox /bin/busybox',
    'RUN ["/bin/busybox", "cp", "/proc/self/uid_map", "/map"]',
    'FROM scratch',
    'COPY --from=step /map /',
  ];
  context = await work.files('context', { Dockerfile: lines.join('\n') });
  await copyFile('/bin/busybox', `${context}/busybox`);
});
afterAll(() => work[Symbol.asyncDispose]());

async function doctor(
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; report: MachineReport }> {
  const { code, stdout, stderr } = await work.run(['doctor', '--json'], { env });
  expect(stderr).toBe('');
  return { code, report: JSON.parse(stdout) as MachineReport };
}

/** The user ID of the machine that root of a step is, and the number of IDs that it has. */
async function rootOfStep(
  ...flags: readonly string[]
): Promise<{ readonly outside: number; readonly ids: number }> {
  const out = work.path('out');
  await work.ok(['build', '-q', '--no-cache', '-o', out, ...flags, context]);
  const map = await readFile(`${out}/map`, 'utf8');
  const ranges = map
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return { outside: ranges[0]?.[1] ?? -1, ids: ranges.reduce((sum, [, , count = 0]) => sum + count, 0) };
}

describe('doctor', () => {
  test('says how this user’s commands are executed, and they are', async () => {
    const { code, report } = await doctor();
    expect({ code, canRun: report.canRun }).toEqual({ code: 0, canRun: true });
    expect(report.isolation).toBe(isRoot ? 'root' : 'user-namespace');
    expect((await rootOfStep()).outside).toBe(isRoot ? 0 : process.getuid?.());
  });

  test('counts the IDs that steps have', async () => {
    const { report } = await doctor();
    const { detail } = report.checks.find(({ name }) => name === 'subordinate-ids') ?? {};
    const { ids } = await rootOfStep();
    expect(detail).toContain(isRoot ? 'root has every ID' : `${ids} user and`);
    expect(ids).toBeGreaterThan(65_535);
  });

  test('says that programs of other machines can be run, as this kernel gives every build an instance', async () => {
    const { report } = await doctor();
    expect(report.checks.find(({ name }) => name === 'binfmt')).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('an instance of its own') as string,
    });
  });

  test('ends with a report where a temporary directory cannot be made', async () => {
    const { report } = await doctor({ TMPDIR: '/nonexistent/directory' });
    const overlay = report.checks.find(({ name }) => name === 'overlay');
    // Root needs none to find out
    const found = {
      status: 'limited',
      detail: expect.stringContaining('ENOENT') as string,
      fix: expect.any(String) as string,
    };
    expect(overlay).toMatchObject(isRoot ? { status: 'ok' } : found);
  });
});

describe('--isolation', () => {
  test('user-namespace gives root of a step no right outside, to root as well', async () => {
    const { outside, ids } = await rootOfStep('--isolation', 'user-namespace', '--store', work.path('other'));
    expect({ outside, isAll: ids === 2 ** 32 - 1 }).toEqual({
      outside: isRoot ? 0 : process.getuid?.(),
      isAll: isRoot,
    });
  });

  test('none executes nothing', async () => {
    const { code, stderr } = await work.run(['build', '--no-cache', '--isolation', 'none', context]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'error[PERMISSION]: a command has to be executed, and --isolation=none forbids it',
    );
    expect(stderr).toContain('use a Dockerfile without RUN');
  });

  test('root is for root', async () => {
    const { code, stderr } = await work.run(['build', '--no-cache', '-q', '--isolation', 'root', context]);
    const refused =
      /^error\[PERMISSION\]: --isolation=root needs root$[^]*^ {2}= hint: run with sudo, or leave --isolation out$/m;
    expect(code).toBe(isRoot ? 0 : 1);
    expect(stderr).toMatch(isRoot ? /^$/ : refused);
  });

  test('of another name is told with those that there are', async () => {
    const { code, stderr } = await work.run(['build', '--isolation', 'hyperv', context]);
    expect(code).toBe(2);
    for (const name of ['hyperv', 'auto', 'none', 'user-namespace', 'root']) expect(stderr).toContain(name);
  });
});
