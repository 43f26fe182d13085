import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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

describe('an image without a name', () => {
  let context: string;
  beforeAll(async () => {
    const lines = [
      'FROM scratch',
      'ARG TARGETARCH',
      'COPY --chmod=755 $TARGETARCH /unnamed',
      'CMD ["/unnamed"]',
    ];
    context = await work.files('unnamed', {
      Dockerfile: lines.join('\n'),
      amd64: trueProgram('amd64'),
      arm64: arm64Program({ text: 'unnamed', exit: 9 }),
    });
  });

  test('is run by what build -q says, with sha256: and without, after a build from the cache too', async () => {
    for (const id of [await work.ok(['build', '-q', context]), await work.ok(['build', '-q', context])]) {
      expect(await work.run(['run', '--rm', id.trim()])).toMatchObject({ code: 0 });
      expect(await architecture(id.trim().replace('sha256:', ''))).toBe('amd64\n');
    }
    expect(await work.ok(['images'])).not.toContain('none');
  });

  test('of several platforms is run by the digest of its index', async () => {
    const platforms = 'linux/amd64,linux/arm64';
    const digest = (await work.ok(['build', '-q', '--platform', platforms, context])).trim();
    const foreign = await work.run(['run', '--platform', 'linux/arm64', digest]);
    expect(foreign).toMatchObject({ code: 9, stdout: 'unnamed\n' });
  });

  test('can be given a name, and has none to be removed before', async () => {
    const id = (await work.ok(['build', '-q', context])).trim();
    const { code, stderr } = await work.run(['rmi', id]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('has no name to be removed')]);
    await work.ok(['tag', id, 'named']);
    expect(await work.ok(['inspect', '-f', '{{.Id}}', 'named'])).toBe(`${id}\n`);
    await work.ok(['rmi', 'named']);
  });
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
