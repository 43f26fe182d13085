import { chmod, copyFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineReport } from '../../src/sandbox/index.ts';
import { Workspace } from '../support/cli.ts';
import { type ContainerOptions, inContainer } from '../support/docker-container.ts';

/* In a container of Docker's, where nothing was asked for, and where it was started as the error said. */

const FIX = {
  text: '--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined',
  security: { seccomp: 'unconfined', apparmor: 'unconfined', unmasked: true },
};
const FILES = 'FROM scratch\nCOPY busybox /bin/busybox\n';
const BLOCKED = 'a seccomp filter is in force, as in a container';

let work: Workspace;
let plain: string;
let withRun: string;
beforeAll(async () => {
  work = await Workspace.create();
  await chmod(work.dir, 0o755);
  plain = await work.files('plain', { Dockerfile: FILES });
  withRun = await work.files('run', { Dockerfile: `${FILES}RUN ["/bin/busybox", "touch", "/made"]\n` });
  await Promise.all([plain, withRun].map((context) => copyFile('/bin/busybox', `${context}/busybox`)));
});
afterAll(() => work[Symbol.asyncDispose]());

async function doctor(
  options: ContainerOptions,
): Promise<{ readonly code: number | null; readonly report: MachineReport }> {
  const { code, stdout } = await inContainer(work, ['doctor', '--json'], options);
  return { code, report: JSON.parse(stdout) as MachineReport };
}

describe.for([
  ['root', 0],
  ['another user', 1000],
] as const)('in a container with Docker’s defaults, %s', ([, uid]) => {
  test('builds without RUN', async () => {
    const { code, stdout, stderr } = await inContainer(work, ['build', '-q', plain], { uid });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
  });

  test('is told by RUN what forbids it, and how the container has to be started', async () => {
    const { code, stderr } = await inContainer(work, ['build', '--progress', 'plain', withRun], { uid });
    expect(code).toBe(1);
    expect(stderr).toContain('error[PERMISSION]');
    expect(stderr).toContain('--> Dockerfile:3:1');
    expect(stderr).toContain(BLOCKED);
    expect(stderr).toContain(`start the container with ${FIX.text}`);
  });

  test('is told the same by doctor, and no other reason', async () => {
    const { code, report } = await doctor({ uid });
    expect({ code, canRun: report.canRun, isolation: report.isolation }).toEqual({
      code: 1,
      canRun: false,
      isolation: 'none',
    });
    const check = (name: string): unknown => report.checks.find((one) => one.name === name);
    expect(check('user-namespaces')).toMatchObject({
      status: 'missing',
      detail: expect.stringContaining(BLOCKED) as string,
      fix: expect.stringContaining(FIX.text) as string,
    });
    expect(check('overlay')).toMatchObject({ status: 'missing', fix: 'see user-namespaces' });
  });

  test('executes RUN where the container was started as the hint says', async () => {
    const options = { uid, security: FIX.security };
    const { code, stderr } = await inContainer(work, ['build', '--progress', 'plain', withRun], options);
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('1 executed') as string,
    });
    const found = await doctor(options);
    expect(found).toMatchObject({ code: 0, report: { canRun: true, isolation: 'user-namespace' } });
  });
});
