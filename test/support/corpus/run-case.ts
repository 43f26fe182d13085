import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type BuildOptions, type BuildRequest, build, Lapidary } from '../../../src/build/index.ts';
import { LapidaryError } from '../../../src/errors/index.ts';
import { parsePlatform } from '../../../src/oci/index.ts';
import type { BuildEvent } from '../../../src/solve/index.ts';
import { writeBases } from './bases.ts';
import { BASES, type Case, updateCase } from './case.ts';
import { parseLines } from './lines.ts';
import { describeImage } from './observe.ts';
import { copyFiles, writeFiles } from './write-files.ts';

/** A store with the corpus's base images, and room for what cases need. */
export async function prepareCorpus(work: string): Promise<void> {
  const archive = await writeBases(BASES, work);
  await using lapidary = await Lapidary.open({ store: join(work, 'store') });
  await lapidary.load({ path: archive });
}

type Outcome = { readonly file: Case['expected']['file']; readonly body: string };

/**
 * What a case comes to and what it should come to, for a test to compare. With UPDATE_FIXTURES=1 what came out is
 * written down as expected: judge every line by the reference before it is committed.
 */
export async function tryCase(
  one: Case,
  work: string,
): Promise<{ readonly found: Outcome; readonly expected: Outcome }> {
  const found = await runCase(one, work);
  const { file, body } = one.expected;
  if (process.env['UPDATE_FIXTURES'] !== '1' || found.file !== file)
    return { found, expected: { file, body } };
  updateCase(one, found.body);
  return { found, expected: found };
}

/** Builds a case and tells what it came to, in the form of its `expected.txt` or `error.txt`. */
async function runCase(one: Case, work: string): Promise<Outcome> {
  const place = join(work, 'cases', one.name);
  await rm(place, { recursive: true, force: true });
  const events: BuildEvent[] = [];
  const options: BuildOptions = {
    store: join(work, 'store'),
    onEvent: (event) => void events.push(event),
    secrets: secretsOf(one),
  };
  try {
    const request = await prepareCase(one, place);
    await build(request, options);
    const body = await describeImage({
      store: options.store,
      reference: tagOf(one),
      events,
      sections: sectionsOf(one),
    });
    return { file: 'expected.txt', body };
  } catch (error) {
    if (!(error instanceof LapidaryError)) throw error;
    return { file: 'error.txt', body: `${error.render().replaceAll(place, '<case>')}\n` };
  }
}

/** Every case has a tag of its own, so that several may run at once. */
const tagOf = ({ name }: Case): string => `case/${name}`;

function secretsOf({ options }: Case): NonNullable<BuildOptions['secrets']> {
  const entries = Object.entries(options.secrets ?? {});
  return new Map(entries.map(([id, value]) => [id, { type: 'value', value: Buffer.from(value) }]));
}

/** The sections that a case asks for by having them. */
function sectionsOf({ expected }: Case): string[] {
  return [...expected.body.matchAll(/^\[(\w+)\]$/gm)].map(([, name = '']) => name);
}

/** Lays the files of a case out: `context/`, and a directory for each other listing or folder it has. */
export async function prepareCase(one: Case, place: string): Promise<BuildRequest> {
  for (const name of ['context', ...directoriesOf(one)]) await prepareDirectory(one, join(place, name), name);
  const { platform, contexts = {}, secrets: _given, ...options } = one.options;
  const located = Object.entries(contexts).map(([name, value]) => [
    name,
    value.startsWith('./') ? resolve(place, value) : value,
  ]);
  return {
    context: { type: 'directory', path: join(place, 'context') },
    ...(one.dockerfile === undefined
      ? {}
      : { dockerfile: { type: 'text', text: one.dockerfile, name: 'Dockerfile' } }),
    ...options,
    ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
    ...(located.length === 0 ? {} : { contexts: Object.fromEntries(located) as Record<string, string> }),
    tags: [tagOf(one)],
  };
}

function directoriesOf({ options }: Case): string[] {
  return Object.values(options.contexts ?? {}).flatMap((value) =>
    value.startsWith('./') ? value.slice(2) : [],
  );
}

async function prepareDirectory({ folder }: Case, directory: string, name: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await copyFiles(join(folder, name), directory);
  const listing = join(folder, `${name}.txt`);
  if (existsSync(listing)) await writeFiles(directory, parseLines(readFileSync(listing, 'utf8')), folder);
}
