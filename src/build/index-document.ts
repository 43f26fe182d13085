import { LapidaryError, quoted } from '../errors/index.ts';
import { type ImageDocument, indexDocument } from '../export/index.ts';
import {
  type Descriptor,
  formatPlatform,
  type Index,
  isAttestation,
  isDigest,
  MEDIA,
  normalisePlatform,
  type Platform,
} from '../oci/index.ts';

/** An annotation of an index, or of its lines: of all, or of those for a platform. An empty value takes it away. */
export type IndexAnnotation = {
  readonly on: 'index' | 'manifest-descriptor';
  readonly platform?: Platform | undefined;
  readonly key: string;
  readonly value: string;
};

type Annotated = { readonly annotations?: Readonly<Record<string, string>> };

/** With these annotations, in the order of their names. An empty value takes one away. */
export function annotated<T extends Annotated>(value: T, more: Readonly<Record<string, string>>): T {
  const { annotations: before, ...rest } = value;
  const all = Object.entries({ ...before, ...more }).filter(([key, text]) => text !== '' || !(key in more));
  const annotations = Object.fromEntries(all.toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return { ...rest, ...(all.length > 0 && { annotations }) } as T;
}

/**
 * The index of these lines. `base` gives what else it has. It is a list of Docker's where nothing in it is of OCI, which
 * annotations are.
 */
export function indexOver(manifests: readonly Descriptor[], base: Partial<Index> = {}): ImageDocument {
  const { manifests: _, schemaVersion: __, mediaType: before, ...more } = base;
  const isDocker =
    before !== MEDIA.ociIndex &&
    more.annotations === undefined &&
    manifests.every((line) => line.mediaType === MEDIA.dockerManifest && line.annotations === undefined);
  return indexDocument(manifests, { ...more, mediaType: isDocker ? MEDIA.dockerIndex : MEDIA.ociIndex });
}

/**
 * The index of these lines with annotations, on top of what `base` has.
 * @throws LapidaryError IMAGE_NOT_FOUND where an annotation is for a platform that no line has
 */
export function annotatedIndex(
  lines: readonly Descriptor[],
  annotations: readonly IndexAnnotation[],
  base: Partial<Index> = {},
): ImageDocument {
  let manifests = lines;
  let index = base;
  for (const one of annotations) {
    if (one.on === 'index') index = annotated(index, { [one.key]: one.value });
    else manifests = annotateLines(manifests, one);
  }
  return indexOver(manifests, index);
}

function annotateLines(
  lines: readonly Descriptor[],
  { platform, key, value }: IndexAnnotation,
): readonly Descriptor[] {
  const isMeant = (line: Descriptor): boolean =>
    platform === undefined ? !isAttestation(line) : isFor(line, platform);
  if (platform !== undefined && !lines.some(isMeant)) throw noLine(formatPlatform(platform), lines);
  return lines.map((line) => (isMeant(line) ? annotated(line, { [key]: value }) : line));
}

function isFor(line: Descriptor, platform: Platform): boolean {
  if (line.platform === undefined || isAttestation(line)) return false;
  return formatPlatform(normalisePlatform(line.platform)) === formatPlatform(normalisePlatform(platform));
}

/**
 * The place of the line that is meant by a digest or a platform.
 * @throws LapidaryError IMAGE_NOT_FOUND where there is none, or several
 */
export function findLine(lines: readonly Descriptor[], wanted: string | Platform): number {
  const isMeant = (line: Descriptor): boolean =>
    typeof wanted === 'string' ? line.digest === wanted : isFor(line, wanted);
  const found = lines.flatMap((line, at) => (isMeant(line) ? [at] : []));
  const [at, another] = found;
  const name = typeof wanted === 'string' ? wanted : formatPlatform(wanted);
  if (at === undefined) throw noLine(name, lines);
  if (another === undefined) return at;
  throw new LapidaryError('IMAGE_NOT_FOUND', `the index has ${found.length} manifests for ${name}`, {
    hint: 'name one of them by its digest',
  });
}

function noLine(name: string, lines: readonly Descriptor[]): LapidaryError {
  const has = lines
    .slice(0, 20)
    .map(({ digest, platform }) =>
      platform === undefined ? digest : `${formatPlatform(platform)} ${digest}`,
    );
  const what = isDigest(name) ? name : quoted(name);
  return new LapidaryError('IMAGE_NOT_FOUND', `the index has no manifest ${what}`, {
    hint: has.length === 0 ? 'it has none at all' : `it has ${has.join(', ')}`,
  });
}
