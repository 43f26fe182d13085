import { LapidaryError } from '../errors/index.ts';
import { type DiffId, type Digest, isDigest } from './digest.ts';
import { isIndexType, isManifestType } from './media-types.ts';
import { readJson } from './read-json.ts';
import {
  byteCount,
  emptyObject,
  flag,
  listOf,
  literal,
  malformed,
  mapOf,
  objectOf,
  optional,
  required,
  type Shape,
  text,
  wholeNumber,
} from './shape.ts';
import type {
  ContainerConfig,
  Descriptor,
  Healthcheck,
  HistoryEntry,
  ImageConfig,
  Index,
  Manifest,
  Platform,
} from './types.ts';

const digest: Shape<string> = (value, at) => {
  if (typeof value === 'string' && isDigest(value)) return value;
  throw malformed(at, 'sha256: and 64 lowercase hex digits', value);
};

/** RFC 6838, section 4.2, with parameters refused. */
const mediaType: Shape<string> = (value, at) => {
  const name = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;
  if (typeof value === 'string' && name.test(value)) return value;
  throw malformed(at, 'a media type', value);
};

const platformMembers = {
  os: required(text),
  architecture: required(text),
  variant: optional(text),
  'os.version': optional(text),
};

const descriptor: Shape<Descriptor> = objectOf<Descriptor>(
  {
    mediaType: required(mediaType),
    digest: required(digest as Shape<Digest>),
    size: required(byteCount),
    platform: optional(objectOf<Platform>(platformMembers, 'keep')),
    artifactType: optional(text),
    annotations: optional(mapOf(text)),
  },
  'keep',
);

const partialDescriptor = objectOf<Pick<Descriptor, 'digest' | 'platform' | 'annotations'>>({
  digest: required(digest as Shape<Digest>),
  platform: optional(objectOf<Platform>(platformMembers, 'keep')),
  annotations: optional(mapOf(text)),
});

const manifest: Shape<Manifest> = objectOf<Manifest>(
  {
    schemaVersion: required(literal(2)),
    mediaType: optional(mediaType),
    config: required(descriptor),
    layers: required(listOf(descriptor)),
    annotations: optional(mapOf(text)),
  },
  'keep',
);

const index: Shape<Index> = objectOf<Index>(
  {
    schemaVersion: required(literal(2)),
    mediaType: optional(mediaType),
    manifests: required(listOf(descriptor)),
    annotations: optional(mapOf(text)),
  },
  'keep',
);

const texts = optional(listOf(text));
const set = optional(mapOf(emptyObject));
const nanoseconds = optional(wholeNumber);

const containerConfig: Shape<ContainerConfig> = objectOf<ContainerConfig>({
  User: optional(text),
  ExposedPorts: set,
  Env: texts,
  Entrypoint: texts,
  Cmd: texts,
  Volumes: set,
  WorkingDir: optional(text),
  Labels: optional(mapOf(text)),
  StopSignal: optional(text),
  ArgsEscaped: optional(flag),
  Healthcheck: optional(
    objectOf<Healthcheck>({
      Test: texts,
      Interval: nanoseconds,
      Timeout: nanoseconds,
      StartPeriod: nanoseconds,
      StartInterval: nanoseconds,
      Retries: optional(wholeNumber),
    }),
  ),
  OnBuild: texts,
  Shell: texts,
});

const diffIds = listOf(digest as Shape<DiffId>);

const imageConfig: Shape<ImageConfig> = objectOf<ImageConfig>({
  ...platformMembers,
  created: optional(text),
  author: optional(text),
  config: optional(containerConfig),
  rootfs: required(
    objectOf<ImageConfig['rootfs']>({
      type: required(literal('layers')),
      // absent in Docker's configurations of images without layers
      diff_ids: required((value, at) => diffIds(value ?? null, at)),
    }),
  ),
  history: optional(
    listOf(
      objectOf<HistoryEntry>({
        created: optional(text),
        created_by: optional(text),
        author: optional(text),
        comment: optional(text),
        empty_layer: optional(flag),
      }),
    ),
  ),
});

/**
 * Reads an image manifest of OCI or of Docker's schema 2. Fields that `Manifest` does not have stay in the value. null
 * reads as absent. A document that could also be read as an index is refused (CVE-2021-41190).
 *
 * @throws LapidaryError MANIFEST_INVALID naming the field
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  const value = readDocument(bytes, 'manifest');
  const at = { what: 'manifest', path: '' };
  if (hasMember(value, 'manifests')) throw ambiguous('manifest', 'manifests');
  const read = manifest(value, at);
  if (read.mediaType === undefined || isManifestType(read.mediaType)) return read;
  throw malformed({ what: 'manifest', path: 'mediaType' }, 'the type of an image manifest', read.mediaType);
}

/**
 * Reads an image index of OCI or a manifest list of Docker; as strict, and as lenient, as `parseManifest`.
 *
 * @throws LapidaryError MANIFEST_INVALID naming the field
 */
export function parseIndex(bytes: Uint8Array): Index {
  const value = readDocument(bytes, 'index');
  const both = ['layers', 'config', 'fsLayers'].find((name) => hasMember(value, name));
  if (both !== undefined) throw ambiguous('index', both);
  const read = index(value, { what: 'index', path: '' });
  if (read.mediaType === undefined || isIndexType(read.mediaType)) return read;
  throw malformed({ what: 'index', path: 'mediaType' }, 'the type of an image index', read.mediaType);
}

/**
 * Reads a descriptor from a JSON value. Of what a descriptor must have only the digest is asked for here: media type and
 * size are told by what it names.
 *
 * @throws LapidaryError MANIFEST_INVALID naming the field
 */
export function parseDescriptor(
  value: unknown,
): Pick<Descriptor, 'digest'> & Partial<Pick<Descriptor, 'platform' | 'annotations'>> {
  return partialDescriptor(value, { what: 'descriptor', path: '' });
}

/**
 * Reads whichever of the two the bytes hold: an index has `manifests`.
 *
 * @throws LapidaryError MANIFEST_INVALID
 */
export function parseManifestOrIndex(
  bytes: Uint8Array,
):
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly index: Index } {
  return hasMember(readDocument(bytes, 'manifest'), 'manifests')
    ? { kind: 'index', index: parseIndex(bytes) }
    : { kind: 'manifest', manifest: parseManifest(bytes) };
}

/**
 * Reads an image configuration of OCI or Docker. Only the fields of `ImageConfig` are kept, so what a derived image
 * inherits is known; null reads as absent.
 *
 * @throws LapidaryError MANIFEST_INVALID naming the field
 */
export function parseImageConfig(bytes: Uint8Array): ImageConfig {
  const what = 'image configuration';
  return imageConfig(readJson(bytes, what), { what, path: '' });
}

function readDocument(bytes: Uint8Array, what: string): unknown {
  const value = readJson(bytes, what);
  if (hasMember(value, 'schemaVersion') && value.schemaVersion === 1) {
    const hint = 'push the image again with a current tool';
    throw new LapidaryError('MANIFEST_INVALID', "a manifest of Docker's schema 1, which is obsolete", {
      hint,
    });
  }
  return value;
}

function ambiguous(what: string, member: string): LapidaryError {
  return new LapidaryError('MANIFEST_INVALID', `malformed ${what}: it must not have the field ${member}`);
}

function hasMember<K extends string>(value: unknown, name: K): value is Readonly<Record<K, unknown>> {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name);
}
