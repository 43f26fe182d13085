import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { main } from '../main.ts';
import { fakeIo } from '../test-fake-io.ts';

// The first call loads the whole program
vi.setConfig({ testTimeout: 60_000 });
let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lapidary-call-'));
  await writeFile(join(dir, 'Dockerfile'), '# v is new\nARG v=1\nFROM scratch AS Build\nARG v\nLABEL a=$v\n');
  await writeFile(join(dir, 'good.Dockerfile'), 'FROM scratch\n');
  await writeFile(join(dir, 'broken.Dockerfile'), 'FRM scratch\n');
});
afterAll(() => rm(dir, { recursive: true }));

async function call(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const { io, out, err } = fakeIo({ cwd: dir });
  const code = await main(['--store', join(dir, 'store'), ...argv], io);
  return { code, out: out(), err: err() };
}

test.for<{ name: string; argv: string[]; code: number; out: RegExp }>([
  {
    name: 'check',
    argv: ['build', '--check', '.'],
    code: 1,
    out: /1 warning has been found!\n\nWARNING: StageNameCasing/,
  },
  {
    name: 'check without findings',
    argv: ['build', '--check', '-f', 'good.Dockerfile', '.'],
    code: 0,
    out: /^Check complete, no warnings found\.\n$/,
  },
  {
    name: 'lint is check',
    argv: ['build', '--call=lint,format=json', '.'],
    code: 1,
    out: /"ruleName": "StageNameCasing"/,
  },
  {
    name: 'what cannot be built',
    argv: ['build', '--check', '-f', 'broken.Dockerfile', '.'],
    code: 1,
    out: /error\[DOCKERFILE_UNKNOWN_INSTRUCTION\].*\n(.*\n)* {2}= hint: did you mean FROM\?/,
  },
  {
    name: 'outline',
    argv: ['build', '--call', 'outline', '.'],
    code: 0,
    out: /^TARGET: +build\n\nBUILD ARG .*\nv +1 +is new\n$/,
  },
  {
    name: 'targets',
    argv: ['build', '--call', 'targets', '.'],
    code: 0,
    out: /^TARGET.*\nbuild \(default\)/,
  },
  {
    name: 'context ls',
    argv: ['context', 'ls', '--included'],
    code: 0,
    out: /included +\d+B +Dockerfile\s*included .*\n(.*\n)*\d files \(\d+B\) included, 0 files/,
  },
])('$name', async ({ argv, code, out }) => {
  const result = await call(...argv);
  expect(result.err).toBe('');
  expect(result.out).toMatch(out);
  expect(result.code).toBe(code);
});

test.for([
  [['build', '--call', 'chekc', '.'], 'did you mean check?'],
  [['build', '--call', 'check,format=yaml', '.'], 'expected format=json'],
  [['build', '--call', 'targets', '--fix', '.'], '--fix repairs what --check finds'],
  [['build', '--unset', 'env=', '.'], 'name one, or write env alone for all'],
  [['build', '--unset', 'cmd=x', '.'], 'write cmd alone'],
  [['context', 'show'], 'write lapidary context ls [PATH]'],
] as const)('%s is not understood', async ([argv, message]) => {
  const { code, err } = await call(...argv);
  expect(err).toContain(message);
  expect(code).toBe(2);
});

test('--fix alone checks, repairs and checks again', async () => {
  const file = join(dir, 'repair.Dockerfile');
  await writeFile(file, 'FROM scratch AS Build\n');
  const { code, out } = await call('build', '--fix', '-f', 'repair.Dockerfile', '.');
  expect([code, out]).toEqual([
    0,
    "fixed repair.Dockerfile:1 StageNameCasing: Stage name 'Build' should be lowercase\nCheck complete, no warnings found.\n",
  ]);
  expect(await readFile(file, 'utf8')).toBe('FROM scratch AS build\n');
});
