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
  /** Where a registry has it: blobs can be mounted from there. */
  readonly place?: Place;
  /** Verified; remembered by the store. */
  document(descriptor: Descriptor): Promise<Uint8Array>;
  /** The bytes of a blob from an offset, any number of times. */
  read(blob: Descriptor, offset: number): AsyncIterable<Uint8Array>;
  /** Puts a blob into the local store. */
  toStore(blob: Descriptor): Promise<void>;
};

export type CopyPlan = {
  readonly root: ImageDocument;
  /** All manifests and indexes with the root, what they refer to first. */
  readonly documents: readonly ImageDocument[];
  /** Configurations and layers, each once. */
  readonly blobs: readonly Descriptor[];
};

const MAX_DOCUMENTS = 1000;
const MAX_DEPTH = 8;

/**
 * Everything that belongs to an image: all platforms with all attestations, or one platform alone, whose manifest is
 * the root then.
 * @throws LapidaryError IMAGE_NOT_FOUND when there is none for the platform, MANIFEST_INVALID
 */
export async function planCopy(source: CopySource, platform: Platform | undefined): Promise<CopyPlan> {
  const root = platform === undefined ? source.root : await choose(source, source.root, platform);
  const documents: ImageDocument[] = [];
  const blobs = new Map<string, Descriptor>();
  async function visit(descriptor: Descriptor, depth: number): Promise<ImageDocument> {
    if (depth > MAX_DEPTH || documents.length >= MAX_DOCUMENTS) throw tooMany(source.name);
    const document = { descriptor, bytes: await source.document(descriptor) };
    if (isIndexType(descriptor.mediaType)) {
      for (const child of parseIndex(document.bytes).manifests) await visit(child, depth + 1);
    } else if (isManifestType(descriptor.mediaType)) {
      const { config, layers } = parseManifest(document.bytes);
      for (const blob of [config, ...layers]) if (!isForeign(blob)) blobs.set(blob.digest, blob);
    } else throw unknownDocument(source.name, descriptor);
    if (!documents.some((one) => one.descriptor.digest === descriptor.digest)) documents.push(document);
    return document;
  }
  return { root: await visit(root, 0), documents, blobs: [...blobs.values()] };
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

async function platformIn(source: CopySource, descriptor: Descriptor): Promise<Platform> {
  const { config } = parseManifest(await source.document(descriptor));
  const isImage = config.mediaType === MEDIA.ociConfig || config.mediaType === MEDIA.dockerConfig;
  const parsed = isImage ? parseImageConfig(await source.document(config)) : undefined;
  return imagePlatform(parsed, descriptor.platform);
}

function wrongPlatform(name: string, wanted: Platform, offered: readonly Platform[]): LapidaryError {
  const names = [...new Set(offered.map(formatPlatform))].slice(0, 20).join(', ');
  return new LapidaryError(
    'IMAGE_NOT_FOUND',
    `${quoted(name)} has no image that runs on ${formatPlatform(wanted)}`,
    { hint: names === '' ? 'it holds no image' : `it has ${names}` },
  );
}

function tooMany(name: string): LapidaryError {
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
