import { LapidaryError, quoted } from '../errors/index.ts';
import { type Descriptor, formatPlatform } from '../oci/index.ts';
import type { StoredImage } from '../solve/index.ts';
import { checkOutputs, checkPlatforms, normaliseTag, writeOutputs } from './outputs.ts';
import type { RemoteAccess } from './remote-access.ts';
import type { OutputSpec } from './types.ts';

export type MergeRequest = {
  /** OCI layouts, as directories or archives, in the order of their shards; absolute paths. */
  readonly layouts: readonly string[];
  /** References to tag in the local store; none means the names that the layouts give. */
  readonly tags: readonly string[];
  readonly outputs: readonly OutputSpec[];
};
export type Merged = {
  /** Normalised. */
  readonly tags: readonly string[];
  readonly pushed: readonly string[];
  /** Of the index. */
  readonly descriptor: Descriptor;
};

type Part = { readonly layout: string; readonly image: StoredImage; readonly references: readonly string[] };

/**
 * Joins what several machines have built of one image: one index with the bytes that a single machine would have made. Tags
 * move when all outputs are written.
 * @throws LapidaryError USAGE when two have the same platform, or no name is there; IMAGE_NOT_FOUND
 */
export async function mergeLayouts(
  { layouts, tags: asked, outputs }: MergeRequest,
  remote: RemoteAccess,
  stdout: NodeJS.WritableStream | undefined,
): Promise<Merged> {
  const parts = inTurns(await Promise.all(layouts.map((layout) => readLayout(layout, remote))));
  checkDoubles(parts);
  const images = parts.map(({ image }) => image);
  const named = asked.length > 0 ? asked.map(normaliseTag) : parts.flatMap(({ references }) => references);
  const tags = [...new Set(named)];
  if (tags.length === 0 && outputs.length === 0) {
    throw new LapidaryError('USAGE', 'the result has no name: the layouts give none', {
      hint: 'add -t NAME',
    });
  }
  checkOutputs(outputs, tags);
  checkPlatforms(
    outputs,
    images.map(({ platform }) => platform),
  );
  const written = await writeOutputs({ images, references: tags, outputs }, { remote, stdout });
  const descriptor = written.descriptor ?? (await rootOf(images, remote));
  for (const reference of tags) {
    await remote.store.images.tag(reference, images);
    for (const { id, platform } of images)
      remote.emit({ type: 'tagged', reference, id, platform: formatPlatform(platform) });
  }
  return { tags, pushed: written.pushed, descriptor };
}

/** Of the index that a name of these images stands for. */
export async function rootOf(images: readonly StoredImage[], remote: RemoteAccess): Promise<Descriptor> {
  const { storeSource } = await import('./copy-sources.ts');
  return (await storeSource('the result', images, { remote })).root;
}

async function readLayout(layout: string, { store, signal }: RemoteAccess): Promise<readonly Part[]> {
  const { importImages, openImageArchive } = await import('../context/index.ts');
  const imported = await importImages(await openImageArchive(layout), { ports: store, signal });
  return imported.map(({ image, references }) => ({ layout, image, references }));
}

/** The first of each, then the second of each, …: the order of `platformsOfShard`. */
function inTurns(shards: readonly (readonly Part[])[]): readonly Part[] {
  const rounds = Math.max(0, ...shards.map(({ length }) => length));
  return Array.from({ length: rounds }, (_, i) => shards.flatMap((shard) => shard[i] ?? [])).flat();
}

function checkDoubles(parts: readonly Part[]): void {
  const seen = new Map<string, Part>();
  for (const part of parts) {
    const platform = formatPlatform(part.image.platform);
    const other = seen.get(platform);
    if (other !== undefined) {
      throw new LapidaryError('USAGE', `${platform} is there twice`, {
        notes: [`  in ${quoted(other.layout)}`, `  in ${quoted(part.layout)}`],
        hint: 'build each platform on one machine: --shard 1/2 on the first, --shard 2/2 on the second',
      });
    }
    seen.set(platform, part);
  }
}
