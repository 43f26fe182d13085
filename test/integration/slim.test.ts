import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Workspace } from '../support/cli.ts';

// slim, with dynamically linked programs of this machine, and what they print before and after

const PROGRAMS = ['/usr/bin/id', '/usr/bin/env', '/usr/bin/bash'].map((path) => realpathSync(path));

let work: Workspace;
let context = '';
beforeAll(async () => {
  work = await Workspace.create();
  const there = [...new Set([...PROGRAMS, ...PROGRAMS.flatMap(librariesOf)])];
  context = await work.files('context', {
    ...Object.fromEntries(there.map((path) => [`root${path}`, readFileSync(path)])),
    'root/etc/passwd': 'root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n',
    'root/etc/group': 'root:x:0:\napp:x:1000:\n',
    'root/usr/share/doc/text': 'x'.repeat(100_000),
    'root/run.sh': '#!/usr/bin/bash\nexec id -u\n',
  });
  await build('app', 'USER app', 'WORKDIR /srv', 'LABEL a=b', 'CMD ["id"]');
  await build('script', 'ENTRYPOINT ["/run.sh"]');
});
afterAll(() => work[Symbol.asyncDispose]());

/** Absolute paths, as the loader finds them. */
function librariesOf(program: string): string[] {
  const lines = execFileSync('ldd', [program], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => /(?:=> |^\s+)(\/\S+)/.exec(line)?.[1] ?? []);
}

async function build(name: string, ...lines: readonly string[]): Promise<void> {
  const input = `${['FROM scratch', 'COPY --chmod=755 root /', ...lines].join('\n')}\n`;
  await work.ok(['build', '-q', '-t', name, '-f', '-', context], { input });
}

describe('slim', () => {
  test('keeps what a program prints, its configuration and nothing else', async () => {
    const text = await work.ok(['slim', 'app']);
    expect(text).toMatch(/^app:latest-slim linux\/amd64 sha256:/);
    expect(text).toMatch(/^\/usr\/bin\/id +CMD$/m);
    expect(text).toMatch(/^100kB +1 +\/usr\/share$/m);
    const before = await work.ok(['run', 'app']);
    expect(before).toBe('uid=1000(app) gid=1000(app) groups=1000(app)\n');
    expect(await work.ok(['run', 'app:latest-slim'])).toBe(before);
    const diff = JSON.parse(await work.ok(['diff', '--json', 'app', 'app:latest-slim'])) as {
      config: unknown[];
      files: { change: string; path: string }[];
    };
    expect(diff.config).toEqual([]);
    expect(new Set(diff.files.map(({ change }) => change))).toEqual(new Set(['removed']));
    const removed = diff.files.map(({ path }) => path);
    expect(removed).toEqual(expect.arrayContaining(['/usr/share/doc/text', '/run.sh', PROGRAMS[2]]));
    for (const path of librariesOf('/usr/bin/id')) expect(removed).not.toContain(path);
  });

  test('gives the same image for the same image', async () => {
    const ids = [await work.ok(['slim', '-q', 'app']), await work.ok(['slim', '-q', '-t', 'again', 'app'])];
    expect(ids[0]).toBe(ids[1]);
    expect(await work.ok(['inspect', '-f', '{{.Id}}', 'again'])).toBe(ids[0]);
  });

  test('refuses a script, until somebody says what it needs', async () => {
    const refused = await work.run(['slim', 'script']);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('error[SLIM_UNKNOWN]: ENTRYPOINT "/run.sh" is a script for "/usr/bin/bash"'),
    ]);
    expect(await work.ok(['images', '-q', 'script:latest-slim'])).toBe('');
    const { images } = JSON.parse(await work.ok(['slim', '--json', 'script', '/usr/bin/i*'])) as {
      images: { notes: string[]; size: number; before: number }[];
    };
    expect(images[0]?.notes[0]).toContain('whether all that it needs was named is not known');
    expect(images[0]?.size).toBeLessThan(images[0]?.before ?? 0);
    expect(await work.ok(['run', 'script:latest-slim'])).toBe('0\n');
  });

  test('needs a name for an image that has none', async () => {
    const id = (await work.ok(['images', '-q', '--no-trunc', 'app:latest'])).trim();
    const { code, stderr } = await work.run(['slim', id]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('add -t NAME')]);
  });
});
