import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finished, Workspace } from '../support/cli.ts';
import { tracesOf } from '../support/traces.ts';
import { untilSays } from '../support/until-says.ts';

let work: Workspace;
beforeAll(async () => {
  work = await Workspace.create();
  await work.busyboxBase();
});
afterAll(() => work[Symbol.asyncDispose]());

async function sizeOf(directory: string): Promise<number> {
  return (await readdir(directory)).length;
}

describe('SIGKILL', () => {
  const moments = [
    { name: 'when a step has started', text: 'RUN echo begin' },
    { name: 'while a command runs', text: 'begin-of-output' },
    { name: 'while a command writes', text: 'written' },
  ];
  test.for(moments)(
    '$name leaves no process, no mount and no tag, and the next build succeeds',
    async ({ text, name }) => {
      const tag = `killed-${moments.findIndex((one) => one.name === name)}`;
      const dir = await work.files(tag, {
        Dockerfile: `FROM base\nCOPY seconds /seconds\nRUN echo begin-of-output && dd if=/dev/zero of=/big bs=1M count=20 2>/dev/null && echo written && sleep $(cat /seconds)\n`,
        seconds: '4242',
      });
      const child = work.start(['build', '--progress', 'plain', '-t', tag, dir]);
      await untilSays(child, text);
      const ended = finished(child);
      child.kill('SIGKILL');
      await ended;
      expect(await tracesOf(work.store)).toEqual([]);
      expect(await tracesOf('sleep\x004242')).toEqual([]);
      expect(await work.ok(['images', '--json'])).not.toContain(tag);
      await writeFile(`${dir}/seconds`, '0');
      await work.ok(['build', '-t', tag, dir]);
      expect(await sizeOf(`${work.store}/work`)).toBe(0);
    },
  );

  test.for(['oci', 'docker', 'tar'])(
    'in the middle of an export as %s leaves the old file and no new tag',
    async (type) => {
      const tag = `export-${type}`;
      const dir = await work.files(tag, {
        Dockerfile: 'FROM base\nCOPY big /big\n',
        big: randomBytes(64 * 1024 * 1024),
      });
      const dest = work.path(`${tag}-out`, 'image.tar');
      await mkdir(work.path(`${tag}-out`));
      await writeFile(dest, 'old');
      const child = work.start([
        'build',
        '--progress',
        'rawjson',
        '-t',
        tag,
        '-o',
        `type=${type},dest=${dest}`,
        dir,
      ]);
      await untilSays(child, 'export-start');
      const ended = finished(child);
      child.kill('SIGKILL');
      await ended;
      expect(await readFile(dest, 'utf8')).toBe('old');
      expect(await work.ok(['images', '--json'])).not.toContain(tag);
      await work.ok(['build', '-t', tag, '-o', `type=${type},dest=${dest}`, dir]);
      expect(execFileSync('tar', ['-tf', dest]).length).toBeGreaterThan(0);
      expect(await work.ok(['images', '--json'])).toContain(tag);
    },
  );
});

describe('Ctrl-C', () => {
  test('ends a running command, leaves nothing mounted, and says that it was interrupted by its exit code', async () => {
    const dir = await work.files('interrupted', {
      Dockerfile: 'FROM base\nRUN echo begin-of-output && trap "" INT TERM && sleep 4343\n',
    });
    const child = work.start(['build', '--progress', 'plain', '-t', 'interrupted', dir]);
    await untilSays(child, 'begin-of-output');
    const ended = finished(child);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    expect(await tracesOf(work.store)).toEqual([]);
    expect(await tracesOf('sleep\x004343')).toEqual([]);
    expect(await sizeOf(`${work.store}/work`)).toBe(0);
  });

  test('during an export leaves no file', async () => {
    const dir = await work.files('interrupted-export', {
      Dockerfile: 'FROM base\nCOPY big /big\n',
      big: randomBytes(64 * 1024 * 1024),
    });
    const dest = work.path('interrupted.tar');
    const child = work.start(['build', '--progress', 'rawjson', '-o', `type=oci,dest=${dest}`, dir]);
    await untilSays(child, 'export-start');
    const ended = finished(child);
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
    expect(existsSync(dest)).toBe(false);
    expect((await readdir(work.dir)).filter((name) => name.includes('interrupted.tar'))).toEqual([]);
  });
});
