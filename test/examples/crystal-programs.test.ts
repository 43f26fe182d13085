import { chmod, mkdir } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CliOptions, CliResult, Workspace } from '../support/cli.ts';
import { CrystalExamples, PLATFORMS } from '../support/crystal-examples.ts';
import { debianBases, exampleWorkspace } from '../support/debian-bases.ts';
import { TestAuthority } from '../support/registry/certificates.ts';

let work: Workspace;
let examples: CrystalExamples;
beforeAll(async () => {
  work = await exampleWorkspace();
  await debianBases(work, 'debian:trixie-slim', 'debian:bookworm-slim');
  examples = await CrystalExamples.open(work);
});
afterAll(async () => {
  examples[Symbol.dispose]();
  await work[Symbol.asyncDispose]();
});

function run(platform: string, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return work.run(['run', '--rm', '--platform', platform, ...args], options);
}

describe('crystal-convert, two programs with a C library of Debian', () => {
  test.for(PLATFORMS)('converts there and back on %s', async (platform) => {
    await examples.build('crystal-convert');
    const json = await run(platform, ['crystal-convert'], { input: 'a: [1, true]\n' });
    expect([json.code, JSON.parse(json.stdout)]).toEqual([0, { a: [1, true] }]);
    const back = ['--entrypoint', '/usr/local/bin/to-yaml', 'crystal-convert'];
    const yaml = await run(platform, back, { input: json.stdout });
    expect(yaml).toEqual({ code: 0, stdout: '---\na:\n- 1\n- true\n', stderr: '' });
  });

  test('fails with the line of what is wrong', async () => {
    await examples.build('crystal-convert');
    const { code, stderr } = await run('linux/amd64', ['crystal-convert'], { input: 'a: [1\n' });
    expect(code).toBe(1);
    expect(stderr).toMatch(/to-json: .* at line 2, column 1/);
  });
});

describe('crystal-clock, which needs certificates and time zones', () => {
  const zone = 'Asia/Kolkata';
  const authorities = { right: new TestAuthority(), wrong: new TestAuthority() };
  const DATE = 'Sun, 01 Feb 2026 20:00:00 GMT';
  const WANTED = { code: 0, stdout: '2026-02-02 01:30:00 +05:30 Asia/Kolkata\n', stderr: '' };
  const server = createServer(authorities.right.issue('server'), (_, response) => {
    response.setHeader('Date', DATE).end();
  });
  let url = '';
  beforeAll(async () => {
    await work.files('authorities', {
      'right.pem': authorities.right.cert,
      'wrong.pem': authorities.wrong.cert,
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    server.listen(0, '127.0.0.1', resolve);
    await promise;
    url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  });
  afterAll(() => {
    server.close();
    for (const authority of Object.values(authorities)) authority[Symbol.dispose]();
  });

  const mounted = (file: string, at: string): string[] => [
    '-v',
    `${work.path('authorities', file)}:${at}:ro`,
  ];

  test.for(PLATFORMS)('asks a server whom its authorities know on %s', async (platform) => {
    await examples.build('crystal-clock');
    const place = mounted('right.pem', '/etc/ssl/certs/ca-certificates.crt');
    expect(await run(platform, [...place, 'crystal-clock', url, zone])).toEqual(WANTED);
  });

  test('takes authorities from SSL_CERT_FILE', async () => {
    await examples.build('crystal-clock');
    const file = [...mounted('right.pem', '/ca.pem'), '-e', 'SSL_CERT_FILE=/ca.pem'];
    expect(await run('linux/amd64', [...file, 'crystal-clock', url, zone])).toEqual(WANTED);
  });

  test.for([
    ['another authority', ['-e', 'SSL_CERT_FILE=/ca.pem'], 'wrong.pem'],
    ['the authorities of the image', [], 'right.pem'],
  ] as const)('refuses the server by %s', async ([, flags, file]) => {
    await examples.build('crystal-clock');
    const all = [...mounted(file, '/ca.pem'), ...flags, 'crystal-clock', url, zone];
    const { code, stdout, stderr } = await run('linux/amd64', all);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('certificate verify failed');
  });

  test('knows no zone that there is not', async () => {
    await examples.build('crystal-clock');
    const { code, stderr } = await run('linux/amd64', ['crystal-clock', url, 'Mars/Olympus']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('Mars/Olympus')]);
  });
});

describe('crystal-notes, with a shard that needs a C library', () => {
  test.for(PLATFORMS)('keeps notes in a volume on %s', async (platform) => {
    await examples.build('crystal-notes');
    const data = work.path('notes', platform.replaceAll('/', '-'));
    await mkdir(data, { recursive: true });
    // The program is nobody
    await chmod(data, 0o777);
    const notes = ['-v', `${data}:/data`, '-e', 'NOTES=/data/notes.db', 'crystal-notes'];
    expect(await run(platform, [...notes, 'buy', 'milk'])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await run(platform, [...notes, 'call Ada'])).code).toBe(0);
    expect((await run(platform, [...notes, 'list'])).stdout).toBe('1 buy milk\n2 call Ada\n');
  });
});

describe('crystal-checksum, with a shard whose C is compiled by postinstall', () => {
  test.for(PLATFORMS)('computes what is known of the algorithm on %s', async (platform) => {
    await examples.build('crystal-checksum');
    const { stdout } = await run(platform, ['crystal-checksum'], { input: '123456789' });
    expect(stdout).toBe('e3069283\n');
  });
});
