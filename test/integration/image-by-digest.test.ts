import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Workspace } from '../support/cli.ts';
import { arm64Program, trueProgram } from '../support/foreign-program.ts';

let work: Workspace;
let index: string;
beforeAll(async () => {
  work = await Workspace.create();
  const context = await work.files('context', {
    Dockerfile: 'FROM scratch\nARG TARGETARCH\nCOPY --chmod=755 $TARGETARCH /program\nCMD ["/program"]',
    amd64: trueProgram('amd64'),
    arm64: arm64Program({ text: 'from afar', exit: 7 }),
  });
  const iid = work.path('iid');
  await work.ok(['build', '-t', 'both', '--platform', 'linux/amd64,linux/arm64', '--iidfile', iid, context]);
  index = await readFile(iid, 'utf8');
});
afterAll(() => work[Symbol.asyncDispose]());

const architecture = (...args: readonly string[]): Promise<string> =>
  work.ok(['inspect', '-f', '{{.Architecture}}', ...args]);

test('what --iidfile says of several platforms is run, for this machine or for one that is asked for', async () => {
  expect(await work.run(['run', index])).toMatchObject({ code: 0, stdout: '' });
  const foreign = await work.run(['run', '--platform', 'linux/arm64', index]);
  expect(foreign).toMatchObject({ code: 7, stdout: 'from afar\n' });
});

test('it is inspected, tagged and saved, whole or one platform of it', async () => {
  expect(await architecture(index)).toBe('amd64\n');
  expect(await architecture('--platform', 'linux/arm64', index)).toBe('arm64\n');
  await work.ok(['tag', index, 'again']);
  await work.ok(['save', '--platform', 'linux/arm64', '-o', work.path('arm64.tar'), index]);
  await work.ok(['save', '--format', 'oci', '-o', work.path('both.tar'), 'again']);
  const other = { env: { LAPIDARY_STORE: work.path('other') } };
  await work.ok(['load', '-i', work.path('both.tar')], other);
  expect(
    await work.ok(['inspect', '-f', '{{.Architecture}}', '--platform', 'linux/arm64', 'again'], other),
  ).toBe('arm64\n');
});

test.for([
  [
    'a platform that it lacks',
    ['inspect', '--platform', 'linux/s390x'],
    'it is there for linux/amd64, linux/arm64',
  ],
  ['a digest of nothing', ['run'], 'there is no image'],
] as const)('refuses %s', async ([what, command, text]) => {
  const name = what === 'a digest of nothing' ? `sha256:${'0'.repeat(64)}` : index;
  const { code, stderr } = await work.run([...command, name]);
  expect([code, stderr]).toEqual([1, expect.stringContaining(text)]);
});
