import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workspace } from '../support/cli.ts';

// COPY --closure, with programs of this machine: ldd, which runs them, is the second opinion.

const PROGRAM = realpathSync('/bin/bash');

let work: Workspace;
let dir: string;
beforeAll(async () => {
  work = await Workspace.create();
  const programs = [PROGRAM, '/usr/bin/env'];
  const there = [...new Set([...programs, ...programs.flatMap(librariesOf)])];
  dir = await work.files('context', {
    ...Object.fromEntries(there.map((path) => [`root${path}`, readFileSync(path)])),
    'root/app/hello': '#!/usr/bin/env bash\necho hello from a script\n',
    'root/usr/share/not-needed': 'x',
  });
});
afterAll(() => work[Symbol.asyncDispose]());

/** Absolute paths, as the loader finds them. */
function librariesOf(program: string): string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => /(?:=> |^\s+)(\/\S+)/.exec(line)?.[1] ?? []);
}

async function build(lines: readonly string[], ...args: string[]): Promise<string> {
  return work.ok(['build', '-q', '-t', 'app', ...args, '-f', '-', dir], { input: `${lines.join('\n')}\n` });
}

async function filesOfImage(): Promise<string[]> {
  const dest = work.path('out.tar');
  await work.ok(['build', '-q', '-o', `type=tar,dest=${dest}`, '-f', '-', dir], { input: 'FROM app\n' });
  const names = execFileSync('tar', ['-tf', dest], { encoding: 'utf8' }).trim().split('\n');
  return names
    .filter((name) => !name.endsWith('/'))
    .map((name) => `/${name}`)
    .sort();
}

const STAGE = ['FROM scratch AS build', 'COPY --chmod=755 root /', 'FROM scratch'];

describe('COPY --closure', () => {
  test('takes a program and what the loader loads for it, and nothing else', async () => {
    await build([
      ...STAGE,
      `COPY --from=build --closure ${PROGRAM} /`,
      `CMD ["${PROGRAM}", "-c", "echo ok $0"]`,
    ]);
    expect(await filesOfImage()).toEqual([PROGRAM, ...librariesOf(PROGRAM)].sort());
    expect(await work.ok(['run', 'app'])).toBe(`ok ${PROGRAM}\n`);
  });

  test('takes the interpreters of scripts, found by the PATH of the result', async () => {
    await build([
      ...STAGE,
      `ENV PATH=/nowhere:${PROGRAM.slice(0, PROGRAM.lastIndexOf('/'))}`,
      'COPY --from=build --closure /app /',
      'CMD ["/app/hello"]',
    ]);
    expect(await work.ok(['run', 'app'])).toBe('hello from a script\n');
    expect(await filesOfImage()).not.toContain('/usr/share/not-needed');
  });

  test('is a hit when nothing changed, and says what is missing', async () => {
    const lines = [...STAGE, `COPY --from=build --closure ${PROGRAM} /`];
    await build(lines);
    const again = await work.run(['build', '-f', '-', dir], { input: lines.join('\n') });
    expect(again.stderr + again.stdout).toContain('0 executed');

    const library = librariesOf(PROGRAM).find((path) => path.includes('tinfo')) ?? '';
    const without = [
      'FROM scratch AS build',
      `COPY --chmod=755 --exclude=**/${library.slice(library.lastIndexOf('/') + 1)}* root /`,
      'FROM scratch',
      `COPY --from=build --closure ${PROGRAM} /`,
    ];
    const refused = await work.run(['build', '-f', '-', dir], { input: without.join('\n') });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('CLOSURE_INCOMPLETE');
    expect(refused.stderr).toContain(`"${PROGRAM}" needs "libtinfo.so.6"; searched: `);
  });

  test.for([
    { name: 'the build context', line: 'COPY --closure root/app /', want: 'say which with --from=' },
    { name: '--parents', line: 'COPY --from=build --closure --parents /app /', want: 'leave --parents out' },
    {
      name: 'what is not there',
      line: 'COPY --from=build --closure /no/app /',
      want: '"/no/app" does not exist',
    },
  ])('refuses $name', async ({ line, want }) => {
    const refused = await work.run(['build', '-f', '-', dir], { input: [...STAGE, line].join('\n') });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(want);
  });
});
