import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Workspace } from '../support/cli.ts';
import { debianBases, exampleWorkspace } from '../support/debian-bases.ts';
import { askServer } from '../support/served-image.ts';

const EXAMPLE = join(import.meta.dirname, '../../examples/cross-crystal');

let work: Workspace;
beforeAll(async () => {
  work = await exampleWorkspace();
});
afterAll(() => work[Symbol.asyncDispose]());

type Event = {
  readonly type: string;
  readonly id?: number;
  readonly step?: Step;
};
type Step = {
  readonly id: number;
  readonly stage: string;
  readonly title: string;
  readonly platform?: string;
};

/** Builds the example; gives its RUN steps, as `PLATFORM STAGE`, and those that were emulated. */
async function build(...args: readonly string[]): Promise<{ ran: string[]; emulated: string[] }> {
  const { code, stderr } = await work.run(['build', '--progress', 'rawjson', ...args, EXAMPLE]);
  if (code !== 0) throw new Error(stderr);
  const lines = stderr.split('\n').filter((line) => line.startsWith('{'));
  const events = lines.map((line) => JSON.parse(line) as Event);
  const steps = events.flatMap(({ step }) => (step?.title.startsWith('RUN') ? [step] : []));
  const ids = new Set(events.flatMap(({ type, id }) => (type === 'step-emulated' ? [id] : [])));
  return {
    ran: steps.map(({ platform, stage }) => `${platform} ${stage}`).sort(),
    emulated: steps.flatMap(({ id, stage }) => (ids.has(id) ? [stage] : [])).sort(),
  };
}

const platformOf = (...args: readonly string[]): Promise<string> =>
  work.ok(['inspect', '-f', '{{.Os}}/{{.Architecture}}/{{.Variant}}', ...args]);

describe('the server in Crystal for two kinds of Raspberry Pi', () => {
  test('is cross-compiled and cross-linked without an emulated step', async () => {
    await debianBases(work, 'debian-crystal:latest', 'debian:bookworm-slim');
    const platforms = ['--platform', 'linux/arm64,linux/arm/v7'];
    const iidfile = work.path('iid');
    const { ran, emulated } = await build(...platforms, '-t', 'cross', '--iidfile', iidfile);
    expect(emulated).toEqual([]);
    // What comes from the cache was not emulated either: it is for this machine
    expect(ran).toEqual(
      ['link', 'linker', 'object']
        .flatMap((stage) => ['linux/amd64->arm/v7', 'linux/amd64->arm64'].map((on) => `${on} ${stage}`))
        .sort(),
    );
    expect(await platformOf('--platform', 'linux/arm64', 'cross')).toBe('linux/arm64/\n');
    expect(await platformOf('--platform', 'linux/arm/v7', 'cross')).toBe('linux/arm/v7\n');
    const index = await readFile(iidfile, 'utf8');
    expect(await platformOf('--platform', 'linux/arm/v7', index)).toBe('linux/arm/v7\n');
  });

  test.for([
    ['linux/arm64', 'arm64'],
    ['linux/arm/v7', 'arm'],
  ] as const)('answers on %s, started by tini', async ([platform, target]) => {
    const run = ['--platform', platform, 'cross'];
    expect(await askServer(work, run, ['/health', '/'])).toEqual({
      answers: ['200 {"status":"ok"}', `200 {"target":"${target}","parent":1,"temperature":null}`],
      code: 0,
    });
  });

  test('is the same when an emulated compiler links it', async () => {
    await debianBases(work, 'debian-crystal:latest', 'arm32v7/debian:bookworm-slim');
    const file = ['-f', join(EXAMPLE, 'Dockerfile.emulated')];
    const executed = ['--no-cache-filter', 'link'];
    const { emulated } = await build(...file, ...executed, '--platform', 'linux/arm/v7', '-t', 'emulated');
    expect(emulated.filter((stage) => stage === 'link')).toEqual(['link', 'link']);
    expect(await platformOf('emulated')).toBe('linux/arm/v7\n');
    expect(await askServer(work, ['emulated'], ['/health', '/'])).toEqual({
      answers: ['200 {"status":"ok"}', '200 {"target":"arm","parent":1,"temperature":null}'],
      code: 0,
    });
  });
});
