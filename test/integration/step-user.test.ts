import { copyFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workspace } from '../support/cli.ts';

/* What steps of a user who is not root may do: what Docker lets them. Run as root and as an ordinary user. */

const ALL_RIGHTS = '00000000a80425fb';
const GAIN = 'RUN ["/bin/catatonit", "--", "/bin/busybox", "grep", "Cap", "/proc/1/status"]';

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
  await work.busyboxBase();
  const context = await work.files('base', {
    Dockerfile: [
      'FROM base',
      'RUN mkdir -m 700 /closed && cp /bin/busybox /closed/busybox && chmod 755 /closed/busybox',
      // A program that keeps the rights which its file gives it, as process 1 of the step
      'COPY catatonit /bin/catatonit',
      'RUN chmod 4755 /bin/catatonit',
    ].join('\n'),
  });
  await copyFile('/usr/bin/catatonit', `${context}/catatonit`);
  await work.ok(['build', '-q', '-t', 'steps', context]);
});
afterAll(() => work[Symbol.asyncDispose]());

let count = 0;
/** Builds over `steps` and answers with what the last step wrote. */
async function build(
  ...lines: readonly string[]
): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const Dockerfile = ['FROM steps', ...lines].join('\n');
  return work.run(['build', '--progress', 'plain', await work.files(`context-${count++}`, { Dockerfile })]);
}

const rightsIn = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/Cap(Inh|Prm|Eff|Bnd|Amb):\s*([0-9a-f]{16})/g)].map(([, name, bits]) => [name, bits]),
  );

describe('rights', () => {
  const none = '0000000000000000';

  test.for([
    [
      'of root: Docker’s, not inherited',
      '0:0',
      { Inh: none, Prm: ALL_RIGHTS, Eff: ALL_RIGHTS, Bnd: ALL_RIGHTS, Amb: none },
    ],
    ['of another user: none', '1000:1000', { Inh: none, Prm: none, Eff: none, Bnd: ALL_RIGHTS, Amb: none }],
  ] as const)('%s', async ([, user, rights]) => {
    const { code, stderr } = await build(`USER ${user}`, 'RUN grep Cap /proc/self/status');
    expect({ code, rights: rightsIn(stderr) }).toEqual({ code: 0, rights });
  });

  test('are gained by a set-user-ID program', async () => {
    const { stderr } = await build('USER 1000', GAIN);
    expect(rightsIn(stderr)).toMatchObject({ Eff: ALL_RIGHTS });
  });

  test('are not gained where the build says so', async () => {
    const context = await work.files('no-new', {
      Dockerfile: `FROM steps\nUSER 1000\n${GAIN}\n`,
    });
    const flags = ['--security-opt', 'no-new-privileges', '--progress', 'plain'];
    const { stderr } = await work.run(['build', ...flags, context]);
    expect(rightsIn(stderr)).toMatchObject({ Eff: none });
  });
});

describe('a directory of root that nobody else may enter', () => {
  test('holds no program that another user can start: exit code 126, and the reason', async () => {
    const { code, stderr } = await build('USER 1000', 'RUN ["/closed/busybox", "true"]');
    expect(code).toBe(1);
    expect(stderr).toContain('the command exited with code 126: /closed/busybox true');
    expect(stderr).toMatch(/permission denied/i);
    expect(stderr).toContain('hint: a program of the command line is there but cannot be executed');
    expect(stderr).not.toContain('{"msg"');
  });

  test('holds one that root can start', async () => {
    expect(await build('RUN ["/closed/busybox", "true"]')).toMatchObject({ code: 0 });
  });

  test('can be the working directory', async () => {
    const { code, stderr } = await build('WORKDIR /closed', 'USER 1000', 'RUN pwd; ls . || echo is closed');
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('is closed') as string,
    });
  });
});

test('what a command says like a runtime does not change its exit code', async () => {
  const line = '{"msg":"exec container process `/x`: no such file","level":"error","time":"t"}';
  const { stderr } = await build(`RUN echo '${line}' >&2; exit 3`);
  expect(stderr).toContain('the command exited with code 3');
});
