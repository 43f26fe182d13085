import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { bootstrapDebian, type DebianBootstrap } from '../../src/context/index.ts';
import { hostPlatform } from '../../src/oci/index.ts';
import { cleanMemberPath, type TarMember, TarReader } from '../../src/tar/index.ts';

const platform = hostPlatform(process.arch, 'linux');
const base = {
  suite: 'trixie',
  slim: true,
  platform,
  include: [],
  allowExpired: true,
  onLine: () => undefined,
} satisfies DebianBootstrap;

/** Directories that mmdebstrap works in. */
async function workDirectories(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('mmdebstrap.'));
}

describe('bootstrapDebian', () => {
  test('makes a slim root filesystem without lists, caches, logs and traces of this machine', async () => {
    const before = await workDirectories();
    const lines: string[] = [];
    const { tar, done } = bootstrapDebian(
      { ...base, onLine: (line) => lines.push(line) },
      new AbortController().signal,
    );
    const found = await membersOf(tar);
    await done;

    expect(found.get('etc/debian_version')?.type).toBe('file');
    expect(found.get('usr/bin/dpkg')?.type).toBe('file');
    const files = [...found].filter(([, { type }]) => type === 'file').map(([path]) => path);
    const unwanted =
      /^var\/lib\/apt\/lists\/|^var\/cache\/apt\/|^var\/log\/.*[^/]$|apt\.conf\.d\/99mmdebstrap$|etc\/hostname|share\/man\/|share\/locale\/.*\.mo$/;
    expect(
      files.filter((path) => unwanted.test(path) && !/\/(?:lock|btmp|lastlog|wtmp|faillog)$/.test(path)),
    ).toEqual([]);
    expect(files.filter((path) => path.startsWith('usr/share/doc/') && !path.endsWith('/copyright'))).toEqual(
      [],
    );
    expect(found.get('etc/resolv.conf')?.size).toBe(0);
    expect(lines[0]).toContain('expired Release files are accepted');
    expect(await workDirectories()).toEqual(before);
  });

  test.for([
    { name: 'before it has begun', line: /expired/ },
    { name: 'at its work', line: /apt-get update/ },
  ])('leaves nothing behind when it is aborted $name', { timeout: 30_000 }, async ({ line }) => {
    const before = await workDirectories();
    const abort = new AbortController();
    const onLine = (text: string): void => {
      if (line.test(text)) abort.abort(new Error('enough'));
    };
    const { done } = bootstrapDebian({ ...base, onLine }, abort.signal);
    await expect(done).rejects.toThrow('enough');
    expect(await workDirectories()).toEqual(before);
  });

  test('ends when the reader of the archive leaves', async () => {
    const before = await workDirectories();
    const { tar, done } = bootstrapDebian(base, new AbortController().signal);
    const reading = tar[Symbol.asyncIterator]();
    expect((await reading.next()).done).toBe(false);
    await reading.return?.();
    await expect(done).rejects.toThrow(expect.objectContaining({ code: 'BOOTSTRAP_FAILED' }));
    expect(await workDirectories()).toEqual(before);
  });

  test.for([
    {
      name: 'a suite that does not exist',
      change: { suite: 'nosuchsuite' },
      error: { code: 'BOOTSTRAP_FAILED', message: expect.stringContaining('nosuchsuite') },
    },
    {
      name: 'a mirror that does not answer',
      change: { mirror: 'http://127.0.0.1:9/debian' },
      error: { code: 'BOOTSTRAP_FAILED', message: expect.stringContaining('cannot be reached') },
    },
    {
      name: 'a missing program',
      change: { environment: { PATH: '/nonexistent' } },
      error: { code: 'RUNTIME_MISSING', hint: expect.stringContaining('apt-get install mmdebstrap') },
    },
    {
      name: 'a mirror that is a source line',
      change: { mirror: 'deb [trusted=yes] http://127.0.0.1/debian trixie main' },
      error: { code: 'USAGE' },
    },
  ])('says what is wrong with $name', async ({ change, error }) => {
    const { tar, done } = bootstrapDebian({ ...base, ...change }, new AbortController().signal);
    await expect(done).rejects.toThrow(expect.objectContaining(error));
    await expect(membersOf(tar)).rejects.toThrow(expect.objectContaining(error));
  });
});

async function membersOf(tar: AsyncIterable<Uint8Array>): Promise<Map<string, TarMember>> {
  const members = new Map<string, TarMember>();
  const reader = new TarReader({
    onMember: (member) => members.set(cleanMemberPath(member.path), member),
    onData: () => undefined,
    onMemberEnd: () => undefined,
  });
  for await (const chunk of tar) reader.push(chunk);
  reader.end();
  return members;
}
