import { access } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, Workspace } from '../support/cli.ts';
import { arm64Program, trueProgram } from '../support/foreign-program.ts';
import { tracesOf } from '../support/traces.ts';

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
  await work.busyboxBase();
});
afterAll(() => work[Symbol.asyncDispose]());

/** A build with a name and an output, of which nothing may be there when a test fails. */
async function build(name: string, dockerfile: string, ...flags: string[]): Promise<CliResult> {
  const context = await work.files(name, {
    Dockerfile: dockerfile,
    'program-arm64': arm64Program({ text: 'from afar', exit: 3 }),
    'program-amd64': trueProgram('amd64'),
  });
  const output = `type=oci,dest=${work.path(`${name}.tar`)}`;
  return work.run(['build', '--progress', 'plain', '-t', name, '-o', output, ...flags, context]);
}

async function isThere(name: string): Promise<readonly [named: boolean, written: boolean]> {
  const named = (await work.ok(['images', '-q', name])) !== '';
  const written = await access(work.path(`${name}.tar`)).then(
    () => true,
    () => false,
  );
  return [named, written];
}

describe('build --test', () => {
  test('runs commands in the image, and keeps nothing of them', async () => {
    const dockerfile = 'FROM base\nUSER app\nWORKDIR /tmp\nENV A=b\nRUN echo hello > /tmp/made';
    const flags = ['--test', 'test "$A $(cat made) $(id -un)" = "b hello app"; r=$?; echo x > left; exit $r'];
    const { code, stderr } = await build('passes', dockerfile, ...flags, '--test', '["/bin/true"]');
    expect([code, stderr]).toEqual([
      0,
      expect.stringMatching(/\[linux\/amd64 test 1\/2\] TEST test[\s\S]*test 2\/2\] TEST/),
    ]);
    expect(await isThere('passes')).toEqual([true, true]);
    expect(await work.ok(['run', 'passes', 'ls', '/tmp'])).toBe('made\n');
  });

  test('moves no name and writes nothing when one platform does not pass', async () => {
    const dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY --chmod=755 program-$TARGETARCH /program';
    const flags = ['--platform', 'linux/amd64,linux/arm64', '--test', '["/program"]'];
    const { code, stderr } = await build('fails', dockerfile, ...flags);
    expect(code).toBe(1);
    expect(stderr).toContain('error[TEST_FAILED]: the image for linux/arm64 exited with code 3: /program');
    expect(stderr).toMatch(/its last output:\n\s+from afar/);
    expect(await isThere('fails')).toEqual([false, false]);
  });

  test('waits until the image is healthy, and stops it', async () => {
    const serve = (check: string): string =>
      `FROM base\nRUN mkdir /www && echo fine > /www/health\nHEALTHCHECK --interval=1s --retries=2 ${check}\nCMD ["httpd", "-f", "-p", "37003", "-h", "/www"]`;
    const healthy = await build(
      'healthy',
      serve('CMD wget -q -O /dev/null http://127.0.0.1:37003/health'),
      '--test-health',
    );
    expect([healthy.code, healthy.stderr]).toEqual([0, expect.stringContaining('TEST until healthy')]);
    expect(await isThere('healthy')).toEqual([true, true]);
    const ill = await build(
      'ill',
      serve('CMD wget -q -O /dev/null http://127.0.0.1:37003/nothing'),
      '--test-health',
    );
    expect([ill.code, ill.stderr]).toEqual([1, expect.stringContaining('was not healthy within 2 s')]);
    expect(await isThere('ill')).toEqual([false, false]);
    expect(await tracesOf('37003')).toEqual([]);
  });

  test.for([
    [
      'ends too early',
      'FROM base\nHEALTHCHECK CMD false\nCMD ["sh", "-c", "echo bye; exit 4"]',
      ['--test-health'],
      1,
      'ended with exit code 4 before it was healthy',
    ],
    ['has no check', 'FROM base', ['--test-health'], 1, 'has no HEALTHCHECK to be tested by'],
    ['is tested by what is no list', 'FROM base', ['--test', '["a"'], 2, '--test is not a list of strings'],
  ] as const)('says that an image %s', async ([name, dockerfile, flags, exit, text]) => {
    const tag = name.replaceAll(' ', '-');
    const { code, stderr } = await build(tag, dockerfile, ...flags);
    expect([code, stderr]).toEqual([exit, expect.stringContaining(text)]);
    expect(await isThere(tag)).toEqual([false, false]);
  });
});
