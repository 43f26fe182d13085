import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LapidaryError, messageOf, quoted } from '../errors/index.ts';
import { type Descriptor, parseIndex } from '../oci/index.ts';
import { IMAGE_NAME, LAYOUT_MARK, layoutIndexJson, REF_NAME } from './layout.ts';
import { bytesMember, type Member } from './member.ts';
import { FileOutput } from './output.ts';
import { errnoOf } from './write-error.ts';

/** Same bound as registries put on manifests; a layout's index is one. */
const MAX_INDEX_BYTES = 4 * 1024 * 1024;

export type LayoutUpdate = {
  readonly members: readonly Member[];
  /** Lines for `index.json`; each replaces those that bear its name. */
  readonly manifests: readonly Descriptor[];
  readonly signal: AbortSignal | undefined;
};

/**
 * Adds to an OCI layout directory, or makes one. Blobs come first, each complete or not at all; the index is
 * replaced last, so a reader sees the old images or the new ones. Blobs that are there stay as they are.
 * Two writers at once may lose one's line of the index, never a blob. Returns the bytes written.
 */
export async function writeLayoutDirectory(dest: string, update: LayoutUpdate): Promise<number> {
  const known = await openLayout(dest);
  await mkdir(join(dest, 'blobs', 'sha256'), { recursive: true });
  let size = 0;
  for (const member of update.members) size += await placeBlob(dest, member, update.signal);
  const index = layoutIndexJson(mergeManifests(known, update.manifests));
  size += await placeFile(dest, bytesMember('oci-layout', LAYOUT_MARK), update.signal);
  return size + (await placeFile(dest, bytesMember('index.json', index), update.signal));
}

/** The lines of an existing index; none for a directory that is missing or empty. */
async function openLayout(dest: string): Promise<readonly Descriptor[]> {
  const names = await readdir(dest).catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  });
  if (names.every((name) => name === 'blobs' || name.includes('.lapidary-'))) return [];
  const path = join(dest, 'index.json');
  try {
    const { imageLayoutVersion } = JSON.parse(await readFile(join(dest, 'oci-layout'), 'utf8'));
    if (imageLayoutVersion !== '1.0.0')
      throw new Error(`its version is ${quoted(String(imageLayoutVersion))}`);
    if ((await stat(path)).size > MAX_INDEX_BYTES) throw new Error('its index.json is too large');
    return parseIndex(await readFile(path)).manifests;
  } catch (error) {
    throw new LapidaryError(
      'EXPORT_FAILED',
      `${quoted(dest)} is not empty and not an OCI layout that can be added to: ${messageOf(error)}`,
      { cause: error, hint: 'name an empty directory, or the directory of an OCI layout' },
    );
  }
}

/** Old lines keep their places, but for those whose name, or whose nameless digest, is given anew. */
export function mergeManifests(
  known: readonly Descriptor[],
  added: readonly Descriptor[],
): readonly Descriptor[] {
  const replaced = new Set(added.flatMap((line) => [lineKey(line), tagKey(line)]));
  const digests = new Set(added.map(({ digest }) => digest));
  const kept = known.filter(
    (line) => !replaced.has(lineKey(line)) && (isNamed(line) || !digests.has(line.digest)),
  );
  return [...kept, ...added];
}

const isNamed = (line: Descriptor): boolean =>
  [IMAGE_NAME, REF_NAME].some((name) => line.annotations?.[name] !== undefined);

/** Lines that only bear a tag, as skopeo writes them, are also replaced by a full name with that tag. */
const tagKey = (line: Descriptor): string => `tag ${line.annotations?.[REF_NAME] ?? ''}`;

function lineKey(line: Descriptor): string {
  const full = line.annotations?.[IMAGE_NAME];
  if (full !== undefined) return `name ${full}`;
  return line.annotations?.[REF_NAME] === undefined ? `digest ${line.digest}` : tagKey(line);
}

async function placeBlob(dest: string, member: Member, signal: AbortSignal | undefined): Promise<number> {
  const found = await stat(join(dest, member.name)).catch(() => undefined);
  if (found?.isFile() && found.size === member.size) return 0;
  return placeFile(dest, member, signal);
}

async function placeFile(dest: string, member: Member, signal: AbortSignal | undefined): Promise<number> {
  await using file = await FileOutput.open(join(dest, member.name), dest);
  for await (const chunk of member.read()) {
    signal?.throwIfAborted();
    await file.write(chunk);
  }
  await file.commit();
  return file.size;
}
