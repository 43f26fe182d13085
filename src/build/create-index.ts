import { LapidaryError } from '../errors/index.ts';
import type { ImageDocument } from '../export/index.ts';
import {
  type Descriptor,
  type Digest,
  isIndexType,
  isManifestType,
  type Platform,
  parseIndex,
  parseManifest,
} from '../oci/index.ts';
import { copySource, type FindStored, type ImagePlace, openCopySource } from './copy-image.ts';
import type { CopySource } from './copy-plan.ts';
import { annotatedIndex, type IndexAnnotation } from './index-document.ts';
import {
  doublePlatforms,
  entriesOf,
  type IndexEntry,
  onlyPlatforms,
  replacing,
  withoutDoubles,
} from './index-entries.ts';
import type { RemoteAccess } from './remote-access.ts';

/** What the line of a manifest is to say, other than what the manifest tells. */
export type LineFacts = Pick<Descriptor, 'platform' | 'annotations'>;
/** A place, or a manifest in the repository of the first target. */
export type IndexSource = ({ readonly place: ImagePlace } | { readonly digest: Digest }) & {
  readonly facts?: LineFacts | undefined;
};

export type CreateIndexRequest = {
  /** Registries, layouts or archives of layouts. None is enough for a dry run. */
  readonly targets: readonly ImagePlace[];
  readonly sources: readonly IndexSource[];
  /** Keep what the first target has, but for platforms that come anew. */
  readonly append?: boolean;
  readonly platforms?: readonly Platform[];
  readonly annotations?: readonly IndexAnnotation[];
  /** `false`: what would be an index over one manifest is that manifest itself. */
  readonly preferIndex?: boolean;
  /** Make it and write it nowhere. */
  readonly dryRun?: boolean;
};

export type IndexAccess = { readonly remote: RemoteAccess; readonly find: FindStored };

/**
 * Puts an index together from images that are anywhere, and writes it with all that it names. Indexes among the sources
 * count as what they hold.
 */
export async function createIndex(request: CreateIndexRequest, access: IndexAccess): Promise<ImageDocument> {
  const { targets, dryRun = false } = request;
  for (const target of targets) checkTarget(target);
  const made = await makeIndex(request, access);
  for (const to of dryRun ? [] : targets) await copySource(made, { to }, access.remote);
  return { descriptor: made.root, bytes: await made.document(made.root) };
}

async function makeIndex(request: CreateIndexRequest, access: IndexAccess): Promise<CopySource> {
  const { sources, platforms = [], annotations = [], preferIndex = true, append = false } = request;
  const opened: { source: CopySource; facts: LineFacts | undefined }[] = [];
  for (const one of sources) {
    const place = 'place' in one ? one.place : inTarget(one.digest, request.targets[0]);
    opened.push({ source: await openCopySource(place, access), facts: one.facts });
  }
  const [first, second] = opened;
  if (first === undefined) {
    throw new LapidaryError('USAGE', 'an index needs a source', { hint: 'name an image' });
  }
  const isOne = second === undefined && first.facts === undefined && !append;
  const isIndex = isIndexType(first.source.root.mediaType);
  // One image that nothing is changed about keeps its digest
  if (isOne && annotations.length === 0 && platforms.length === 0 && (isIndex || !preferIndex)) {
    return first.source;
  }
  const before = append ? await openTarget(request, access) : undefined;
  let entries = withoutDoubles((await Promise.all(opened.map(withFacts))).flat());
  if (before !== undefined) entries = withoutDoubles(replacing(await entriesOf(before), entries));
  if (platforms.length > 0) entries = onlyPlatforms(entries, platforms);
  for (const message of doublePlatforms(entries)) access.remote.emit({ type: 'warning', message });
  const [only] = entries;
  if (!preferIndex && entries.length === 1 && annotations.length === 0 && only !== undefined) {
    const { mediaType, digest, size } = only.descriptor;
    return { ...only.source, root: { mediaType, digest, size } };
  }
  const base = before ?? (isOne ? first.source : undefined);
  const index = base && isIndexType(base.root.mediaType) ? await base.document(base.root) : undefined;
  const lines = entries.map(({ descriptor }) => descriptor);
  return composed(annotatedIndex(lines, annotations, index && parseIndex(index)), entries);
}

async function withFacts({
  source,
  facts,
}: {
  readonly source: CopySource;
  readonly facts: LineFacts | undefined;
}): Promise<readonly IndexEntry[]> {
  const entries = await entriesOf(source);
  if (facts === undefined) return entries;
  if (isIndexType(source.root.mediaType)) {
    throw new LapidaryError('USAGE', `${source.root.digest} is an index, which has no platform of its own`, {
      hint: 'name the manifests in it',
    });
  }
  return entries.map((entry) => ({ source, descriptor: { ...entry.descriptor, ...facts } }));
}

/** The image that `--append` adds to. */
function openTarget({ targets }: CreateIndexRequest, access: IndexAccess): Promise<CopySource> {
  const [target] = targets;
  if (target !== undefined) return openCopySource(target, access);
  throw new LapidaryError('USAGE', 'nothing is named that could be appended to', { hint: 'add -t NAME' });
}

function inTarget(digest: Digest, target: ImagePlace | undefined): ImagePlace {
  if (target?.at === 'registry') {
    const { registry, repository } = target.reference;
    return { at: 'registry', reference: { registry, repository, digest } };
  }
  if (target?.at === 'oci' || target?.at === 'oci-archive')
    return { at: target.at, path: target.path, tag: digest };
  throw new LapidaryError('USAGE', `${digest} is in no repository`, {
    hint: 'add -t NAME, or write NAME@sha256:…',
  });
}

/** @throws LapidaryError UNSUPPORTED for places that hold images, but no indexes */
export function checkTarget(place: ImagePlace): void {
  if (place.at !== 'store' && place.at !== 'docker-archive') return;
  const what = place.at === 'store' ? 'the local store' : 'an archive of docker save';
  throw new LapidaryError('UNSUPPORTED', `${what} holds images, but no indexes`, {
    hint: 'name a registry, oci:DIRECTORY:TAG or oci-archive:FILE',
  });
}

/** An index that was just made, as something that can be copied from where its parts are. */
export function composed(root: ImageDocument, entries: readonly IndexEntry[]): CopySource {
  const owners = new Map(entries.map(({ descriptor, source }) => [descriptor.digest as string, source]));
  const ownerOf = ({ digest }: Descriptor): CopySource => {
    const owner = owners.get(digest);
    if (owner === undefined) throw new Error(`no source has ${digest}`);
    return owner;
  };
  const { mediaType, digest, size } = root.descriptor;
  return {
    name: entries[0]?.source.name ?? '',
    root: { mediaType, digest, size },
    placeOf: (blob) => owners.get(blob.digest)?.placeOf?.(blob),
    async document(one) {
      if (one.digest === digest) return root.bytes;
      const owner = ownerOf(one);
      const bytes = await owner.document(one);
      for (const part of partsOf(one, bytes)) owners.set(part.digest, owners.get(part.digest) ?? owner);
      return bytes;
    },
    read: (blob, offset) => ownerOf(blob).read(blob, offset),
    toStore: (blob) => ownerOf(blob).toStore(blob),
  };
}

function partsOf({ mediaType }: Descriptor, bytes: Uint8Array): readonly Descriptor[] {
  if (isIndexType(mediaType)) return parseIndex(bytes).manifests;
  if (!isManifestType(mediaType)) return [];
  const { config, layers } = parseManifest(bytes);
  return [config, ...layers];
}
