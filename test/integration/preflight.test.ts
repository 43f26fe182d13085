import { copyFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, Workspace } from '../support/cli.ts';
import { trueProgram } from '../support/foreign-program.ts';

// What preflight says without running anything, and what a runtime says of the same image.

let work: Workspace;
let context = '';
beforeAll(async () => {
  work = await Workspace.create();
  await work.busyboxBase();
  context = await work.files('context', {
    windows: '#!/bin/sh\r\necho hello\r\n',
    script: 'echo hello\n',
    'program-amd64': trueProgram('amd64'),
    'program-arm64': trueProgram('arm64'),
  });
  await copyFile('/bin/true', work.path('context', 'dynamic'));
});
afterAll(() => work[Symbol.asyncDispose]());

function build(name: string, lines: readonly string[], ...flags: string[]): Promise<CliResult> {
  const input = `${lines.join('\n')}\n`;
  return work.run(['build', '--progress', 'plain', '-t', name, ...flags, '-f', '-', context], { input });
}

type Broken = {
  readonly name: string;
  readonly lines: readonly string[];
  /** The rule, and the line that it points at. */
  readonly want: readonly [rule: string, line: number];
  readonly runtime: RegExp;
};

const BROKEN: readonly Broken[] = [
  {
    name: 'a program that is not there',
    lines: ['FROM base', 'ENV A=b', 'ENTRYPOINT ["/gone"]'],
    want: ['CommandNotFound', 3],
    runtime: /no such file or directory/i,
  },
  {
    name: 'a program that is not in PATH',
    lines: ['FROM base', 'CMD ["gone"]'],
    want: ['CommandNotFound', 2],
    runtime: /not found in \$PATH/,
  },
  {
    name: 'a mode without execution',
    lines: ['FROM base', 'COPY --chmod=644 program-amd64 /app', 'CMD ["/app"]'],
    want: ['CommandNotExecutable', 3],
    runtime: /permission denied/i,
  },
  {
    name: 'a script without its first line',
    lines: ['FROM base', 'COPY --chmod=755 script /app', 'CMD ["/app"]'],
    want: ['CommandNotAProgram', 3],
    runtime: /exec format error/i,
  },
  {
    name: 'a program for another processor',
    lines: ['FROM scratch', 'COPY --chmod=755 program-arm64 /app', 'ENTRYPOINT ["/app"]'],
    want: ['CommandOtherArchitecture', 3],
    runtime: /exec format error/i,
  },
  {
    name: 'a script with the line ends of Windows',
    lines: ['FROM base', 'COPY --chmod=755 windows /app', 'CMD ["/app"]'],
    want: ['InterpreterNotFound', 3],
    runtime: /no such file or directory/i,
  },
  {
    name: 'a dynamically linked program without its loader',
    lines: ['FROM base', 'COPY --chmod=755 dynamic /app', 'CMD ["/app"]'],
    want: ['InterpreterNotFound', 3],
    runtime: /no such file or directory/i,
  },
  {
    name: 'a shell form without a shell',
    lines: ['# check=skip=JSONArgsRecommended', 'FROM scratch', 'COPY program-amd64 /app', 'CMD /app'],
    want: ['ShellNotFound', 4],
    runtime: /no such file or directory/i,
  },
  {
    name: 'a user that is not listed',
    lines: ['FROM base', 'USER nobody'],
    want: ['UserNotFound', 2],
    runtime: /there is no user "nobody"/,
  },
];

describe('build --preflight', () => {
  test.for(BROKEN)('warns of $name, and the runtime fails with it', async ({ lines, want, runtime }) => {
    const { code, stderr } = await build('broken', lines);
    const warnings = [...stderr.matchAll(/^warning: (\w+): .*\n +--> stdin:(\d+):/gm)];
    expect([code, warnings.map(([, rule, line]) => [rule, Number(line)])]).toEqual([0, [want]]);
    const run = await work.run(['run', 'broken']);
    expect(run.code).not.toBe(0);
    expect(run.stderr).toMatch(runtime);
  });

  test('fails before names move and outputs are written, with error', async () => {
    const output = `type=oci,dest=${work.path('out.tar')}`;
    const lines = ['FROM base', 'CMD ["/gone"]'];
    const { code, stderr } = await build('refused', lines, '--preflight=error', '-o', output);
    expect([code, stderr]).toEqual([1, expect.stringContaining('error[PREFLIGHT_FAILED]')]);
    expect(stderr).not.toContain('[export]');
    expect(await work.ok(['images', '-q', 'refused'])).toBe('');
    expect((await build('refused', lines, '--preflight=off')).stderr).not.toContain('CommandNotFound');
  });

  test('does not fail for what is only likely', async () => {
    const { code, stderr } = await build('zone', ['FROM base', 'ENV TZ=Europe/Berlin'], '--preflight=error');
    expect([code, stderr]).toEqual([0, expect.stringMatching(/TimezoneNotFound[^]*--> stdin:2:/)]);
  });

  test('says it again of a build that is cached, and whose base has said it', async () => {
    await build('bad-base', ['FROM base', 'CMD ["/gone"]']);
    const { stderr } = await build('bad-base', ['FROM base', '', 'CMD ["/gone"]']);
    expect(stderr).toContain('0 executed');
    expect(stderr).toMatch(/CommandNotFound[^]*--> stdin:3:/);
    const above = await build('above', ['FROM bad-base', 'LABEL a=b']);
    expect(above.stderr).toContain(
      'CommandNotFound: CMD "/gone": there is no such file in the image; the base image bad-base says so',
    );
  });

  test('tells of which platforms it speaks', async () => {
    const lines = ['FROM scratch', 'COPY --chmod=755 program-amd64 /app', 'CMD ["/app"]'];
    const { stderr } = await build('two', lines, '--platform', 'linux/amd64,linux/arm64');
    expect(stderr).toContain('and the image is for linux/arm64 (linux/arm64)');
    expect(stderr.match(/^warning: /gm)).toHaveLength(1);
  });
});
