import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Workspace } from '../support/cli.ts';
import { CrystalExamples } from '../support/crystal-examples.ts';
import { debianBases, exampleWorkspace } from '../support/debian-bases.ts';

const execute = promisify(execFile);

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

/** Another builder, with a storage of its own in the workspace. */
async function buildah(...args: readonly string[]): Promise<void> {
  const storage = ['--root', work.path('buildah/root'), '--runroot', work.path('buildah/run')];
  const env = { PATH: process.env['PATH'] ?? '', HOME: work.path('buildah') };
  await execute('buildah', [...storage, ...args], { env, maxBuffer: 2 ** 26 });
}

type Diff = {
  readonly files: readonly unknown[];
  readonly config: readonly { readonly setting: string; readonly before?: string; readonly after?: string }[];
};

test('what `init` writes gives the same image by buildah as the project by lapidary', async () => {
  await mkdir(work.path('buildah'));
  for (const base of ['trixie', 'bookworm']) {
    const archive = work.path(`${base}.tar`);
    await work.ok(['save', '--platform', 'linux/amd64', '-o', archive, `debian:${base}-slim`]);
    await buildah('pull', '-q', `docker-archive:${archive}`);
  }
  const project = await examples.project('crystal-checksum');
  await work.ok(['build', '--no-release', '--network', 'host', '-t', 'by-lapidary', project]);
  await work.ok(['init', '--no-release', project]);
  const flags = '-q --isolation chroot --format docker --identity-label=false --pull-never';
  await buildah('bud', ...flags.split(' '), '--platform', 'linux/amd64', '-t', 'localhost/peer', project);
  const result = work.path('peer.tar');
  await buildah(
    'push',
    '-q',
    '--format',
    'v2s2',
    'localhost/peer',
    `docker-archive:${result}:peer/by-buildah`,
  );
  await work.ok(['load', '-i', result]);
  const diff = JSON.parse(await work.ok(['diff', '--json', 'by-lapidary', 'peer/by-buildah'])) as Diff;
  expect(diff.files).toEqual([]);
  // Lists that buildah writes where there is nothing
  expect(diff.config.filter(({ after }) => after !== '[]')).toEqual([]);
});
