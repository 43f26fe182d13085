import {
  type Descriptor,
  formatPlatform,
  isAttestation,
  isIndexType,
  MEDIA,
  normalisePlatform,
  type Platform,
  parseIndex,
  parseManifest,
} from '../oci/index.ts';
import {
  type CopySource,
  MAX_DEPTH,
  MAX_DOCUMENTS,
  platformIn,
  tooMany,
  wrongPlatform,
} from './copy-plan.ts';

/** A line of an index, and where the manifest is that it names. */
export type IndexEntry = { readonly descriptor: Descriptor; readonly source: CopySource };

/** BuildKit's: what an attestation is about. */
const ABOUT = 'vnd.docker.reference.digest';

/**
 * The manifests that a source stands for: those of an index, and of indexes in it, or the only one, with its platform.
 * @throws LapidaryError MANIFEST_INVALID
 */
export async function entriesOf(source: CopySource): Promise<readonly IndexEntry[]> {
  const entries: IndexEntry[] = [];
  async function visit(descriptor: Descriptor, depth: number): Promise<void> {
    if (depth > MAX_DEPTH || entries.length >= MAX_DOCUMENTS) throw tooMany(source.name);
    if (!isIndexType(descriptor.mediaType)) entries.push({ descriptor, source });
    else {
      const { manifests } = parseIndex(await source.document(descriptor));
      for (const child of manifests) await visit(child, depth + 1);
    }
  }
  if (isIndexType(source.root.mediaType)) await visit(source.root, 0);
  else entries.push({ descriptor: await described(source, source.root), source });
  return entries;
}

/** A manifest with the platform that its configuration tells; an artifact has none. */
async function described(source: CopySource, descriptor: Descriptor): Promise<Descriptor> {
  if (descriptor.platform !== undefined) return descriptor;
  const { config } = parseManifest(await source.document(descriptor));
  if (config.mediaType !== MEDIA.ociConfig && config.mediaType !== MEDIA.dockerConfig) return descriptor;
  return { ...descriptor, platform: await platformIn(source, descriptor) };
}

/** Each manifest once, at its first place; a later line adds what it says of platform and annotations. */
export function withoutDoubles(entries: readonly IndexEntry[]): readonly IndexEntry[] {
  const byDigest = new Map<string, IndexEntry>();
  for (const { descriptor, source } of entries) {
    const known = byDigest.get(descriptor.digest);
    const annotations = { ...known?.descriptor.annotations, ...descriptor.annotations };
    byDigest.set(descriptor.digest, {
      source: known?.source ?? source,
      descriptor: {
        ...known?.descriptor,
        ...descriptor,
        ...(Object.keys(annotations).length > 0 && { annotations }),
      },
    });
  }
  return [...byDigest.values()];
}

/** What `added` has for the same platform, with what is said about it, goes from `before`. */
export function replacing(
  before: readonly IndexEntry[],
  added: readonly IndexEntry[],
): readonly IndexEntry[] {
  const platforms = new Set(added.flatMap(({ descriptor }) => platformKey(descriptor) ?? []));
  const gone = before.filter(
    ({ descriptor }) =>
      platforms.has(platformKey(descriptor) ?? '') &&
      !added.some((one) => one.descriptor.digest === descriptor.digest),
  );
  const digests = new Set(gone.map(({ descriptor }) => descriptor.digest as string));
  const kept = before.filter(
    ({ descriptor }) =>
      !digests.has(descriptor.digest) && !digests.has(descriptor.annotations?.[ABOUT] ?? ''),
  );
  return [...kept, ...added];
}

/**
 * Those for these platforms, exactly, with what is said about them.
 * @throws LapidaryError IMAGE_NOT_FOUND where one of the platforms is missing
 */
export function onlyPlatforms(
  entries: readonly IndexEntry[],
  platforms: readonly Platform[],
): readonly IndexEntry[] {
  const offered = entries.flatMap(({ descriptor }) =>
    isAttestation(descriptor) ? [] : (descriptor.platform ?? []),
  );
  for (const wanted of platforms) {
    if (!offered.some((one) => keyOf(one) === keyOf(wanted))) {
      const [first] = entries;
      throw wrongPlatform(first?.source.name ?? '', wanted, offered);
    }
  }
  const wanted = new Set(platforms.map(keyOf));
  const images = entries.filter(({ descriptor }) => wanted.has(platformKey(descriptor) ?? ''));
  const digests = new Set(images.map(({ descriptor }) => descriptor.digest as string));
  return entries.filter(
    ({ descriptor }) => digests.has(descriptor.digest) || digests.has(descriptor.annotations?.[ABOUT] ?? ''),
  );
}

/** One sentence for each platform that has several manifests: readers take the first. */
export function doublePlatforms(entries: readonly IndexEntry[]): readonly string[] {
  const first = new Map<string, string>();
  return entries.flatMap(({ descriptor }) => {
    const key = platformKey(descriptor);
    if (key === undefined || descriptor.platform === undefined) return [];
    const known = first.get(key);
    if (known === undefined) first.set(key, descriptor.digest);
    if (known === undefined) return [];
    const name = formatPlatform(descriptor.platform);
    return [`two manifests are for ${name}: most readers take the first, ${known}, not ${descriptor.digest}`];
  });
}

/** `undefined` for what is no image of a known platform. */
function platformKey(descriptor: Descriptor): string | undefined {
  const { platform } = descriptor;
  return platform === undefined || isAttestation(descriptor) ? undefined : keyOf(platform);
}

/** Features of a platform count too, though nothing here reads them. */
function keyOf(platform: Platform): string {
  const features = Object(platform) as { readonly 'os.features'?: unknown; readonly features?: unknown };
  const { os, architecture, variant, 'os.version': version } = normalisePlatform(platform);
  return JSON.stringify([os, architecture, variant, version, features['os.features'], features.features]);
}
