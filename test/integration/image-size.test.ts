import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliResult, Workspace } from '../support/cli.ts';

// size, diff and build --max-size, on images that a build has made

let work: Workspace;
let context = '';
beforeAll(async () => {
  work = await Workspace.create();
  await work.busyboxBase();
  context = await work.files('context', { big: 'x'.repeat(300_000), small: 'y'.repeat(1000) });
  await build('app', [
    'FROM base',
    'COPY big small /data/',
    'COPY big /copy',
    'RUN rm /data/big && chmod 600 /data/small',
    'CMD ["sh"]',
  ]);
});
afterAll(() => work[Symbol.asyncDispose]());

function build(name: string, lines: readonly string[], ...flags: string[]): Promise<CliResult> {
  const input = `${lines.join('\n')}\n`;
  return work.run(['build', '--progress', 'plain', '-t', name, ...flags, '-f', '-', context], { input });
}

const line = (pattern: string): unknown => expect.stringMatching(new RegExp(`^${pattern}$`, 'm'));

describe('size', () => {
  test('tells of layers, directories, and what is wasted', async () => {
    const text = await work.ok(['size', '--depth', '1', 'app']);
    expect(text).toEqual(line('app linux/amd64 sha256:[0-9a-f]{64}'));
    expect(text).toEqual(line('\\S+MB in 7 layers; \\S+MB in \\d+ files'));
    expect(text).toEqual(line('5 +\\S+kB +- +301kB +COPY big small /data/ # buildkit'));
    expect(text).toEqual(line('\\S+MB +100\\.0% +\\d+ +/'));
    expect(text).toEqual(line('\\S+MB +\\S+% +1 +bin'));
    expect(text).toEqual(line('300kB +5, deleted in 7 +/data/big'));
    expect(text).toEqual(line('1kB +5, touched in 7 +/data/small'));
  });

  test('tells everything as JSON, and how much is transferred where that is known', async () => {
    const written = await build('copy', ['FROM app'], '-o', `type=oci,dest=${work.path('app.tar')}`);
    expect(written.code).toBe(0);
    const report = JSON.parse(await work.ok(['size', '--json', 'app'])) as Record<string, number>;
    expect(report['wastedBytes']).toBe(301_000);
    expect(report['compressed']).toBeLessThan(report['size'] ?? 0);
    expect(await work.ok(['size', '--format', 'json', `oci-archive:${work.path('app.tar')}`])).toContain(
      `"wastedBytes": ${report['wastedBytes']}`,
    );
  });

  test.for([
    { name: 'an image that is not there', args: ['size', 'gone'], code: 1, want: 'IMAGE_NOT_FOUND' },
    { name: 'a depth that is no number', args: ['size', '--depth', 'x', 'app'], code: 2, want: '--depth' },
    {
      name: 'another format',
      args: ['size', '--format', 'yaml', 'app'],
      code: 2,
      want: 'expected table, json',
    },
  ])('refuses $name', async ({ args, code, want }) => {
    const result = await work.run(args);
    expect([result.code, result.stderr]).toEqual([code, expect.stringContaining(want)]);
  });
});

describe('diff', () => {
  test('tells what of files and configuration is not the same', async () => {
    const text = await work.ok(['diff', 'base', 'app']);
    expect(text).toEqual(line('  \\+\\S+kB, 4 layers are shared'));
    expect(text).toEqual(line('~ Cmd .*-> "\\[\\\\"sh\\\\"\\]"'));
    expect(text).toEqual(line('\\+ \\+300kB +/copy'));
    expect(text).toEqual(line('\\+ \\+1kB +/data/  \\(1 inside\\)'));
    expect(text).toEqual(line('3 added \\(\\+301kB\\)'));
    expect(await work.ok(['diff', '--all', 'base', 'app'])).toEqual(line('\\+ \\+1kB +/data/small'));
  });

  test('tells every path as JSON, and the other way round', async () => {
    const { files } = JSON.parse(await work.ok(['diff', '--json', 'app', 'base'])) as { files: object[] };
    expect(files).toContainEqual({ change: 'removed', path: '/data/small', type: 'file', bytes: 1000 });
    expect(files).toHaveLength(3);
  });

  test('has an exit code for scripts', async () => {
    const codes = [];
    for (const other of ['app', 'base'])
      codes.push((await work.run(['diff', '--exit-code', 'app', other])).code);
    expect(codes).toEqual([0, 1]);
    expect(await work.ok(['diff', 'app', 'app'])).toContain('no differences');
  });
});

describe('build --max-size', () => {
  const LINES = ['FROM scratch', 'COPY big /data/'];

  test('fails before a name moves, and names what is large', async () => {
    const output = `type=oci,dest=${work.path('large.tar')}`;
    const { code, stderr } = await build('large', LINES, '--max-size', '0.2MB', '-o', output);
    expect(code).toBe(1);
    expect(stderr).toContain(
      'error[SIZE_EXCEEDED]: the image for linux/amd64 has 303.1kB, more than the 200kB of --max-size',
    );
    expect(stderr).toMatch(
      /the largest layers:\n +303\.1kB +COPY big[^]*the largest files:\n +300kB +\/data\/big/,
    );
    expect(stderr).not.toContain('[export]');
    expect(await work.ok(['images', '-q', 'large'])).toBe('');
  });

  test.for([
    ['0.5MB', 0],
    ['295KiB', 1],
    ['10kB,compressed', 0],
    ['100B,compressed', 1],
    ['10,packed', 2],
    ['ten', 2],
  ] as const)('%s: exit code %i', async ([size, code]) => {
    expect((await build('sized', LINES, '--max-size', size)).code).toBe(code);
  });
});
