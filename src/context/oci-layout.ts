import { LapidaryError, quoted } from '../errors/index.ts';
import {
  type Descriptor,
  formatPlatform,
  hexOf,
  type Index,
  isAttestation,
  isIndexType,
  isManifestType,
  matchPlatform,
  type Platform,
  parseIndex,
} from '../oci/index.ts';
import { type ImageFiles, MAX_JSON_BYTES, mismatch, missingFile } from './image-archive-files.ts';
import type { ImportedImage, ImportOptions } from './image-archive-types.ts';
import { type ImageManifest, importImage, isImage, openManifest } from './oci-layout-image.ts';
import { type LayoutPick, lineReferences, pickLines } from './oci-layout-pick.ts';

const MAX_DEPTH = 8;
const MAX_MANIFESTS = 1000;

export type LayoutImport = {
  readonly files: ImageFiles;
  readonly pick: LayoutPick;
  readonly options: ImportOptions;
};

export const layoutBlob = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;

/**
 * Imports the images of an OCI layout. Indexes are followed to their manifests; attestations and other things
 * that are no images are passed over, and so are platforms of an index whose manifest is not there
 * (`docker save` writes such indexes). One image under several names comes once, with all of them.
 * @throws LapidaryError IMAGE_NOT_FOUND when a name leads to no image, or to none for the platform asked for
 */
export async function importLayout({ files, pick, options }: LayoutImport): Promise<ImportedImage[]> {
  const index = parseIndex(await files.read('index.json', MAX_JSON_BYTES));
  const images = new Map<string, ImportedImage>();
  for (const line of pickLines(index.manifests, pick, files.name)) {
    if (isAttestation(line)) continue;
    const references = lineReferences(line);
    for (const manifest of await openLine(line, files, options)) {
      const { digest } = manifest.descriptor;
      const known = images.get(digest) ?? (await importImage(manifest, files, options));
      const all = [...new Set([...known.references, ...references])];
      images.set(digest, { ...known, references: all });
    }
  }
  if (images.size === 0) throw noImage(files.name);
  return [...images.values()];
}

/** The manifests behind one line: all of them, or the one that suits the platform. */
async function openLine(
  line: Descriptor,
  files: ImageFiles,
  options: ImportOptions,
): Promise<readonly ImageManifest[]> {
  const leaves = await leavesOf(line, files, options);
  const opened: ImageManifest[] = [];
  for (const leaf of leaves) {
    options.signal?.throwIfAborted();
    const manifest = await openManifest(leaf, files, options);
    if (isImage(manifest)) opened.push(manifest);
  }
  if (options.platform === undefined || opened.length === 0) return opened;
  const platforms = opened.map(({ platform }) => platform);
  const best = opened[matchPlatform(options.platform, platforms) ?? -1];
  if (best !== undefined) return [best];
  throw wrongPlatform(files.name, options.platform, platforms);
}

/** The image manifests below a descriptor, in order; those an index only promises are left out. */
async function leavesOf(
  root: Descriptor,
  files: ImageFiles,
  options: ImportOptions,
): Promise<readonly Descriptor[]> {
  const leaves = new Map<string, Descriptor>();
  let missing: Descriptor | undefined;
  async function visit(descriptor: Descriptor, depth: number): Promise<void> {
    if (leaves.size > MAX_MANIFESTS || depth > MAX_DEPTH) throw tooMany(files.name);
    if (isAttestation(descriptor)) return;
    const isIndex = isIndexType(descriptor.mediaType);
    if (!isIndex && !isManifestType(descriptor.mediaType)) return;
    if (!(await files.has(layoutBlob(descriptor.digest)))) missing ??= descriptor;
    else if (!isIndex) leaves.set(descriptor.digest, descriptor);
    else
      for (const child of (await openIndex(descriptor, files, options)).manifests)
        await visit(child, depth + 1);
  }
  await visit(root, 0);
  if (leaves.size === 0 && missing !== undefined) throw missingFile(files, layoutBlob(missing.digest));
  return [...leaves.values()];
}

async function openIndex(
  descriptor: Descriptor,
  files: ImageFiles,
  { ports }: ImportOptions,
): Promise<Index> {
  const path = layoutBlob(descriptor.digest);
  try {
    const { digest } = await files.toBlob(path, descriptor);
    return parseIndex(await ports.blobs.readBytes(digest));
  } catch (error) {
    throw mismatch(files, path, error);
  }
}

function noImage(name: string): LapidaryError {
  return new LapidaryError('IMAGE_NOT_FOUND', `${quoted(name)} holds no container image`);
}

function tooMany(name: string): LapidaryError {
  return new LapidaryError(
    'MANIFEST_INVALID',
    `${quoted(name)} has more than ${MAX_MANIFESTS} manifests, or indexes nested more than ${MAX_DEPTH} deep`,
  );
}

function wrongPlatform(name: string, wanted: Platform, offered: readonly Platform[]): LapidaryError {
  return new LapidaryError(
    'IMAGE_NOT_FOUND',
    `${quoted(name)} holds no image that runs on ${formatPlatform(wanted)}`,
    { hint: `it holds ${[...new Set(offered.map(formatPlatform))].slice(0, 20).join(', ')}` },
  );
}
