import { LapidaryError, quoted } from '../errors/index.ts';
import type { ImageDocument } from '../export/index.ts';
import {
  type Descriptor,
  formatPlatform,
  imagePlatform,
  isAttestation,
  isIndexType,
  isManifestType,
  MEDIA,
  matchPlatform,
  type Platform,
  parseImageConfig,
  parseIndex,
  parseManifest,
} from '../oci/index.ts';
import type { Place } from './blob-places.ts';

/** Where an image is copied from. Documents are manifests, indexes and configurations. */
export type CopySource = {
  /** What errors call it. */
  readonly name: string;
  readonly root: Descriptor;
  /** Where a registry has a blob: it can be mounted from there. */
  placeOf?(blob: Descriptor): Place | undefined;
  /** Verified; remembered by the store. */
  document(descriptor: Descriptor): Promise<Uint8Array>;
  /** The bytes of a blob from an offset, any number of times. */
  read(blob: Descriptor, offset: number): AsyncIterable<Uint8Array>;
  /** Puts a blob into the local store. */
  toStore(blob: Descriptor): Promise<void>;
};

/** A manifest or index, and the blobs that it names itself. */
export type CopyDocument = ImageDocument & { readonly blobs: readonly Descriptor[] };

export type CopyPlan = {
  readonly root: CopyDocument;
  /** All manifests and indexes with the root, what they refer to first. */
  readonly documents: readonly CopyDocument[];
};

/** More than any image has, so that what others say ends. */
export const MAX_DOCUMENTS = 1000;
export const MAX_DEPTH = 8;

/**
 * Everything that belongs to an image: all platforms with all attestations, or one platform alone, whose manifest is
 * the root then.
 * @throws LapidaryError IMAGE_NOT_FOUND when there is none for the platform, MANIFEST_INVALID
 */
export async function planCopy(source: CopySource, platform: Platform | undefined): Promise<CopyPlan> {
  const root = platform === undefined ? source.root : await choose(source, source.root, platform);
  const documents = new Map<string, CopyDocument>();
  async function visit(descriptor: Descriptor, depth: number): Promise<CopyDocument> {
    if (depth > MAX_DEPTH || documents.size >= MAX_DOCUMENTS) throw tooMany(source.name);
    const bytes = await source.document(descriptor);
    if (isIndexType(descriptor.mediaType)) {
      for (const child of parseIndex(bytes).manifests) await visit(child, depth + 1);
    }
    const document = { descriptor, bytes, blobs: blobsOf(source.name, descriptor, bytes) };
    documents.set(descriptor.digest, documents.get(descriptor.digest) ?? document);
    return document;
  }
  return { root: await visit(root, 0), documents: [...documents.values()] };
}

function blobsOf(name: string, descriptor: Descriptor, bytes: Uint8Array): readonly Descriptor[] {
  if (isIndexType(descriptor.mediaType)) return [];
  if (!isManifestType(descriptor.mediaType)) throw unknownDocument(name, descriptor);
  const { config, layers } = parseManifest(bytes);
  return [config, ...layers].filter((blob) => !isForeign(blob));
}

/** Configurations and layers of documents, each once. */
export function blobsIn(documents: readonly CopyDocument[]): readonly Descriptor[] {
  const blobs = documents.flatMap((document) => document.blobs);
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

/** Layers that are elsewhere, at a URL that the manifest tells, are left there. */
const isForeign = ({ mediaType }: Descriptor): boolean => /\.(foreign|nondistributable)\./.test(mediaType);

async function choose(source: CopySource, root: Descriptor, platform: Platform): Promise<Descriptor> {
  if (!isIndexType(root.mediaType)) {
    const own = await platformIn(source, root);
    if (matchPlatform(platform, [own]) !== undefined) return root;
    throw wrongPlatform(source.name, platform, [own]);
  }
  const { manifests } = parseIndex(await source.document(root));
  const images = manifests.filter((one) => !isAttestation(one) && isManifestType(one.mediaType));
  const platforms: Platform[] = [];
  for (const one of images) platforms.push(one.platform ?? (await platformIn(source, one)));
  const best = images[matchPlatform(platform, platforms) ?? -1];
  if (best === undefined) throw wrongPlatform(source.name, platform, platforms);
  const { mediaType, digest, size } = best;
  return { mediaType, digest, size };
}

/** What a manifest is for; `unknown` where it is of no image. */
export async function platformIn(source: CopySource, descriptor: Descriptor): Promise<Platform> {
  const { config } = parseManifest(await source.document(descriptor));
  const isImage = config.mediaType === MEDIA.ociConfig || config.mediaType === MEDIA.dockerConfig;
  const parsed = isImage ? parseImageConfig(await source.document(config)) : undefined;
  return imagePlatform(parsed, descriptor.platform);
}

/** Says what there is instead. */
export function wrongPlatform(name: string, wanted: Platform, offered: readonly Platform[]): LapidaryError {
  const names = [...new Set(offered.map(formatPlatform))].slice(0, 20).join(', ');
  return new LapidaryError(
    'IMAGE_NOT_FOUND',
    `${quoted(name)} has no image that runs on ${formatPlatform(wanted)}`,
    { hint: names === '' ? 'it holds no image' : `it has ${names}` },
  );
}

export function tooMany(name: string): LapidaryError {
  return new LapidaryError(
    'MANIFEST_INVALID',
    `${quoted(name)} has more than ${MAX_DOCUMENTS} manifests, or indexes nested more than ${MAX_DEPTH} deep`,
  );
}

function unknownDocument(name: string, { digest, mediaType }: Descriptor): LapidaryError {
  return new LapidaryError(
    'UNSUPPORTED',
    `${digest} in ${quoted(name)} has the media type ${quoted(mediaType)}, which is no manifest`,
  );
}
