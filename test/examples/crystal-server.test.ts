import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { finished, type Workspace } from '../support/cli.ts';
import { CrystalExamples, PLATFORMS } from '../support/crystal-examples.ts';
import { debianBases, exampleWorkspace } from '../support/debian-bases.ts';

let work: Workspace;
let examples: CrystalExamples;
beforeAll(async () => {
  work = await exampleWorkspace();
  await debianBases(work, 'debian:trixie-slim', 'debian:bookworm-slim');
  examples = await CrystalExamples.open(work);
  await examples.build('crystal-server', '--test-health', '--max-size', '4MB,compressed');
});
afterAll(async () => {
  examples[Symbol.dispose]();
  await work[Symbol.asyncDispose]();
});

test.for(PLATFORMS)('crystal-server answers on %s until it is asked to stop', async (platform) => {
  // Port 0 is one that is free
  const child = work.start(['run', '--rm', '--platform', platform, '-e', 'PORT=0', 'crystal-server']);
  const end = finished(child);
  if (child.stdout === null) throw new Error('no standard output');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const url = line.replace('listens on ', '').replace('0.0.0.0', '127.0.0.1');
  const ask = async (path: string): Promise<string> => (await fetch(`${url}${path}`)).text();
  expect(await ask('/health')).toBe('ok\n');
  expect(await ask('/greet?name=Ada')).toBe('{"greeting":"Hello, Ada"}');
  expect(await ask('/')).toContain('<title>crystal-server</title>');
  child.kill('SIGTERM');
  const { code, stdout } = await end;
  expect([code, stdout.trim().split('\n').at(-1)]).toEqual([0, 'good bye']);
});

test('the image says what it is, and starts as nobody', async () => {
  const [image] = JSON.parse(await work.ok(['inspect', '--platform', 'linux/amd64', 'crystal-server'])) as [
    { readonly Config: unknown },
  ];
  expect(image.Config).toMatchObject({
    User: '65532:65532',
    WorkingDir: '/app',
    Entrypoint: ['/usr/bin/tini', '--', '/usr/local/bin/crystal-server'],
    ExposedPorts: { '3000/tcp': {} },
    Healthcheck: { Test: ['CMD', '/usr/bin/probe'] },
    Labels: { 'org.opencontainers.image.licenses': 'Apache-2.0' },
  });
});

test('the image holds nothing but the program and what it needs', async () => {
  const nothing = await work.files('nothing', { Dockerfile: 'FROM scratch\nWORKDIR /app\n' });
  await work.ok(['build', '-q', '-t', 'nothing', nothing]);
  const args = ['diff', '--json', '--all', '--platform', 'linux/amd64', 'nothing', 'crystal-server'];
  const { files } = JSON.parse(await work.ok(args)) as {
    readonly files: readonly { readonly path: string; readonly type: string }[];
  };
  expect(files.filter(({ type }) => type !== 'dir').map(({ path }) => path)).toEqual([
    '/app/public/index.html',
    '/etc/group',
    '/etc/nsswitch.conf',
    '/etc/passwd',
    '/usr/bin/probe',
    '/usr/bin/tini',
    '/usr/local/bin/crystal-server',
  ]);
});
